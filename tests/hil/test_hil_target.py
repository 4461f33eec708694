"""``make hil`` itself, on ports of the exchange's program."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import rig_file
from line_lab import FAULTS
from ports_lab import LINES, at_a_speed_that_holds, exchange, line

from gateway.bench.toml import to_toml

ROOT = Path(__file__).parents[2]
LOOPS = [("a", "b"), ("m", "n")]
QUICK = "told_once or good_line or fails_its_own_step"

pytestmark = [pytest.mark.usefixtures("bench_only"), pytest.mark.timeout(600)]


def rig(folder: Path, loops: list[tuple[str, str]]) -> Path:
    """``rig.toml`` of these lines."""
    path = folder / "rig.toml"
    lines = [line(folder, name) for name in LINES]
    path.write_text(to_toml({"pause": 0.5, "line": lines, "loop": [{"ours": a, "far": b} for a, b in loops]}))
    return path


def make_hil(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "MAKE"))}
    return subprocess.run(
        ["make", "--no-print-directory", "--assume-old", ".venv/ready", "hil", *arguments],
        cwd=ROOT,
        env={**inherited, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_lines_of_the_file_are_proved_and_what_copper_can_not_give_is_skipped_by_name(tmp_path: Path) -> None:
    def scenario(folder: Path, speed: float) -> None:
        with exchange(folder, speed) as environment:
            done = make_hil(f"RIG={rig(folder, LOOPS[:1])}", f"ONLY={QUICK}", environment=environment)
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        assert "test_a_good_line_passes_every_step[a-b] PASSED" in said
        assert "test_a_call_is_told_once_with_the_callers_number[a-b] PASSED" in said
        assert "needs a fault that copper can't give: dead line (the cord would have to be pulled)" in said
        assert "[m-n]" not in said
        assert re.search(r"\d+ passed, \d+ skipped", said)

    at_a_speed_that_holds(tmp_path, scenario)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_every_test_of_a_line_passes_on_analogue_and_mobile_ports(tmp_path: Path) -> None:
    def scenario(folder: Path, speed: float) -> None:
        with exchange(folder, speed) as environment:
            done = make_hil(f"RIG={rig(folder, LOOPS)}", environment=environment)
        assert done.returncode == 0, done.stdout + done.stderr

    at_a_speed_that_holds(tmp_path, scenario)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line is missing; add it"),
        ("[[line]]\nname='a'\nport='b'\n" * 2, "line[1].model is missing; add it"),
        ('[[loop]]\nours = "a"\nfar = "x"\n', 'no [[line]] is named "x"; the lines are a, b'),
        ('[[loop]]\nours = "a"\nfar = "a"\n', "a line can't ring itself; name two lines"),
    ],
)
def test_a_wrong_file_is_told_in_one_line_that_names_the_key(tmp_path: Path, text: str, words: str) -> None:
    if "loop" in text:
        text = to_toml({"line": [line(tmp_path, name) for name in "ab"]}) + text
    (tmp_path / "rig.toml").write_text(text)
    done = make_hil(f"RIG={tmp_path / 'rig.toml'}")
    assert done.returncode != 0
    assert words in done.stdout + done.stderr
    assert len((done.stdout + done.stderr).splitlines()) == 2, "the line, and make's own"


def test_the_worked_example_of_the_manual_is_good(tmp_path: Path) -> None:
    manual = (ROOT / "docs" / "hil.md").read_text(encoding="utf-8")
    (tmp_path / "rig.toml").write_text(manual.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    example = rig_file.load(tmp_path / "rig.toml")
    assert [(loop.ours, loop.far) for loop in example.loops] == [("a", "b"), ("m", "b")]


def test_the_manual_names_every_fault_that_copper_can_not_give() -> None:
    manual = (ROOT / "docs" / "hil.md").read_text(encoding="utf-8")
    row = next(line for line in manual.splitlines() if "skipped by that name" in line)
    assert row.removeprefix("| ").split(" | ")[0].split(", ") == list(FAULTS)


def test_without_a_file_it_says_how_to_name_one() -> None:
    done = make_hil("RIG=")
    assert done.returncode != 0
    assert "make hil RIG=rig.toml (see docs/hil.md)" in done.stdout
