"""Never lost, never twice: boxes under load, killed or without power at random moments. See ``torture.py``."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def torture(folder: Path, *options: str, preload: Path | None = None) -> dict[str, object]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | ({"LD_PRELOAD": str(preload)} if preload else {})
    command = [sys.executable, str(HERE / "torture.py"), str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    result: dict[str, object] = json.loads(done.stdout)
    print(result)
    return result


@pytest.fixture(scope="session")
def powercut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: the power-cut library can't be made (apt-get install gcc libc6-dev)")
    library = tmp_path_factory.mktemp("powercut") / "powercut.so"
    source = str(HERE / "powercut.c")
    made = subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), source, "-ldl"], capture_output=True
    )
    if made.returncode:
        pytest.skip(f"the power-cut library can't be made: {made.stderr.decode()[-300:]}")
    return library


def test_twenty_kills_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    assert int(str(torture(tmp_path, "--kills", "20", "--seed", "1")["spoken"])) > 50


def test_ten_power_cuts_lose_nothing_and_repeat_nothing(tmp_path: Path, powercut: Path) -> None:
    assert int(str(torture(tmp_path, "--cuts", "10", "--seed", "2", preload=powercut)["spoken"])) > 20


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_thousand_kills_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    torture(tmp_path, "--kills", "1000", "--seed", "3")


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_hundred_power_cuts_lose_nothing_and_repeat_nothing(tmp_path: Path, powercut: Path) -> None:
    torture(tmp_path, "--cuts", "100", "--seed", "4", preload=powercut)
