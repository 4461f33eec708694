"""What the rig writes is what the boxes and the exchange read."""

import socket
import tomllib
from pathlib import Path

import pytest

from gateway.bench.process import Program, ProgramFailed, ask
from gateway.bench.rig import Plan, Rig, overlaid
from gateway.bench.toml import to_toml


def test_toml_that_is_written_is_read_back_the_same() -> None:
    table = {
        "a": 1,
        "b": [1.5, 'x"y', True],
        "t": {"u": {"v": "ü\\"}},
        "rows": [{"x": 1}, {"x": 2, "deep": [{"y": "z"}]}],
    }
    assert tomllib.loads(to_toml(table)) == table


def test_tables_are_laid_over_key_by_key() -> None:
    assert overlaid({"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"y": 5}}) == {"a": {"x": 1, "y": 5}, "b": 3}


def test_a_program_that_ends_at_once_is_reported_with_its_own_words(tmp_path: Path) -> None:
    program = Program("box", ("run", "--settings", str(tmp_path / "none.toml")), tmp_path / "log", {})
    program.start()
    with pytest.raises(ProgramFailed, match=r"box: .*none\.toml: no such settings file"):
        program.await_ready()


def test_a_command_that_fails_is_reported_with_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match="no such settings file"):
        ask("orders", "--settings", str(tmp_path / "none.toml"))


def test_a_rig_builds_settings_and_mutual_trust_in_one_folder(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Plan(lines=2, models=("conexant", "rockwell"), extra={"overseas": {"retry": {"busy": [1.0]}}}))
    overseas = tomllib.loads(rig.settings_of("overseas").read_text())
    assert [line["model"] for line in overseas["line"]] == ["conexant", "rockwell"]
    assert overseas["retry"] == {"busy": [1.0]}
    exchange = tomllib.loads((tmp_path / "exchange.toml").read_text())
    assert {modem["port"] for modem in exchange["modem"]} >= {line["port"] for line in overseas["line"]}
    for box, peer in (("domestic", "overseas"), ("overseas", "domestic")):
        public = (tmp_path / peer / "data" / "keys" / "public").read_text()
        assert (tmp_path / box / "data" / "keys" / "trusted" / peer).exists() and public


def test_a_folder_with_a_long_name_still_has_a_control_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    rig = Rig(deep, Plan())
    with socket.socket(socket.AF_UNIX) as probe:
        probe.bind(str(rig.control))
    rig.stop()
    assert not rig.control.parent.exists()
