"""Single tones outside cadences: special information tones, fax, modem, the beep of an answering machine."""

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from gateway.audio.tones_cadence import MISSES, Named
from gateway.audio.tones_spectrum import HOP_TIME, Hop

SAME = 25.0
"""Hz by which a hop's frequency may differ from its run's."""
SIT = ((900.0, 1000.0), (1350.0, 1450.0), (1750.0, 1850.0))
"""Three in a row, Hz (ITU-T E.180: 950, 1400, 1800, each 50 off at most; North America's are within)."""
SIT_PART = (0.2, 0.5)
"""Seconds of each: 0.27 to 0.38."""
JOINED = 0.1
"""Seconds, at most, between two parts."""
FAX = (1062.0, 1138.0)
"""Calling tone, Hz (ITU-T T.30), half a second every 3.5 s."""
FAX_ON = (0.4, 0.62)
MODEM = (2070.0, 2130.0)
"""Answer tone, Hz (ITU-T V.25, V.8), which may be modulated at 15 Hz and turn its phase every 450 ms."""
MODEM_ON = 0.5
BEEP = (520.0, 2600.0)
BEEP_ON = (0.15, 1.6)
QUIET = 0.16
"""Share of its power, -8 dB, that may follow a beep."""
LEAST = 3
"""Hops between its edges that show whether it is steady."""
KEPT = 100
BEEP_RIPPLE = 0.6
"""Standard deviation of a beep's level, dB; a note that dies away has more."""
BEEP_DRIFT = 4.0
"""Of its frequency, Hz; a voice has more."""


@dataclass
class Run:
    """Hops of one frequency."""

    first: int
    last: int
    frequency: float
    powers: list[float] = field(default_factory=list)
    frequencies: list[float] = field(default_factory=list)
    named: bool = False

    @property
    def seconds(self) -> float:
        """From edge to edge."""
        return (self.last - self.first + 0.5) * HOP_TIME

    @property
    def power(self) -> float:
        """Mean share of a full-scale sine's."""
        return sum(self.powers) / len(self.powers)

    @property
    def steady(self) -> bool:
        """As only an oscillator is, between its edges."""
        inner = slice(2, -1)
        if len(self.powers[inner]) < LEAST:
            return False
        ripple, drift = np.std(10 * np.log10(self.powers[inner])), np.std(self.frequencies[inner])
        return bool(ripple < BEEP_RIPPLE and drift < BEEP_DRIFT)

    def within(self, hertz: tuple[float, float], seconds: tuple[float, float]) -> bool:
        """Whether frequency and length are in these limits."""
        return hertz[0] < self.frequency < hertz[1] and seconds[0] < self.seconds < seconds[1]


class SingleTones:
    """Takes hops, names what is neither speech nor cadence."""

    def __init__(self) -> None:
        self._index = 0
        self._run: Run | None = None
        self._missed: list[float] = []
        self._past: deque[Run] = deque(maxlen=3)

    @property
    def sounding(self) -> bool:
        """A tone is under way."""
        return self._run is not None and not self._missed

    def hear(self, hop: Hop) -> Named | None:
        """The tone that is certain with this hop."""
        self._index += 1
        run = self._run
        if run is None:
            self._begin(hop)
            return None
        if hop.frequency and abs(hop.frequency - run.frequency) < SAME:
            run.last = self._index
            run.powers.append(hop.power)
            run.frequencies.append(hop.frequency)
            del run.powers[:-KEPT], run.frequencies[:-KEPT]
            run.frequency += (hop.frequency - run.frequency) / min(len(run.powers), 10)
            self._missed.clear()
            return self._modem(run)
        self._missed.append(hop.power)
        if len(self._missed) < MISSES and not hop.frequency:
            return None
        quiet = len(self._missed) == MISSES and max(self._missed[1:]) < QUIET * run.power
        self._run, self._missed = None, []
        self._begin(hop)
        self._past.append(run)
        return self._ended(run, quiet)

    def _begin(self, hop: Hop) -> None:
        if hop.frequency:
            self._run = Run(self._index, self._index, hop.frequency, [hop.power], [hop.frequency])

    def _modem(self, run: Run) -> Named | None:
        if run.named or not run.within(MODEM, (MODEM_ON, 99.0)):
            return None
        run.named = True
        return Named("modem_answer", run.first, run.power)

    def _ended(self, run: Run, quiet: bool) -> Named | None:
        if self._information():
            return Named("sit", self._past[0].first, run.power)
        if run.named or not quiet:
            return None
        if run.within(FAX, FAX_ON):
            return Named("fax", run.first, run.power)
        return Named("beep", run.first, run.power) if run.within(BEEP, BEEP_ON) and run.steady else None

    def _information(self) -> bool:
        parts = [run for run in self._past if run.seconds > JOINED]
        if len(parts) < len(SIT) or not all(run.within(hertz, SIT_PART) for run, hertz in zip(parts, SIT, strict=True)):
            return False
        return all((late.first - early.last) * HOP_TIME < JOINED for early, late in pairwise(parts))
