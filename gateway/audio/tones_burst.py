"""Bursts of a steady tone in the progress band, and how they are told from what is about them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.audio.tones_spectrum import BIN, HOP_TIME, PROGRESS, Hop
from gateway.audio.tones_table import Signature

SAME = 30.0
"""Hz by which a hop's centre may differ from its burst's."""
EDGE = 0.25
"""Of its burst's power, what a hop must have to be part of it."""
HALF = 0.45
"""Of its burst's power, what a hop at its edge must have: half of that window lies in the tone then, ..."""
NEAR = 15.0
"""... and by how many Hz its centre may be off: what came before the tone was another sound."""
KEPT = 150
"""Hops of a burst, 3 s, that are looked at."""
LEAST_HOPS = 3
"""Between a burst's edges."""
DRIFT = 0.1
"""Of its spread and 40 Hz, how far a steady tone's centre may wander, deviation of two hops in three; the further two
tones are apart, the more does a word beneath them shift it."""
ALIKE = 2.0
"""Ratio by which two bursts of one cadence may differ in power, 3 dB, ..."""
PITCH = 0.015
"""... and in frequency."""
ONE = (1.26, 0.006, 6.0)
"""The same where nothing else is known: an oscillator's bursts differ by less than 1 dB, 0.6 % and 6 Hz of spread."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Burst:
    """One as it stands. ``first`` and ``last`` hop; ``power`` of its inner hops, a share of a full-scale sine's."""

    first: int
    last: int
    signature: Signature
    power: float

    @property
    def seconds(self) -> float:
        """From edge to edge: hops whose middle lies in the tone."""
        return (self.last - self.first + 1) * HOP_TIME

    def like(self, other: "Burst") -> bool:
        """The same tone again."""
        return self._near(other, ALIKE, PITCH)

    def repeats(self, other: "Burst") -> bool:
        """The same tone again for certain: no voice hits a note so well twice."""
        ratio, pitch, spread = ONE
        return self._near(other, ratio, pitch) and abs(self.signature.spread - other.signature.spread) < spread

    def _near(self, other: "Burst", ratio: float, pitch: float) -> bool:
        apart = abs(self.signature.centre - other.signature.centre)
        return 1 / ratio < self.power / other.power < ratio and apart < pitch * self.signature.centre


class Rising:
    """The burst under way, from its first hop on."""

    def __init__(self, index: int, hop: Hop) -> None:
        self.first = self.last = index
        self.named = False
        self._hops = [(hop.band, hop.first, hop.second)]
        self._sums = [0.0, 0.0, 0]  # power, first moment, hops: of all but the first, which is at an edge

    @property
    def seconds(self) -> float:
        """So far."""
        return (self.last - self.first + 0.5) * HOP_TIME

    @property
    def power(self) -> float:
        """Of its hops."""
        power, _, count = self._sums
        return power / count if count else self._hops[0][0]

    def holds(self, hop: Hop) -> bool:
        """Whether it goes on with this hop."""
        if not hop.in_band or hop.band < EDGE * self.power or self.outdone_by(hop):
            return False
        power, first, count = self._sums
        return not count or abs(hop.first / hop.band - first / power) * BIN < SAME

    def outdone_by(self, hop: Hop) -> bool:
        """Whether a much louder tone begins with this hop."""
        return hop.in_band and self._sums[2] > 1 and EDGE * hop.band > self.power

    def add(self, index: int, hop: Hop) -> None:
        """Another hop of it; those left out between had too little of the tone."""
        missing = index - self.last - 1
        self.last = index
        self._sums = [self._sums[0] + hop.band, self._sums[1] + hop.first, self._sums[2] + 1]
        if len(self._hops) < KEPT:
            self._hops += [(0.0, 0.0, 0.0)] * missing
            self._hops.append((hop.band, hop.first, hop.second))

    def settle(self) -> Burst | None:
        """The burst as it stands, between the hops whose windows lie at least half in it; None if it wanders."""
        power, first, second = np.array(self._hops).T
        edge = HALF * float(np.sort(power)[len(power) // 2 :].mean())
        loud = power >= edge
        centres = np.divide(first, power, out=np.zeros_like(power), where=loud)
        centre = float(np.sort(centres[loud])[np.count_nonzero(loud) // 2])
        good = np.flatnonzero(loud & (np.abs(centres - centre) * BIN < NEAR))
        begin, end = int(good[0]), int(good[-1])
        inner = slice(begin + 1, end)
        if inner.stop - inner.start < LEAST_HOPS:
            return None
        signature = _signature(power[inner], first[inner], second[inner], edge)
        if signature is None:
            return None
        last = self.last if len(self._hops) >= KEPT else self.first + end
        return Burst(self.first + begin, last, signature, float(power[inner].mean()))


def _signature(power: Floats, first: Floats, second: Floats, edge: float) -> Signature | None:
    """Of a burst's inner hops, their powers and moments; the waves' troughs, below ``edge``, say nothing of pitch.

    Medians and the deviation of two in three, so that a word beneath the tone does not matter.
    """
    waves = np.count_nonzero(np.diff(power > power.mean())) / 2 / (len(power) * HOP_TIME)
    _, ripple = _middle(10 * np.log10(np.maximum(power, edge / 100)))
    crests = power >= edge
    if not crests.any():
        return None
    centres = first[crests] / power[crests]
    centre, drift = _middle(centres)
    square, _ = _middle(second[crests] / power[crests] - centres**2)
    spread = max(square, 0.0) ** 0.5 * BIN
    if drift * BIN > DRIFT * (spread + 40.0):
        return None
    return Signature((PROGRESS.start + centre) * BIN, spread, ripple, waves)


def _middle(values: Floats) -> tuple[float, float]:
    """Median and half the range of the middle two thirds: of a normal distribution, mean and standard deviation."""
    ordered = np.sort(values)
    count = len(ordered)
    return float(ordered[count // 2]), float(ordered[(5 * count - 1) // 6] - ordered[count // 6]) / 2
