"""Is this a key, or two partials of a voice or a tune? The evidence, and how it is weighed."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gateway.audio.dtmf_fit import LONGEST, Fit
from gateway.audio.dtmf_keys import HIGH, LOW
from gateway.audio.pcm import power_to_dbm0
from gateway.line import SAMPLE_RATE

LEAST_LEVEL = -40.0  # dBm0, the weaker tone; senders are above -25 (Q.24), and -55 must not work
TWIST = (-10.5, 8.0)  # dB; must work from -8 to +5
OFFSET = 2.1  # per cent; 1.8 must work, 3 must not (NTT)
DISAGREEMENT = 3.75  # per cent between the tones: a partial and its octave look like a key that is off by 4
SLOPE = 0.5
CLEAR = 16.0  # dB; above it there is nothing to doubt


@dataclass(frozen=True)
class Background:
    """What was on the line just before the tones began, as mean squares."""

    low: float
    """At the low tone's frequency."""
    high: float
    energy: float
    """All of it."""
    lasting: float
    """What of it had been there for some 40 ms."""


@dataclass(slots=True)
class Evidence:
    """What speaks for a key at a moment."""

    key: int
    onset: int
    """Sample of the stream at which the tones began."""
    end: int
    """Sample up to which they were heard."""
    fit: Fit
    background: Background
    centre: float = field(init=False)
    """Sample of the stream that the fit's phases belong to."""
    offsets: tuple[float, float] = field(init=False)
    """Per cent off the nominal frequency, low and high tone."""
    levels: tuple[float, float] = field(init=False)
    """Low and high tone, dBm0."""
    clarity: float = field(init=False)
    """Both tones over everything else, dB."""
    replaced: float = field(init=False)
    """How loud a lasting sound the tones began upon, dB over both tones."""

    def __post_init__(self) -> None:
        (low, high), (low_power, high_power) = self.fit.frequency, self.fit.power
        self.centre = self.end - (len(self.fit.sound) + 1) / 2
        self.offsets = 100 * (low / LOW[self.key >> 2] - 1), 100 * (high / HIGH[self.key & 3] - 1)
        self.levels = power_to_dbm0(low_power), power_to_dbm0(high_power)
        tones = low_power + high_power + 1e-3
        self.clarity = 10 * math.log10(tones / (self.fit.noise + 1))
        self.replaced = 10 * math.log10(self.background.lasting / tones + 1e-6)

    def plausible(self) -> bool:
        """Whether level, twist, frequencies and steadiness are a key's at all."""
        low, high = self.levels
        off_low, off_high = self.offsets
        return (
            min(low, high) > LEAST_LEVEL
            and TWIST[0] < high - low < TWIST[1]
            and max(abs(off_low), abs(off_high)) < OFFSET
            and abs(off_low - off_high) < DISAGREEMENT
            and self.fit.slope < SLOPE
        )


@functools.lru_cache(maxsize=128)
def _hann(length: int) -> npt.NDArray[np.float64]:
    return np.hanning(length)


def doubts(evidence: Evidence) -> tuple[float, ...]:
    """The features that ``WEIGHTS`` weighs, in its order."""
    fit, background = evidence.fit, evidence.background
    tones = sum(fit.power)
    weaker = min(fit.power)
    residual = fit.residual()
    window = _hann(len(residual))
    spectrum = np.fft.rfft(residual * window, 512 if len(residual) <= 400 else 1024)
    spectrum = spectrum[len(spectrum) // 26 :]  # from some 150 Hz
    loudest = 8 * float((spectrum.real**2 + spectrum.imag**2).max()) / len(residual) ** 2
    count = len(residual) // 80
    pieces = np.square(residual[-count * 80 :]).reshape(count, 80).sum(axis=1).tolist()
    levels = [10 * math.log10(piece / 80 + 1) for piece in pieces]
    average = sum(levels) / count
    unrest = math.sqrt(sum((level - average) ** 2 for level in levels) / count)
    early = float(residual[:120] @ residual[:120]) / 120
    clarity = evidence.clarity
    ratio = max(background.low / fit.power[0], background.high / fit.power[1])
    before = 10 * math.log10(ratio + 1e-6)
    energy = 10 * math.log10(background.energy / tones + 1e-6)
    off = max(abs(value) for value in evidence.offsets)
    return (
        min(clarity, CLEAR),
        min(10 * math.log10(weaker / (loudest + 1)), 12.0),
        min(unrest, 4.0),
        min(abs(10 * math.log10((early + 1) / (fit.noise + 1))), 5.0),
        max(before, -30.0),
        min(max(clarity + energy, -20.0), 3.0),
        max(0.0, off - 1.2),
        max(0.0, before + 8.0),
    )


WEIGHTS = (0.274, 0.279, 1.109, 0.453, -0.026, 0.032, -9.98, -0.257)
CONSTANT = -6.2
REQUIRED = 1.5
"""What a key without any history has to reach."""
STEADY = 0.25
SWELLING = 8.0
"""A voice swells and fades. How little a key may that has no witness, as its fit's slope, and what more costs."""
BESIDE, UPON, LOUDNESS = -9.0, -6.0, 1.0
"""A note follows a note, a key follows a pause. From how loud a sound (``replaced``) on a key that has no witness is
doubted, from where it is doubted however clear it is, and what each dB costs."""
EVEN, EVENLY_CLEAR = 0.012, 12.0
"""Notes fade. The slope of a fit as long as may be below which they are none; and from how many dB on it is a key."""
MEMORY = 20 * SAMPLE_RATE
"""Samples for which earlier keys of the call are witnesses."""


def weigh(evidence: Evidence, past: Sequence[Evidence]) -> bool:
    """Whether it is a key, given the keys that were pressed before in this call."""
    if not evidence.plausible():
        return False
    if evidence.clarity > CLEAR and evidence.replaced <= UPON:
        return True
    support = _testimony(evidence, past)
    even = len(evidence.fit.sound) >= LONGEST and evidence.fit.slope < EVEN
    if support <= 0 and not even:
        support -= LOUDNESS * max(0.0, evidence.replaced - BESIDE)
    elif evidence.clarity > (EVENLY_CLEAR if even else CLEAR):
        return True
    return CONSTANT + sum(w * x for w, x in zip(WEIGHTS, doubts(evidence), strict=True)) + support > REQUIRED


def _testimony(evidence: Evidence, past: Sequence[Evidence]) -> float:
    """What earlier keys add to the score: a telephone's levels and its oscillator stay what they are."""
    witnesses = [old for old in past if evidence.end - old.end < MEMORY]
    if not witnesses:
        return -SWELLING * max(0.0, evidence.fit.slope - STEADY)
    same = sum(_alike(evidence, old, 0.15, 1.0) for old in witnesses)
    similar = sum(_alike(evidence, old, 0.4, 2.0) for old in witnesses)
    if not similar and len(witnesses) >= 3:
        return -2.0
    return max(1.75 * min(similar, 2), 3.0 * min(same, 2))


def _alike(one: Evidence, other: Evidence, per_cent: float, decibels: float) -> bool:
    """Whether two presses agree so closely in the offsets and in the levels of both tones."""
    return all(abs(a - b) < per_cent for a, b in zip(one.offsets, other.offsets, strict=True)) and all(
        abs(a - b) < decibels for a, b in zip(one.levels, other.levels, strict=True)
    )
