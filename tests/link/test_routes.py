"""Two routes between two network namespaces: M goes dark, N takes over, M is used again. See ``make bench-link``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FAILOVER = """
import json, sys
from dataclasses import asdict
from pathlib import Path
import routes
reason = routes.why_not()
times = {"delay": 0, "before": 0.7, "dark": 1.5, "after": 1}
print(json.dumps({"skip": reason} if reason else asdict(routes.failover(Path(sys.argv[1]), **times))))
"""


def test_a_dark_route_is_left_and_taken_again_without_loss(tmp_path: Path) -> None:
    path = f"{ROOT}{os.pathsep}{ROOT / 'benchmarks'}"
    command = [sys.executable, "-c", FAILOVER, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path})
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    if reason := result.get("skip"):
        pytest.skip(reason)
    assert (result["lost"], result["twice"]) == (0, 0)
    assert result["failover"] < 1.0, "0.4 s of waiting for an ack, and what a busy machine adds"
    assert result["back"] < 1.5
