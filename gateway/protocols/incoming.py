"""From rings and caller-ID lines to one event a call, on a line where the modem says no more than that.

When is a caller ID settled? As soon as nothing more can come of it: when the number and the name are there (the
name comes last almost everywhere), plus ``GRACE`` for exchanges that mask the number in the same burst; where only a
number comes, after ``QUIET``; in any case at the next RING after it; and without any, at the second RING, for caller ID
comes before the first ring or between the first two. A caller ID that comes before the first RING is settled as
early as any other.

Nothing tells that the caller gave up but the rings that don't come any more (``RINGING_STOPPED``).

=============  =========================================================================================
state          what happens
=============  =========================================================================================
idle           RING or a caller-ID line: a call begins
open           settled by one of the above; ringing stopped: idle again, nothing was known
settled        a line that withholds: ``Masked``; a caller ID of a next call: that call begins;
               ringing stopped: ``Stopped``, idle
=============  =========================================================================================

Without a clock (a recorded stream) ``now`` stands still: then calls are settled by RING or the end of the input.
"""

import re
from dataclasses import dataclass

from gateway.numbers import CallerId, PhoneNumber, Withheld
from gateway.protocols.caller_id import CallerIdReader, Field, caller_of, read_line

GRACE = 0.010
"""Seconds; a line of caller ID takes a modem 1 ms at 115,200 baud."""
QUIET = 0.250
RINGING_STOPPED = 7.0
"""Seconds without RING: one ring period of 6 s, the longest in use, was missed."""
ONE_RING = 1.5
"""Seconds: RINGs closer than this are one burst, reported twice (or the two of a British double ring)."""

_RING = re.compile(r"RING(?: [A-Z0-9])?")
"""RING, or RING A, RING B, … of a line with distinctive ringing."""


@dataclass(frozen=True)
class Rang:
    """The line rings (one burst)."""


@dataclass(frozen=True)
class Incoming:
    """A call, once: who calls, and when the last line that says so came."""

    caller: CallerId
    complete_at: float


@dataclass(frozen=True)
class Masked:
    """The number given by ``Incoming`` may not be used after all."""

    caller: Withheld


@dataclass(frozen=True)
class Stopped:
    """The caller gave up before anyone answered."""


CallEvent = Rang | Incoming | Masked | Stopped


class IncomingCalls:
    """The calls on one line in ``region``. ``deadline``: when ``tick`` is due, in the seconds of ``now``, or None.

    RINGs closer than ``same_burst`` are one; give 0 where there is no clock.
    """

    def __init__(self, region: str, same_burst: float = ONE_RING) -> None:
        self._region = region
        self._same_burst = same_burst
        self.reset()

    @property
    def deadline(self) -> float | None:
        """When to call ``tick``, unless something comes before."""
        return self._settle_at if self._settle_at is not None else self._stopped_at

    def reset(self, rings: int = 0) -> None:
        """The call is over, or the line was reopened: what comes next is another call, which rang ``rings`` times."""
        self._reader = CallerIdReader(self._region)
        self._rings = rings
        self._rings_before_id = 0
        self._settled = False
        self._answered = False
        self._last_ring: float | None = None
        self._last_line = 0.0
        self._settle_at: float | None = None
        self._stopped_at: float | None = None

    def answered(self) -> None:
        """We are off hook: the rings stop for that reason. A masking line may still come."""
        self._answered, self._stopped_at = True, None

    def ring(self, now: float) -> list[CallEvent]:
        """RING as text, or its report in voice class."""
        events = self.tick(now)
        self._is_ringing(now)
        if self._last_ring is not None and now - self._last_ring < self._same_burst:
            return events
        self._last_ring = now
        self._rings += 1
        events.append(Rang())
        if not self._settled and (self._reader.caller is not None or self._rings >= 2):
            events.append(self._settle(now))
        return events

    def line(self, text: str, now: float) -> list[CallEvent] | None:
        """An unsolicited line; None if it is neither RING nor caller ID."""
        if _RING.fullmatch(text):
            return self.ring(now)
        field = read_line(text)
        if field is None or (field.kind == "bare" and not self._rings):
            return None
        events = self.tick(now)
        if self._settled and self._of_next_call(field):
            self.reset(rings=1 if self._rings_before_id else 0)
        self._is_ringing(now)
        return events + (self._late(field) if self._settled else self._read(field, now))

    def tick(self, now: float) -> list[CallEvent]:
        """Time has passed."""
        events: list[CallEvent] = []
        if self._settle_at is not None and now >= self._settle_at:
            events.append(self._settle(now))
        if self._stopped_at is not None and now >= self._stopped_at:
            if self._settled:
                events.append(Stopped())
            self.reset()
        return events

    def end(self) -> list[CallEvent]:
        """No more input: settle the call that is open, if any."""
        if self._settled or not (self._rings or self._reader.caller is not None):
            return []
        return [self._settle(self._last_line)]

    def _is_ringing(self, now: float) -> None:
        if not self._answered:
            self._stopped_at = now + RINGING_STOPPED

    def _read(self, field: Field, now: float) -> list[CallEvent]:
        if self._reader.caller is None:
            self._rings_before_id = self._rings
        self._reader.read(field)
        self._last_line = now
        if self._reader.caller is not None:
            self._settle_at = now + (GRACE if self._reader.complete else QUIET)
        return []

    def _late(self, field: Field) -> list[CallEvent]:
        before = self._reader.caller
        self._reader.read(field)
        after = self._reader.caller
        return [Masked(after)] if isinstance(after, Withheld) and after != before else []

    def _of_next_call(self, field: Field) -> bool:
        """Whether a line after a settled caller ID belongs to another call.

        No exchange sends the ID again once the line has rung on. A mask alone may lag behind a RING; the beginning of
        a message (its date), or another number, does not.
        """
        since = self._rings - self._rings_before_id
        if since >= (2 if field.kind in ("number", "bare") else 1):
            return True
        said = self._reader.caller
        other = caller_of(field.value, self._region) if field.kind in ("number", "bare") else None
        return since > 0 and isinstance(other, PhoneNumber) and isinstance(said, PhoneNumber) and other != said

    def _settle(self, now: float) -> Incoming:
        self._settled, self._settle_at = True, None
        said = self._reader.caller
        if said is None:
            self._rings_before_id = 1  # where it should have come at the latest
            return Incoming(Withheld("O"), now)
        return Incoming(said, self._last_line)
