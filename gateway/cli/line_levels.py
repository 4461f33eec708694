"""``gateway line levels``: how loud a line is, how quiet, and how much of our own sound comes back."""

import asyncio
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from gateway import clock
from gateway.audio.echo import EchoCanceller
from gateway.audio.pcm import amplitude, level, to_samples
from gateway.cli.line_call import Way, path_to, way_options
from gateway.cli.line_choice import Chosen, chosen, line_options
from gateway.line import SAMPLE_RATE, CallEnded, Heard, Samples, Voice
from gateway.modems.catalogue import open_line

PROBE_DBM0 = -20.0
"""Level of the noise that we play: that of speech."""
LISTENED = 3.0
PLAYED = 4.0
SETTLED = 2.0
"""Seconds after which the canceller has learnt the line."""


@dataclass(frozen=True)
class Verdict:
    """One measurement in words, and whether it is as it should be."""

    what: str
    value: float
    unit: str
    good: bool
    remedy: str


@click.command()
@line_options
@way_options
def levels(dial: str | None, off_hook: bool, unmask: bool, **which: Any) -> None:
    """Measure LINE on a call: the far end while you speak there, the line's noise while you don't, our echo.

    With --off-hook: the dial tone.
    """
    for verdict in clock.run(_measure(chosen(**which), Way(dial, off_hook, unmask))):
        sign = click.style("✓", fg="green") if verdict.good else click.style("✗", fg="red")
        click.echo(f"{sign} {verdict.what}: {verdict.value:.0f} {verdict.unit}")
        if not verdict.good:
            click.echo(f"  {verdict.remedy}")


async def _measure(picked: Chosen, way: Way) -> list[Verdict]:
    async with open_line(picked.line) as line, path_to(line, picked, way) as voice:
        if voice is None:
            return []
        verdicts: list[Verdict] = []
        try:
            if way.off_hook:
                verdicts.append(judge_dial_tone(_sound(await _heard(voice, LISTENED))))
            else:
                click.echo(f"speak at the far end now, for {LISTENED:.0f} s")
                verdicts.append(judge_speech(_sound(await _heard(voice, LISTENED))))
                click.echo(f"be quiet there now, for {LISTENED + PLAYED:.0f} s")
                verdicts.append(judge_noise(_sound(await _heard(voice, LISTENED))))
                voice.play(noise(PLAYED))
                verdicts += judge_echo(await _heard(voice, PLAYED))
        except CallEnded as ended:
            click.echo(f"the call is over: {ended}")
        return verdicts


async def _heard(voice: Voice, seconds: float) -> list[Heard]:
    heard: list[Heard] = []
    async with asyncio.timeout(seconds + 5.0):
        while sum(len(piece.samples) for piece in heard) < seconds * SAMPLE_RATE:
            heard.append(await voice.hear())
    return heard


def _sound(heard: list[Heard]) -> Samples:
    return np.concatenate([piece.samples for piece in heard])


def noise(seconds: float) -> Samples:
    """White noise at ``PROBE_DBM0``, the same every time."""
    rms = amplitude(PROBE_DBM0) / np.sqrt(2)
    return to_samples(np.random.default_rng(1).standard_normal(round(seconds * SAMPLE_RATE)) * rms)


def judge_dial_tone(sound: Samples) -> Verdict:
    """As the exchange sends it, less the line."""
    value = level(sound)
    remedy = "Check cord and socket with a telephone: exchanges send it at -10 to -25 dBm0."
    return Verdict("the dial tone", value, "dBm0", -30 <= value <= -5, remedy)


def judge_speech(sound: Samples) -> Verdict:
    """The loudest fifth of the time counts, for speech pauses."""
    frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    loud = sorted((level(frame) for frame in frames), reverse=True)[: max(1, len(frames) // 5)]
    value = sum(loud) / len(loud)
    return Verdict(
        "the far end's speech", value, "dBm0", -35 <= value <= -5, "Keys are heard from -36 dBm0 on. Change the gain."
    )


def judge_noise(sound: Samples) -> Verdict:
    """Of the line itself."""
    value = level(sound)
    remedy = "A noisy line loses keys: try another cord and socket, and keep the modem away from chargers."
    return Verdict("the line's noise", value, "dBm0", value <= -45, remedy)


def judge_echo(heard: list[Heard]) -> list[Verdict]:
    """How much weaker our own sound comes back, as it is and after cancelling. Both are 99 where nothing was played."""
    canceller = EchoCanceller()
    before, after = [np.zeros(0, np.int16)], [np.zeros(0, np.int16)]
    done = 0
    for piece in heard:
        left = canceller.process(piece.samples, piece.played)
        done += len(left)
        if piece.played.any() and done > SETTLED * SAMPLE_RATE:
            before.append(piece.samples)
            after.append(left)
    strong = "Too strong an echo hides keys pressed into a prompt. Check line.country: impedance goes by it."
    changed = "The line changes what passes (a codec, or an echo canceller of its own): prompts may hide keys."
    return [
        _weaker("our echo comes back weaker by", before, 6, strong),
        _weaker("and after cancelling by", after, 20, changed),
    ]


def _weaker(what: str, heard: list[Samples], least: float, remedy: str) -> Verdict:
    by = PROBE_DBM0 - level(np.concatenate(heard))
    return Verdict(what, by, "dB", by >= least, remedy)
