"""kill -9 of any daemon at random moments: promises 1 to 4 hold after it has been started again."""

from pathlib import Path

import pytest
from chain_lab import at_a_speed_that_holds
from crash_lab import SOON, judge_crashes

from gateway.bench.rig import Plan

pytestmark = pytest.mark.timeout(600)  # a failure gets a second and slower run

PLAN = Plan(lines=2, language="en", speed=6.0, extra={"overseas": SOON})
SEVERAL = Plan(
    boxes=("domestic", "overseas", "overseas2"),
    language="en",
    speed=5.0,
    extra={
        "overseas": {**SOON, "callback": {"ring_time": 15.0, "give_back": 20.0}},
        "overseas2": {**SOON, "callback": {"ring_time": 15.0, "give_back": 20.0}},
    },
)


def test_promises_hold_when_either_daemon_is_killed_again_and_again(tmp_path: Path) -> None:
    at_a_speed_that_holds(PLAN, tmp_path, lambda rig: judge_crashes(rig, kills=6, seed=1))


def test_promises_hold_and_nobody_is_dialled_by_two_boxes_when_one_of_three_is_killed_again_and_again(
    tmp_path: Path,
) -> None:
    at_a_speed_that_holds(SEVERAL, tmp_path, lambda rig: judge_crashes(rig, kills=6, seed=3))


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("plan", [PLAN, SEVERAL], ids=["two boxes", "three boxes"])
def test_promises_hold_through_fifty_kills(tmp_path: Path, plan: Plan) -> None:
    at_a_speed_that_holds(plan, tmp_path, lambda rig: judge_crashes(rig, kills=50, seed=2))
