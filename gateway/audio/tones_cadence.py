"""From bursts in the progress band, and the pauses between them, to the name of the tone."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.audio.tones_burst import Burst, Rising
from gateway.audio.tones_spectrum import HOP_TIME, Hop
from gateway.audio.tones_table import STEADY, ProgressTone

MISSES = 3
"""Hops without the tone, 60 ms, that end a burst; Japan's ringback is gone for one or two in each of its waves."""
LOUD = 0.35
"""Share of a burst's power, -4.5 dB, that no hop of a pause may have; ..."""
QUIET = 0.13
"""... and -9 dB, that its mean may not: with noise 15 dB below the tone it has 0.03."""
PAST = 300
"""Hops, 6 s, in which the burst before is looked for; the longest pause, 5 s, is in there."""
REMEMBERED = 6
"""Bursts, of whatever kind, among which it is."""
LOOK_EVERY = 5
"""Hops from one look at a burst under way to the next."""
SHORTEST = 0.1
"""Seconds that a burst lasts."""
AGAIN = 0.18
"""Seconds of a burst after which the burst and the pause before it may tell what it is, if only one tone goes on so."""
RISING = 0.3
"""Seconds of a burst after which ringback is named if nothing else has its frequencies, or if one has been before."""
WAVES = 0.45
"""Seconds that show a modulation."""
RAGGED = 0.06
"""Seconds by which a word that runs into a cadence's first burst may make that longer."""
CUT = 0.7
"""Share of the first burst that may be missing."""
DIAL = 0.7
"""Least seconds of a tone that goes on and on."""
ENGAGED_HZ = (340.0, 640.0)
ENGAGED_SPREAD = 80.0
"""Most that the power of two tones is spread by, Hz: 480 and 620 Hz, the widest, have 72."""
ENGAGED_ON = (0.12, 0.8)
"""Seconds on and off that "engaged" has anywhere in the world; ..."""
CONGESTION = 0.31
"""... shorter ones mean congestion."""


@dataclass(frozen=True)
class Named:
    """A tone, the hop in which it began, and its power as a share of a full-scale sine's."""

    name: str
    began: int
    power: float


@dataclass(frozen=True)
class Beat:
    """A burst, and the like burst before it, ``pause`` seconds of quiet away, if there was one."""

    burst: Burst
    pause: float | None = None
    before: "Beat | None" = None
    row: ProgressTone | None = None
    """What it was recognised as."""

    @property
    def seconds(self) -> float:
        """Of the burst."""
        return self.burst.seconds

    @property
    def repeats(self) -> bool:
        """It is the burst before once more, for certain."""
        return self.before is not None and self.burst.repeats(self.before.burst)

    def as_second(self) -> "Beat":
        """With one burst before it at most: three in a row say all that can be said."""
        return replace(self, before=replace(self.before, pause=None, before=None)) if self.before else self


class Cadence:
    """Takes hops, names the tones of ``rows``; the first that fits counts."""

    def __init__(self, rows: Sequence[ProgressTone]) -> None:
        self._rows = rows
        self._index = 0
        self._rising: Rising | None = None
        self._missed: list[Hop] = []
        self._beats: deque[Beat] = deque(maxlen=REMEMBERED)
        self._powers = [0.0]  # of the hops from ``_oldest`` on
        self._oldest = 0
        self._ringing: tuple[ProgressTone, Burst] | None = None

    @property
    def sounding(self) -> bool:
        """A burst is under way."""
        return self._rising is not None and not self._missed

    def hear(self, hop: Hop) -> Named | None:
        """The tone that is certain with this hop."""
        self._index += 1
        self._remember(hop.power)
        rising = self._rising
        if rising is None or rising.outdone_by(hop):
            self._missed.clear()
            self._rising = Rising(self._index, hop) if hop.in_band else None
            return None
        if rising.holds(hop):
            rising.add(self._index, hop)
            self._missed.clear()
            look = (rising.last - rising.first + 1) % LOOK_EVERY == 0 and not rising.named
            return self._go_on(rising) if look else None
        self._missed.append(hop)
        return self._over(rising) if len(self._missed) == MISSES else None

    def _remember(self, power: float) -> None:
        self._powers.append(power)
        if len(self._powers) > 2 * PAST:
            del self._powers[:PAST]
            self._oldest += PAST

    def _pause(self, after: Burst, until: int) -> list[float]:
        """Powers between a burst and the hop ``until``; the hop at the burst's edge does not count."""
        return self._powers[max(after.last + 2 - self._oldest, 0) : until - self._oldest]

    def _beat(self, burst: Burst) -> Beat:
        """With the last like burst, if nothing was louder since than a pause may be."""
        for before in reversed(self._beats):
            if before.burst.last < self._oldest:
                break
            if burst.like(before.burst) and before.burst.last < burst.first:
                if not _quiet(self._pause(before.burst, burst.first - 1), before.burst.power):
                    break
                return Beat(burst, (burst.first - before.burst.last - 1) * HOP_TIME, before.as_second())
        return Beat(burst)

    def _go_on(self, rising: Rising) -> Named | None:
        """What the burst is by now, if that can be known before its end."""
        if rising.seconds < AGAIN or (burst := rising.settle()) is None:
            return None
        beat = self._beat(burst)
        named = self._by_pause(beat) or (self._by_itself(beat) if rising.seconds >= RISING else None)
        rising.named = named is not None
        return named

    def _by_pause(self, beat: Beat) -> Named | None:
        """What only can go on so after the burst before and the pause."""
        if not beat.repeats:
            return None
        rows = [row for row in self._rows if row.cadence and _sounds_like(row, beat)]
        names = {row.name for row in rows for on in _next_bursts(row, beat) if _may_become(beat.seconds, on)}
        return _named(names.pop(), beat) if len(names) == 1 else None

    def _by_itself(self, beat: Beat) -> Named | None:
        rows = [row for row in self._rows if row.fits(beat.burst.signature)]
        if rows and self._rings(rows, beat):
            return Named("ringback", beat.burst.first, beat.burst.power)
        if any(not row.cadence for row in rows) and beat.seconds > _longest(rows):
            return Named("dial", beat.burst.first, beat.burst.power)
        return None

    def _rings(self, rows: list[ProgressTone], beat: Beat) -> bool:
        if self._ringing is not None and beat.pause is not None:
            row, before = self._ringing
            if beat.burst.like(before) and any(_near(beat.pause, off) for off in row.cadence[1::2]):
                return True
        signature = beat.burst.signature
        if signature.modulated:
            return beat.seconds > WAVES and all(row.name == "ringback" for row in rows)
        return all(row.name == "ringback" for row in self._rows if row.centred(signature))

    def _over(self, rising: Rising) -> Named | None:
        """The burst has ended; what was heard since may be the beginning of another, weaker one."""
        missed, self._missed, self._rising = self._missed, [], None
        named = self._end(rising)
        for age, hop in zip(range(MISSES - 1, -1, -1), missed, strict=True):
            if self._rising is None and hop.in_band:
                self._rising = Rising(self._index - age, hop)
            elif self._rising is not None and self._rising.holds(hop):
                self._rising.add(self._index - age, hop)
        return named

    def _end(self, rising: Rising) -> Named | None:
        burst = rising.settle()
        if burst is None or burst.seconds < SHORTEST:
            return None
        beat = self._beat(burst)
        gone = max(self._pause(burst, self._index + 1), default=0.0) < LOUD * burst.power
        row = self._recognise(beat) if gone else None
        self._beats.append(replace(beat, row=row))
        if row is None:
            return None
        if row.name == "ringback":
            self._ringing = (row, burst)
            if rising.named:
                return None
        return _named(row.name, beat)

    def _recognise(self, beat: Beat) -> ProgressTone | None:
        if beat.before is not None and beat.before.row is not None and _cut_off(beat, beat.before.row):
            return None
        for row in self._rows:
            if row.cadence and _sounds_like(row, beat) and _keeps_time(row, beat):
                return row
        return _regular(beat)


def _named(name: str, beat: Beat) -> Named:
    """With the burst before, unless that has been named itself."""
    first = beat if beat.before is None or beat.before.row is not None else beat.before
    return Named(name, first.burst.first, beat.burst.power)


def _quiet(pause: Sequence[float], power: float) -> bool:
    """Whether a pause between bursts of this power is one."""
    return bool(pause) and max(pause) < LOUD * power and sum(pause) < QUIET * power * len(pause)


def _cut_off(beat: Beat, row: ProgressTone) -> bool:
    """Whether it is the row's tone that ended in mid-burst: it says nothing new."""
    short = all(beat.seconds < on and not _near(beat.seconds, on) for on in row.cadence[0::2])
    return short and beat.pause is not None and any(_near(beat.pause, off) for off in row.cadence[1::2])


def _sounds_like(row: ProgressTone, beat: Beat) -> bool:
    """By the cleaner of two like bursts, should there be a word beneath one."""
    return row.fits(beat.burst.signature) or (beat.before is not None and row.fits(beat.before.burst.signature))


def _keeps_time(row: ProgressTone, beat: Beat) -> bool:
    """Whether the last bursts have the row's cadence: one for a long ringback, else two and the pause between."""
    if row.name == "ringback" and len(row.cadence) == 2:
        return _near(beat.seconds, row.cadence[0])
    return any(_near(beat.seconds, on) for on in _next_bursts(row, beat))


def _next_bursts(row: ProgressTone, beat: Beat) -> list[float]:
    """Seconds that the row's burst would have after the burst before and the pause between, wherever they fit.

    The first burst of all may lack its beginning: whoever is put through hears it from some moment on.
    """
    if beat.before is None or beat.pause is None:
        return []
    twice = row.cadence * 2
    cut = CUT if beat.before.pause is None and beat.repeats else 0.0
    return [
        twice[at + 2]
        for at in range(0, len(row.cadence), 2)
        if _near(beat.before.seconds, twice[at], RAGGED, cut * twice[at]) and _near(beat.pause, twice[at + 1])
    ]


def _longest(rows: Sequence[ProgressTone]) -> float:
    """Seconds after which a burst is longer than any of these have."""
    return max([DIAL, *(1.1 * on + 0.1 for row in rows for on in row.cadence[0::2])])


def _may_become(seconds: float, wanted: float) -> bool:
    """Whether a burst under way can still have the wanted length."""
    return seconds < wanted or _near(seconds, wanted)


def _near(seconds: float, wanted: float, more: float = 0.0, less: float = 0.0) -> bool:
    return -0.03 - 0.1 * wanted - less < seconds - wanted < 0.03 + 0.1 * wanted + more


def _regular(three: Beat) -> ProgressTone | None:
    """Three short bursts alike and evenly spaced: "engaged" of one kind or the other in any country."""
    two = three.before
    one = two.before if two is not None else None
    if one is None or two is None or two.pause is None or three.pause is None:
        return None
    even = _near(one.seconds, two.seconds) and _near(two.seconds, three.seconds) and _near(two.pause, three.pause)
    short = all(ENGAGED_ON[0] < seconds < ENGAGED_ON[1] for seconds in (three.seconds, three.pause))
    signature = three.burst.signature
    pure = signature.ripple < STEADY and signature.spread < ENGAGED_SPREAD
    if not even or not short or not pure or not ENGAGED_HZ[0] < signature.centre < ENGAGED_HZ[1]:
        return None
    return ENGAGED["congestion" if three.seconds < CONGESTION else "busy"]


ENGAGED = {name: ProgressTone(name, (425.0,), (0.5, 0.5)) for name in ("busy", "congestion")}
