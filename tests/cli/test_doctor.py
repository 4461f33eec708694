"""``gateway doctor`` names what is wrong with a box, and what to do about it."""

import json
import os
import shutil
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from gateway.cli.doctor import doctor
from gateway.cli.doctor_checks import Finding, Machine, examine
from gateway.link.keys import KeyFolder
from gateway.link.status import LinkState, RouteStatus
from gateway.modems.udev_rules import base_rules
from gateway.settings import load

BOX = """\
role = "domestic"
name = "osaka"
data = "data"
[[line]]
name = "a"
port = "%s"
model = "usr5637"
number = "+81612345678"
[policy]
regions = ["JP"]
[link]
peer = "seattle"
[[link.route]]
name = "internet"
connect = "tcp://192.0.2.10:5810"
"""


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A box in good order, on a machine of its own at ``tmp_path/machine``; its settings file."""
    master, slave = os.openpty()
    (tmp_path / "gateway.toml").write_text(BOX % os.ttyname(slave))
    os.close(slave)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    KeyFolder(data / "keys").new()
    KeyFolder(data / "keys").trust("seattle", bytes(range(32)))
    say_link(tmp_path, "up")
    machine = tmp_path / "machine"
    put(machine, "/sys/devices/platform/soc/soc:firmware/get_throttled", "0")
    put(machine, "/etc/udev/rules.d/70-gateway.rules", base_rules())
    yield tmp_path / "gateway.toml"  # type: ignore[misc]
    os.close(master)


def say_link(folder: Path, state: str) -> None:
    told = LinkState("seattle", (RouteStatus("internet", state, 0.1),), 1.0, 3, {})
    (folder / "data" / "link-seattle.json").write_bytes(msgspec.json.encode(told))


def put(machine: Path, path: str, text: str) -> None:
    file = machine / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def findings(settings: Path) -> dict[str, Finding]:
    machine = Machine(load(settings), settings.parent / "machine")
    return {finding.what: finding for finding in examine(machine)}


def test_a_box_in_good_order_has_nothing_bad(box: Path) -> None:
    found = findings(box)
    assert [finding for finding in found.values() if finding.mark == "bad"] == []
    assert all(not finding.remedy for finding in found.values() if finding.mark == "good")
    assert {"keys", "peer's key", "peer seattle", "line a", "disk", "power", "udev rules", "versions", "files"} <= set(
        found
    )


def test_each_trouble_is_named_with_its_remedy(box: Path) -> None:
    folder = box.parent
    machine = folder / "machine"
    say_link(folder, "down")
    put(machine, "/sys/devices/platform/soc/soc:firmware/get_throttled", "50005")
    put(machine, "/etc/udev/rules.d/70-gateway.rules", "old")
    put(machine, "/sys/class/thermal/thermal_zone0/temp", "85000\n")
    KeyFolder(folder / "data" / "keys").revoke("seattle")
    (folder / "data").chmod(0o755)
    (folder / "data" / "gateway.db").write_bytes(b"no database" * 1000)
    box.write_text(BOX % "/dev/gateway/nowhere")
    found = findings(box)
    for what, mark, remedy in (
        ("peer seattle", "bad", "gateway link status"),
        ("peer's key", "bad", "gateway keys trust seattle"),
        ("line a", "bad", "Plug the modem in"),
        ("power", "bad", "power supply"),
        ("udev rules", "warning", "70-gateway.rules"),
        ("temperature", "warning", "air"),
        ("data folder", "bad", "chmod 700"),
    ):
        assert (found[what].mark, remedy in found[what].remedy) == (mark, True), what
    assert "too low a voltage now" in found["power"].says
    assert "not a database" in found["store"].says


@pytest.mark.parametrize(
    ("key", "what", "says", "remedy"),
    [
        ('prompts = "nowhere"', "prompts", "nowhere: no such folder of prompts", "Correct `prompts`"),
        ('tones = "nowhere"', "tones", "nowhere: the table of tones can't be read: No such file", "does not start"),
        ('policy = {block_list = "nowhere"}', "policy", "policy.block_list: ", "does not start"),
        ('tariff = {zone = "Mars/Base"}', "prices", '"Mars/Base" is no time zone', "like Asia/Tokyo"),
        (
            'guidance = {menu = "cheaper"}\ncallback = {menu = "nowhere"}',
            "menu",
            "nowhere: the menu can't",
            "not start",
        ),
    ],
)
def test_a_file_without_which_the_daemon_does_not_start_is_named(
    box: Path, key: str, what: str, says: str, remedy: str
) -> None:
    plain = (BOX % "p").replace('[policy]\nregions = ["JP"]\n', "")
    box.write_text(key + "\n" + plain)
    found = findings(box)
    assert found[what].mark == "bad"
    assert says in found[what].says
    assert remedy in found[what].remedy
    assert "files" not in found


def test_low_voltage_in_the_past_is_but_a_warning(box: Path) -> None:
    put(box.parent / "machine", "/sys/devices/platform/soc/soc:firmware/get_throttled", "50000")
    assert findings(box)["power"].mark == "warning"


def test_a_daemon_that_does_not_run_is_told(box: Path) -> None:
    os.utime(box.parent / "data" / "link-seattle.json", (1, 1))
    assert findings(box)["daemon"].mark == "bad"


def test_a_box_without_keys_is_told_how_to_make_them(box: Path) -> None:
    shutil.rmtree(box.parent / "data" / "keys")
    assert "keys new" in findings(box)["keys"].remedy


def test_the_command_tells_in_words_or_json_and_fails_if_something_is_bad(box: Path) -> None:
    (box.parent / "data").chmod(0o755)
    said = CliRunner().invoke(doctor, ["--settings", str(box)])
    assert said.exit_code == 1
    assert "chmod 700" in said.output
    told = json.loads(CliRunner().invoke(doctor, ["--settings", str(box), "--json"]).output)
    assert {"what": "settings", "mark": "good", "says": f"{box} is understood", "remedy": ""} in told
