"""The recovery ladder's order and patience, requests to its helper, and what the helper does to the kernel's files."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from gsm_lab import gsm_lab
from modem_lab import PluggedIn

from gateway import clock
from gateway.cli.recover import recover
from gateway.line import LineLost
from gateway.modems import usb_power
from gateway.modems.gsm_profiles import GSM_PROFILES
from gateway.modems.losses import Gone, NoNetwork, Silent
from gateway.modems.profiles import PROFILES
from gateway.modems.recovery import Ladder, Requests, Rung, reset
from gateway.modems.usb import usb_place
from gateway.modems.usb_power import PowerError
from gateway.settings import LineSettings

LINE = LineSettings(name="a", port="memory", model="sim7600", number="+819011112222")


def climb(ladder: Ladder, why: LineLost, times: int, every: float = 4.0) -> list[Rung]:
    return [ladder.lost(why, at * every)[0] for at in range(times)]


def test_a_silent_modem_is_opened_again_then_taken_off_the_bus_then_switched_off() -> None:
    assert climb(Ladder(), Silent("x"), 5) == [Rung.REOPEN, Rung.REBIND, Rung.POWER, Rung.REOPEN, Rung.REOPEN]


def test_a_mobile_modem_without_network_is_reset_before_anything_rougher() -> None:
    assert climb(Ladder(), NoNetwork("x"), 4) == [Rung.REOPEN, Rung.RESET, Rung.REBIND, Rung.POWER]


def test_a_modem_that_is_gone_is_waited_for_a_minute_before_its_port_is_switched() -> None:
    ladder = Ladder()
    rungs = climb(ladder, Gone("x"), 16)
    assert rungs == [Rung.REOPEN] * 15 + [Rung.POWER]


def test_what_needs_a_person_is_only_ever_opened_again() -> None:
    ladder = Ladder()
    assert set(climb(ladder, LineLost("held by vgetty"), 50)) == {Rung.REOPEN}
    assert ladder.taken == {Rung.REOPEN: 50}


def test_a_lost_line_is_opened_again_soon_and_then_every_four_seconds() -> None:
    ladder = Ladder()
    assert [ladder.lost(Gone("x"), 0.0)[1] for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


def test_failures_are_forgotten_after_a_minute_of_service_and_not_before() -> None:
    ladder = Ladder()
    climb(ladder, Silent("x"), 2)
    ladder.serves(10.0)
    assert ladder.lost(Silent("x"), 20.0)[0] is Rung.POWER
    ladder.serves(30.0)
    assert ladder.lost(Silent("x"), 100.0)[0] is Rung.REOPEN


async def test_a_mobile_modem_is_reset_by_its_own_command_and_a_voice_modem_is_not() -> None:
    async with gsm_lab("sim7600", opened=False) as lab:
        end = lab.modem._port.other_end  # type: ignore[attr-defined]
        assert await reset(LINE, GSM_PROFILES["sim7600"], PluggedIn(end, "a"))
        assert len(lab.commands("AT+CFUN=1,1")) == 1
    assert not await reset(LINE, PROFILES["usr5637"])


async def test_a_request_is_a_file_that_whoever_heeds_it_takes_away(tmp_path: Path) -> None:
    requests = Requests(tmp_path / "requests")
    file = tmp_path / "requests" / "a.json"
    asking = asyncio.create_task(requests.cycle("a", "1-1.2", Rung.POWER, {"1-1.3"}))
    await asyncio.sleep(1.0)
    assert json.loads(file.read_text()) == {"do": "power", "place": "1-1.2", "spare": ["1-1.3"]}
    file.unlink()
    assert await asking


async def test_a_request_that_nobody_heeds_is_taken_back(tmp_path: Path) -> None:
    requests = Requests(tmp_path / "requests")
    began = clock.now()
    assert not await requests.cycle("a", "1-1.2", Rung.REBIND, ())
    assert clock.now() - began < 25
    assert list((tmp_path / "requests").iterdir()) == []


def test_without_a_service_manager_there_is_nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    assert Requests.of_service() is None


@pytest.fixture
def sysfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A USR5637 at 1-1.2 and an Ethernet chip at 1-1.1, below a hub whose second port the kernel can switch."""
    monkeypatch.setattr(usb_power, "OFF", 0.0)
    monkeypatch.setattr(usb_power.time, "sleep", lambda seconds: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    devices = tmp_path / "sys/bus/usb/devices"
    for place, vendor, product in (("1-1.2", "0baf", "0303"), ("1-1.1", "0424", "ec00")):
        (devices / place).mkdir(parents=True)
        for name, text in (("idVendor", vendor), ("idProduct", product), ("authorized", "1")):
            (devices / place / name).write_text(text + "\n")
    (devices / "1-1:1.0/1-1-port2").mkdir(parents=True)
    (devices / "1-1:1.0/1-1-port2/disable").write_text("0\n")
    return tmp_path / "sys"


def test_a_port_is_switched_by_the_kernel_where_it_can(sysfs: Path) -> None:
    assert usb_power.power("1-1.2", sysfs=sysfs) == "port switched by the kernel"
    assert (sysfs / "bus/usb/devices/1-1:1.0/1-1-port2/disable").read_text() == "0"


def test_a_device_is_taken_off_the_bus_and_back(sysfs: Path) -> None:
    assert "authorisation" in usb_power.rebind("1-1.2", sysfs=sysfs)
    assert (sysfs / "bus/usb/devices/1-1.2/authorized").read_text() == "1"


@pytest.mark.parametrize(
    ("place", "spare", "words"),
    [
        ("1-1.1", (), "0424:ec00 is no modem"),
        ("1-1.2", ("1-1.4",), "has a call on another port"),
        ("../../../etc", (), "no place on a USB bus"),
        ("1-1.3", (), "install uhubctl"),
    ],
)
def test_the_helper_refuses_what_would_harm(sysfs: Path, place: str, spare: tuple[str, ...], words: str) -> None:
    with pytest.raises(PowerError, match=words):
        usb_power.power(place, spare, sysfs)


def test_a_call_behind_another_hub_is_no_reason_to_wait(sysfs: Path) -> None:
    assert usb_power.power("1-1.2", ("1-3", "2-1.1"), sysfs) == "port switched by the kernel"


def test_uhubctl_serves_where_the_kernel_has_no_switch(sysfs: Path, tmp_path: Path) -> None:
    script = tmp_path / "uhubctl"
    script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/said\necho "Current status for hub 1-1 [ppps]"\n')
    script.chmod(0o755)
    assert usb_power.power("1-1.3", ("1-1.4",), sysfs) == "port switched by uhubctl"
    assert (tmp_path / "said").read_text().splitlines()[-1] == "--location 1-1 --ports 3 --action cycle --delay 0"


def test_a_request_is_taken_away_whatever_it_asks_for(tmp_path: Path) -> None:
    folder = tmp_path / "requests"
    folder.mkdir()
    for name, text in (("a", '{"do": "dance"}'), ("b", "no JSON"), ("c", '{"do": "power", "place": 7}')):
        (folder / f"{name}.json").write_text(text)
    done = CliRunner().invoke(recover, [str(folder)])
    assert done.exit_code == 0
    assert '"dance" is nothing that can be asked for' in done.output
    assert list(folder.iterdir()) == []


def test_the_place_of_a_port_is_found_in_the_kernels_tree(tmp_path: Path) -> None:
    device = tmp_path / "devices/usb1/1-1/1-1.2/1-1.2:1.0"
    (device / "tty/ttyACM0").mkdir(parents=True)
    (device.parent / "idVendor").write_text("0baf")
    (tmp_path / "devices/usb1/idVendor").write_text("1d6b")
    (device / "tty/ttyACM0/device").symlink_to(device)
    (tmp_path / "class/tty").mkdir(parents=True)
    (tmp_path / "class/tty/ttyACM0").symlink_to(device / "tty/ttyACM0")
    assert usb_place("/dev/ttyACM0", tmp_path) == "1-1.2"
    assert usb_place("/dev/ttyACM1", tmp_path) is None
