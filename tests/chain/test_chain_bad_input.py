"""Bad input to the whole program: one clear line that names the thing and the remedy, a non-zero exit."""

import shutil
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.bench.process import COMMAND, Program
from gateway.bench.rig import Box, Plan, Rig


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Two boxes' settings and keys; the exchange is up, the boxes are not."""
    rig = Rig(tmp_path_factory.mktemp("rig"), Plan())
    rig.exchange.start()
    rig.exchange.await_ready()
    yield rig
    rig.stop()


def refusal(*arguments: str) -> str:
    """The one line with which a command refuses."""
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0, done.stdout
    lines = [line for line in done.stderr.splitlines() if line.startswith("gateway: ")]
    assert len(lines) == 1 and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.rstrip().endswith(lines[0])
    return lines[0]


def run_with(rig: Rig, box: Box, *changes: tuple[str, str]) -> str:
    """Start a box with parts of its settings file replaced; how it refuses."""
    text = rig.settings_of(box).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    changed = rig.settings_of(box).with_name("changed.toml")
    changed.write_text(text, encoding="utf-8")
    return refusal("run", "--settings", str(changed))


def test_a_missing_and_a_misspelt_settings_key_are_named(built: Rig) -> None:
    assert "link.peer is missing" in run_with(built, "domestic", ('peer = "overseas"\n', ""))
    assert "link.pear is not a setting" in run_with(
        built, "domestic", ('peer = "overseas"', 'peer = "overseas"\npear = 1')
    )


def test_a_settings_file_that_is_not_there_or_no_toml_is_named(built: Rig, tmp_path: Path) -> None:
    assert "no such settings file" in refusal("run", "--settings", str(tmp_path / "gateway.toml"))
    (tmp_path / "gateway.toml").write_text("role = domestic")
    assert "not valid TOML" in refusal("run", "--settings", str(tmp_path / "gateway.toml"))


def test_an_unknown_modem_is_named_with_those_that_are_known(built: Rig) -> None:
    line = run_with(built, "domestic", ('model = "usr5637"', 'model = "hayes"'))
    assert "hayes" in line and "usr5637" in line


def test_a_port_that_is_not_there_is_named(built: Rig) -> None:
    line = run_with(built, "domestic", ("ports/jp1", "ports/jp9"))
    assert "ports/jp9" in line and "no such port" in line


def test_a_port_that_another_process_holds_is_named_with_the_holder(built: Rig, tmp_path: Path) -> None:
    domestic = built.folder / "domestic"
    shutil.copytree(domestic / "data" / "keys", domestic / "other" / "keys")
    holder = Program("holder", ("run", "--settings", str(built.settings_of("domestic"))), tmp_path / "log", {})
    holder.start()
    try:
        holder.await_ready()
        line = run_with(built, "domestic", ('data = "data"', 'data = "other"'))
    finally:
        holder.stop()
    assert "ports/jp1 is held by" in line


def test_a_prompt_in_the_wrong_format_and_a_missing_folder_are_named(built: Rig, tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "guidance_accepted.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44100)
        file.writeframes(bytes(4000))
    wrong = run_with(built, "domestic", ('data = "data"', f'data = "data"\nprompts = "{tmp_path}"'))
    assert "guidance_accepted.wav" in wrong
    (tmp_path / "guidance_accepted.wav").write_bytes(b"no sound")
    broken = run_with(built, "domestic", ('data = "data"', f'data = "data"\nprompts = "{tmp_path}"'))
    assert "guidance_accepted.wav" in broken
    missing = run_with(built, "domestic", ('data = "data"', 'data = "data"\nprompts = "nowhere"'))
    assert "nowhere" in missing


def test_a_store_that_cannot_be_read_is_named_and_left_as_it_is(built: Rig) -> None:
    store = built.folder / "domestic" / "data" / "gateway.db"
    kept = store.read_bytes() if store.exists() else None
    store.write_bytes(b"this is no database" * 100)
    try:
        assert "gateway.db" in refusal("run", "--settings", str(built.settings_of("domestic")))
        assert "gateway.db" in refusal("orders", "--settings", str(built.settings_of("domestic")))
        assert store.read_bytes() == b"this is no database" * 100
    finally:
        store.unlink() if kept is None else store.write_bytes(kept)


def test_a_peer_whose_key_is_unknown_is_named(built: Rig) -> None:
    line = run_with(built, "domestic", ('peer = "overseas"', 'peer = "elsewhere"'))
    assert "elsewhere" in line and "keys" in line


def test_a_menu_that_can_never_end_is_refused_with_its_line(built: Rig, tmp_path: Path) -> None:
    (tmp_path / "articles.csv").write_text("article,name\n25,tea pot\n")
    menu = tmp_path / "menu.toml"
    menu.write_text(
        'language = "en"\ncatalogue = "articles.csv"\nstart = "round"\n'
        '[node.round]\nkind = "choice"\nsay = "main"\nkeys = { 1 = "again" }\notherwise = "again"\n'
        '[node.again]\nkind = "say"\nsay = "main"\nnext = "round"\n'
    )
    by_check = refusal("menu", "check", str(menu))
    by_box = run_with(built, "overseas", ('data = "data"', f'data = "data"\ncallback.menu = "{menu}"'))
    assert "menu.toml:" in by_check and "menu.toml:" in by_box


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--model", "hayes"), "hayes"),
        (("--keys", "1 1 25# 2# 1"), "--order"),
        (("--keys", "1 x", "--order", "25:2"), "--keys"),
        (("--keys", "1", "--order", "25"), "--order"),
    ],
)
def test_a_demo_asked_for_nonsense_says_so(tmp_path: Path, arguments: tuple[str, ...], named: str) -> None:
    assert named in refusal("demo", "--out", str(tmp_path / "out"), *arguments)


def test_a_demo_does_not_touch_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    assert str(tmp_path) in refusal("demo", "--out", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
