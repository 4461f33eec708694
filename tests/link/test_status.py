"""What a technician sees of the link while the daemon runs, and after."""

import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from two_boxes import LISTENING, box, pair, paired, until

from gateway.cli.link import link as command
from gateway.errors import GatewayError
from gateway.link import status

SETTINGS = """
role = "domestic"
name = "tokyo"
data = "tokyo"
[[line]]
name = "a"
port = "/dev/null"
model = "usr5637"
number = "+81355501234"
[link]
peer = "boise"
[[link.route]]
name = "n"
bind = "tcp://127.0.0.1:5810"
"""


def show(folder: Path, *options: str) -> str:
    (folder / "tokyo.toml").write_text(SETTINGS)
    done = CliRunner().invoke(command, ["status", "--settings", str(folder / "tokyo.toml"), *options])
    if isinstance(done.exception, GatewayError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


async def test_each_route_and_what_waits_is_shown_while_the_daemon_runs(tmp_path: Path) -> None:
    paired(tmp_path)
    async with box(tmp_path, "domestic", LISTENING) as shop:
        await shop.ask()
        await until(lambda: (tmp_path / "tokyo" / "link-boise.json").exists())
        await until(lambda: json.loads(show(tmp_path, "--json"))[0]["queued"] == 1)
        (state,) = json.loads(show(tmp_path, "--json"))
        assert state["peer"] == "boise"
        assert state["routes"] == [{"name": "n", "state": "down", "round_trip": None}]
        assert "down" in show(tmp_path) and "1 messages wait" in show(tmp_path)


async def test_a_route_that_comes_up_is_shown_within_two_seconds(tmp_path: Path) -> None:
    async with pair(tmp_path) as (shop, _):
        await until(lambda: shop.peer.state().routes[0].state == "up")
        await until(lambda: json.loads(show(tmp_path, "--json"))[0]["routes"][0]["state"] == "up", within=3)


async def test_a_file_left_by_a_daemon_that_ended_is_not_believed(tmp_path: Path) -> None:
    paired(tmp_path)
    async with box(tmp_path, "domestic", LISTENING):
        await until(lambda: (tmp_path / "tokyo" / "link-boise.json").exists())
    old = time.time() - 120
    os.utime(tmp_path / "tokyo" / "link-boise.json", (old, old))
    with pytest.raises(GatewayError, match=r"no word from the daemon for 12\d s; is it running"):
        show(tmp_path)


def test_without_a_daemon_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match="no word from a daemon; start the box"):
        show(tmp_path)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "link-boise.json").write_text("{}")
    with pytest.raises(GatewayError, match=r"link-boise\.json: can't be read"):
        status.read(tmp_path, time.time())


def test_the_state_is_kept_in_memory_where_the_service_has_a_folder_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, memory = tmp_path / "card", tmp_path / "memory"
    card.mkdir()
    memory.mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(memory))
    file = status.StatusFile(card, "boise")
    for queued in (1, 2):
        file.write(status.LinkState("boise", (), 0.0, queued, {}), float(queued))
        assert status.read(card, time.time())[0].queued == queued
    assert [entry.name for entry in card.iterdir() if not entry.is_symlink()] == []
    (memory / file.path.name).unlink()  # the machine was started anew, and the box was not
    with pytest.raises(GatewayError, match="no word from a daemon"):
        status.read(card, time.time())


def test_who_runs_the_box_by_hand_after_the_service_did_finds_the_state_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory").mkdir()
    with monkeypatch.context() as service:
        service.setenv("RUNTIME_DIRECTORY", str(tmp_path / "memory"))
        status.StatusFile(tmp_path, "boise").write(status.LinkState("boise", (), 0.0, 1, {}), 0.0)
    status.StatusFile(tmp_path, "boise").write(status.LinkState("boise", (), 0.0, 2, {}), 0.0)
    assert status.read(tmp_path, time.time())[0].queued == 2
    assert not (tmp_path / "link-boise.json").is_symlink()
