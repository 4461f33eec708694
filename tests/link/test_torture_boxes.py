"""One shop, two overseas boxes, kill -9 of any: nobody forgotten, nobody dialled by two. See ``torture_boxes.py``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def torture(folder: Path, *options: str) -> dict[str, int]:
    environment = os.environ | {"PYTHONPATH": str(HERE.parent.parent)}
    command = [sys.executable, str(HERE / "torture_boxes.py"), str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    result: dict[str, int] = json.loads(done.stdout)
    print(result)
    return result


def test_twenty_kills_forget_nobody_and_nobody_is_dialled_by_two_boxes(tmp_path: Path) -> None:
    assert torture(tmp_path, "--kills", "20", "--seed", "1")["answered"] > 30


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_thousand_kills_forget_nobody_and_nobody_is_dialled_by_two_boxes(tmp_path: Path) -> None:
    torture(tmp_path, "--kills", "1000", "--seed", "2")
