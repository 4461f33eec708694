"""From bursts in the progress band, and the pauses between them, to the name of the tone."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.audio.tones_burst import Beat, Burst, Past, Run
from gateway.audio.tones_spectrum import Hop
from gateway.audio.tones_table import ProgressTone

MISSES = 3
"""Hops without the tone, 60 ms, that end a burst; Japan's ringback is gone for one or two in each of its waves."""
LOOK_EVERY = 5
"""Hops from one look at a long burst under way to the next; at a short one after a like one every hop counts."""
REMEMBERED = 4
"""Bursts, of whatever kind, after which another like one is looked at before its end."""
SHORTEST = 0.1
"""Seconds that a burst lasts."""
AGAIN = 0.1
"""Seconds of a burst after which the burst and the pause before it may tell what it is, if just one goes on so; ..."""
LIKE_ENOUGH = 0.13
"""... if it is not for certain the same tone again; ..."""
AFTER_CUT = 0.17
"""... and if the burst before may lack its beginning."""
RISING = 0.3
"""Seconds of a burst after which ringback is named if nothing else has its frequencies, or if one has been before."""
WAVES = 0.45
"""Seconds that show a modulation."""
RAGGED = 0.1
"""Seconds by which a word that runs into a cadence's first burst may make that longer."""
CUT = 0.7
"""Share of the first burst that may be missing."""
DIAL = 0.7
"""Least seconds of a tone that goes on and on."""
ENGAGED_HZ = (340.0, 640.0)
ENGAGED_SPREAD = 80.0
"""Most that the power of two tones is spread by, Hz: 480 and 620 Hz, the widest, have 72."""
ENGAGED_RIPPLE = 0.5
"""Most that their level may wander, dB."""
ENGAGED_ON = (0.12, 0.8)
"""Seconds on and off that "engaged" has anywhere in the world; ..."""
ENGAGED_RATIO = 2.5
"""... neither of them so many times the other; ..."""
CONGESTION = 0.31
"""... shorter ones mean congestion."""


@dataclass(frozen=True)
class Named:
    """A tone, the hop in which it began, and its power as a share of a full-scale sine's."""

    name: str
    began: int
    power: float


class Cadence:
    """Takes hops, names the tones of ``rows``; the first that fits counts."""

    def __init__(self, rows: Sequence[ProgressTone]) -> None:
        self._rows = rows
        self._past = Past()
        self._run: Run | None = None
        self._missed: list[Hop] = []
        self._bursts: deque[Burst] = deque(maxlen=REMEMBERED)
        self._told: tuple[int, ProgressTone] | None = (
            None  # last hop of the last burst that was recognised, and as what
        )
        self._ringing: tuple[ProgressTone, Burst] | None = None

    @property
    def sounding(self) -> bool:
        """A burst is under way."""
        return self._run is not None and not self._missed

    def hear(self, hop: Hop) -> Named | None:
        """The tone that is certain with this hop."""
        self._past.add(hop)
        run = self._run
        if run is None or run.outdone_by(hop):
            self._missed.clear()
            self._run = Run(self._past.index, hop) if hop.in_band else None
            return None
        if run.holds(hop):
            run.add(self._past.index, hop)
            self._missed.clear()
            return self._go_on(run) if self._look(run) else None
        self._missed.append(hop)
        return self._over(run) if len(self._missed) == MISSES else None

    def _look(self, run: Run) -> bool:
        """Whether it is time for a look."""
        if run.named or (run.seconds < DIAL and self._goes_on()):
            return False
        hops = run.last - run.first + 1
        if run.seconds >= RISING:
            return hops % LOOK_EVERY == 0
        return run.seconds > AGAIN and any(run.like(burst) for burst in self._bursts)

    def _goes_on(self) -> bool:
        """Whether the last burst has been named; ringback is named again."""
        if self._told is None:
            return False
        last, row = self._told
        return last == self._bursts[-1].last and row.name != "ringback"

    def _go_on(self, run: Run) -> Named | None:
        """What the burst is by now, if that can be known before its end."""
        if (beat := self._past.beat(run)) is None:
            return None
        named = self._by_pause(beat) or (self._by_itself(beat) if run.seconds >= RISING else None)
        run.named = named is not None
        return named

    def _by_pause(self, beat: Beat) -> Named | None:
        """What only can go on so after the burst before and the pause."""
        rows = [row for row in self._rows if row.cadence and _sounds_like(row, beat)]
        names = _becoming(rows, beat, cut=True)
        if len(names) != 1 or (beat.seconds < AFTER_CUT and names != _becoming(rows, beat, cut=False)):
            return None
        return self._named(names.pop(), beat) if beat.repeats or beat.seconds > LIKE_ENOUGH else None

    def _by_itself(self, beat: Beat) -> Named | None:
        """Ringback in its first burst, or in any after it; a tone that is longer than any burst."""
        if beat.burst.fades:
            return None
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

    def _over(self, run: Run) -> Named | None:
        """The run has ended; what was heard since may be the beginning of another, weaker one."""
        missed, self._missed, self._run = self._missed, [], None
        named = self._end(run)
        for age, hop in zip(range(MISSES - 1, -1, -1), missed, strict=True):
            if self._run is None and hop.in_band:
                self._run = Run(self._past.index - age, hop)
            elif self._run is not None and self._run.holds(hop):
                self._run.add(self._past.index - age, hop)
        return named

    def _end(self, run: Run) -> Named | None:
        beat = self._past.beat(run)
        if beat is None or beat.seconds < SHORTEST:
            return None
        if beat.burst.last > self._past.index - MISSES + 1:
            return None  # it was but a word that is louder than the tone, which goes on
        self._bursts.append(beat.burst)
        row = self._recognise(beat)
        if row is None:
            return None
        named = self._named(row.name, beat)
        self._told = (beat.burst.last, row)
        if row.name == "ringback":
            self._ringing = (row, beat.burst)
            if run.named:
                return None
        return named

    def _row_of(self, beat: Beat | None) -> ProgressTone | None:
        """What a beat was recognised as."""
        if beat is None or self._told is None:
            return None
        hop, row = self._told
        return row if abs(beat.burst.last - hop) < MISSES else None

    def _named(self, name: str, beat: Beat) -> Named:
        """With the burst before, unless that has been named itself."""
        first = beat if beat.before is None or self._row_of(beat.before) is not None else beat.before
        return Named(name, first.burst.first, beat.burst.power)

    def _recognise(self, beat: Beat) -> ProgressTone | None:
        row_before = self._row_of(beat.before)
        if row_before is not None and _cut_off(beat, row_before):
            return None
        for row in self._rows:
            if row.cadence and _sounds_like(row, beat) and _keeps_time(row, beat):
                return row
        return _regular(beat)


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
    return any(_near(beat.seconds, on) for on in _next_bursts(row, beat, cut=True))


def _becoming(rows: Sequence[ProgressTone], beat: Beat, *, cut: bool) -> set[str]:
    """Names of those that can go on with this burst, which is under way."""
    return {row.name for row in rows for on in _next_bursts(row, beat, cut=cut) if _may_become(beat.seconds, on)}


def _next_bursts(row: ProgressTone, beat: Beat, *, cut: bool) -> list[float]:
    """Seconds that the row's burst would have after the burst before and the pause between, wherever they fit.

    ``cut``: the first burst of all may lack its beginning: whoever is put through hears it from some moment on. Not
    of ringback, which has time.
    """
    if beat.before is None or beat.pause is None:
        return []
    twice = row.cadence * 2
    paused = beat.before.pause is not None and any(_near(beat.before.pause, off) for off in row.cadence[1::2])
    missing = CUT if cut and beat.repeats and not paused and row.name != "ringback" else 0.0
    return [
        twice[at + 2]
        for at in range(0, len(row.cadence), 2)
        if _near(beat.before.seconds, twice[at], RAGGED, missing * twice[at]) and _near(beat.pause, twice[at + 1])
    ]


def _longest(rows: Sequence[ProgressTone]) -> float:
    """Seconds after which a burst is longer than any of these have."""
    return max([DIAL, *(1.1 * on + 0.1 for row in rows for on in row.cadence[0::2])])


def _may_become(seconds: float, wanted: float) -> bool:
    """Whether a burst under way can still have the wanted length."""
    return seconds < 0.02 + 1.05 * wanted


def _near(seconds: float, wanted: float, more: float = 0.0, less: float = 0.0) -> bool:
    return -0.03 - 0.1 * wanted - less < seconds - wanted < 0.03 + 0.1 * wanted + more


def _regular(three: Beat) -> ProgressTone | None:
    """Three short bursts alike and evenly spaced: "engaged" of one kind or the other in any country."""
    two = three.before
    one = two.before if two is not None else None
    if one is None or two is None or two.pause is None or three.pause is None:
        return None
    even = _near(one.seconds, two.seconds) and _near(two.seconds, three.seconds) and _near(two.pause, three.pause)
    same = three.repeats and two.repeats
    short = all(ENGAGED_ON[0] < seconds < ENGAGED_ON[1] for seconds in (three.seconds, three.pause))
    short = short and 1 / ENGAGED_RATIO < three.seconds / three.pause < ENGAGED_RATIO
    signature = three.burst.signature
    pure = all(beat.burst.signature.ripple < ENGAGED_RIPPLE for beat in (one, two, three))
    pure = pure and signature.spread < ENGAGED_SPREAD
    if not (even and same and short and pure) or not ENGAGED_HZ[0] < signature.centre < ENGAGED_HZ[1]:
        return None
    return ENGAGED["congestion" if three.seconds < CONGESTION else "busy"]


ENGAGED = {name: ProgressTone(name, (425.0,), (0.5, 0.5)) for name in ("busy", "congestion")}
