"""``gateway dtmf``: keys out of sound files and streams, and into them."""

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from gateway.audio.dtmf import DtmfDetector, KeyDown, KeyEvent, encode
from gateway.audio.echo import EchoCanceller
from gateway.audio.pcm import (
    RAW_FORMATS,
    Resampler,
    SoundError,
    read_wav,
    resample,
    write_wav,
)
from gateway.line import SAMPLE_RATE, Samples

FRAME = SAMPLE_RATE // 50
STREAM = "-"
RATES = click.IntRange(4000, 192_000)


@click.group()
def dtmf() -> None:
    """Decode and encode DTMF keys in sound files."""


@dtmf.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with all that is known of each key.")
@click.option(
    "--played",
    metavar="WAV",
    help="What this end was playing meanwhile; its echo is taken out. {} in it stands for FILE without its suffix.",
)
@click.option("--format", "raw_format", type=click.Choice(sorted(RAW_FORMATS)), default="s16", show_default=True)
@click.option("--rate", type=RATES, default=SAMPLE_RATE, show_default=True, help="Of the raw stream.")
def decode(files: tuple[str, ...], as_json: bool, played: str | None, raw_format: str, rate: int) -> None:
    """Print "<seconds> <key>" for each key heard in WAV files, or in a raw stream on standard input (FILE is -).

    The seconds are those at which the key was certain; --json adds when it began and ended. With several files
    "FILE <path>" stands before each one's keys.
    """
    for file in files:
        if len(files) > 1:
            click.echo(f"FILE {file}")
        if file == STREAM:
            if played is not None:
                raise SoundError("--played needs a WAV FILE to go with; a stream has none")
            sounds = _stream(raw_format, rate)
        else:
            sounds = iter([_without_echo(_at_8_khz(file), file, played)])
        for event in _events(sounds):
            line = _as_json(event, file) if as_json else _as_text(event)
            if line:
                click.echo(line)
                sys.stdout.flush()


@dtmf.command(name="encode")
@click.argument("keys")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The WAV file to write.")
@click.option("--tone", default=0.1, show_default=True, help="Seconds a key sounds.")
@click.option("--pause", default=0.1, show_default=True, help="Seconds between keys.")
@click.option("--level", default=-9.0, show_default=True, help="Of the low tone, dBm0.")
@click.option("--twist", default=0.0, show_default=True, help="High tone over low tone, dB.")
@click.option("--offset", default=0.0, show_default=True, help="Per cent off the nominal frequencies.")
@click.option("--rate", type=RATES, default=SAMPLE_RATE, show_default=True, help="Of the WAV file.")
def encode_command(
    keys: str, output: Path, tone: float, pause: float, level: float, twist: float, offset: float, rate: int
) -> None:
    """Write the sound of KEYS (0-9 * # A-D; spaces are left out) to a WAV file."""
    wanted = keys.replace(" ", "").upper()
    if not wanted:
        raise SoundError("no KEYS given; they are 0-9 * # A-D")
    if str(output) == STREAM:
        raise SoundError("-o needs the name of a WAV file; standard output is not one")
    sound = encode(wanted, tone=tone, pause=pause, level=level, twist=twist, offset=offset)
    write_wav(output, resample(sound, SAMPLE_RATE, rate), rate)
    click.echo(f"{output}: {len(wanted)} keys, {len(sound) / SAMPLE_RATE:.2f} s")


def _at_8_khz(file: str) -> Samples:
    sound, rate = read_wav(file)
    return resample(sound, rate, SAMPLE_RATE)


def _without_echo(heard: Samples, file: str, played: str | None) -> Samples:
    if played is None:
        return heard
    reference = _at_8_khz(played.replace("{}", str(Path(file).with_suffix(""))))
    reference = np.pad(reference[: len(heard)], (0, max(0, len(heard) - len(reference))))
    echo = EchoCanceller()
    pieces = [echo.process(heard[at : at + FRAME], reference[at : at + FRAME]) for at in range(0, len(heard), FRAME)]
    return np.concatenate(pieces) if pieces else heard


def _stream(raw_format: str, rate: int) -> Iterator[Samples]:
    """Standard input as it comes, at 8 kHz."""
    width, to_linear = RAW_FORMATS[raw_format]
    resampler = Resampler(rate, SAMPLE_RATE)
    source = sys.stdin.buffer
    rest = b""
    while data := source.read(max(1, rate // 50) * width):
        data = rest + data
        whole = len(data) // width * width
        rest = data[whole:]
        yield resampler.feed(to_linear(data[:whole]))
    yield resampler.flush()


def _events(sounds: Iterator[Samples]) -> Iterator[KeyEvent]:
    detector = DtmfDetector()
    for sound in sounds:
        yield from detector.feed(sound)
    yield from detector.flush()


def _as_text(event: KeyEvent) -> str:
    return f"{event.at:.3f} {event.key}" if isinstance(event, KeyDown) else ""


def _as_json(event: KeyEvent, file: str) -> str:
    fields = {
        name: round(value, 4) + 0.0 if isinstance(value, float) else value for name, value in _fields(event).items()
    }
    return json.dumps({"event": "down" if isinstance(event, KeyDown) else "up", **fields, "file": file})


def _fields(event: KeyEvent) -> dict[str, str | float]:
    return dataclasses.asdict(event)
