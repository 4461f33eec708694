"""Lines as real as a machine without modems allows: ports of the exchange's program, faster than life."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.bench.process import Program
from gateway.bench.toml import to_toml
from gateway.clock import Pace
from gateway.errors import GatewayError

LINES = {
    # name: (model, number)
    "a": ("usr5637", "+81355500001"),
    "b": ("conexant", "+81355500002"),
    "c": ("usr5637", "+81355500003"),
    "m": ("ec25", "+819011112222"),
    "n": ("sim7600", "+819011113333"),
}
SPEEDS = (8.0, 4.0, 2.0, 1.0)
"""A fault of ours shows at each of them, one of a busy machine does not."""


def at_a_speed_that_holds(folder: Path, scenario: Callable[[Path, float], None]) -> None:
    """Run it, in a folder of its own; one that fails is run again at half the speed, and at last its failure stands."""
    for speed in SPEEDS:
        place = folder / f"{speed:g}"
        place.mkdir()
        try:
            scenario(place, speed)
            return
        except (AssertionError, TimeoutError, GatewayError, subprocess.TimeoutExpired):
            if speed == SPEEDS[-1]:
                raise


@contextmanager
def exchange(folder: Path, speed: float) -> Iterator[dict[str, str]]:
    """The exchange is up, with a modem on each port; gives the environment that keeps others to its time."""
    modems = [line(folder, name) for name in LINES]
    (folder / "exchange.toml").write_text(to_toml({"control": str(folder / "x.sock"), "modem": modems}))
    pace = Pace.begin(speed, folder / "lag")
    arguments = ("exchange", "up", "--settings", str(folder / "exchange.toml"))
    program = Program("exchange", arguments, folder / "exchange.log", pace.environment())
    program.start()
    try:
        program.await_ready()
        yield pace.environment()
    finally:
        program.stop()


def line(folder: Path, name: str) -> dict[str, Any]:
    """The line's settings; the exchange's are the same."""
    model, number = LINES[name]
    sound = {"audio": str(folder / "ports" / f"{name}-sound")} if number.startswith("+8190") else {}
    return {"name": name, "model": model, "number": number, "port": str(folder / "ports" / name), **sound}


def box_settings(folder: Path, *names: str) -> Path:
    """A box's settings file with these lines."""
    route = {"name": "internet", "connect": "tcp://192.0.2.10:5810"}
    link = {"peer": "seattle", "route": [route]}
    lines = [line(folder, name) for name in names]
    path = folder / "gateway.toml"
    path.write_text(to_toml({"role": "domestic", "name": "osaka", "data": "data", "line": lines, "link": link}))
    return path
