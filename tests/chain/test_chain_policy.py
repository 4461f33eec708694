"""The panic stop on running boxes: the ringing ends at once, nobody is dialled, a restart changes nothing."""

import time
from pathlib import Path

import pytest
from chain_lab import at_a_speed_that_holds, await_lines_free, customer_number, stories_of

from gateway.bench.customers import CallOrder
from gateway.bench.process import ask
from gateway.bench.rig import BOXES, Plan, Rig
from gateway.bench.story import dialled_by, off_hook_now

pytestmark = pytest.mark.timeout(600)

SPEED = 8.0
SOON = {"retry": {"no_answer": [2.0] * 5, "network": [2.0] * 5, "busy": [2.0] * 5}, "callback": {"ring_time": 600.0}}


def policy(rig: Rig, word: str) -> None:
    for box in BOXES:
        ask("policy", word, "--settings", str(rig.settings_of(box)))


def test_a_stop_ends_the_ringing_and_all_dialling_until_it_is_released(tmp_path: Path) -> None:
    at_a_speed_that_holds(Plan(speed=SPEED, extra={"overseas": SOON}), tmp_path, stop_and_resume)


def stop_and_resume(rig: Rig) -> None:
    (shop,), abroad = rig.plan.numbers("domestic"), rig.plan.numbers("overseas")
    rig.call(CallOrder(caller=customer_number(1), called=shop, mood="never answers", timeout=60))
    rig.wait(lambda: len(dialled_by(rig.events(), abroad)) == 1, "the call back", 60)
    policy(rig, "stop")
    rig.wait(lambda: not off_hook_now(rig.events(), abroad), "the line on hook", 10)
    rig.call(CallOrder(caller=customer_number(2), called=shop, callback=False, timeout=60))
    await_lines_free(rig)
    rig.wait(lambda: len(rig.calls()) == 2, "both callers on record", 30)
    second = next(call for call in rig.calls() if call["number"] == customer_number(2))
    assert second["refused"] is not None and second["refused"].startswith("stop: ")
    for box in BOXES:
        rig.boxes[box].kill()
        rig.restart(box)
    time.sleep(20 / rig.plan.speed)
    assert len(dialled_by(rig.events(), abroad)) == 1, "no second dialling while stopped"
    policy(rig, "resume")
    rig.wait(lambda: len(dialled_by(rig.events(), abroad)) == 2, "the customer who is owed a call", 60)
    assert {story.first.caller for story in stories_of(rig) if story.back} == {customer_number(1)}
