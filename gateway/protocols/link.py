"""The link between two boxes without wires or clocks: frames, and what is sent when, by which route, and when again.

``docs/protocol.md`` is the specification. A message travels as the body of a *letter*; the receiver acknowledges its
sequence once the message is on its disk. Until then the sender keeps it and sends it again: delivery is at least
once, and the receiver's inbox makes the effect exactly once.

A route is in one of three states, and letters go by the first route (in order of preference) that is up::

    state     joined or answered   silent for its time-out   connection lost
    DOWN      UP                   DOWN                      DOWN
    UP        UP                   SUSPECT                   DOWN
    SUSPECT   UP                   SUSPECT                   DOWN

"Joined" is a handshake that was completed, "answered" an ack or a pong: both came back the way that we sent.

"Silent" is measured from the first unanswered question, a letter or a ping; at half-time the route is pinged, so that
a receiver that is slow to commit does not condemn its route. The time-out is max(ack floor, 4 × smoothed round trip).
What was under way on a route that is no longer up goes by the next one at once. A route that is not up is pinged
until it answers, so the preferred route is back in use one ping after it heals.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.protocols.frames import Ping, pack
from gateway.protocols.letters import BULK
from gateway.protocols.routes import Connecting, Route, RouteState

WINDOW = 64
"""Letters under way at most."""

BULK_WINDOW = 2
"""Large ones among them at most: an urgent letter waits behind no more than this."""

STUCK = 3
"""Tries after which a letter no longer counts for the window: one that the peer can't take must not block the rest."""

IDLE_PING = 2.0
PROBE = 0.25
REBUILD_AFTER = 0.5
REBUILD_LOST = 5.0
"""Seconds: between pings of a route that is up and idle, and of one that is not; until a silent connection is replaced
by a new one, and until one that was lost is (libzmq tries by itself meanwhile)."""

LONGEST_RETRY = 30.0


@dataclass(frozen=True, slots=True)
class Send:
    """Put ``frame`` on the route with this index."""

    route: int
    frame: bytes


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Give the route a new connection: the old one is silent, and its TCP may wait long before it tries again."""

    route: int
    connecting: Connecting


Step = Send | Rebuild


@dataclass(eq=False, slots=True)
class Parcel:
    """A letter that the peer does not have yet."""

    rank: int
    sequence: int
    id: str
    frame: bytes
    route: int = 0
    sent_at: float = 0.0
    overdue_at: float = 0.0
    tries: int = 0

    @property
    def bulk(self) -> bool:
        """Whether it is a large one."""
        return self.rank >= BULK


class Sender:
    """One peer's outgoing side. ``due(now)`` says what to do; everything else tells it what happened."""

    def __init__(self, routes: int, ack_floor: float) -> None:
        self.routes = [Route() for _ in range(routes)]
        self._floor = ack_floor
        self._ready: list[tuple[int, int, Parcel]] = []
        self._flying: dict[int, Parcel] = {}
        self._stuck = 0
        self._bulk_flying = 0
        self._bulk_held = 0
        self._retry_at = float("inf")

    def post(self, parcels: Iterable[Parcel]) -> None:
        """New letters from the outbox."""
        for parcel in parcels:
            self._bulk_held += parcel.bulk
            self._shelve(parcel)

    def room(self, *, bulk: bool) -> int:
        """How many more letters it would like to have at hand."""
        if bulk:
            return 2 * BULK_WINDOW - self._bulk_held
        return 4 * WINDOW - (len(self._ready) + len(self._flying) - self._stuck - self._bulk_held)

    def acknowledged(self, route: int, sequences: Iterable[int], now: float) -> list[str]:
        """An ack came in: the ids of letters that are settled by it."""
        settled = []
        for sequence in sequences:
            parcel = self._land(sequence)
            if parcel is None:
                continue
            self._bulk_held -= parcel.bulk
            settled.append(parcel.id)
            if parcel.tries == 1 and parcel.route == route:
                self.routes[route].measured(now - parcel.sent_at, bulk=parcel.bulk)
        self._answered(route, now)
        return settled

    def ponged(self, route: int, count: int, now: float) -> None:
        """A pong came in."""
        way = self.routes[route]
        if way.state is RouteState.UP and way.pinged_at is not None and count == way.pings:
            way.measured(now - way.pinged_at, bulk=False)
            way.pinged_at = None
        self._answered(route, now)

    def lost(self, route: int, now: float) -> None:
        """The connection is gone, or nothing can be put on it."""
        way = self.routes[route]
        if way.state is not RouteState.DOWN:
            way.ping_at = now + PROBE
        way.state, way.asked_at = RouteState.DOWN, None
        if way.rebuild_at is None:
            way.rebuild_at = now + REBUILD_LOST
        self._recall(route)

    def joined(self, route: int, now: float) -> None:
        """There is a (new) connection, its handshake done."""
        self._answered(route, now)
        self.routes[route].ping_at = now

    def due(self, now: float) -> list[Step]:
        """What to do now; ask again at ``deadline`` or after any event."""
        steps: list[Step] = []
        for index, way in enumerate(self.routes):
            steps += self._look_after(index, way, now)
        if now >= self._retry_at:
            self._take_back_overdue(now)
        best = self._best()
        if best is not None:
            while (parcel := self._next()) is not None:
                self._fly(parcel, best, now)
                steps.append(Send(best, parcel.frame))
        return steps

    @property
    def deadline(self) -> float:
        """When ``due`` has something to do even if nothing happens."""
        times = [self._retry_at]
        for way in self.routes:
            times.append(way.ping_at)
            if way.asked_at is not None and way.state is RouteState.UP:
                times.append(way.asked_at + self._timeout(way))
            if way.rebuild_at is not None:
                times.append(way.rebuild_at)
        return min(times)

    def _look_after(self, index: int, way: Route, now: float) -> list[Step]:
        steps: list[Step] = []
        if way.state is RouteState.UP and way.asked_at is not None and now >= way.asked_at + self._timeout(way):
            way.state, way.rebuild_at, way.ping_at = RouteState.SUSPECT, now + REBUILD_AFTER, now
            self._recall(index)
        if way.rebuild_at is not None and now >= way.rebuild_at:
            way.state, way.asked_at = RouteState.DOWN, None
            connecting, lasts = way.next_connection()
            way.rebuild_at = now + lasts
            steps.append(Rebuild(index, connecting))
        if now >= way.ping_at:
            way.pings += 1
            way.pinged_at = now
            way.ping_at = now + (IDLE_PING if way.state is RouteState.UP else PROBE)
            self._asked(way, now)
            steps.append(Send(index, pack(Ping(way.pings))))
        return steps

    def _asked(self, way: Route, now: float) -> None:
        if way.state is RouteState.UP and way.asked_at is None:
            way.asked_at = now
            if way.ping_at > now + self._timeout(way) / 2:
                way.ping_at = now + self._timeout(way) / 2

    def _answered(self, index: int, now: float) -> None:
        way = self.routes[index]
        way.state, way.asked_at, way.rebuild_at, way.rebuilds = RouteState.UP, None, None, 0
        way.ping_at = now + IDLE_PING
        if any(parcel.route == index and parcel.tries < STUCK for parcel in self._flying.values()):
            self._asked(way, now)

    def _timeout(self, way: Route) -> float:
        return way.timeout(self._floor, bulk=self._bulk_flying > 0)

    def _best(self) -> int | None:
        return next((index for index, way in enumerate(self.routes) if way.state is RouteState.UP), None)

    def _next(self) -> Parcel | None:
        if not self._ready or len(self._flying) - self._stuck >= WINDOW:
            return None
        if self._bulk_flying >= BULK_WINDOW and self._ready[0][0] >= BULK:
            return None
        return heapq.heappop(self._ready)[2]

    def _fly(self, parcel: Parcel, route: int, now: float) -> None:
        way = self.routes[route]
        wait = self._timeout(way) * 2.0 ** min(parcel.tries, 10)
        parcel.route, parcel.sent_at, parcel.overdue_at = route, now, now + min(wait, LONGEST_RETRY)
        parcel.tries += 1
        self._flying[parcel.sequence] = parcel
        self._stuck += parcel.tries >= STUCK
        self._bulk_flying += parcel.bulk
        self._retry_at = min(self._retry_at, parcel.overdue_at)
        self._asked(way, now)

    def _land(self, sequence: int) -> Parcel | None:
        """Take a letter out of the air, or off the shelf when its ack overtook the decision to send it again."""
        parcel = self._flying.pop(sequence, None)
        if parcel is not None:
            self._stuck -= parcel.tries >= STUCK
            self._bulk_flying -= parcel.bulk
            return parcel
        entry = next((entry for entry in self._ready if entry[1] == sequence and entry[2].tries), None)
        if entry is None:
            return None
        self._ready.remove(entry)
        heapq.heapify(self._ready)
        return entry[2]

    def _take_back_overdue(self, now: float) -> None:
        for parcel in [parcel for parcel in self._flying.values() if now >= parcel.overdue_at]:
            self._take_back(parcel)
        self._retry_at = min((parcel.overdue_at for parcel in self._flying.values()), default=float("inf"))

    def _recall(self, route: int) -> None:
        for parcel in [parcel for parcel in self._flying.values() if parcel.route == route]:
            self._take_back(parcel)
            parcel.tries = min(parcel.tries, 1)  # the route's fault, not the letter's

    def _take_back(self, parcel: Parcel) -> None:
        self._land(parcel.sequence)
        self._shelve(parcel)

    def _shelve(self, parcel: Parcel) -> None:
        heapq.heappush(self._ready, (parcel.rank, parcel.sequence, parcel))
