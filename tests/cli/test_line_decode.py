"""``gateway line decode``: a live stream is told as it comes, and bad input gets one clear line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from gateway.cli.main import main; main()", "line", "decode"]
CALL = b"\r\nRING\r\n\r\nNMBR = 2125550123\r\nNAME = X\r\n\r\nRING\r\n"


def decoded(*arguments: str, wire: bytes = CALL) -> list[dict[str, str]]:
    done = subprocess.run([*COMMAND, *arguments], input=wire, capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("model", ["usr5637", "conexant", "rockwell"])
def test_a_recorded_call_is_told_line_by_line(model: str, tmp_path: Path) -> None:
    (tmp_path / "modem.raw").write_bytes(CALL)
    expected = [{"event": "ring"}, {"event": "ring"}, {"event": "incoming", "caller": "+12125550123"}]
    assert decoded("--model", model, "--region", "US", str(tmp_path / "modem.raw")) == expected
    assert decoded("--model", model, "--region", "us", "-") == expected
    assert decoded("--model", model)[-1] == {"event": "incoming", "withheld": "?"}  # no such number in Japan


def test_a_live_stream_is_told_while_it_goes_on() -> None:
    with subprocess.Popen([*COMMAND, "--model", "usr5637"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\r\nRING\r\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"event": "ring"}
        process.stdin.write(b"NMBR=P\r\n\r\nRING\r\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"event": "ring"}
        assert json.loads(process.stdout.readline()) == {"event": "incoming", "withheld": "P"}
        process.stdin.close()
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "hayes"), 'model "hayes" is not known; choose one of conexant'),
        (("--model", "usr5637", "--region", "XX"), 'country "XX" is not known'),
        (("--model", "usr5637", "/nowhere/at/all"), "/nowhere/at/all: can't be opened"),
        (("--model", "usr5637", "/"), "/: can't be opened"),
    ],
)
def test_bad_input_gets_one_line_that_names_it(arguments: tuple[str, ...], message: str) -> None:
    done = subprocess.run([*COMMAND, *arguments], input="", capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
