"""Call-progress tones as exchanges send them, made from the rules' tables and not from the listener's own; and whether
our ears name them in time and nothing else. The tests of the tones use these sounds too."""

from dataclasses import dataclass

import numpy as np
from ears_sounds import RATE, Sound, amplitude, noise, power, rounded, singing, speech
from numpy.random import Generator

from gateway.audio.tones import Answering, ToneEvent, ToneListener

FRAME = 160
SURE = 2.0
"""Seconds in which a steady tone is to be named; a cadence has two of its periods."""
HUNG_UP = 2.5
"""Seconds of busy tone from which on the far end is known to have gone."""
PROGRESS = frozenset({"dial", "ringback", "busy", "congestion", "sit", "fax", "modem_answer", "beep"})


@dataclass(frozen=True)
class Row:
    """A tone as an exchange sends it: Hz, seconds on and off (none: continuous), Hz of its swell."""

    country: str
    name: str
    hertz: tuple[float, ...]
    cadence: tuple[float, ...] = ()
    swell: float = 0.0

    @property
    def period(self) -> float:
        """Seconds."""
        return sum(self.cadence) or 1.0

    @property
    def limit(self) -> float:
        """Seconds within which it is to be named."""
        return 2 * sum(self.cadence) or SURE

    def __str__(self) -> str:
        return f"{self.country}-{self.name}"


ROWS = (
    Row("JP", "dial", (400,)),
    Row("JP", "ringback", (400,), (1, 2), swell=16),
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
    Row("CEPT", "busy", (425,), (0.5, 0.5)),
    Row("DE", "congestion", (425,), (0.24, 0.24)),
)
BUSY = tuple(row for row in ROWS if row.name in ("busy", "congestion"))
ANSWERS = (
    Row("JP", "sit", (950, 1400, 1800), (0.33, 0.33, 0.33)),
    Row("JP", "fax", (1100,), (0.5, 3)),
    Row("JP", "modem_answer", (2100,)),
    Row("JP", "beep", (1000,), (0.5, 3)),
)
LEVELS = (-10.0, -20.0, -30.0)
TRIES = 3
"""At each level."""
ERRORS = (-0.01, 0.0, 0.01)
SWELLS = (15.0, 20.0)
"""Hz between which Japan's ringback swells and ebbs."""
BENEATH = 15.0
"""dB by which noise, or a voice beneath the tone, is below it."""


@dataclass
class Verdict:
    """What became of one row."""

    row: Row
    tried: int = 0
    named: int = 0
    wrong: int = 0
    slowest: float = 0.0
    """Seconds from its beginning until it was named."""
    beneath: int = 0
    """Named in time of as many more with a voice beneath the tone."""
    beneath_tried: int = 0


def tone(
    row: Row, seconds: float, dbm0: float = -15.0, *, error: float = 0.0, swell: float | None = None, since: float = 0.0
) -> Sound:
    """The row's tone, each frequency at ``dbm0`` and ``error`` (a share) off; ``since`` seconds of it have passed."""
    time = np.arange(round(seconds * RATE)) / RATE
    if row.name == "sit":
        steps = np.minimum(time // row.cadence[0], len(row.hertz) - 1).astype(int)
        hertz = np.array(row.hertz)[steps] * (1 + error)
        return amplitude(dbm0) * np.sin(2 * np.pi * np.cumsum(hertz) / RATE) * (time < sum(row.cadence))
    sound = sum((np.sin(2 * np.pi * hertz * (1 + error) * time + hertz) for hertz in row.hertz), np.zeros(len(time)))
    if row.swell:
        sound *= 0.5 - 0.5 * np.cos(2 * np.pi * (swell or row.swell) * time)
    if row.cadence:
        edges = np.cumsum(row.cadence)
        sound *= np.searchsorted(edges, (time + since) % edges[-1], side="right") % 2 == 0
    return sound * amplitude(dbm0)


def events(sound: Sound, country: str = "JP", chunk: int = FRAME) -> list[ToneEvent]:
    """All that the ears of a country name."""
    listener = ToneListener(country)
    samples = rounded(sound)
    return [event for at in range(0, len(samples), chunk) for event in listener.feed(samples[at : at + chunk])]


def case(random: Generator, row: Row, dbm0: float, voices: Sound, *, cut: bool, beneath: bool) -> tuple[Sound, float]:
    """Talk, up to 0.6 s of nothing, the tone, talk: with white noise 15 dB below the tone; and when the tone begins.

    ``voices``: talk to cut pieces from. ``cut``: the tone begins anywhere in its cadence. ``beneath``: there is a voice
    beneath the tone, 15 dB below it while it speaks.
    """
    swell = random.uniform(*SWELLS)
    since = random.uniform(0, row.period) if cut else 0.0
    sound = tone(row, row.limit + 1.5, dbm0, error=random.choice(ERRORS), swell=swell, since=since)
    mean = float(np.mean(np.square(sound[sound != 0])))
    before, under, after = (_piece(random, voices, seconds) for seconds in (2.0, len(sound) / RATE, 1.5))
    if beneath:
        sound = sound + under * np.sqrt(mean * 10 ** (-BENEATH / 10))
    said = [piece * np.sqrt(power(random.uniform(-25, -12))) for piece in (before, after)]
    gap = np.zeros(round(random.choice((0.0, random.uniform(0, 0.6))) * RATE))
    whole = np.concatenate([said[0], gap, sound, said[1]])
    return whole + noise(random, len(whole), mean * 10 ** (-BENEATH / 10)), (len(said[0]) + len(gap)) / RATE


def _piece(random: Generator, voices: Sound, seconds: float) -> Sound:
    at = random.integers(0, len(voices) - round(seconds * RATE))
    return voices[at : at + round(seconds * RATE)]


def named(random: Generator, row: Row) -> Verdict:
    """A row at every level, from its beginning and cut into at any moment, without and with a voice beneath."""
    verdict = Verdict(row)
    voices = np.concatenate([speech(random, 20.0), speech(random, 20.0)])
    for dbm0 in LEVELS * TRIES:
        for cut in (False, True):
            delay, wrong = _heard(*case(random, row, dbm0, voices, cut=cut and row in ROWS, beneath=False), row)
            verdict.tried += 1
            verdict.named += delay <= row.limit
            verdict.wrong += wrong
            verdict.slowest = max(verdict.slowest, delay)
        for cut in (False, True) if row in ROWS else ():
            delay, _ = _heard(*case(random, row, dbm0, voices, cut=cut, beneath=True), row)
            verdict.beneath_tried += 1
            verdict.beneath += delay <= row.limit
    return verdict


def _heard(sound: Sound, began: float, row: Row) -> tuple[float, bool]:
    """Seconds until the row was named, infinity if it never was; and whether anything else was."""
    heard = [event for event in events(sound, row.country) if event.name in PROGRESS]
    right = [event.at - began for event in heard if event.name == row.name]
    return min(right, default=float("inf")), any(event.name != row.name for event in heard)


def hang_up_delay(random: Generator, row: Row) -> float:
    """Seconds of busy tone, from any moment of its cadence, after which the far end is known to have gone; infinity if
    never. The slowest of some."""
    return max(_gone(random, row) for _ in LEVELS * TRIES)


def _gone(random: Generator, row: Row) -> float:
    sound, began = case(random, row, -20.0, singing(random, 20.0), cut=True, beneath=False)
    listener, judge = ToneListener(row.country), Answering()
    samples = rounded(sound)
    for at in range(0, len(samples), FRAME):
        now = (at + FRAME) / RATE
        judge.hear(listener.feed(samples[at : at + FRAME]), now)
        if judge.hung_up:
            return now - began
    return float("inf")


def false_names(sounds: list[Sound]) -> list[str]:
    """Tones named in talk, by the ears of each country in turn."""
    countries = sorted({row.country for row in ROWS})
    return [
        event.name
        for number, sound in enumerate(sounds)
        for event in events(sound, countries[number % len(countries)])
        if event.name in PROGRESS
    ]
