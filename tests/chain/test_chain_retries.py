"""Customers who leave early, are engaged or do not answer: called back all the same, as often as the settings say."""

from pathlib import Path

import pytest
from chain_lab import (
    ORDERED,
    at_a_speed_that_holds,
    await_all_closed,
    await_lines_free,
    await_orders,
    brisk,
    call_all,
    customer_number,
    story_of,
)

from gateway.bench.customers import CallOrder
from gateway.bench.rig import Plan, Rig

pytestmark = pytest.mark.timeout(600)  # a failure gets a second and slower run

SOON = {"retry": {"busy": [10.0] * 6, "no_answer": [5.0], "left_early": [5.0], "network": [5.0]}}


def test_who_leaves_early_or_is_engaged_is_called_back_and_orders(tmp_path: Path) -> None:
    def scenario(rig: Rig) -> None:
        early_shop, busy_shop = rig.plan.numbers("domestic")
        early, busy = customer_number(1), customer_number(2)
        results = call_all(
            rig,
            [
                CallOrder(caller=early, called=early_shop, script=brisk("leaves early", early_shop, seed=1)),
                CallOrder(caller=busy, called=busy_shop, script=brisk("busy", busy_shop, seed=2)),
            ],
        )
        assert [result.failed for result in results] == [None, None]
        orders = await_orders(rig, 2)
        await_lines_free(rig)
        assert {order["number"]: order["articles"] for order in orders} == {early: ORDERED, busy: ORDERED}
        assert [leg.outcome for leg in story_of(rig, early).back] == ["answered"]
        outcomes = [leg.outcome for leg in story_of(rig, busy).back]
        assert outcomes[0] == "busy" and outcomes[-1] == "answered"

    at_a_speed_that_holds(Plan(lines=2, speed=10.0, extra={"overseas": SOON}), tmp_path, scenario)


def test_who_does_not_answer_is_called_again_and_then_the_record_says_so(tmp_path: Path) -> None:
    def scenario(rig: Rig) -> None:
        nobody = customer_number(1)
        (shop,) = rig.plan.numbers("domestic")
        call_all(rig, [CallOrder(caller=nobody, called=shop, script=brisk("never answers", shop, seed=1))])
        await_all_closed(rig, 120)
        await_lines_free(rig)
        assert [call["outcome"] for call in rig.calls()] == ["no answer"]
        assert [leg.outcome for leg in story_of(rig, nobody).back] == ["abandoned", "abandoned"]
        assert rig.orders() == []

    extra = {"overseas": {**SOON, "callback": {"ring_time": 12.0}}}
    at_a_speed_that_holds(Plan(speed=10.0, extra=extra), tmp_path, scenario)
