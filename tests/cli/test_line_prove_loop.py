"""``gateway line prove --loop`` as a technician runs it: processes, ports, reports on disk."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.bench.process import COMMAND, Program
from gateway.bench.toml import to_toml
from gateway.clock import Pace

SPEED = 8.0
LINES = {
    # name: (model, number)
    "a": ("usr5637", "+81355500001"),
    "b": ("conexant", "+81355500002"),
}


@pytest.fixture
def box(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A box's settings with a modem of the exchange's program on each line; the environment that keeps its time."""
    lines = [
        {"name": name, "model": model, "number": number, "port": str(tmp_path / "ports" / name)}
        for name, (model, number) in LINES.items()
    ]
    (tmp_path / "exchange.toml").write_text(to_toml({"control": str(tmp_path / "x.sock"), "modem": lines}))
    route = {"name": "internet", "connect": "tcp://192.0.2.10:5810"}
    link = {"peer": "seattle", "route": [route]}
    box = {"role": "domestic", "name": "osaka", "data": "data", "line": lines, "link": link}
    (tmp_path / "gateway.toml").write_text(to_toml(box))
    environment = Pace.begin(SPEED, tmp_path / "lag").environment()
    exchange = ("exchange", "up", "--settings", str(tmp_path / "exchange.toml"))
    program = Program("exchange", exchange, tmp_path / "exchange.log", environment)
    program.start()
    try:
        program.await_ready()
        yield environment
    finally:
        program.stop()


def prove(folder: Path, environment: dict[str, str], *arguments: str) -> tuple[int, str, dict[str, Any]]:
    """Exit code, what was said, and the report."""
    done = subprocess.run(
        [
            *COMMAND,
            "line",
            "prove",
            *arguments,
            "--settings",
            str(folder / "gateway.toml"),
            "--out",
            str(folder / "out"),
        ],
        env={**environment, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    (report,) = (folder / "out").glob("*.json")
    return done.returncode, done.stdout + done.stderr, json.loads(report.read_text())


@pytest.mark.timeout(200)
def test_two_lines_prove_one_of_them_unattended(tmp_path: Path, box: dict[str, str]) -> None:
    code, said, report = prove(tmp_path, box, "a", "--loop", "b")
    assert code == 0, said
    assert report["passed"]
    assert said.count("✓") == sum(step["status"] == "passed" for step in report["steps"]) == 18
    assert set(report["traces"]) == {"a", "b"}
    assert "AT+FCLASS=8" in "".join(report["traces"]["a"])
    page = next((tmp_path / "out").glob("*.html")).read_text()
    assert "All 18 steps have passed, in " in page
    assert "line a is proved: 18 of 18 steps have passed, in " in said
    assert "55500001" not in page + said


@pytest.mark.timeout(200)
@pytest.mark.parametrize(("held", "step"), [("a", "port"), ("b", "caller-id")])
def test_a_port_that_another_program_holds_is_told_with_that_programs_name_and_number(
    tmp_path: Path, box: dict[str, str], held: str, step: str
) -> None:
    hold = f"held = open({str(tmp_path / 'ports' / held)!r}, 'r+b', buffering=0); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        code, said, report = prove(tmp_path, box, "a", "--loop", "b")
        holder.kill()
    assert code == 1
    failed = next(found for found in report["steps"] if found["status"] == "failed")
    assert failed["key"] == step
    assert f'line "{held}": {tmp_path}/ports/{held} is held by ' in failed["finding"]
    assert f"(process {holder.pid})" in failed["finding"]
    assert failed["remedy"].startswith("Stop it, or install a udev rule")
    assert failed["remedy"] in said
    assert "line a is not proved: " in said
