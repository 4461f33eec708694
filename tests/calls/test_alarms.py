"""Signs of fraud call a person, once, and never name a number in full."""

from typing import Any

import pytest

from gateway.calls.alarms import Alarm, Alarms
from gateway.numbers import PhoneNumber
from gateway.settings import AlarmSettings


def alarms(*regions: str, **rules: Any) -> tuple[Alarms, list[Alarm]]:
    raised: list[Alarm] = []
    return Alarms(AlarmSettings(**rules), set(regions), raised.append), raised


def kinds(raised: list[Alarm]) -> list[str]:
    return [alarm.kind for alarm in raised]


def test_the_first_call_to_a_region_is_an_alarm_but_on_a_box_that_never_called() -> None:
    watch, raised = alarms()
    watch.asked(PhoneNumber("+819012345678"), 1.0)
    assert raised == []
    watch.asked(PhoneNumber("+12125550123"), 2.0)
    watch.asked(PhoneNumber("+12125550124"), 3.0)
    assert kinds(raised) == ["new region"]


def test_a_region_is_told_to_be_remembered_once() -> None:
    seen: list[str] = []
    watch = Alarms(AlarmSettings(), {"US"}, served=lambda region, at: seen.append(region))
    for last in range(3):
        watch.asked(PhoneNumber(f"+81901234567{last}"), 1.0)
    assert seen == ["JP"]


@pytest.mark.parametrize("step", [1, -1])
def test_numbers_in_a_row_are_an_alarm_in_whichever_order_and_masked(step: int) -> None:
    watch, raised = alarms("JP")
    for place in (0, 2, 1, 4, 3):
        watch.asked(PhoneNumber(f"+8190123450{50 + step * place}"), 1.0 + place)
    assert kinds(raised) == ["sequential numbers"]
    assert "+81*****" in raised[0].says
    assert "90123450" not in raised[0].says


def test_numbers_in_a_row_over_many_hours_are_none() -> None:
    watch, raised = alarms("JP")
    for place in range(20):
        watch.asked(PhoneNumber(f"+81901234{5000 + place}"), place * 1000.0)
    assert raised == []


def test_a_burst_of_short_calls_is_an_alarm_and_long_ones_are_none() -> None:
    watch, raised = alarms("JP")
    for at in range(10):
        watch.ended(60.0, at * 10.0)
        watch.ended(4.0, at * 300.0)
    assert raised == []
    for at in range(4):
        watch.ended(4.0, 3000.0 + at)
    assert kinds(raised) == ["short calls"]


def test_a_quarter_of_the_days_cap_in_an_hour_is_an_alarm_repeated_after_ten_minutes() -> None:
    watch, raised = alarms("JP")
    for at, share in ((0.0, 0.24), (1.0, 0.25), (2.0, 0.3), (602.0, 0.3)):
        watch.spent(share, at)
    assert [alarm.at for alarm in raised] == [1.0, 602.0]
