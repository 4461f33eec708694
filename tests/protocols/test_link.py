"""The link's sender against a network that is simulated event by event: it loses, delays, doubles and reorders."""

import heapq
import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocols import frames, link, routes
from gateway.protocols.frames import Ack, Letter, Ping, Pong
from gateway.protocols.link import Parcel, Rebuild, Send, Sender
from gateway.protocols.routes import RouteState

CALL, ORDER, REPORT, SOUND = 0, 1, 2, 3


class Way:
    """What one route does to frames just now. ``delay`` is one way, in seconds."""

    def __init__(self, delay: float = 0.001) -> None:
        self.delay, self.jitter = delay, 0.0
        self.loss = self.doubling = 0.0
        self.carries = True


class Lab:
    """A sender, a receiver that remembers what it has on disk, and ways between them, on simulated time."""

    def __init__(self, ways: int = 2, *, delay: float = 0.001, seed: int = 0, commit: float = 0.0) -> None:
        self.sender = Sender(ways, ack_floor=0.5)
        self.ways = [Way(delay) for _ in range(ways)]
        self.now = 0.0
        self.random = random.Random(seed)
        self.commit = commit
        self.applied: list[int] = []
        self.arrived: list[tuple[float, int, int]] = []
        self.settled: dict[str, float] = {}
        self.rebuilt: list[tuple[float, int]] = []
        self.refuses: set[int] = set()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._tie = itertools.count()

    def at(self, time: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time, next(self._tie), what))

    def post(self, *sequences: int, rank: int = CALL, body: bytes = b"") -> None:
        parcels = [Parcel(rank, each, f"id{each}", frames.pack(Letter(each, body))) for each in sequences]
        self.sender.post(parcels)

    def run(self, until: float) -> None:
        while True:
            self._act()
            wake = self.sender.deadline
            event = self._events[0][0] if self._events else float("inf")
            if min(wake, event) > until:
                self.now = until
                return
            self.now = max(self.now, min(wake, event))
            if event <= wake:
                heapq.heappop(self._events)[2]()

    def _act(self) -> None:
        for step in self.sender.due(self.now):
            if isinstance(step, Rebuild):
                self.rebuilt.append((self.now, step.route))
                self._connect(step.route)
            else:
                self._carry(step, lambda frame, route=step.route: self._receive(route, frame))

    def _connect(self, route: int) -> None:
        if self.ways[route].carries:
            self.sender.joined(route, self.now)
        else:
            self.at(self.now + 0.4, lambda: self._connect(route))

    def _carry(self, step: Send, arrive: Callable[[bytes], None]) -> None:
        way = self.ways[step.route]
        for _ in range(1 + (self.random.random() < way.doubling)):
            if way.carries and self.random.random() >= way.loss:
                delay = way.delay + self.random.random() * way.jitter
                self.at(self.now + delay, lambda: way.carries and arrive(step.frame))

    def _receive(self, route: int, data: bytes) -> None:
        match frames.unpack(data):
            case Letter(sequence, _):
                self.arrived.append((self.now, route, sequence))
                if sequence in self.refuses:
                    return
                self.at(self.now + self.commit, lambda: self._commit(route, sequence))
            case Ping(count):
                self._answer(route, Pong(count))

    def _commit(self, route: int, sequence: int) -> None:
        if sequence not in self.applied:
            self.applied.append(sequence)
        self._answer(route, Ack((sequence,)))

    def _answer(self, route: int, frame: Ack | Pong) -> None:
        self._carry(Send(route, frames.pack(frame)), lambda data: self._hear(route, data))

    def _hear(self, route: int, data: bytes) -> None:
        match frames.unpack(data):
            case Ack(sequences):
                for settled in self.sender.acknowledged(route, sequences, self.now):
                    assert settled not in self.settled, "settled twice"
                    self.settled[settled] = self.now
                assert set(sequences) <= set(self.applied), "acknowledged before it was on disk"
            case Pong(count):
                self.sender.ponged(route, count, self.now)


def up(lab: Lab) -> Lab:
    lab.run(0.2)
    assert lab.sender.routes[0].state is RouteState.UP
    return lab


def test_letters_go_by_the_preferred_route_and_settle_in_one_round_trip() -> None:
    lab = up(Lab(delay=0.010))
    lab.post(1, 2, 3)
    lab.run(0.3)
    assert [route for _, route, _ in lab.arrived] == [0, 0, 0]
    assert lab.settled == pytest.approx({"id1": 0.22, "id2": 0.22, "id3": 0.22})


def test_calls_go_before_orders_before_reports_before_recordings() -> None:
    lab = up(Lab(ways=1))
    lab.post(1, rank=SOUND)
    lab.post(2, rank=REPORT)
    lab.post(3, rank=ORDER)
    lab.post(4, rank=CALL)
    lab.run(0.3)
    assert [sequence for _, _, sequence in lab.arrived] == [4, 3, 2, 1]


def test_nothing_is_sent_before_the_route_has_answered() -> None:
    lab = Lab(ways=1)
    lab.ways[0].carries = False
    lab.post(1)
    lab.run(3)
    lab.ways[0].carries = True
    lab.run(4)
    assert [sequence for _, _, sequence in lab.arrived] == [1]
    assert list(lab.settled) == ["id1"]


def test_a_new_connection_is_in_use_at_once() -> None:
    lab = Lab(ways=1, delay=0.075)
    lab.sender.joined(0, 0.0)
    lab.post(1)
    lab.run(0.2)
    assert lab.settled == pytest.approx({"id1": 0.15})


@pytest.mark.parametrize("round_trip, patience", [(0.0, 0.1), (0.2, 0.62), (0.6, 1.86)])
def test_tries_to_connect_are_as_short_as_the_way_allows_with_ever_longer_ones_between(
    round_trip: float, patience: float
) -> None:
    sender = Sender(1, ack_floor=0.5)
    sender.joined(0, 0.0)
    sender.due(0.0)
    sender.ponged(0, 1, round_trip)
    steps = [step for tick in range(1, 4000) for step in sender.due(tick * 0.1)]
    tries = [step.connecting.within for step in steps if isinstance(step, Rebuild)]
    assert tries[:4] == pytest.approx([patience, 2 * patience, patience, 4 * patience])
    assert max(tries) == routes.LONGEST_CONNECT
    pauses = [step.connecting.pause for step in steps if isinstance(step, Rebuild)]
    assert pauses == [routes.HURRY] * routes.HURRIED + [routes.PATIENCE] * (len(pauses) - routes.HURRIED)


@pytest.mark.parametrize(
    "delay, jitter, least, most", [(0.001, 0.0, 0.1, 0.1), (0.075, 0.0, 0.16, 0.17), (0.075, 0.1, 0.2, 0.6)]
)
def test_a_steady_way_makes_tries_as_short_as_its_answers_take_and_an_unsteady_one_longer(
    delay: float, jitter: float, least: float, most: float
) -> None:
    lab = up(Lab(ways=1, delay=delay))
    lab.ways[0].jitter = jitter
    for each in range(200):
        lab.at(1 + each * 0.1, lambda each=each: lab.post(each + 1))
    lab.run(22)
    connecting, _ = lab.sender.routes[0].next_connection()
    assert least <= connecting.within <= most


def test_a_connection_that_libzmq_does_not_get_back_is_made_anew() -> None:
    lab = up(Lab(ways=1))
    lab.ways[0].carries = False
    lab.sender.lost(0, lab.now)
    lab.run(6)
    assert len(lab.rebuilt) == 1


@pytest.mark.parametrize("delay, limit", [(0.001, 0.55), (0.075, 0.85)], ids=["no delay", "150 ms round trip"])
def test_a_black_hole_is_left_for_the_other_route_within_the_ack_time(delay: float, limit: float) -> None:
    lab = up(Lab(delay=delay))
    lab.run(1)
    lab.ways[0].carries = False
    lab.post(1)
    lab.run(10)
    assert lab.settled["id1"] - 1 <= limit + 2 * delay
    assert lab.arrived[-1][1] == 1


def test_a_black_hole_amid_traffic_is_left_within_the_ack_time_of_the_last_answer() -> None:
    lab = up(Lab())
    for each in range(1, 101):
        lab.at(1 + each * 0.02, lambda each=each: lab.post(each))
    lab.at(2.0, lambda: setattr(lab.ways[0], "carries", False))
    lab.run(10)
    assert len(lab.settled) == 100
    assert min(time for time, route, _ in lab.arrived if route == 1) - 2.0 <= 0.6


def test_what_is_under_way_when_a_route_dies_right_after_an_answer_does_not_wait_longer() -> None:
    lab = up(Lab(commit=0.05))
    lab.at(1.0, lambda: lab.post(1))
    lab.at(1.04, lambda: lab.post(2))
    lab.at(1.06, lambda: setattr(lab.ways[0], "carries", False))
    lab.run(5)
    assert lab.settled["id1"] < 1.06
    assert lab.settled["id2"] < 1.06 + 0.6


def test_all_that_is_under_way_on_a_dead_route_goes_by_the_other_at_once() -> None:
    lab = up(Lab())
    lab.at(1.0, lambda: setattr(lab.ways[0], "carries", False))
    lab.at(1.0, lambda: lab.post(1))
    lab.at(1.45, lambda: lab.post(2))
    lab.run(5)
    assert lab.settled["id2"] < 1.55


def test_an_ack_that_comes_after_all_saves_the_repetition() -> None:
    lab = up(Lab(ways=1))
    lab.ways[0].carries = False
    lab.post(1)
    lab.run(3)
    assert lab.sender.acknowledged(0, [1], lab.now) == ["id1"]
    lab.ways[0].carries = True
    lab.run(10)
    assert lab.arrived == []


def test_at_most_64_letters_are_under_way_also_after_some_were_stuck() -> None:
    lab = up(Lab(ways=1))
    lab.refuses = set(range(1, 65))
    lab.post(*range(1, 65))
    lab.run(20)
    lab.refuses = set()
    lab.run(90)
    assert len(lab.settled) == 64
    lab.commit = 1e6
    lab.post(*range(101, 301))
    before = len(lab.arrived)
    lab.run(90.2)
    assert len(lab.arrived) - before == link.WINDOW


def test_the_preferred_route_is_back_in_use_within_a_second_of_healing() -> None:
    lab = up(Lab())
    for each in range(1, 401):
        lab.at(1 + each * 0.05, lambda each=each: lab.post(each))
    lab.at(2.0, lambda: setattr(lab.ways[0], "carries", False))
    lab.at(12.0, lambda: setattr(lab.ways[0], "carries", True))
    lab.run(30)
    assert len(lab.settled) == 400
    assert min(time for time, route, _ in lab.arrived if route == 0 and time > 12) - 12 <= 0.5


def test_a_silent_route_gets_a_new_connection() -> None:
    lab = up(Lab())
    lab.ways[0].carries = False
    lab.run(4)
    assert [route for _, route in lab.rebuilt] == [0]


def test_a_lost_connection_is_left_at_once() -> None:
    lab = up(Lab(commit=0.2))
    lab.post(1)
    lab.run(0.21)
    lab.sender.lost(0, lab.now)
    lab.run(1)
    assert [route for _, route, _ in lab.arrived] == [0, 1]
    assert lab.settled["id1"] < 0.5


def test_a_slow_disk_at_the_other_end_does_not_condemn_the_route() -> None:
    lab = up(Lab(commit=1.5))
    lab.post(1)
    lab.run(3)
    assert lab.settled
    assert lab.rebuilt == []
    assert {route for _, route, _ in lab.arrived} == {0}


def test_letters_that_the_peer_never_takes_do_not_block_the_others() -> None:
    lab = up(Lab(ways=1))
    lab.refuses = set(range(1, 201))
    lab.post(*range(1, 201))
    lab.run(20)
    lab.post(500)
    lab.run(21)
    assert "id500" in lab.settled


def test_a_letter_that_the_peer_never_takes_is_tried_ever_more_seldom() -> None:
    lab = up(Lab(ways=1))
    lab.refuses = {1}
    lab.post(1)
    lab.run(600)
    assert 15 <= len(lab.arrived) <= 30


def test_at_most_two_large_letters_are_under_way() -> None:
    lab = up(Lab(ways=1, commit=10))
    lab.post(*range(1, 9), rank=SOUND)
    lab.post(100)
    lab.run(0.3)
    assert [sequence for _, _, sequence in lab.arrived] == [100, 1, 2]


def test_a_slow_route_full_of_sound_is_not_taken_for_a_dead_one() -> None:
    lab = up(Lab(delay=0.001, commit=1.0))
    lab.post(1, 2, 3, 4, rank=SOUND)
    lab.run(0.3)
    lab.post(100)
    lab.run(10)
    assert {route for _, route, _ in lab.arrived} == {0}
    assert len(lab.settled) == 5


def test_it_asks_for_more_only_while_it_has_room() -> None:
    sender = Sender(1, ack_floor=0.5)
    assert sender.room(bulk=False) > 0 and sender.room(bulk=True) > 0
    sender.post(Parcel(CALL, each, str(each), b"") for each in range(1, 1 + sender.room(bulk=False)))
    sender.post(Parcel(SOUND, each, str(each), b"") for each in range(1001, 1001 + sender.room(bulk=True)))
    assert sender.room(bulk=False) == 0 and sender.room(bulk=True) == 0


def test_acks_for_unknown_letters_change_nothing() -> None:
    lab = up(Lab())
    assert lab.sender.acknowledged(0, [7, 2**62], lab.now) == []


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    loss=st.floats(0, 0.5),
    doubling=st.floats(0, 0.5),
    jitter=st.floats(0, 0.4),
    commit=st.floats(0, 0.3),
    cuts=st.lists(st.tuples(st.integers(0, 1), st.floats(0.1, 20), st.floats(0.05, 5)), max_size=12),
    losts=st.lists(st.tuples(st.integers(0, 1), st.floats(0.1, 20)), max_size=6),
)
def test_everything_arrives_and_nothing_is_acknowledged_early_through_any_weather(
    seed: int,
    loss: float,
    doubling: float,
    jitter: float,
    commit: float,
    cuts: list[tuple[int, float, float]],
    losts: list[tuple[int, float]],
) -> None:
    lab = Lab(seed=seed, commit=commit)
    for way in lab.ways:
        way.loss, way.doubling, way.jitter = loss, doubling, jitter
    for route, begin, length in cuts:
        lab.at(begin, lambda route=route: setattr(lab.ways[route], "carries", False))
        lab.at(begin + length, lambda route=route: setattr(lab.ways[route], "carries", True))
    for route, time in losts:
        lab.at(time, lambda route=route: lab.sender.lost(route, lab.now))
    for each in range(1, 121):
        rank = lab.random.choice((CALL, ORDER, REPORT, SOUND))
        lab.at(lab.random.uniform(0, 20), lambda each=each, rank=rank: lab.post(each, rank=rank))
    lab.run(25)
    for way in lab.ways:
        way.loss = way.doubling = 0.0
        way.carries = True
    lab.run(25 + 2 * link.LONGEST_RETRY)
    assert sorted(lab.applied) == list(range(1, 121))
    assert sorted(lab.settled) == sorted(f"id{each}" for each in range(1, 121))
