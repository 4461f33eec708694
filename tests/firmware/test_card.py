"""The card as it is flashed, in an emulated machine: every promise of docs/image.md that needs no board.

`make image-test` runs this, in the order written: each check goes on where the one before it left the machine.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from card_guest import SLOT_A_AT, UBOOT, Guest, exchange, flash, put, slot_equals

ROOT = Path(__file__).parents[2]
GATEWAY = ROOT / ".venv/bin/gateway"
BUILT = Path(os.environ.get("GATEWAY_IMAGE", ROOT / "build/image"))
IMAGE, SYSTEM, STICK = BUILT / "gateway.img", BUILT / "rootfs.ext4", BUILT / "stick.ext4"

pytestmark = [
    pytest.mark.skipif(os.environ.get("GATEWAY_IMAGE_TEST") != "1", reason="make image-test runs this"),
    pytest.mark.timeout(1800),
]

GATEWAY_TOML = """\
role = "domestic"
name = "osaka"
data = "/var/lib/gateway"
language = "en"
[[line]]
name = "a"
port = "/dev/gateway/a"
model = "usr5637"
number = "+81355500001"
[policy]
regions = ["JP"]
[link]
peer = "seattle"
[[link.route]]
name = "internet"
bind = "tcp://*:5810"
"""
LINES_RULES = """\
SUBSYSTEM=="tty", SUBSYSTEMS=="usb", ATTRS{idVendor}=="0403", ATTRS{idProduct}=="6001", \
GROUP="dialout", MODE="0660", SYMLINK+="gateway/a"
"""
WIREGUARD = """\
[Interface]
PrivateKey = QEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEA=
Address = 10.99.0.1/24
ListenPort = 51820
"""
EXCHANGE_TOML = """\
log = "exchange.jsonl"
control = "exchange.sock"
[[modem]]
name = "a"
model = "usr5637"
number = "+81355500001"
port = "modem"
"""
STICK_IN = "mkdir -p /mnt/stick; mountpoint -q /mnt/stick || mount -o ro /dev/vdb /mnt/stick"
SERVES = "systemctl is-active gateway.service"
CALLS = "runuser -u gateway -- gateway calls --settings /etc/gateway/gateway.toml --json"


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """A freshly flashed card, edited by a technician, in a machine that was just switched on. No modem yet."""
    for file in (IMAGE, SYSTEM, STICK, Path(UBOOT)):
        assert file.exists(), f"{file} is missing; run make setup-image image bundle image-test"
    folder = tmp_path_factory.mktemp("card")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "id"], check=True)
    card = folder / "card.img"
    flash(IMAGE, card)
    put(card, "gateway.toml", GATEWAY_TOML.replace("\n", "\r\n"))
    put(card, "lines.rules", LINES_RULES)
    put(card, "wireguard.conf", WIREGUARD)
    put(card, "peer-key.txt", f"seattle {'ab' * 32}\r\n")
    put(card, "authorized_keys", (folder / "id.pub").read_text())
    with exchange(folder, EXCHANGE_TOML, GATEWAY):
        machine = Guest(folder, card, STICK)
        try:
            yield machine
        finally:
            machine.stop()
            card.unlink()


def call(guest: Guest, caller: str) -> list[dict]:
    """A customer calls the vendor; what the box then knows of calls."""
    bench = ["--exchange", str(guest.folder / "exchange.sock"), "--from", caller, "--to", "+81355500001"]
    done = subprocess.run(
        [GATEWAY, "exchange", "call", *bench, "--no-callback", "--timeout", "120"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(guest.run(CALLS))


def test_starts_from_slot_a_and_lets_the_technician_in(guest: Guest) -> None:
    assert guest.wait_boot(1) == ("A", 2, 3)


def test_reads_its_settings_from_the_fat_partition(guest: Guest) -> None:
    assert guest.run("cat /etc/gateway/gateway.toml") == GATEWAY_TOML
    assert guest.run("hostname").strip() == "osaka"
    assert guest.run("cat /boot/firmware/public-key.txt").split()[0] == "osaka"
    assert guest.run("ls /boot/firmware/ERROR.txt", check=False).count("No such file") == 1


def test_serves_once_a_modem_is_plugged_in(guest: Guest) -> None:
    guest.attach_modem(guest.folder / "modem")
    guest.plug()
    guest.wait(f"test -e /dev/gateway/a && {SERVES}", within=600)


def test_takes_a_call_over_the_usb_modem(guest: Guest) -> None:
    (taken,) = call(guest, "+819012345678")
    assert taken["request"]


def test_unplug_and_replug_heal_within_ten_seconds(guest: Guest) -> None:
    guest.unplug()
    guest.wait("! test -e /dev/gateway/a", within=120)
    guest.plug()
    guest.wait("[ $(journalctl -b -u gateway -o cat | grep -c ' serves$') -ge 2 ]", within=300)
    plugged = guest.run("journalctl -b -k -o short-monotonic | grep 'attached to ttyUSB' | tail -1")
    serves = guest.run("journalctl -b -u gateway -o short-monotonic | grep ' serves$' | tail -1")
    since_start = [float(line.split("]")[0].strip("[ ")) for line in (plugged, serves)]
    assert since_start[1] - since_start[0] <= 10
    assert len(call(guest, "+819012345679")) == 2


def test_wrong_settings_are_reported_on_the_card(guest: Guest) -> None:
    guest.run("on-card sed -i 's/role = .*/role = \"domestc\"/' /boot/firmware/gateway.toml")
    guest.run("systemctl restart gateway-setup")
    assert "role" in guest.run("cat /boot/firmware/ERROR.txt")
    guest.run("on-card sed -i 's/role = .*/role = \"domestic\"/' /boot/firmware/gateway.toml")
    guest.run("systemctl restart gateway-setup")
    assert "No such file" in guest.run("ls /boot/firmware/ERROR.txt", check=False)
    assert guest.run("findmnt -no OPTIONS /boot/firmware").startswith("ro,")


def test_the_firewall_denies_what_is_not_asked_for(guest: Guest) -> None:
    rules = guest.run("nft list ruleset")
    assert rules.count("policy drop") == 2
    assert "elements = { 5810 }" in rules
    assert "elements = { 51820 }" in rules


def test_nobody_logs_in_by_password(guest: Guest) -> None:
    says = guest.run("sshd -T -C user=root,host=x,addr=192.0.2.1")
    for line in ("passwordauthentication no", "kbdinteractiveauthentication no", "permitrootlogin without-password"):
        assert line in says
    assert "root:*:" in guest.run("cat /etc/shadow")


def test_the_dedicated_route_comes_up_and_ppp_is_there(guest: Guest) -> None:
    assert "listening port: 51820" in guest.run("wg show dedicated")
    guest.run("modprobe ppp_async && test -e /dev/ppp && pppd --version", check=True)


def test_units_are_hardened(guest: Guest) -> None:
    units = "gateway gateway-recovery gateway-setup gateway-healthy gateway-ppp"
    said = guest.run(f"for u in {units}; do systemd-analyze security $u.service | tail -1; done", within=300)
    exposures = [float(line.split(":")[1].split()[0]) for line in said.splitlines()]
    assert len(exposures) == 5
    assert max(exposures) <= 2.0, said


def test_usb_never_sleeps_and_the_clock_is_kept(guest: Guest) -> None:
    assert guest.run("cat /sys/module/usbcore/parameters/autosuspend").strip() == "-1"
    assert guest.run("systemctl is-active chrony").strip() == "active"


def test_data_takes_the_rest_of_the_card(guest: Guest) -> None:
    assert int(guest.run("findmnt -bno SIZE /data")) > 1.5 * 2**30


def test_nothing_is_failed(guest: Guest) -> None:
    assert guest.run("systemctl --failed --no-legend --plain") == ""


def test_the_root_is_unchanged_byte_for_byte(guest: Guest) -> None:
    guest.run("touch /usr/written /etc/written && sync")
    assert slot_equals(guest.card, SLOT_A_AT, SYSTEM)


def test_the_watchdog_resets_a_hung_system(guest: Guest) -> None:
    before = guest.boots
    guest.run("echo 0 > /proc/sys/kernel/panic; echo 1 > /proc/sys/kernel/sysrq")
    with pytest.raises(subprocess.TimeoutExpired):
        guest.run("echo c > /proc/sysrq-trigger", within=3)
    hung = time.monotonic()
    guest.wait_boot(len(before) + 1)
    assert guest.boots[-1][0] == "A"
    assert "written" not in guest.run("ls /usr /etc")
    guest.wait(SERVES, within=600)
    print(f"serves {time.monotonic() - hung:.0f} s after it hung")


def test_a_tampered_bundle_is_refused(guest: Guest) -> None:
    said = guest.run(f"{STICK_IN}; rauc install /mnt/stick/tampered.raucb", check=False, within=600)
    assert "failed" in said
    assert "signature" in said.lower()


def test_a_bundle_changed_in_its_content_is_refused(guest: Guest) -> None:
    said = guest.run(f"{STICK_IN}; rauc install /mnt/stick/changed.raucb", check=False, within=600)
    assert "failed" in said
    assert guest.run("fw_printenv -n BOOT_ORDER").strip() == "A", "what came through half-way must never be started"


def test_a_bundle_signed_by_somebody_else_is_refused(guest: Guest) -> None:
    said = guest.run(f"{STICK_IN}; rauc install /mnt/stick/stranger.raucb", check=False, within=600)
    assert "failed" in said
    assert "signature" in said.lower() or "certificate" in said.lower()


def test_a_bundle_is_installed_to_the_other_slot_and_the_state_survives(guest: Guest) -> None:
    before, calls = guest.boots, json.loads(guest.run(CALLS))
    guest.run(f"{STICK_IN}; rauc install /mnt/stick/good.raucb", within=900)
    assert guest.run("fw_printenv -n BOOT_ORDER").strip() == "B A"
    guest.reboot()
    assert guest.wait_boot(len(before) + 1)[0] == "B"
    guest.wait('test "$(fw_printenv -n BOOT_B_LEFT)" = 3', within=600)
    assert "healthy-B" in guest.run("ls /data")
    assert json.loads(guest.run(CALLS)) == calls


def test_a_system_that_does_not_start_falls_back(guest: Guest) -> None:
    before = guest.boots
    guest.run(f"{STICK_IN}; rauc install /mnt/stick/dead.raucb", within=900)
    guest.reboot()
    guest.wait_boot(len(before) + 4)
    assert [slot for slot, _, _ in guest.boots[len(before) :]] == ["A", "A", "A", "B"]


def test_a_system_that_does_not_serve_falls_back(guest: Guest) -> None:
    before, calls = guest.boots, json.loads(guest.run(CALLS))
    guest.run(f"{STICK_IN}; rauc install /mnt/stick/mute.raucb", within=900)
    guest.reboot()
    guest.wait_boot(len(before) + 2, within=900)
    assert [slot for slot, _, _ in guest.boots[len(before) :]] == ["A", "B"]
    guest.wait(SERVES, within=600)
    assert json.loads(guest.run(CALLS)) == calls
