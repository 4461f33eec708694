"""One way to the peer: how long to wait on it for an answer, and for how long each try to connect may take.

``link.py`` has the table of its states.
"""

from dataclasses import dataclass
from enum import Enum

LONGEST_TIMEOUT = 5.0

SHORTEST_CONNECT = 0.1
UNKNOWN_CONNECT = 1.0
LONGEST_CONNECT = 10.0
SHORT_TRIES = 10.0
"""Seconds. A try to connect gets a little more than the round trip takes, 0.1 at least: short, because TCP repeats a
SYN that was swallowed only after a second. Every 10 s there is a longer one, each twice as long as the one before, in
case the way has become longer."""

HURRY = 0.01
PATIENCE = 0.1
HURRIED = 6
"""Seconds of pause between tries, up to twice as long (libzmq's dice): at first, and from the sixth new connection on,
about half a minute later. A machine that is there but refuses is asked 70 times a second at first, then seven times."""


class RouteState(Enum):
    """See the table above."""

    DOWN = "down"
    UP = "up"
    SUSPECT = "suspect"


@dataclass(frozen=True, slots=True)
class Connecting:
    """How a new connection is tried: ``within`` seconds for each try, ``pause`` seconds between two of them."""

    within: float
    pause: float


@dataclass(slots=True)
class Route:
    """One way to the peer. Times are the caller's monotonic seconds."""

    state: RouteState = RouteState.DOWN
    round_trip: float | None = None
    deviation: float = 0.0
    """By how much round trips differ from the smoothed one."""
    bulk_round_trip: float = 1.0
    asked_at: float | None = None
    """When the first question went out that is still unanswered; None: nothing to wait for."""
    ping_at: float = 0.0
    """When to ping next."""
    pinged_at: float | None = None
    pings: int = 0
    rebuild_at: float | None = None
    rebuilds: int = 0
    """Since it was last up."""

    def timeout(self, floor: float, *, bulk: bool) -> float:
        """Seconds to wait for an answer; longer while large letters fill the route."""
        longest = max(self.round_trip or 0.0, self.bulk_round_trip if bulk else 0.0)
        return min(LONGEST_TIMEOUT, max(floor, 4 * longest))

    def next_connection(self) -> tuple[Connecting, float]:
        """How the next new connection is tried, and the seconds until it is replaced in turn."""
        short = UNKNOWN_CONNECT if self.round_trip is None else self._usual_answer(self.round_trip)
        pause = HURRY if self.rebuilds < HURRIED else PATIENCE
        self.rebuilds += 1
        if self.rebuilds % 2:
            return Connecting(short, pause), SHORT_TRIES
        long = min(LONGEST_CONNECT, short * 2.0 ** (self.rebuilds // 2))
        return Connecting(long, pause), long

    def _usual_answer(self, round_trip: float) -> float:
        """RFC 6298's time-out, with a tenth of the round trip in place of the clock's granularity."""
        return max(SHORTEST_CONNECT, 1.1 * round_trip + 4 * self.deviation)

    def measured(self, seconds: float, *, bulk: bool) -> None:
        """One more round trip, smoothed as TCP does (RFC 6298: 7/8 old, 1/8 new; its deviation 3/4 and 1/4)."""
        if bulk:
            self.bulk_round_trip += (seconds - self.bulk_round_trip) / 8
        elif self.round_trip is None:
            self.round_trip, self.deviation = seconds, seconds / 2
        else:
            self.deviation += (abs(seconds - self.round_trip) - self.deviation) / 4
            self.round_trip += (seconds - self.round_trip) / 8
