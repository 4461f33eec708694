"""Which messages may travel."""

import pytest

from gateway.protocols import letters
from gateway.protocols.messages import CallReport, CallRequest, Order, Recording


def test_each_role_may_say_only_its_own() -> None:
    request = CallRequest("r", "+819012345678", 0.0, "", "ja")
    order = Order("o", "r", "+819012345678", "0018", (), 0.0)
    report = CallReport("c", "r", 1, "busy", False, 0.0, 0.0, 0.0)
    sound = Recording("s", "r", "+819012345678", "question", 0.0, 0, 1, b"")
    assert [letters.may_send("domestic", each) for each in (request, order, report, sound)] == [
        True,
        False,
        False,
        False,
    ]
    assert [letters.may_send("overseas", each) for each in (request, order, report, sound)] == [False, True, True, True]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1.0, 1e300])
def test_a_moment_that_no_clock_shows_makes_a_message_implausible(wrong: float) -> None:
    report = CallReport("c", "r", 1, "busy", False, 1.0, 2.0, 3.0)
    assert letters.plausible(report)
    for late in (
        CallReport("c", "r", 1, "busy", False, wrong, 2.0, 3.0),
        CallReport("c", "r", 1, "busy", False, 1.0, wrong, 3.0),
        CallReport("c", "r", 1, "busy", False, 1.0, 2.0, wrong),
        CallRequest("r", "+819012345678", wrong, "", "ja"),
        Order("o", "r", "+819012345678", "0018", (), wrong),
        Recording("s", "r", "+819012345678", "question", wrong, 0, 1, b""),
    ):
        assert not letters.plausible(late)
