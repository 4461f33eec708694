"""One call's own times at real speed, by the exchange's log: ``make bench-chain`` (about four minutes).

Customers ring three domestic lines with three models of modem; each hears the guidance out, is called back, answers and
hangs up. Every figure is a moment of the exchange's log minus another, none is the gateway's opinion.
"""

import argparse
import statistics
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from gateway.bench.customers import CallOrder
from gateway.bench.rig import Plan, Rig
from gateway.bench.settings import Form
from gateway.bench.story import Story, read_stories

MODELS = ("usr5637", "conexant", "rockwell")
NO_RETRY = {"retry": {outcome: [] for outcome in ("busy", "no_answer", "network", "left_early", "machine")}}
LINE_FREE = 15.0
"""Seconds until the overseas line has noticed that the customer is gone, so that the next one finds it free."""
NUMBER_ONLY_EVERY = 4
"""Of so many calls one comes without a name, so that the box must not wait for it."""


@dataclass(frozen=True)
class Figure:
    """A figure with what is required, what is aimed at, and how many digits it is shown with."""

    name: str
    unit: str
    required: float
    goal: float
    digits: int = 0


FIRST_LEG = Figure("off hook → on hook", "s", 5.0, 4.0, 2)
ID = Figure("caller ID complete → off hook", "ms", 60.0, 60.0)
NUMBER_ONLY = Figure("number-only caller ID → off hook", "ms", 400.0, 400.0)
HAND_OVER = Figure("domestic on hook → overseas ATD", "ms", 30.0, 30.0)


def script(shop: str, form: Form) -> dict[str, object]:
    """A customer who answers the call back only to hang up."""
    steps = [
        {"do": "call", "number": shop, "form": form},
        {"do": "listen", "within": 20.0},
        {"do": "hang up"},
        {"do": "answer", "within": 60.0},
        {"do": "wait", "seconds": 1.0},
        {"do": "hang up"},
        {"do": "wait", "seconds": LINE_FREE},
    ]
    return {"step": steps}


def call_one_after_another(rig: Rig, line: int, calls: int) -> None:
    """So many customers on one line."""
    shop = rig.plan.number("domestic", line)
    for index in range(calls):
        form: Form = "number-only" if index % NUMBER_ONLY_EVERY == NUMBER_ONLY_EVERY - 1 else "mdmf"
        number = f"+819012{line:02d}{index:04d}"
        rig.call(CallOrder(caller=number, called=shop, script=script(shop, form), seed=index))


def measured(stories: list[Story]) -> dict[Figure, list[float]]:
    """The values of each figure."""
    named = [story for story in stories if story.first.form == "mdmf"]
    bare = [story for story in stories if story.first.form == "number-only"]
    columns = {
        FIRST_LEG: [story.first_leg_s for story in stories],
        ID: [story.id_to_off_hook_ms for story in named],
        NUMBER_ONLY: [story.id_to_off_hook_ms for story in bare],
        HAND_OVER: [story.hand_over_ms for story in stories],
    }
    return {figure: [value for value in values if value is not None] for figure, values in columns.items()}


def print_table(what: str, figures: dict[Figure, list[float]]) -> bool:
    """One row for each figure; whether every median is within what is required."""
    print(f"\n{what}")
    print(f"  {'':34} {'n':>3} {'median':>10} {'worst':>10} {'required':>10} {'goal':>10}")
    kept = True
    for figure, values in figures.items():
        if not values:
            continue
        cells = [statistics.median(values), max(values), figure.required, figure.goal]
        shown = " ".join(f"{value:>7.{figure.digits}f} {figure.unit:2}" for value in cells)
        within = cells[0] <= figure.required
        kept = kept and within
        print(f"  {figure.name:34} {len(values):>3} {shown}{'' if within else '  ← missed'}")
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=8, help="on each of the three lines")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(lines=len(MODELS), models=MODELS, extra={"overseas": NO_RETRY})
        with Rig(Path(folder), plan) as rig:
            lines = [
                threading.Thread(target=call_one_after_another, args=(rig, line, wanted.calls))
                for line in range(1, len(MODELS) + 1)
            ]
            for thread in lines:
                thread.start()
            for thread in lines:
                thread.join()
            stories = read_stories(rig.events(), plan.numbers("domestic"), plan.numbers("overseas"))
    kept = print_table(f"all models, {len(stories)} calls", measured(stories))
    for line, model in enumerate(MODELS, 1):
        own = [story for story in stories if story.first.called == plan.number("domestic", line)]
        print_table(model, measured(own))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
