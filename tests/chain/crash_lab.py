"""Customers who never stop calling, boxes that are killed meanwhile, and what must hold of it all.

Judged by the exchange's log and recordings: what was spoken to the customer must be true.
"""

import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from chain_lab import ORDERED, accepted_calls, await_all_closed, await_lines_free, brisk, stories_of

from gateway.bench.customers import CallOrder
from gateway.bench.rig import Box, Rig, role_of
from gateway.bench.story import Leg, Story
from gateway.bench.transcript import Transcriber, read_side

SOON: dict[str, Any] = {
    "retry": {"busy": [10.0] * 3, "no_answer": [10.0], "left_early": [10.0], "network": [5.0] * 20},
    "callback": {"ring_time": 15.0},
    "log": "warning",
}
MOODS: tuple[str, ...] = ("patient", "patient", "leaves early")
CLOSED_IN = 600.0


class Customers:
    """Call each line again and again, one new customer after another, until told to stop."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self._rig = rig
        self._rng = random.Random(seed)
        self._enough = threading.Event()
        self._made = 0
        self._living: list[threading.Thread] = []
        lines = range(1, rig.plan.lines + 1)
        self._lines = [threading.Thread(target=self._keep_calling, args=(line,)) for line in lines]
        for thread in self._lines:
            thread.start()

    def stop(self) -> None:
        """No new ones; returns when the last is done."""
        self._enough.set()
        for thread in (*self._lines, *self._living):
            thread.join()

    def _keep_calling(self, line: int) -> None:
        while not self._enough.is_set():
            self._made += 1
            number, mood = f"+8190123{self._made:05d}", self._rng.choice(MOODS)
            gone = threading.Event()
            thread = threading.Thread(target=self._live, args=(number, line, mood, gone))
            self._living.append(thread)
            thread.start()
            gone.wait()
            time.sleep(self._rng.uniform(10.0, 20.0) / self._rig.plan.speed)

    def _live(self, number: str, line: int, mood: str, gone: threading.Event) -> None:
        def noted(note: dict[str, object]) -> None:
            if note.get("did") == "hang up":
                gone.set()

        shop = self._rig.plan.number("domestic", line)
        try:
            self._rig.call(CallOrder(caller=number, called=shop, script=brisk(mood, shop, self._made)), noted)
        finally:
            gone.set()


def kill_and_restart(rig: Rig, times: int, seed: int) -> list[tuple[Box, float]]:
    """kill -9 a box at random moments; which, and the exchange's time of it."""
    rng = random.Random(seed)
    kills = []
    for _ in range(times):
        time.sleep(rng.uniform(2.0, 14.0) / rig.plan.speed)
        box = rng.choice(rig.plan.boxes)
        rig.boxes[box].kill()
        kills.append((box, rig.events()[-1]["t"]))
        rig.restart(box)
    return kills


def spoken(leg: Leg) -> set[str]:
    """The prompts that were spoken on a call-back, by the exchange's recording of it."""
    if leg.recording is None:
        return set()
    sound = read_side(Path(leg.recording), 0)
    return {said.clip for said in Transcriber("en").hear_all(sound)}


def check_promises(rig: Rig, kills: list[tuple[Box, float]]) -> None:
    stories = stories_of(rig)
    orders = Counter(order["number"] for order in rig.orders())
    on_record = {call["number"]: call for call in accepted_calls(rig)}
    for story in stories:
        caller = story.first.caller
        if story.first.off_hook_at is not None:
            assert caller in on_record, f"{caller} heard that he was accepted (promise 1)"
            assert story.back or on_record[caller]["outcome"] == "unknown", f"{caller} was forgotten (promise 2)"
        check_never_twice(rig, story, kills)
        words = set().union(*map(spoken, story.back))
        if "order_kept" in words:
            assert orders[caller] == 1, f"{caller} was told an order number (promise 4)"
    assert set(orders.values()) <= {1}, "an order came twice (promise 4)"
    assert all(order["articles"] == ORDERED for order in rig.orders())


def check_never_twice(rig: Rig, story: Story, kills: list[tuple[Box, float]]) -> None:
    """Promise 3: nobody is dialled again after a key, nor after the box died in the middle of his call."""
    for leg, later in zip(story.back, story.back[1:], strict=False):
        assert not leg.keyed, f"{story.first.caller} was dialled again after he had pressed {leg.keyed}"
        begin, end = leg.atd_at or leg.called_at, leg.caller_on_hook_at or later.called_at
        died = [t for box, t in kills if leg.caller in numbers_of(rig, box) and begin < t < end]
        assert not died, (
            f"{story.first.caller} was dialled again at {later.called_at} after a crash in mid-call at {died}"
        )


def check_one_box_each(rig: Rig) -> None:
    """Nobody is dialled by two overseas boxes for one call of his."""
    for story in stories_of(rig):
        dialled_by = {box for box in rig.plan.boxes for leg in story.back if leg.caller in numbers_of(rig, box)}
        assert len(dialled_by) <= 1, f"{story.first.caller} was dialled by {dialled_by}"


def numbers_of(rig: Rig, box: Box) -> list[str]:
    """Of an overseas box's lines; a domestic one dials nobody."""
    return rig.plan.numbers(box) if role_of(box) == "overseas" else []


def judge_crashes(rig: Rig, kills: int, seed: int) -> None:
    """Customers call, boxes die, all comes to rest, and the promises held."""
    customers = Customers(rig, seed)
    try:
        killed = kill_and_restart(rig, kills, seed)
    finally:
        customers.stop()
    await_all_closed(rig, CLOSED_IN)
    await_lines_free(rig)
    check_promises(rig, killed)
    check_one_box_each(rig)
