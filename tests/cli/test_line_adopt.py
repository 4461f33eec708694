"""``gateway line adopt``: the rule and the settings for a modem that has just been plugged in."""

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import line_adopt
from gateway.cli.line import line
from gateway.cli.line_adopt import as_toml, choose, with_settings
from gateway.errors import GatewayError
from gateway.modems.udev_rules import line_rules, mark_of
from gateway.modems.usb import PluggedPort, usb_modem
from gateway.numbers import PhoneNumber
from gateway.settings import load

BOX = """\
role = "domestic"   # a comment that stays
name = "osaka"
data = "data"

[policy]
regions = ["JP"]

[link]
peer = "seattle"
[[link.route]]
name = "internet"
connect = "tcp://192.0.2.10:5810"
"""


def port(device: str, vendor: int, product: int, place: str, serial: str = "", interface: int = 0) -> PluggedPort:
    modem = usb_modem(vendor, product)
    return PluggedPort(device, vendor, product, serial, place, interface, modem.name if modem else "?", modem)


USR = port("/dev/ttyACM0", 0x0BAF, 0x0303, "1-1.2")
EC25 = [port(f"/dev/ttyUSB{n}", 0x2C7C, 0x0125, "1-1.3", "AB12345", n) for n in range(4)]
STRANGER = port("/dev/ttyUSB9", 0x1A86, 0x7523, "1-1.4")


def adopted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ports: list[PluggedPort], *arguments: str) -> str:
    monkeypatch.setattr(line_adopt, "plugged_ports", lambda: ports)
    monkeypatch.setattr(line_adopt, "_apply", lambda: None)
    files = ["--settings", str(tmp_path / "gateway.toml"), "--rules", str(tmp_path / "71.rules")]
    result = CliRunner().invoke(line, ["adopt", *arguments, *files])
    if result.exception is not None:
        raise result.exception
    return result.output


def test_the_one_modem_that_is_plugged_in_becomes_the_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(BOX)
    said = adopted(monkeypatch, tmp_path, [USR, STRANGER], "a", "--number", "06-1234-5678")
    assert "known by its USB place 1-1.2" in said
    (settings,) = load(tmp_path / "gateway.toml").lines
    assert (settings.name, settings.port, settings.model) == ("a", "/dev/gateway/a", "usr5637")
    assert (settings.number, settings.country) == ("+81612345678", "JP")
    assert 'KERNELS=="1-1.2"' in (tmp_path / "71.rules").read_text()
    assert "# a comment that stays" in (tmp_path / "gateway.toml").read_text()


def test_a_second_modem_is_the_one_that_has_no_line_yet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(BOX)
    adopted(monkeypatch, tmp_path, [USR], "a", "--number", "+81612345678")
    said = adopted(monkeypatch, tmp_path, [USR, *EC25], "b", "--number", "+819012345678")
    assert "known by its serial number AB12345" in said
    first, second = load(tmp_path / "gateway.toml").lines
    assert (first.name, second.name) == ("a", "b")
    assert (second.model, second.audio) == ("ec25", "/dev/gateway/b-audio")


def test_adopting_again_replaces_the_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(BOX)
    adopted(monkeypatch, tmp_path, [USR], "a", "--number", "+81612345678")
    adopted(monkeypatch, tmp_path, [USR], "a", "--number", "+81612345679")
    (settings,) = load(tmp_path / "gateway.toml").lines
    assert settings.number == "+81612345679"
    assert (tmp_path / "71.rules").read_text().count("# line a\n") == 1


def test_without_a_settings_file_one_begins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    adopted(monkeypatch, tmp_path, [USR], "a", "--number", "+81612345678")
    assert tomllib.loads((tmp_path / "gateway.toml").read_text())["line"][0]["name"] == "a"


@pytest.mark.parametrize(
    ("ports", "wanted", "words"),
    [
        ([], None, "no modem that the gateway knows"),
        ([STRANGER], None, "no modem that the gateway knows"),
        ([USR, *EC25], None, "several modems can be meant: /dev/ttyACM0"),
        ([USR], "/dev/ttyUSB7", "/dev/ttyUSB7 is no port of a modem"),
    ],
)
def test_what_can_not_be_meant_is_said(ports: list[PluggedPort], wanted: str | None, words: str) -> None:
    with pytest.raises(GatewayError, match=words):
        choose(ports, wanted, "")


def test_any_port_of_a_modem_names_it() -> None:
    assert choose([USR, *EC25], "/dev/ttyUSB0", "").device == "/dev/ttyUSB2"


def test_an_adopted_modem_is_offered_again_only_where_no_other_is_there() -> None:
    assert USR.modem is not None
    rules = line_rules("a", mark_of(USR, [USR]), USR.modem)
    assert choose([USR, *EC25], None, rules).device == "/dev/ttyUSB2"
    assert choose([USR], None, rules) is USR


@pytest.mark.parametrize("arguments", [("A b", "--number", "+81612345678"), ("a", "--number", "12")])
def test_a_bad_name_or_number_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with pytest.raises(GatewayError):
        adopted(monkeypatch, tmp_path, [USR], *arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_line_stands_before_the_tables_that_follow(tmp_path: Path) -> None:
    assert USR.modem is not None
    (tmp_path / "gateway.toml").write_text(BOX)
    text = with_settings(tmp_path / "gateway.toml", "a", as_toml("a", PhoneNumber("+81612345678"), "JP", USR.modem))
    assert text.index("[[line]]") < text.index("[policy]")
    assert text.index('data = "data"') < text.index("[[line]]")
