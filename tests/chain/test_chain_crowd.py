"""Many customers of every mood over four lines: nobody is forgotten, no order is lost or doubled, lines come free."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from chain_lab import (
    ORDER,
    ORDERED,
    accepted_calls,
    at_a_speed_that_holds,
    await_all_closed,
    await_lines_free,
    brisk,
    stories_of,
)

from gateway.bench.customers import CallOrder
from gateway.bench.rig import Plan, Rig
from gateway.bench.story import Story

pytestmark = pytest.mark.timeout(600)  # a failure gets a second and slower run

LINES = 4
MOODS = ("patient", "patient", "leaves early", "busy", "never answers", "hangs up at once", "gives up")
EXTRA = {
    "overseas": {
        "retry": {
            "busy": [20.0] * 5,
            "no_answer": [10.0],
            "left_early": [10.0],
            "network": [10.0] * 3,
            "machine": [10.0],
        },
        "callback": {"ring_time": 15.0},
        "log": "warning",
    }
}
PLAN = Plan(lines=LINES, models=("usr5637", "conexant"), speed=8.0, extra=EXTRA)
CLOSED_IN = 400.0
"""Bench seconds after the last customer is done until every request must be closed."""


def crowd(rig: Rig, customers: int, seed: int) -> None:
    """So many customers call, each when one of the lines has been left by an earlier one; returns when all are done."""
    moods = random.Random(seed).choices(MOODS, k=customers)
    waiting = iter(range(customers))

    def serve(shop: str) -> None:
        for index in waiting:
            script = brisk(moods[index], shop, index)
            rig.call(CallOrder(caller=f"+8190123{index:05d}", called=shop, script=script, seed=index))

    with ThreadPoolExecutor(LINES) as lines:
        list(lines.map(serve, rig.plan.numbers("domestic")))


def judge_crowd(rig: Rig, customers: int, seed: int) -> None:
    crowd(rig, customers, seed)
    await_all_closed(rig, CLOSED_IN)
    await_lines_free(rig)
    stories, orders = stories_of(rig), rig.orders()

    accepted = {story.first.caller for story in stories if story.first.off_hook_at is not None}
    assert len(accepted) == customers
    on_record = {call["number"]: call["outcome"] for call in accepted_calls(rig)}
    assert set(on_record) == accepted  # accounted for, each with how it ended
    assert {story.first.caller for story in stories if story.back} == accepted

    confirmed = {story.first.caller for story in stories if _keyed(story) == "".join(ORDER.split())}
    counted = Counter(order["number"] for order in orders)
    assert set(counted.values()) <= {1}
    assert set(counted) == confirmed
    assert all(order["articles"] == ORDERED for order in orders)
    for story in stories:
        answered = [leg for leg in story.back if leg.keyed]
        assert len(answered) <= 1  # never twice: nobody is called again who has pressed a key
        assert story.first_leg_s is not None and story.first_leg_s <= 5.5


def _keyed(story: Story) -> str:
    return story.talk.keyed if story.talk is not None else ""


def test_a_crowd_is_served_without_a_loss(tmp_path: Path) -> None:
    at_a_speed_that_holds(PLAN, tmp_path, lambda rig: judge_crowd(rig, customers=40, seed=1))


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_two_hundred_customers_are_served_without_a_loss(tmp_path: Path) -> None:
    at_a_speed_that_holds(PLAN, tmp_path, lambda rig: judge_crowd(rig, customers=200, seed=2))
