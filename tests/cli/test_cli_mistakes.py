"""What a technician gets wrong at the command line: one line that names it and what to do, and no traceback."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.cli.box_file import DEFAULT

BOX = """\
role = "domestic"
name = "osaka"
data = "{data}"
[[line]]
name = "a"
port = "{port}"
model = "{model}"
number = "+81612345678"
incoming = "jp-freephone"
[link]
peer = "seattle"
[[link.route]]
name = "internet"
connect = "tcp://192.0.2.10:5810"
"""
SCRIPT = "[[step]]\ndo = 'sing'\n"
NUMBERS = ("--from", "+819012345678", "--to", "+81355501234")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The technician's folder: settings, a script with a mistake in it, a file of noise, a folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "box.toml").write_text(BOX.format(data="data", port="/dev/gateway/a", model="usr5637"))
    (tmp_path / "spoilt.toml").write_text(BOX.format(data="noise", port="/dev/gateway/a", model="usr5637"))
    (tmp_path / "script.toml").write_text(SCRIPT)
    (tmp_path / "noise").write_bytes(bytes(range(256)))
    (tmp_path / "folder").mkdir()
    return tmp_path


def exit_code(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gateway", *words])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("keys", "new", "--dir", "noise"), "noise: the key pair can't be written: File exists; name another folder"),
        (("keys", "trust", "reno", "z" * 64), '"z" is none; see gateway keys show'),
        (("calls", "--store", "folder"), "folder: is a folder; name the store's file, gateway.db"),
        (("calls", "--settings", "box.toml"), "no store there; start the box with gateway run, or correct the path"),
        (("run", "--settings", "spoilt.toml"), r"noise/gateway.db: can't be made or opened \(File exists\); correct"),
        (("store", "check", "--store", "folder"), "folder: is a folder; name the store's file, gateway.db"),
        (
            ("recover", "nowhere"),
            "nowhere: no such folder; the daemon puts what it asks for into",
        ),
        (("report", "reconcile", "noise", "--settings", "box.toml"), "noise: not a CSV file in UTF-8; save it as "),
        (
            ("tariff", "import", "noise", "--settings", "box.toml"),
            "noise: not a CSV file in UTF-8; save it as ",
        ),
        (
            ("exchange", "call", *NUMBERS, "--script", "script.toml"),
            r"step 1 \(sing\): do: 'sing' is not one of ",
        ),
        (("line", "record", "a", "folder", "--settings", "box.toml"), "folder: is a folder, or in none that can be"),
        (("tones", "listen", "noise", "--table", "nowhere"), "nowhere: the table of tones can't be read: No such file"),
        (("menu", "draw", "noise"), "noise: the menu is not UTF-8; save it as UTF-8"),
    ],
)
def test_a_mistake_is_answered_in_one_line_with_its_remedy(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    assert exit_code(monkeypatch, *words) == 1
    told = capsys.readouterr().err
    assert re.search(says, told), told
    assert told.startswith("gateway: ")
    assert told.count("\n") == 1
    assert "Errno" not in told


@pytest.mark.parametrize(
    "words",
    ["calls", "orders", "keys show", "link status", "store check", "policy status", "tariff list", "doctor", "run"],
)
def test_a_command_that_names_no_box_is_about_this_machines(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    if DEFAULT.exists():
        pytest.skip(f"{DEFAULT} is there: this machine is a box")
    assert exit_code(monkeypatch, *words.split()) == 1
    assert capsys.readouterr().err == f"gateway: {DEFAULT}: no such settings file; name one with --settings\n"


def test_a_backup_that_has_no_place_to_go_is_told(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "store", "backup", "nowhere/copy.db", "--settings", "box.toml") == 1
    assert "copy.db: the backup can't be written: No such file or directory; name another" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--help",), ("line", "list", "--settings", "box.toml")])
def test_output_that_finds_no_room_is_told_without_a_traceback(desk: Path, words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command(*words), stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "gateway: the output: no room left on its disk; make room\n"


def test_who_wants_no_colour_gets_none_at_a_terminal_either(desk: Path) -> None:
    assert "\x1b[" in on_terminal(desk)
    assert "\x1b[" not in on_terminal(desk, NO_COLOR="1")


def test_a_narrow_terminal_shows_a_port_in_full_and_brackets_as_they_are(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    (desk / "box.toml").write_text(BOX.format(data="data", port="/dev/gateway/third-line", model="v[x]"))
    assert exit_code(monkeypatch, "line", "list", "--settings", "box.toml") == 0
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert "v[x]" in shown


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", "from gateway.cli.main import main; main()", *words]


def on_terminal(desk: Path, **environment: str) -> str:
    """What ``gateway doctor`` writes to a terminal."""
    ours, its = os.openpty()
    plain = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    words = command("doctor", "--settings", "box.toml")
    process = subprocess.Popen(words, stdout=its, stderr=its, env=plain | environment, cwd=desk)
    os.close(its)
    written = b""
    try:
        while data := os.read(ours, 4096):
            written += data
    except OSError:  # EIO: it has ended
        pass
    os.close(ours)
    process.wait()
    return written.decode()
