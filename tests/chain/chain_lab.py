"""Whole chains: real daemons and an exchange as processes, judged by the exchange's own log.

A rig on emulators runs sped up, as fast as two cores carry it with two tests at a time, and slower where they
prove too slow. No figure of real time is judged here (``benchmarks/chain.py`` does that).
"""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.bench.customers import CallOrder
from gateway.bench.rig import Plan, Rig
from gateway.bench.script import Result
from gateway.bench.story import Story, off_hook_now, read_stories
from gateway.errors import GatewayError

ORDER = "1 1 25# 2# 1"
"""Begin, place an order, article 25, two pieces, confirm."""
ORDERED = [{"article": "25", "quantity": 2}]


ATTEMPTS = 3
"""At full, half and a quarter of the speed: a fault of the boxes shows at each of them, one of the machine does not."""


def at_a_speed_that_holds(
    plan: Plan, folder: Path, scenario: Callable[[Rig], None], prepare: Callable[[Rig], None] = lambda rig: None
) -> None:
    """Run a scenario on a rig; one that fails is run again at half the speed, and at last its failure stands.

    ``prepare`` is done to the rig before its programs are started.
    """
    for left in reversed(range(ATTEMPTS)):
        built = Rig(folder / f"speed-{plan.speed:g}", plan)
        prepare(built)
        with built as rig:
            try:
                scenario(rig)
                return
            except (AssertionError, GatewayError):
                if not left or plan.speed <= 1.0:
                    raise
        plan = replace(plan, speed=max(1.0, plan.speed / 2))


def call_all(rig: Rig, orders: Sequence[CallOrder]) -> list[Result]:
    """Customers who call at the same time; their results in the same order."""
    with ThreadPoolExecutor(len(orders)) as crowd:
        return list(crowd.map(rig.call, orders))


def brisk(mood: str, shop: str, seed: int) -> dict[str, Any]:
    """A customer who wastes no time: keys while the prompts play, hangs up when his order has been taken.

    ``mood``: patient, leaves early, busy (for a while), never answers, hangs up at once, gives up.
    """
    rng = random.Random(seed)
    steps: list[dict[str, Any]] = [{"do": "call", "number": shop}]
    if mood == "leaves early":
        steps += [{"do": "hear", "what": "sound", "within": 20.0}, {"do": "wait", "seconds": rng.uniform(0.0, 2.0)}]
    else:
        steps.append({"do": "listen", "within": 20.0})
    steps.append({"do": "hang up"})
    if mood == "busy":
        steps += [{"do": "lift"}, {"do": "wait", "seconds": rng.uniform(15.0, 30.0)}, {"do": "hang up"}]
    if mood == "never answers":
        return {"step": steps}
    steps.append({"do": "answer", "within": 120.0})
    if mood == "hangs up at once":
        return {"step": [*steps, {"do": "wait", "seconds": rng.uniform(0.2, 2.0)}, {"do": "hang up"}]}
    first, *others = ORDER.split()
    steps.append({"do": "answers", "keys": first, "within": 45.0})
    if mood != "gives up":
        for keys in others:
            steps.append({"do": "hear", "what": "sound", "within": 20.0})
            steps += [{"do": "wait", "seconds": rng.uniform(0.5, 1.5)}, {"do": "press", "keys": keys}]
    return {"step": [*steps, {"do": "wait", "seconds": rng.uniform(2.0, 6.0)}, {"do": "hang up"}]}


def customer_number(index: int) -> str:
    """A made-up mobile number."""
    return f"+81901234{5000 + index}"


def stories_of(rig: Rig) -> list[Story]:
    """What happened to each customer, by the exchange's log."""
    domestic, overseas = (
        [number for box in rig.plan.boxes_of(role) for number in rig.plan.numbers(box)]
        for role in ("domestic", "overseas")
    )
    return read_stories(rig.events(), domestic, overseas)


def story_of(rig: Rig, caller: str) -> Story:
    """What happened to the one customer with this number."""
    (story,) = [story for story in stories_of(rig) if story.first.caller == caller]
    return story


def await_lines_free(rig: Rig, within: float = 40.0) -> None:
    """Every line of both boxes on hook again (promise 7)."""
    ours = [number for box in rig.plan.boxes for number in rig.plan.numbers(box)]
    rig.wait(lambda: not off_hook_now(rig.events(), ours), "all lines on hook", within)


def await_all_closed(rig: Rig, within: float) -> None:
    """Every request has come to an end, whichever."""
    rig.wait(lambda: all(call["state"] == "closed" for call in accepted_calls(rig)), "every request closed", within)


def accepted_calls(rig: Rig) -> list[dict[str, Any]]:
    """The domestic box's record of those whom it accepted."""
    return [call for call in rig.calls() if call["request"]]


def await_orders(rig: Rig, count: int, within: float = 60.0) -> list[dict[str, Any]]:
    """So many orders at the domestic box."""
    rig.wait(lambda: len(rig.orders()) >= count, f"{count} orders at the shop", within)
    return rig.orders()
