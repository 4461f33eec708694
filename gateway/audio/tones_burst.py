"""Bursts of a steady tone in the progress band, and what came before them in a band as narrow as the tone."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.audio.tones_spectrum import BIN, HOP_TIME, PROGRESS, Hop
from gateway.audio.tones_table import STEADY, Signature

SAME = 30.0
"""Hz by which a hop's centre may differ from its run's."""
EDGE = 0.25
"""Of its run's power, what a hop must have to be part of it."""
KEPT = 300
"""Hops, 6 s, that are remembered; the longest pause, 5 s, is in there."""
LEAST_HOPS = 3
"""Between a burst's edges."""
SHARE = 0.2
"""Of the strongest bin's power, what a bin has that is the tone's; so are those next to it."""
STEADY_LEVEL = (0.55, 1.6)
"""Of its power, what a hop of a steady tone has, with a word beneath it 10 dB weaker in the tone's own band; ..."""
HALF = 0.2
"""... what one at its edge has, half of whose window lies in it; ..."""
WAVE = 0.25
"""... and the least of a modulated one."""
NEAR = (15.0, 0.2)
"""Hz, and share of its spread, by which a hop's centre may be off: what came before the tone was another sound."""
HOLE = 2
"""Hops without the tone that do not end a burst: a word, a lost packet, a trough of Japan's ringback, ..."""
DEEP = 0.1
"""... unless a steady tone is gone altogether."""
QUIET = 0.15
"""Share of a burst's power, -8 dB, that the mean of what is in its own band in a pause may have; ..."""
LOUD = 0.5
"""... and -3 dB, that of all that is on the line: words are spoken there."""
DRIFT = (0.2, 2.0)
"""Of its spread, and Hz, by which a steady tone's centre may wander, deviation of two hops in three; the further two
tones are apart, the more does a word beneath them shift it."""
FADE = 1.4
"""Ratio by which a burst's halves may differ in power, 1.5 dB: a string's fades."""
ALIKE = (2.0, 0.015)
"""Ratio by which two bursts of one cadence may differ in power, 3 dB, and in frequency."""
ONE = (1.26, 0.08, 1.2, 6.0)
"""The same where nothing else is known: an oscillator's bursts differ by less than 1 dB, 0.08 of their spread and
1.2 Hz (2.4 Hz, of a single tone), and 6 Hz of spread."""

BEATS = 3
"""Bursts in a row: they say all that can be said."""
LEAST_POWER = 1e-30
"""Below all that is looked at; not to divide by nothing."""

Floats = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]
_BINS = PROGRESS.stop - PROGRESS.start
_ORDER = np.arange(_BINS, dtype=np.float32)
_MOMENTS = _ORDER[:, None] ** np.arange(3)


@dataclass(frozen=True)
class Burst:
    """One as it stands. ``first`` and ``last`` hop; ``power`` of its inner hops, a share of a full-scale sine's."""

    first: int
    last: int
    signature: Signature
    power: float
    fades: bool = False
    """Its second half is weaker, or stronger, than an oscillator's would be."""

    @property
    def seconds(self) -> float:
        """From edge to edge: hops whose middle lies in the tone."""
        return (self.last - self.first + 1) * HOP_TIME

    def like(self, other: "Burst") -> bool:
        """The same tone again."""
        ratio, pitch = ALIKE
        return self._near(other, ratio, pitch * self.signature.centre)

    def repeats(self, other: "Burst") -> bool:
        """The same tone again for certain: no voice hits a note so well twice."""
        ratio, pitch, hertz, spread = ONE
        near = self._near(other, ratio, pitch * self.signature.spread + hertz)
        return near and abs(self.signature.spread - other.signature.spread) < spread

    def _near(self, other: "Burst", ratio: float, hertz: float) -> bool:
        if abs(self.signature.centre - other.signature.centre) > hertz:
            return False
        return self.power < ratio * other.power and other.power < ratio * self.power


@dataclass(frozen=True)
class Beat:
    """A burst, and the like burst before it, ``pause`` seconds of quiet away, if there was one."""

    burst: Burst
    pause: float | None = None
    before: "Beat | None" = None

    @property
    def seconds(self) -> float:
        """Of the burst."""
        return self.burst.seconds

    @property
    def repeats(self) -> bool:
        """It is the burst before once more, for certain."""
        return self.before is not None and self.burst.repeats(self.before.burst)


class Run:
    """Hops of one tone, from the first on: a burst, or as much of it as no word hides."""

    def __init__(self, index: int, hop: Hop) -> None:
        self.first = self.last = index
        self.named = False
        self._begins = hop.band
        self._sums = [0.0, 0.0, 0]  # power, first moment, hops: of all but the first, which is at an edge

    @property
    def seconds(self) -> float:
        """So far."""
        return (self.last - self.first + 0.5) * HOP_TIME

    @property
    def power(self) -> float:
        """Of its hops."""
        power, _, count = self._sums
        return power / count if count else self._begins

    def like(self, burst: Burst) -> bool:
        """Whether it may be this burst's tone."""
        power, moment, count = self._sums
        if not count or abs((PROGRESS.start + moment / power) * BIN - burst.signature.centre) > SAME:
            return False
        ratio, _ = ALIKE
        return burst.power < ratio * self.power and self.power < ratio * burst.power

    def holds(self, hop: Hop) -> bool:
        """Whether it goes on with this hop."""
        if not hop.in_band or hop.band < EDGE * self.power or self.outdone_by(hop):
            return False
        power, moment, count = self._sums
        return not count or abs(hop.centre - moment / power) * BIN < SAME

    def outdone_by(self, hop: Hop) -> bool:
        """Whether a much louder tone begins with this hop."""
        return hop.in_band and self._sums[2] > 1 and EDGE * hop.band > self.power

    def add(self, index: int, hop: Hop) -> None:
        """Another hop of it; those left out between had too little of the tone."""
        self.last = index
        power, moment, count = self._sums
        self._sums = [power + hop.band, moment + hop.band * hop.centre, count + 1]


class Past:
    """The last seconds of the progress band."""

    def __init__(self) -> None:
        self.index = 0
        self._bins = np.zeros((2 * KEPT, _BINS), np.float32)
        self._powers = np.zeros(2 * KEPT)
        self._end = 0

    def add(self, hop: Hop) -> None:
        """Another hop, with the next ``index``; the first has 1."""
        if self._end == 2 * KEPT:
            self._bins[:KEPT] = self._bins[KEPT:]
            self._powers[:KEPT] = self._powers[KEPT:]
            self._end = KEPT
        self._bins[self._end] = 0.0 if hop.bins is None else hop.bins
        self._powers[self._end] = hop.power
        self._end += 1
        self.index += 1

    def beat(self, run: Run) -> Beat | None:
        """The burst that ends with this run, and up to two before it, with edges where the tone's own band has them.

        None if it is too short or wanders. The run's first quarter may be a word that was spoken before the tone.
        """
        begin = max(self._end - KEPT, 0)
        last = self._end - 1 - begin - (self.index - run.last)
        length = run.last - run.first
        inner = slice(max(last - length + length // 4 + 1, 0), last)
        if inner.stop - inner.start < LEAST_HOPS:
            return None
        band = _OwnBand(self._bins[begin : self._end], self._powers[begin : self._end], inner)
        at = band.stretch(last) if band.signature is not None else None
        return None if at is None else band.beat(at, self.index - self._end + 1 + begin, BEATS)


class _OwnBand:
    """The past in a tone's own band: of each hop power, first and second moment, and level, of the tone's own power."""

    def __init__(self, bins: Floats, powers: Floats, inner: slice) -> None:
        shape = np.sort(bins[inner], axis=0)[(inner.stop - inner.start) // 2]
        loud = shape > SHARE * shape.max()
        own = loud.copy()
        own[1:] |= loud[:-1]
        own[:-1] |= loud[1:]
        self._power = float(shape.dot(own))
        self._weights = np.empty((_BINS, 4), np.float32)
        self._weights[:, :3] = own[:, None] * _MOMENTS
        self._weights[:, 3] = shape / max(float(shape.dot(shape)), LEAST_POWER)
        self._bins, self._powers = bins, powers
        self._hops = bins[inner] @ self._weights
        self._peaks = _peaks(shape, loud)
        self.signature = _signature(self._hops, self._peaks)
        """Of the inner hops; None if that is no tone."""

    def stretch(self, last: int) -> int | None:
        """Take in all the past; which of its stretches of the tone has this hop."""
        self._hops = self._bins @ self._weights
        self._stretches = self._find()
        near = (at for at, (begin, end) in enumerate(self._stretches) if begin - HOLE <= last <= end + HOLE)
        return next(near, None)

    def _find(self) -> list[list[int]]:
        """First and last hop of each stretch of the tone."""
        power, first, _, level = self._hops.T
        assert self.signature is not None
        if self.signature.ripple > STEADY:
            return _stretches(level > WAVE, level >= 0)
        hertz, share = NEAR
        off = np.abs(first - (self.signature.centre / BIN - PROGRESS.start) * power)
        near = off * BIN < (hertz + share * self.signature.spread) * power
        low, high = STEADY_LEVEL
        stretches = _stretches((level > low) & (level < high) & near, level > DEEP)
        half = [False, *((level > HALF) & (level < high)).tolist(), False]
        return [[begin - half[begin], end + half[end + 2]] for begin, end in stretches]

    def beat(self, at: int, offset: int, most: int) -> Beat | None:
        """The burst of a stretch with ``most`` - 1 before it; None if it wanders. ``offset``: the first hop's index."""
        begin, end = self._stretches[at]
        burst = self._burst(begin, end, offset)
        if burst is None:
            return None
        longer = (at for at in range(at - 1, -1, -1) if self._stretches[at][1] - self._stretches[at][0] > LEAST_HOPS)
        earlier = next(longer, None) if most > 1 else None
        if earlier is None:
            return Beat(burst)
        gap = slice(self._stretches[earlier][1] + 1, begin)
        before = self.beat(earlier, offset, most - 1) if self._quiet(gap) else None
        if before is None or not burst.like(before.burst):
            return Beat(burst)
        return Beat(burst, (gap.stop - gap.start) * HOP_TIME, before)

    def _quiet(self, gap: slice) -> bool:
        """Whether that is a pause between bursts; its first and last hop are at their edges."""
        inner = slice(gap.start + 1, gap.stop - 1)
        level, power = self._hops[inner, 3], self._powers[inner] / self._power
        return len(level) > 0 and np.minimum(level, 1).mean() < QUIET and np.minimum(power, 1).mean() < LOUD

    def _burst(self, begin: int, end: int, offset: int) -> Burst | None:
        inner = self._hops[begin + 1 : end]
        signature = _signature(inner, self._peaks) if len(inner) >= LEAST_HOPS else None
        if signature is None:
            return None
        level, half = inner[:, 3], len(inner) // 2
        begins, ends = _median(level[:half]), _median(level[half:])
        fades = signature.ripple < STEADY and not ends / FADE < begins < ends * FADE
        return Burst(offset + begin, offset + end, signature, _median(level) * self._power, fades)


def _signature(hops: Floats, peaks: tuple[float, ...]) -> Signature | None:
    """Of a burst's inner hops, their powers, moments and levels, and the peaks of its spectrum; the waves' troughs say
    nothing of pitch.

    Medians and the deviation of two in three, so that a word beneath the tone does not matter.
    """
    power, first, second, level = hops.T
    crests = level > WAVE
    if not crests.any():
        return None
    centres = first[crests] / power[crests]
    centre, drift = _middle(centres)
    square, _ = _middle(second[crests] / power[crests] - centres**2)
    spread = max(square, 0.0) ** 0.5 * BIN
    share, hertz = DRIFT
    if drift * BIN > share * spread + hertz:
        return None
    _, ripple = _middle(10 * np.log10(np.maximum(power, WAVE / 100 * power.max())))
    waves = np.count_nonzero(np.diff(level > level.mean())) / 2 / (len(level) * HOP_TIME)
    return Signature((PROGRESS.start + centre) * BIN, spread, ripple, waves, peaks)


def _peaks(shape: Floats, loud: Flags) -> tuple[float, ...]:
    """Hz, each the centre of bins that are loud and of those next to them."""
    changes = np.flatnonzero(np.diff(loud, prepend=False, append=False)).tolist()
    parts = [slice(max(begin - 1, 0), end + 1) for begin, end in zip(changes[::2], changes[1::2], strict=True)]
    return tuple((PROGRESS.start + float(_ORDER[part].dot(shape[part]) / shape[part].sum())) * BIN for part in parts)


def _stretches(on: Flags, bridged: Flags) -> list[list[int]]:
    """First and last of each stretch that is ``on``; holes are bridged where all of them is ``bridged``."""
    changes = np.flatnonzero(np.diff(on, prepend=False, append=False)).tolist()
    stretches: list[list[int]] = []
    for begin, end in zip(changes[::2], changes[1::2], strict=True):
        if stretches and begin - stretches[-1][1] <= HOLE + 1 and bridged[stretches[-1][1] : begin].all():
            stretches[-1][1] = end - 1
        else:
            stretches.append([begin, end - 1])
    return stretches


def _median(values: Floats) -> float:
    return float(np.sort(values)[len(values) // 2])


def _middle(values: Floats) -> tuple[float, float]:
    """Median and half the range of the middle two thirds: of a normal distribution, mean and standard deviation."""
    ordered = np.sort(values)
    count = len(ordered)
    return float(ordered[count // 2]), float(ordered[(5 * count - 1) // 6] - ordered[count // 6]) / 2
