"""Progress tones for the tests, made from the rules' tables and not from the listener's own."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from gateway.audio.pcm import amplitude, to_samples
from gateway.audio.prompts import Clip, PromptLibrary
from gateway.audio.tones import ToneEvent, ToneListener
from gateway.line import Samples

Floats = npt.NDArray[np.float64]


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
        return sum(self.cadence) or 1.0

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


def tone(row: Row, seconds: float, level: float = -15.0, *, error: float = 0.0, swell: float | None = None) -> Floats:
    """The row's tone, each frequency at ``level`` dBm0 and ``error`` (a share) off."""
    time = np.arange(round(seconds * 8000)) / 8000
    sound = sum((np.sin(2 * np.pi * hertz * (1 + error) * time + hertz) for hertz in row.hertz), np.zeros(len(time)))
    if row.swell:
        sound *= 0.5 - 0.5 * np.cos(2 * np.pi * (swell or row.swell) * time)
    if row.cadence:
        ends = np.cumsum(row.cadence)
        sound *= np.searchsorted(ends, time % ends[-1], side="right") % 2 == 0
    return sound * amplitude(level)


def sine(hertz: float, seconds: float, level: float = -15.0) -> Floats:
    return amplitude(level) * np.sin(2 * np.pi * hertz * np.arange(round(seconds * 8000)) / 8000)


def silence(seconds: float) -> Floats:
    return np.zeros(round(seconds * 8000))


def noise(like: Floats, below_db: float, seed: int = 1) -> Floats:
    """White, as long as ``like`` and so far below the power that it has while it sounds."""
    power = float(np.mean(np.square(like[like != 0])))
    return np.random.default_rng(seed).normal(0, np.sqrt(power * 10 ** (-below_db / 10)), len(like))


@cache
def speech(clip: str = "order_confirm", language: str = "en") -> Floats:
    return PromptLibrary.open(language).sound((Clip(clip),)).astype(float)


def events(sound: Floats | Samples, country: str = "JP", chunk: int = 160) -> list[ToneEvent]:
    listener = ToneListener(country)
    samples = to_samples(sound)
    return [event for at in range(0, len(samples), chunk) for event in listener.feed(samples[at : at + chunk])]


def names(sound: Floats | Samples, country: str = "JP") -> list[str]:
    return [event.name for event in events(sound, country)]
