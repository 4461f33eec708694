"""Signs that somebody is using the box to earn money with our calls. An alarm calls a person; it forbids nothing."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.numbers import PhoneNumber
from gateway.settings import AlarmSettings

HOUR = 3600.0
BURST = 600.0
"""Seconds within which short calls are counted."""
SILENCE = 600.0
"""Seconds for which an alarm is not repeated."""


@dataclass(frozen=True)
class Alarm:
    """One alarm. Times are Unix seconds; a number in it is masked."""

    at: float
    kind: str
    says: str


@dataclass
class Alarms:
    """What the last hour looked like. ``regions``: those that have been served before."""

    settings: AlarmSettings
    regions: set[str] = field(default_factory=set)
    sink: Callable[[Alarm], None] = lambda _: None
    """Where alarms go."""
    served: Callable[[str, float], None] = lambda region, at: None
    """Told of a region that is served for the first time."""
    _asked: deque[tuple[float, int]] = field(default_factory=deque)
    _short: deque[float] = field(default_factory=deque)
    _raised: dict[str, float] = field(default_factory=dict)

    def asked(self, number: PhoneNumber, at: float) -> None:
        """``number``, which may be called by its kind, has been asked for."""
        if number.region not in self.regions:
            if self.regions:
                self._raise(at, "new region", f"the first call for {number.region or 'an unknown region'}")
            self.regions.add(number.region)
            self.served(number.region, at)
        digits = int(number.e164[1:])
        while self._asked and self._asked[0][0] < at - HOUR:
            self._asked.popleft()
        self._asked.append((at, digits))
        run = _run({each for _, each in self._asked}, digits)
        if run >= self.settings.sequential:
            self._raise(at, "sequential numbers", f"{run} numbers in a row within the hour, {number} the last")

    def ended(self, talk_seconds: float, at: float) -> None:
        """An answered call-back has ended."""
        if talk_seconds >= self.settings.short_call:
            return
        while self._short and self._short[0] < at - BURST:
            self._short.popleft()
        self._short.append(at)
        if len(self._short) >= self.settings.short_calls:
            limit = f"{self.settings.short_call:g} s"
            self._raise(at, "short calls", f"{len(self._short)} answered calls of less than {limit} in ten minutes")

    def spent(self, share: float, at: float) -> None:
        """So large a ``share`` of the day's cap was booked within the last hour."""
        if share >= self.settings.spend_hour:
            self._raise(at, "spend slope", f"{share:.0%} of policy.spend_day within the hour")

    def _raise(self, at: float, kind: str, says: str) -> None:
        if at - self._raised.get(kind, -SILENCE) >= SILENCE:
            self._raised[kind] = at
            self.sink(Alarm(at, kind, says))


def _run(numbers: set[int], member: int) -> int:
    """How many of ``numbers`` stand in one unbroken row with ``member``."""
    first = last = member
    while first - 1 in numbers:
        first -= 1
    while last + 1 in numbers:
        last += 1
    return last - first + 1
