"""One event a call, settled as early as it may be, and none that the exchange took back."""

import pytest

from gateway.numbers import PhoneNumber, Withheld
from gateway.protocols.incoming import (
    GRACE,
    QUIET,
    RINGING_STOPPED,
    CallEvent,
    Incoming,
    IncomingCalls,
    Masked,
    Rang,
    Stopped,
)

MOBILE = PhoneNumber("+819012345678")
SHOP = PhoneNumber("+81312345678")
RING = "RING"
NUMBER = "NMBR = 09012345678"
NAME = "NAME = TARO"
OTHER = "NMBR = 0312345678"
MASK = "NMBR = O"
TIMELESS = 0.0


def heard(
    *script: tuple[float, str], until: float = 60.0, calls: IncomingCalls | None = None
) -> list[tuple[float, CallEvent]]:
    """Feed lines at their times and tick exactly at the deadlines between; what was said and when."""
    calls = calls or IncomingCalls("JP")
    events: list[tuple[float, CallEvent]] = []
    for at, line in (*script, (until, "")):
        while (due := calls.deadline) is not None and due < at:
            events += [(due, event) for event in calls.tick(due)]
        if line:
            events += [(at, event) for event in calls.line(line, at) or []]
    return [(round(at, 3), event) for at, event in events if not isinstance(event, Rang)]


def test_a_complete_caller_id_is_settled_within_a_blink() -> None:
    events = heard((0, RING), (3.0, "DATE = 0106"), (3.01, NUMBER), (3.02, NAME), until=4)
    assert events == [(round(3.02 + GRACE, 3), Incoming(MOBILE, 3.02))]


def test_a_number_alone_is_settled_after_a_quiet_quarter_second() -> None:
    assert heard((0, RING), (3.0, NUMBER), until=4) == [(round(3.0 + QUIET, 3), Incoming(MOBILE, 3.0))]


def test_a_bare_number_is_a_caller_id_only_while_the_line_rings() -> None:
    assert heard((0, RING), (3.0, "09012345678"), until=4) == [(3.25, Incoming(MOBILE, 3.0))]
    assert heard((3.0, "09012345678")) == []


def test_a_caller_id_before_the_first_ring_is_settled_as_early() -> None:
    events = heard((1.0, NUMBER), (1.01, NAME), (1.4, RING), (4.4, RING), until=9)
    assert events == [(round(1.01 + GRACE, 3), Incoming(MOBILE, 1.01))]


def test_the_next_ring_settles_what_has_been_said() -> None:
    assert heard((0, RING), (3.0, NUMBER), (3.1, RING), until=4) == [(3.1, Incoming(MOBILE, 3.0))]


def test_without_a_caller_id_the_second_ring_settles_that_there_is_none() -> None:
    assert heard((0, RING), (3.0, RING), (6.0, RING), until=9) == [(3.0, Incoming(Withheld("O"), 3.0))]
    assert heard((0, RING), (1.0, "DATE = 0106"), (3.0, RING), until=9) == [(3.0, Incoming(Withheld("O"), 3.0))]


def test_two_reports_of_one_burst_are_one_ring() -> None:
    assert heard((0, RING), (0.6, RING), (2.0, NUMBER), (2.01, NAME), until=3) == [
        (round(2.01 + GRACE, 3), Incoming(MOBILE, 2.01))
    ]


@pytest.mark.parametrize("after", [0.001, 0.9 * GRACE])
def test_a_number_masked_in_the_same_burst_never_appears(after: float) -> None:
    events = heard((0, RING), (3.0, NUMBER), (3.01, NAME), (3.01 + after, MASK), until=4)
    assert [event for _, event in events] == [Incoming(Withheld("O"), 3.01 + after)]


def test_a_number_alone_masked_within_the_quiet_never_appears() -> None:
    events = heard((0, RING), (3.0, NUMBER), (3.24, MASK), until=4)
    assert [event for _, event in events] == [Incoming(Withheld("O"), 3.24)]


@pytest.mark.parametrize("script", [((3.2, MASK),), ((3.2, RING), (3.3, MASK)), ((3.2, "NMBR = P"), (4.0, MASK))])
def test_a_number_masked_later_is_taken_back(script: tuple[tuple[float, str], ...]) -> None:
    events = heard((0, RING), (3.0, NUMBER), (3.01, NAME), *script, until=5)
    assert isinstance(events[0][1], Incoming)
    assert all(isinstance(event, Masked) for _, event in events[1:])
    assert events[1:]


def test_a_number_masked_while_we_are_off_hook_is_taken_back() -> None:
    calls = IncomingCalls("JP")
    heard((0, RING), (3.0, NUMBER), (3.01, NAME), until=3.1, calls=calls)
    calls.answered()
    assert heard((3.2, MASK), until=60, calls=calls) == [(3.2, Masked(Withheld("O")))]


def test_another_number_in_the_same_burst_is_a_contradiction() -> None:
    assert heard((0, RING), (3.0, NUMBER), (3.01, OTHER), until=4)[0][1] == Incoming(Withheld("?"), 3.01)
    assert heard((0, RING), (3.0, NUMBER), (3.3, OTHER), until=4)[1][1] == Masked(Withheld("?"))


def test_a_caller_who_gives_up_is_noticed_after_a_missed_ring_period() -> None:
    events = heard((0, RING), (3.0, NUMBER), (3.01, NAME), (6.0, RING), until=30)
    assert events[1:] == [(6.0 + RINGING_STOPPED, Stopped())]


def test_a_single_ring_without_caller_id_leaves_nothing_behind() -> None:
    calls = IncomingCalls("JP")
    assert heard((0, RING), until=30, calls=calls) == []
    assert heard((30, RING), (33, NUMBER), (33.01, NAME), until=34, calls=calls)[0][1] == Incoming(MOBILE, 33.01)


def test_the_next_call_after_one_that_was_given_up_is_another() -> None:
    first = ((0.0, RING), (3.0, NUMBER), (3.01, NAME), (6.0, RING))
    second = ((20.0, RING), (23.0, OTHER), (23.01, NAME))
    events = [event for _, event in heard(*first, *second, until=24)]
    assert events == [Incoming(MOBILE, 3.01), Stopped(), Incoming(SHOP, 23.01)]


def test_a_call_that_was_answered_does_not_stop_ringing_but_ends() -> None:
    calls = IncomingCalls("JP")
    heard((0, RING), (3.0, NUMBER), (3.01, NAME), until=3.1, calls=calls)
    calls.answered()
    assert heard(until=30, calls=calls) == []
    calls.reset()
    assert heard((31, RING), (34, OTHER), (34.01, NAME), until=35, calls=calls) == [
        (round(34.01 + GRACE, 3), Incoming(SHOP, 34.01))
    ]


TIMELESS_SCRIPTS = {
    "US order": (RING, NUMBER, NAME, RING, RING),
    "UK order": (NUMBER, NAME, RING, RING),
    "end of input": (RING, NUMBER),
    "end of input before the first ring": (NUMBER,),
    "ring after ring": (RING, NUMBER, RING, RING, RING, RING),
}


def timeless(*lines: str) -> list[CallEvent]:
    calls = IncomingCalls("JP", same_burst=0.0)
    events = [event for line in lines for event in calls.line(line, TIMELESS) or []]
    return [event for event in events + calls.end() if not isinstance(event, Rang)]


@pytest.mark.parametrize("name", TIMELESS_SCRIPTS)
def test_without_a_clock_each_call_is_settled_once(name: str) -> None:
    assert timeless(*TIMELESS_SCRIPTS[name]) == [Incoming(MOBILE, 0)]


@pytest.mark.parametrize(
    "lines",
    [
        (RING, NUMBER, NAME, MASK, RING),
        (RING, NUMBER, MASK),
        (NUMBER, NAME, MASK, RING),
        (RING, RING),
        (RING,),
    ],
)
def test_without_a_clock_a_masked_or_missing_number_is_withheld(lines: tuple[str, ...]) -> None:
    assert timeless(*lines) == [Incoming(Withheld("O"), 0)]


@pytest.mark.parametrize(
    "lines",
    [
        (RING, NUMBER, NAME, RING, RING, RING, OTHER, NAME, RING),
        (RING, NUMBER, RING, OTHER, RING),
        (NUMBER, RING, OTHER, RING),
        (NUMBER, RING, RING, OTHER, RING, RING),
        (RING, NUMBER, RING, RING, RING, OTHER, RING, RING),
    ],
)
def test_without_a_clock_a_second_call_is_told_from_the_first(lines: tuple[str, ...]) -> None:
    assert timeless(*lines) == [Incoming(MOBILE, 0), Incoming(SHOP, 0)]


def test_without_a_clock_a_withheld_call_after_a_known_one_is_told_from_a_mask() -> None:
    us = timeless(RING, NUMBER, RING, RING, RING, MASK, RING)
    uk = timeless(NUMBER, RING, RING, MASK, RING)
    short_us = timeless(RING, "DATE = 0106", NUMBER, RING, "DATE = 0106", MASK, RING)
    short_uk = timeless("DATE = 0106", NUMBER, RING, "DATE = 0106", MASK, RING)
    assert us == uk == short_us == short_uk == [Incoming(MOBILE, 0), Incoming(Withheld("O"), 0)]


@pytest.mark.parametrize(
    "lines",
    [
        (RING, NUMBER, RING, MASK, RING),
        (NUMBER, RING, MASK, RING),
    ],
)
def test_without_a_clock_a_mask_that_lags_behind_a_ring_is_no_call(lines: tuple[str, ...]) -> None:
    assert timeless(*lines) == [Incoming(MOBILE, 0), Masked(Withheld("O"))]


def test_the_second_call_in_a_row_is_masked_like_the_first() -> None:
    two_calls = (RING, OTHER, RING, RING, RING, NUMBER, RING, MASK)
    assert timeless(*two_calls) == [Incoming(SHOP, 0), Incoming(MOBILE, 0), Masked(Withheld("O"))]


def test_a_caller_id_after_the_second_ring_comes_too_late_to_be_a_call_of_its_own() -> None:
    assert timeless(RING, RING, NUMBER, RING) == [Incoming(Withheld("O"), 0)]
    assert timeless(RING, RING, RING, NUMBER, RING) == [Incoming(Withheld("O"), 0), Incoming(MOBILE, 0)]
