"""The link against raw TCP and Mosquitto, over long, lossy and failing ways: one table, all measured in this run.

    make bench-link            (as root: the network namespaces need it; without, that half is skipped and says so)

Latencies of different runs are not comparable, ratios within one are. Rounds are interleaved and medians taken, so
that a noisy neighbour meets all alike. Writes ``out/bench-link.json``.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import mqtt
import push
import routes
from rich.table import Table

from gateway.cli.console import table_console

PAHO = "Mosquitto QoS 1, as shipped"
BARE = "Mosquitto QoS 1, tuned"

ROUND_TRIP = 0.150
PIPELINED = 500
"""Pushes in one round with a full window."""


Maker = Callable[[Path], AbstractContextManager[push.Way]]


@dataclass(frozen=True)
class Line:
    """One line of the table; ``kept`` is None for what has no goal."""

    what: str
    measured: str
    goal: str
    kept: bool | None


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for one run."""
    with tempfile.TemporaryDirectory(prefix="bench-link-") as name:
        yield Path(name)


def ways_to_push(lines: list[Line]) -> dict[str, Maker]:
    """By name; a line where Mosquitto is missing. Whatever forks comes before our link, which starts threads."""
    if reason := mqtt.why_not():
        lines.append(Line("against Mosquitto", f"skipped: {reason}", "≥ 4 × its rate", None))
        return {"raw TCP": push.floor, "link": push.our_link}
    shipped, tuned = mqtt.mosquitto(mqtt.PahoClient), mqtt.mosquitto(mqtt.BareClient, mqtt.TUNED)
    return {"raw TCP": push.floor, PAHO: shipped, BARE: tuned, "link": push.our_link}


def pushes(rounds: int) -> list[Line]:
    """A durable push on one machine. Each round has a little of each way, so that all meet the same neighbours."""
    lines: list[Line] = []
    with ready(ways_to_push(lines)) as ways:
        single = alternately(ways, rounds)
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                rates[name].append(PIPELINED / push.pipelined(way, PIPELINED))
    return lines + compared(single, {name: statistics.median(some) for name, some in rates.items()})


def work_alone(rounds: int) -> list[Line]:
    """Raw TCP and the link with everything on one processor: what the work takes, without waking idle processors.

    A frame of the link passes four threads between the two commits where raw TCP passes none.
    """
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(processors)})
    try:
        with ready({"raw TCP": push.floor, "link": push.our_link}) as ways:
            p50 = {name: statistics.median(took) for name, took in alternately(ways, rounds).items()}
    finally:
        os.sched_setaffinity(0, processors)
    return [Line("push p50, link : raw TCP, on one processor", f"{p50['link'] / p50['raw TCP']:.2f}", "", None)]


@contextmanager
def ready(makers: dict[str, Maker]) -> Iterator[dict[str, push.Way]]:
    """The ways, made and warm."""
    with ExitStack() as stack:
        ways = {name: stack.enter_context(make(stack.enter_context(folder()))) for name, make in makers.items()}
        for way in ways.values():
            push.singles(way, 20)
        yield ways


def alternately(ways: dict[str, push.Way], rounds: int) -> dict[str, list[float]]:
    """Seconds of single pushes by name, ten of each in a round."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            took[name] += push.singles(way, 10)
    return took


def compared(single: dict[str, list[float]], rate: dict[str, float]) -> list[Line]:
    """The link beside the others: seconds of single pushes, and pushes a second with a full window, by name."""
    lines = []
    p50 = {name: statistics.median(took) * 1000 for name, took in single.items()}
    for name, took in single.items():
        p99 = statistics.quantiles(took, n=100)[98] * 1000
        measured = f"p50 {p50[name]:.2f} ms, p99 {p99:.2f} ms; {rate[name]:,.0f} /s pipelined"
        lines.append(Line(f"durable push, {name}", measured, "", None))
    slower, faster = p50["link"] / p50["raw TCP"], rate["link"] / rate["raw TCP"]
    lines.append(Line("push p50, link : raw TCP", f"{slower:.2f}", "≤ 1.5", slower <= 1.5))
    kept = rate["link"] >= 15000 or faster >= 0.45
    lines.append(Line("pipelined, link : raw TCP", f"{faster:.2f}", "≥ 15,000 /s or ≥ 0.45", kept))
    for name, goal in ((PAHO, 4.0), (BARE, None)):
        if name in rate:
            times = rate["link"] / rate[name]
            kept_too = None if goal is None else times >= goal
            lines.append(Line(f"pipelined, link : {name}", f"{times:.2f}", f"≥ {goal:.0f}" if goal else "", kept_too))
            lines.append(Line(f"push p50, {name} : link", f"{p50[name] / p50['link']:.2f}", "", None))
    return lines


def failovers(rounds: int) -> list[Line]:
    """M goes dark and heals."""
    lines = []
    for delay, goal in ((0.0, 0.6), (ROUND_TRIP / 2, 1.2)):
        runs = []
        for _ in range(rounds):
            with folder() as path:
                runs.append(routes.failover(path, delay=delay))
        way = f"round trip {delay * 2000:.0f} ms"
        worst = max(run.failover for run in runs)
        lines.append(Line(f"failover M → N, {way}, worst", f"{worst:.2f} s", f"≤ {goal} s", worst <= goal))
        back = max(run.back for run in runs)
        lines.append(Line(f"back on M, {way}, worst", f"{back:.2f} s", "≤ 1 s", back <= 1.0))
        lost, twice, sent = (sum(getattr(run, what) for run in runs) for what in ("lost", "twice", "sent"))
        lines.append(Line(f"lost / twice, {way}", f"{lost} / {twice} of {sent:,}", "0 / 0", not lost and not twice))
    return lines


def weather(seconds: float) -> list[Line]:
    """Flapping, distance, loss."""
    with folder() as path:
        sent, lost, twice = routes.flapping(path, seconds)
    measured = f"{lost} lost, {twice} twice of {sent:,}"
    lines = [Line(f"both routes flap for {seconds:.0f} s", measured, "0, 0", not lost and not twice)]
    for loss, share, goal in ((0.0, 0.50, ROUND_TRIP + 0.015), (0.01, 0.99, 0.450)):
        with folder() as path:
            took = sorted(routes.round_trips(path, delay=ROUND_TRIP / 2, loss=loss, seconds=seconds / 2))
        value = took[int(len(took) * share)]
        what = f"push p{share * 100:.0f}, round trip 150 ms, {loss:.0%} loss"
        lines.append(Line(what, f"{value * 1000:.0f} ms of {len(took)}", f"≤ {goal * 1000:.0f} ms", value <= goal))
    return lines


def main() -> None:
    """Measure, print, write down; exit code 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds (a minute)")
    parser.add_argument("--part", choices=("all", "push", "routes"), default="all")
    options = parser.parse_args()
    rounds, seconds = (10, 10.0) if options.quick else (50, 60.0)
    lines = pushes(rounds) + work_alone(rounds) if options.part != "routes" else []
    if options.part != "push":
        if reason := routes.why_not():
            lines.append(Line("two routes", f"skipped: {reason}", "", None))
        else:
            lines += failovers(1 if options.quick else 3) + weather(seconds)
    table = Table("what", "measured", "goal", "", title="the link")
    for line in lines:
        mark = {True: "[green]kept[/]", False: "[red]MISSED[/]", None: ""}[line.kept]
        table.add_row(line.what, line.measured, line.goal, mark)
    table_console().print(table)
    out = Path("out")
    out.mkdir(exist_ok=True)
    (out / "bench-link.json").write_text(json.dumps([asdict(line) for line in lines], ensure_ascii=False, indent=2))
    sys.exit(any(line.kept is False for line in lines))


if __name__ == "__main__":
    main()
