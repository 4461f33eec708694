"""udev's rules, evaluated by the real udevadm on emulated devices, for every modem that we know."""

from dataclasses import replace
from pathlib import Path

import pytest
from udev_lab import Made, Plugged, evaluate, needs_udev, ports_of

from gateway.modems.udev_rules import Mark, base_rules, line_rules, mark_of, with_line
from gateway.modems.usb import USB_MODEMS, PluggedPort, usb_modem

RULES = Path(__file__).parents[2] / "udev" / "70-gateway.rules"
DIALOUT = "20"
USR = USB_MODEMS[0]
EC25 = next(modem for modem in USB_MODEMS if modem.model == "ec25")


def test_the_shipped_rules_are_those_of_the_table() -> None:
    assert RULES.read_text(encoding="utf-8") == base_rules()


@pytest.fixture(scope="module")
def every_modem(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Plugged], dict[str, Made]]:
    """All known models plugged in at once, each with a line of its own, and a stranger at 1-99."""
    plugged = [Plugged(modem, f"1-{at + 1}", f"SN{at:04d}", first=10 * at) for at, modem in enumerate(USB_MODEMS)]
    stranger = Plugged(replace(USR, vendor=0x1A86, product=0x7523, name="CH340"), "1-99", "X", first=200)
    lines = ""
    for at, one in enumerate(plugged):
        mark = Mark(one.modem.vendor, one.modem.product, one.serial, one.place)
        lines = with_line(lines, f"l{at}", line_rules(f"l{at}", mark, one.modem))
    rules = {"70-gateway.rules": base_rules(), "71-gateway-lines.rules": lines}
    folder = tmp_path_factory.mktemp("udev")
    return plugged, evaluate(folder, rules, [*plugged, stranger])


@needs_udev
@pytest.mark.parametrize("at", range(len(USB_MODEMS)), ids=[modem.name for modem in USB_MODEMS])
def test_every_modem_is_ours_to_use_named_and_left_alone_by_modemmanager(
    every_modem: tuple[list[Plugged], dict[str, Made]], at: int
) -> None:
    plugged, made = every_modem[0][at], every_modem[1]
    device = made[plugged.place]
    assert device.values["ID_MM_DEVICE_IGNORE"] == "1"
    assert device.values["GATEWAY_MODEL"] == plugged.modem.model
    assert device.written.get("control") == "on"  # never put to sleep
    for interface, tty in ports_of(plugged).items():
        port = made[tty]
        assert port.values["ID_MM_PORT_IGNORE"] == "1"
        assert port.group == DIALOUT
        names = {link for link in port.links if link.startswith("gateway/")}
        part = plugged.modem.part(interface)
        assert names == {"commands": {f"gateway/l{at}"}, "sound": {f"gateway/l{at}-audio"}, "other": set()}[part]
        assert ("gateway.service" in port.values.get("SYSTEMD_WANTS", "")) == (part == "commands")


@needs_udev
def test_a_stranger_is_left_as_it_is(every_modem: tuple[list[Plugged], dict[str, Made]]) -> None:
    stranger = every_modem[1]["ttyACM200"]
    assert "ID_MM_PORT_IGNORE" not in stranger.values
    assert not any(link.startswith("gateway/") for link in stranger.links)


def seen(plugged: Plugged) -> list[PluggedPort]:
    """As `gateway line list` sees it."""
    modem = plugged.modem
    return [
        PluggedPort(f"/dev/{tty}", modem.vendor, modem.product, plugged.serial, plugged.place, i, modem.name, modem)
        for i, tty in ports_of(plugged).items()
    ]


def names_of(made: dict[str, Made]) -> dict[str, str]:
    """Line name → port."""
    return {
        link.removeprefix("gateway/"): tty
        for tty, made_of in made.items()
        for link in made_of.links
        if link.startswith("gateway/")
    }


def adopt(first: Plugged, second: Plugged) -> str:
    """Rules for line a on the first, line b on the second, both plugged in."""
    text = ""
    for line, one in (("a", first), ("b", second)):
        others = [*seen(first), *seen(second)]
        text = with_line(text, line, line_rules(line, mark_of(seen(one)[0], others), one.modem))
    return text


@needs_udev
@pytest.mark.parametrize("modem", [USR, EC25], ids=lambda modem: modem.model)
@pytest.mark.parametrize("serials", [("00000001", "00000002"), ("0123456", "0123456"), ("", "")])
def test_two_equal_modems_keep_their_names_whichever_is_plugged_in_first(
    tmp_path: Path, modem: object, serials: tuple[str, str]
) -> None:
    first = Plugged(modem, "1-1.2", serials[0], first=0)  # type: ignore[arg-type]
    second = Plugged(modem, "1-1.3", serials[1], first=10)  # type: ignore[arg-type]
    rules = {"70-gateway.rules": base_rules(), "71-gateway-lines.rules": adopt(first, second)}
    other_way_round = [replace(second, first=0), replace(first, first=10)]
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    before = names_of(evaluate(tmp_path / "1", rules, [first, second]))
    after = names_of(evaluate(tmp_path / "2", rules, other_way_round))
    commands = 0 if modem is USR else 2
    kind = "ttyACM" if modem is USR else "ttyUSB"
    assert (before["a"], before["b"]) == (f"{kind}{commands}", f"{kind}{10 + commands}")
    assert (after["a"], after["b"]) == (f"{kind}{10 + commands}", f"{kind}{commands}")


@needs_udev
def test_a_modem_with_a_serial_number_keeps_its_name_in_another_socket(tmp_path: Path) -> None:
    first, second = Plugged(USR, "1-1.2", "AB123456", first=0), Plugged(USR, "1-1.3", "AB123457", first=1)
    rules = {"70-gateway.rules": base_rules(), "71-gateway-lines.rules": adopt(first, second)}
    names = names_of(evaluate(tmp_path, rules, [replace(first, place="1-1.3"), replace(second, place="1-1.2")]))
    assert names == {"a": "ttyACM0", "b": "ttyACM1"}


@needs_udev
def test_any_multitech_product_is_known(tmp_path: Path) -> None:
    multitech = next(modem for modem in USB_MODEMS if modem.model == "multitech")
    assert usb_modem(0x06E0, 0xF118) is multitech
    made = evaluate(tmp_path, {"70-gateway.rules": base_rules()}, [Plugged(multitech, "1-1", product=0xF118)])
    assert made["ttyACM0"].values["GATEWAY_MODEL"] == "multitech"


def test_a_line_that_is_adopted_again_replaces_its_earlier_block() -> None:
    old = with_line("", "a", line_rules("a", Mark(0x0BAF, 0x0303, "", "1-1.2"), USR))
    both = with_line(old, "b", line_rules("b", Mark(0x0BAF, 0x0303, "", "1-1.3"), USR))
    again = with_line(both, "a", line_rules("a", Mark(0x0BAF, 0x0303, "", "1-1.4"), USR))
    assert "1-1.2" not in again
    assert again.count("# line a\n") == again.count("# line b\n") == 1


@pytest.mark.parametrize(
    ("serial", "twin", "by_serial"),
    [("AB123456", "AB123457", True), ("AB123456", "AB123456", False), ("00000000", "", False), ("", "", False),
     ("1", "2", False), ("AB 12345\"", "", False)],
)  # fmt: skip
def test_a_serial_number_counts_only_where_it_tells_something(serial: str, twin: str, by_serial: bool) -> None:
    one, other = seen(Plugged(USR, "1-1", serial))[0], seen(Plugged(USR, "1-2", twin))[0]
    assert mark_of(one, [one, other]).by_serial is by_serial
