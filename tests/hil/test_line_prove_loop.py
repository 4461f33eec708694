"""``gateway line prove --loop`` as a technician runs it: processes, ports, reports on disk."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ports_lab import at_a_speed_that_holds, box_settings, exchange

from gateway.bench.process import COMMAND

pytestmark = [pytest.mark.usefixtures("bench_only"), pytest.mark.timeout(300)]


def prove(folder: Path, environment: dict[str, str], *arguments: str) -> tuple[int, str, dict[str, Any]]:
    """Exit code, what was said, and the report."""
    files = ["--settings", str(box_settings(folder, "a", "b")), "--out", str(folder / "out")]
    done = subprocess.run(
        [*COMMAND, "line", "prove", *arguments, *files],
        env={**environment, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    (report,) = (folder / "out").glob("*.json")
    return done.returncode, done.stdout + done.stderr, json.loads(report.read_text())


def test_two_lines_prove_one_of_them_unattended(tmp_path: Path) -> None:
    def scenario(folder: Path, speed: float) -> None:
        with exchange(folder, speed) as environment:
            code, said, report = prove(folder, environment, "a", "--loop", "b")
        assert code == 0, said
        assert report["passed"]
        assert said.count("✓") == sum(step["status"] == "passed" for step in report["steps"]) == 18
        assert set(report["traces"]) == {"a", "b"}
        assert "AT+FCLASS=8" in "".join(report["traces"]["a"])
        page = next((folder / "out").glob("*.html")).read_text()
        assert "All 18 steps have passed, in " in page
        assert "line a is proved: 18 of 18 steps have passed, in " in said
        assert "55500001" not in page + said

    at_a_speed_that_holds(tmp_path, scenario)


@pytest.mark.parametrize(("held", "step"), [("a", "port"), ("b", "caller-id")])
def test_a_port_that_another_program_holds_is_told_with_that_programs_name_and_number(
    tmp_path: Path, held: str, step: str
) -> None:
    def scenario(folder: Path, speed: float) -> None:
        port = folder / "ports" / held
        with exchange(folder, speed) as environment, holding(port) as holder:
            code, said, report = prove(folder, environment, "a", "--loop", "b")
        assert code == 1
        failed = next(found for found in report["steps"] if found["status"] == "failed")
        assert failed["key"] == step
        assert f'line "{held}": {port} is held by ' in failed["finding"]
        assert f"(process {holder.pid})" in failed["finding"]
        assert failed["remedy"].startswith("Stop it, or install a udev rule")
        assert failed["remedy"] in said
        assert "line a is not proved: " in said

    at_a_speed_that_holds(tmp_path, scenario)


@contextmanager
def holding(port: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program that has the port open."""
    hold = f"held = open({str(port)!r}, 'r+b', buffering=0); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            yield holder
        finally:
            holder.kill()
