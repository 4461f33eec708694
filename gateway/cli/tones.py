"""``gateway tones``: names the call-progress tones in sound, as they come."""

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
from gateway.audio.tones_table import ALIASES
from gateway.errors import GatewayError
from gateway.line import SAMPLE_RATE, Samples

FRAME = SAMPLE_RATE // 50
STREAM = "-"


@click.group()
def tones() -> None:
    """Name call-progress tones, speech and silence in sound."""


@tones.command()
@click.argument("file", required=False)
@click.option("--device", metavar="NAME", help="An ALSA capture device (hw:1, default) in place of FILE.")
@click.option("--country", default="JP", show_default=True, metavar="CC", help="Whose tones come first, ISO 3166.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--png", type=click.Path(path_type=Path), help="Draw spectrogram, tones and keys of FILE.")
@click.option("--format", "raw_format", type=click.Choice(sorted(RAW_FORMATS)), default="s16", show_default=True)
@click.option("--rate", type=click.IntRange(min=1), default=SAMPLE_RATE, show_default=True, help="Of a raw stream.")
def listen(
    file: str | None, device: str | None, country: str, as_json: bool, png: Path | None, raw_format: str, rate: int
) -> None:
    """Print "<seconds> <name>" for each tone, speech and silence in a WAV FILE, or a raw stream (FILE is -).

    The seconds are those at which it was certain; behind the name stand when it began and its level. A telephone line
    is listened to through its modem by gateway line listen.
    """
    listener = ToneListener(_checked(country))
    heard: list[Samples] = []
    told: list[ToneEvent] = []
    for sound in _sounds(file, device, raw_format, rate):
        for event in listener.feed(sound):
            click.echo(json.dumps(_rounded(event)) if as_json else _as_text(event))
            sys.stdout.flush()
            told.append(event)
        if png is not None:
            heard.append(sound)
    if png is not None:
        from gateway.cli.tones_picture import draw

        draw(png, np.concatenate(heard or [np.zeros(0, np.int16)]), told, file or device or "")


def _checked(country: str) -> str:
    if country.upper() in phonenumbers.SUPPORTED_REGIONS | ALIASES.keys():
        return country.upper()
    raise GatewayError(f'country "{country}" is none; give its two letters of ISO 3166, as in --country GB')


def _sounds(file: str | None, device: str | None, raw_format: str, rate: int) -> Iterator[Samples]:
    """At 8 kHz, from whichever source was named."""
    if (file is None) == (device is None):
        raise GatewayError("tones listen: name a WAV FILE, - for a raw stream, or a --device, and one of them only")
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
