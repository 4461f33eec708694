"""What the gateway costs a small machine: ``make bench-box`` (about seven minutes).

Start-up, memory, processor and card writes of the real daemons on the bench; calls on many lines at once on light
modems of their own (``box_modems.py``), which count the frames that came too late; and how soon lost lines serve again
(``box_recovery.py``). In a guest the same run prints how many times slower it is than the host, with --host
out/bench/box.json of the host.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.bench.customers import CallOrder
from gateway.bench.rig import BOXES, Plan, Rig

TICKS = os.sysconf("SC_CLK_TCK")
HERE = Path(__file__).parent
CALLS_A_DAY = 1000
MEMORY = Path("/dev/shm")
"""Stands for /run, where the service's folder is on a real box: writes there are no writes to the card."""
FIRST = -10
"""The share of the processors that systemd/gateway.service asks for (CPUWeight), as a session's nice value."""
COMMAND = (sys.executable, "-c", "from gateway.cli.main import main; main()")


@dataclass(frozen=True)
class Figure:
    """One line of the table; ``most`` is None where nothing is required."""

    name: str
    value: float
    unit: str
    most: float | None = None

    @property
    def kept(self) -> bool:
        """Whether it is within what is required."""
        return self.most is None or self.value <= self.most


def pid_of(rig: Rig, box: str) -> int:
    """Of a daemon."""
    process = rig.boxes[box]._process  # type: ignore[index]
    assert process is not None
    return process.pid


def cpu_of(pid: int) -> float:
    """Seconds so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def status_of(pid: int, name: str) -> float:
    """A line of /proc/PID/status, MB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1000


def written_by(pid: int) -> float:
    """Bytes to the card so far."""
    lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("write_bytes")))


def help_time(times: int) -> Figure:
    """The quickest of so many: what the machine does meanwhile only ever adds."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run([*COMMAND, "--help"], stdout=subprocess.DEVNULL, check=True, preexec_fn=put_first)
        took.append(time.perf_counter() - began)
    print(f"gateway --help: median {1000 * statistics.median(took):.0f} ms of {times}")
    return Figure("gateway --help", 1000 * min(took), "ms", 150)


def order(rig: Rig) -> Figure:
    """A customer orders; what the overseas daemon took for his call, of the time that its line was off hook."""
    pid, lines = pid_of(rig, "overseas"), rig.plan.numbers("overseas")
    cpu = cpu_of(pid)
    shop = rig.plan.number("domestic", 1)
    rig.call(CallOrder(caller="+819012345678", called=shop, mood="patient", keys="1 1 25# 2# 1"))

    def times(name: str) -> list[float]:
        return [event["t"] for event in rig.events() if event["event"] == name and event["number"] in lines]

    rig.wait(lambda: len(times("on_hook")) == len(times("off_hook")) > 0, "the line to come free", 60.0)
    spent, talked = cpu_of(pid) - cpu, sum(times("on_hook")) - sum(times("off_hook"))
    rig.wait(lambda: len(rig.orders()) == 1, "the order", 60.0)
    model = (rig.plan.overseas_models or rig.plan.models)[0]
    return Figure(f"overseas: an order's call on a {model}", 100 * spent / talked, "% of a core", 3.0)


def mobile_call() -> list[Figure]:
    """As ``order``, on a mobile line."""
    with running(Plan(overseas_models=("sim7600",))) as rig:
        time.sleep(3.0)
        return [order(rig)]


@contextlib.contextmanager
def running(plan: Plan) -> Iterator[Rig]:
    """A rig whose daemons have a folder in memory, as systemd gives them."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory(dir=MEMORY) as memory:
        os.environ["RUNTIME_DIRECTORY"] = memory
        try:
            with Rig(Path(folder), plan) as rig:
                yield rig
        finally:
            del os.environ["RUNTIME_DIRECTORY"]


def daemons(lines: int, seconds: float) -> list[Figure]:
    """Both real daemons with so many lines: at start, idle, and after a call."""
    figures: list[Figure] = []
    with running(Plan(lines=lines)) as rig:
        for box in BOXES:
            rig.boxes[box].stop()
            began = time.monotonic()
            rig.restart(box)
            figures.append(Figure(f"{box}: start to ready, {lines} lines", time.monotonic() - began, "s"))
        time.sleep(10.0)  # what the links tell each other at first is no idling
        before = {box: (cpu_of(pid_of(rig, box)), written_by(pid_of(rig, box))) for box in BOXES}
        time.sleep(seconds)
        per_day = {}
        for box in BOXES:
            cpu, written = before[box]
            pid = pid_of(rig, box)
            idle = 100 * (cpu_of(pid) - cpu) / seconds
            figures.append(Figure(f"{box}: idle, all of it", idle, "% of a core"))
            figures.append(Figure(f"{box}: an idle line's share", idle / lines, "% of a core", 0.3))
            per_day[box] = (written_by(pid) - written) / seconds * 86400 / 1e6
            figures.append(Figure(f"{box}: writes to the card, idle", per_day[box], "MB a day"))
        written_before = {box: written_by(pid_of(rig, box)) for box in BOXES}
        figures.append(order(rig))
        time.sleep(5.0)  # until both have acknowledged all
        for box in BOXES:
            busy = per_day[box] + (written_by(pid_of(rig, box)) - written_before[box]) * CALLS_A_DAY / 1e6
            figures.append(Figure(f"{box}: writes to the card, {CALLS_A_DAY:,} calls a day", busy, "MB a day"))
        for box, most in (("domestic", 60.0), ("overseas", 80.0)):
            figures.append(
                Figure(f"{box}: memory after a call (RSS)", status_of(pid_of(rig, box), "VmRSS"), "MB", most)
            )
    return figures


def put_first() -> None:
    """A program of the benchmark in a session of its own, before others' where this user may (sched(7), autogroup)."""
    os.setsid()
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(FIRST), encoding="ascii")


def calls(lines: int, seconds: float) -> list[Figure]:
    """So many calls at once, each with its ears on."""
    with tempfile.TemporaryDirectory() as folder:
        modems = subprocess.Popen(
            [sys.executable, str(HERE / "box_modems.py"), folder, str(lines)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=put_first,
        )
        assert modems.stdin is not None
        assert modems.stdout is not None
        modems.stdout.readline()
        command = [sys.executable, str(HERE / "box_calls.py"), folder, str(lines), str(seconds)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=put_first)
        said = done.stdout.split()
        modems.stdin.close()
        *counts, spent = modems.stdout.readline().split()
        frames, late, held_up = map(int, counts)
        modems.wait()
    cpu, wall, waited = float(said[0]), float(said[1]), float(said[3])
    print(f"{lines} calls: {frames} frames, {late} late; the machine held the modems up {held_up} times", end="; ")
    print(
        f"of a core the lines took {100 * cpu / wall:.0f} %, and waited for one {100 * waited / wall:.0f} %", end="; "
    )
    print(f"the emulated modems took {100 * float(spent) / wall:.0f} %")
    name = "one call" if lines == 1 else f"{lines} calls at once"
    return [
        Figure(f"{name}: a call's share", 100 * cpu / wall / lines, "% of a core", 3.0),
        Figure(f"{name}: late frames", late, f"of {frames}", 0),
        Figure(f"{name}: memory (RSS)", int(said[2]) / 1000, "MB"),
    ]


def recovery() -> list[Figure]:
    """Lost lines that come back."""
    command = [sys.executable, str(HERE / "box_recovery.py")]
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
    replug, wedged, harmed = said.split()
    return [
        Figure("modem plugged in again: line serves after", float(replug), "s", 10),
        Figure("modem wedged: line serves again after", float(wedged), "s", 60),
        Figure("meanwhile, frames harmed of the other line's call", int(harmed), "", 0),
    ]


def show(figures: list[Figure], host: dict[str, float]) -> None:
    """The table: measured, and required."""
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        most = "" if figure.most is None else f"at most {figure.most:g}"
        times = f"  ×{figure.value / host[figure.name]:.1f} of the host's" if host.get(figure.name) else ""
        mark = " " if figure.most is None else "✓" if figure.kept else "✗"
        print(f"{mark} {figure.name:<{width}} {figure.value:8.3g} {figure.unit:<12} {most:<12}{times}".rstrip())


def main() -> int:
    """Print the table, write it as JSON; 1 where something is beyond what is required."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=60.0, help="of idling, and of talking")
    options.add_argument("--lines", type=int, default=32)
    options.add_argument("--calls-only", action="store_true", help="leave the daemons out")
    options.add_argument("--host", type=Path, help="the host's result, to print ratios to")
    options.add_argument("--out", type=Path, default=Path("out/bench/box.json"))
    chosen = options.parse_args()
    figures = [help_time(15)]
    if not chosen.calls_only:
        figures += daemons(4, chosen.seconds) + mobile_call() + recovery()
    for lines in (1, chosen.lines):
        figures += calls(lines, chosen.seconds / 2)
    host = {one["name"]: one["value"] for one in json.loads(chosen.host.read_text())} if chosen.host else {}
    show(figures, host)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n", encoding="utf-8")
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
