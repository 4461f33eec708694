"""``gateway line record`` at a terminal: what was heard until Ctrl-C is in the file."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.audio.pcm import level, read_wav

GATEWAY = [sys.executable, "-c", "from gateway.cli.main import main; main()"]
EXCHANGE = """\
control = "x.sock"
[[modem]]
name = "shop"
model = "usr5637"
number = "+81355500001"
port = "Port_1"
"""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Path]:
    """A modem on a line of the bench's exchange."""
    (tmp_path / "x.toml").write_text(EXCHANGE)
    command = [*GATEWAY, "exchange", "up", "--settings", str(tmp_path / "x.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert "ready\n" in iter(program.stdout.readline, "")
        yield tmp_path / "Port_1"
        program.send_signal(signal.SIGTERM)


def test_a_recording_broken_off_by_ctrl_c_is_kept(port: Path, tmp_path: Path) -> None:
    file = tmp_path / "heard.wav"
    words = ["line", "record", str(port), str(file), "--model", "usr5637", "--off-hook"]
    with subprocess.Popen([*GATEWAY, *words], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert "dial" in program.stdout.readline()  # dial tone was named, after a second and a half
        program.send_signal(signal.SIGINT)
        assert program.stdout.readline().startswith(f"{file}: ")
    assert program.returncode == 0
    sound, rate = read_wav(file)
    assert len(sound) > rate
    assert level(sound[-rate // 2 :]) == pytest.approx(-15, abs=2)


def test_a_line_that_no_settings_name_is_called_by_its_port(port: Path) -> None:
    words = ["line", "watch", str(port), "--model", "usr5637", "--seconds", "3"]
    done = subprocess.run([*GATEWAY, *words], capture_output=True, text=True)
    assert "line port-1 waits for calls" in done.stdout
