"""``gateway tones``: names the call-progress tones in sound, as they come."""

import contextlib
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import phonenumbers

from gateway.audio.pcm import RAW_FORMATS, Resampler, read_wav, resample
from gateway.audio.tones import ToneEvent, ToneListener
from gateway.audio.tones_table import ALIASES, Table, read_table
from gateway.errors import GatewayError
from gateway.line import SAMPLE_RATE, Samples

FRAME = SAMPLE_RATE // 50
STREAM = "-"
SOURCES = "tones listen: name a WAV FILE, - for a raw stream, a --device or a --port, and one of them only"


@click.group()
def tones() -> None:
    """Name call-progress tones, speech and silence in sound."""


@tones.command()
@click.argument("file", required=False)
@click.option("--device", metavar="NAME", help="An ALSA capture device (hw:1, default) in place of FILE.")
@click.option("--port", metavar="PORT", help="A voice modem: it goes off hook without a call, its line is listened to.")
@click.option("--model", metavar="MODEL", help="Of the modem on PORT, as in the settings.")
@click.option("--country", default="JP", show_default=True, metavar="CC", help="Whose tones come first, ISO 3166.")
@click.option("--table", type=click.Path(path_type=Path), help="A TOML file with the tones of further countries.")
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Listen no longer; otherwise to the end, or Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--png", type=click.Path(path_type=Path), help="Draw spectrogram, tones and keys, at the end.")
@click.option("--format", "raw_format", type=click.Choice(sorted(RAW_FORMATS)), default="s16", show_default=True)
@click.option("--rate", type=click.IntRange(min=1), default=SAMPLE_RATE, show_default=True, help="Of a raw stream.")
def listen(
    file: str | None,
    device: str | None,
    port: str | None,
    model: str | None,
    country: str,
    table: Path | None,
    seconds: float | None,
    as_json: bool,
    png: Path | None,
    raw_format: str,
    rate: int,
) -> None:
    """Print "<seconds> <name>" for each tone, speech and silence in a WAV FILE, or a raw stream (FILE is -).

    The seconds are those at which it was certain; behind the name stand when it began and its level. Calls by hand,
    with keys and levels, are made by gateway line dial, answer and listen.
    """
    named = [source for source in (file, device, port) if source is not None]
    if len(named) != 1:
        raise GatewayError(SOURCES)
    if png is not None and not png.parent.is_dir():
        raise GatewayError(f"{png}: can't be written: there is no folder {png.parent}")
    ears = Ears(_checked(country, further := read_table(table) if table else {}), further, as_json, seconds)
    with contextlib.suppress(KeyboardInterrupt):
        if port is not None:
            from gateway.cli.tones_line import off_hook

            off_hook(port, model, country.upper(), ears.hear)
        else:
            for sound in _sounds(file, device, raw_format, rate):
                if not ears.hear(sound):
                    break
    if png is not None:
        from gateway.cli.tones_picture import draw

        draw(png, np.concatenate([*ears.heard, np.zeros(0, np.int16)]), ears.told, named[0])


class Ears:
    """Tell of what is heard, and keep it for the picture."""

    def __init__(self, country: str, further: Table, as_json: bool, seconds: float | None) -> None:
        self.heard: list[Samples] = []
        self.told: list[ToneEvent] = []
        self._listener = ToneListener(country, further)
        self._as_json = as_json
        self._left = None if seconds is None else round(seconds * SAMPLE_RATE)

    def hear(self, sound: Samples) -> bool:
        """Take in 8 kHz sound, print what was recognised in it; false once it is enough."""
        sound = sound[: self._left]
        for event in self._listener.feed(sound):
            click.echo(json.dumps(_rounded(event)) if self._as_json else _as_text(event))
            sys.stdout.flush()
            self.told.append(event)
        self.heard.append(sound)
        if self._left is None:
            return True
        self._left -= len(sound)
        return self._left > 0


def _checked(country: str, further: Table) -> str:
    if country.upper() in phonenumbers.SUPPORTED_REGIONS | ALIASES.keys() | further.keys():
        return country.upper()
    raise GatewayError(f'country "{country}" is none; give its two letters of ISO 3166, as in --country GB')


def _sounds(file: str | None, device: str | None, raw_format: str, rate: int) -> Iterator[Samples]:
    """At 8 kHz, from whichever source was named."""
    if device is not None:
        return _captured(device)
    return _stream(raw_format, rate) if file == STREAM else _whole(str(file))


def _whole(file: str) -> Iterator[Samples]:
    sound, rate = read_wav(file)
    yield resample(sound, rate, SAMPLE_RATE)


def _stream(raw_format: str, rate: int) -> Iterator[Samples]:
    """Standard input as it comes."""
    width, to_linear = RAW_FORMATS[raw_format]
    resampler = Resampler(rate, SAMPLE_RATE)
    rest = b""
    while data := sys.stdin.buffer.read(max(1, rate // 50) * width):
        data = rest + data
        whole = len(data) // width * width
        rest = data[whole:]
        yield resampler.feed(to_linear(data[:whole]))
    yield resampler.flush()


def _captured(device: str) -> Iterator[Samples]:
    """From a sound card until interrupted."""
    try:
        import alsaaudio
    except ImportError:
        raise GatewayError("--device needs pyalsaaudio; install the extra gateway[alsa]") from None
    try:
        pcm = alsaaudio.PCM(
            alsaaudio.PCM_CAPTURE,
            device=device,
            rate=SAMPLE_RATE,
            channels=1,
            format=alsaaudio.PCM_FORMAT_S16_LE,
            periodsize=FRAME,
        )
        resampler = Resampler(int(pcm.info()["rate"]), SAMPLE_RATE)
        while True:
            length, data = pcm.read()
            if length > 0:
                yield resampler.feed(np.frombuffer(data, "<i2"))
    except alsaaudio.ALSAAudioError as error:
        raise GatewayError(f"{device}: can't be listened to ({error}); arecord -L lists names") from None


def _as_text(event: ToneEvent) -> str:
    return f"{event.at:.3f} {event.name:<12} since {event.began:.2f} s, {event.level:.1f} dBm0"


def _rounded(event: ToneEvent) -> dict[str, str | float]:
    fields = dataclasses.asdict(event)
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in fields.items()}
