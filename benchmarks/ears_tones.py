"""Call-progress tones of four countries, made here, and whether our ears name them in time and nothing else."""

from dataclasses import dataclass

import numpy as np
from ears_sounds import RATE, Sound, noise, power, rounded, sine, speech
from numpy.random import Generator

from gateway.audio.tones import Answering, ToneListener

FRAME = 160
SURE = 2.0
"""Seconds in which a steady tone is to be named; a cadence has two of its periods."""
HUNG_UP = 2.5
"""Seconds of busy tone from which on the far end is known to have gone."""
PROGRESS = {"dial", "ringback", "busy", "congestion", "sit", "fax", "modem_answer", "beep"}


@dataclass(frozen=True)
class Row:
    """One tone as exchanges give it. ``lengths``: seconds on, off, on, off; none: steady."""

    country: str
    name: str
    hertz: tuple[float, ...]
    lengths: tuple[float, ...] = ()
    modulated: float = 0.0

    @property
    def limit(self) -> float:
        """Seconds within which it is to be named."""
        return 2 * sum(self.lengths) or SURE


ROWS = (
    Row("JP", "dial", (400,)),
    Row("JP", "ringback", (400,), (1, 2), modulated=16),
    Row("JP", "busy", (400,), (0.5, 0.5)),
    Row("US", "dial", (350, 440)),
    Row("US", "ringback", (440, 480), (2, 4)),
    Row("US", "busy", (480, 620), (0.5, 0.5)),
    Row("US", "congestion", (480, 620), (0.25, 0.25)),
    Row("GB", "dial", (350, 440)),
    Row("GB", "ringback", (400, 450), (0.4, 0.2, 0.4, 2)),
    Row("GB", "busy", (400,), (0.375, 0.375)),
    Row("GB", "congestion", (400,), (0.4, 0.35, 0.225, 0.525)),
    Row("DE", "dial", (425,)),
    Row("DE", "ringback", (425,), (1, 4)),
    Row("DE", "busy", (425,), (0.48, 0.48)),
    Row("DE", "congestion", (425,), (0.24, 0.24)),
)
ANSWERS = (
    Row("JP", "sit", (950, 1400, 1800), (0.33, 0.33, 0.33)),
    Row("JP", "fax", (1100,), (0.5, 3)),
    Row("JP", "modem_answer", (2100,)),
    Row("JP", "beep", (1000,), (0.5, 3)),
)
LEVELS = (-10.0, -20.0, -30.0)


@dataclass
class Verdict:
    """What became of one row at all levels."""

    row: Row
    tried: int = 0
    named: int = 0
    wrong: int = 0
    slowest: float = 0.0
    """Seconds from its beginning until it was named."""


def tone(random: Generator, row: Row, dbm0: float, seconds: float) -> Sound:
    """A row's sound, up to 1 % off in frequency, each of its frequencies at ``dbm0``."""
    error = 1 + random.choice((-0.01, 0, 0.01))
    if row.name == "sit":
        parts = [sine(random, hertz * error, row.lengths[0], dbm0) for hertz in row.hertz]
        return np.concatenate([*parts, np.zeros(round(seconds * RATE))])[: round(seconds * RATE)]
    sound = sum(sine(random, hertz * error, seconds, dbm0) for hertz in row.hertz)
    time = np.arange(len(sound)) / RATE
    if row.modulated:
        sound *= 0.5 + 0.5 * np.sin(2 * np.pi * row.modulated * time)
    if row.lengths:
        edges = np.cumsum(row.lengths)
        sound *= np.searchsorted(edges, time % edges[-1], side="right") % 2 == 0
    return sound


def after_talk(random: Generator, row: Row, dbm0: float) -> tuple[Sound, float]:
    """Two seconds of talk, half a second of nothing, then the tone, all 15 dB over noise; and when the tone begins."""
    said = speech(random, 2.0) * np.sqrt(power(-18))
    sound = np.concatenate([said, np.zeros(RATE // 2), tone(random, row, dbm0, row.limit + 2)])
    return rounded(sound + noise(random, len(sound), power(dbm0 - 15))), len(said) / RATE + 0.5


def names(country: str, sound: Sound) -> list[tuple[str, float]]:
    """What the ears of a country name, and when they are sure of it."""
    listener = ToneListener(country)
    frames = (sound[at : at + FRAME] for at in range(0, len(sound), FRAME))
    return [(event.name, event.at) for frame in frames for event in listener.feed(frame)]


def named(random: Generator, row: Row) -> Verdict:
    """A row at every level."""
    verdict = Verdict(row)
    for dbm0 in LEVELS:
        sound, began = after_talk(random, row, dbm0)
        heard = [(name, at - began) for name, at in names(row.country, sound) if name in PROGRESS]
        right = [at for name, at in heard if name == row.name]
        verdict.tried += 1
        verdict.named += bool(right) and right[0] <= row.limit
        verdict.wrong += any(name != row.name for name, _ in heard)
        verdict.slowest = max([verdict.slowest, *right[:1]])
    return verdict


def hang_up_delay(random: Generator, row: Row) -> float:
    """Seconds of busy tone after which the far end is known to have gone; infinity if never."""
    sound, began = after_talk(random, row, -20.0)
    listener, judge = ToneListener(row.country), Answering()
    for at in range(0, len(sound), FRAME):
        now = (at + FRAME) / RATE
        judge.hear(listener.feed(sound[at : at + FRAME]), now)
        if judge.hung_up:
            return now - began
    return float("inf")


def false_names(sounds: list[Sound]) -> list[str]:
    """Tones named in talk, by the ears of each country in turn."""
    countries = sorted({row.country for row in ROWS})
    return [
        name
        for number, sound in enumerate(sounds)
        for name, _ in names(countries[number % len(countries)], sound)
        if name in PROGRESS
    ]
