"""What udev makes of emulated USB modems: the real udevadm evaluates our rules, in a mount namespace of its own."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.modems.usb import UsbModem

RUN = r"""
set -e
mount -t tmpfs none /run; mkdir -p /run/udev/rules.d /run/dev
cp "$1"/*.rules /run/udev/rules.d/
mount -t tmpfs -o mode=755 none /run/dev
for device in null zero random urandom tty full; do
  touch /run/dev/$device; mount --bind /dev/$device /run/dev/$device
done
mkdir /run/dev/shm /run/dev/pts; mount --bind /dev/pts /run/dev/pts; ln -s pts/ptmx /run/dev/ptmx
mount --rbind /run/dev /dev
cd "$1"
umockdev-run -d modems.umockdev -- sh -c '
  while read -r path; do echo "@@@ $path"; udevadm test --action=add /sys$path 2>&1 || true; done < paths'
"""

needs_udev = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("umockdev-run", "udevadm", "unshare"))),
    reason="needs root and Debian's udev and umockdev",
)


@dataclass(frozen=True)
class Plugged:
    """An emulated modem at a place; ``first`` is the number of its first serial port."""

    modem: UsbModem
    place: str
    serial: str = ""
    first: int = 0
    product: int | None = None


@dataclass
class Made:
    """What udev makes of one node."""

    links: set[str] = field(default_factory=set)
    group: str = ""
    values: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)


def ports_of(plugged: Plugged) -> dict[int, str]:
    """Interface → name of its serial port."""
    if plugged.modem.commands is None:
        return {0: f"ttyACM{plugged.first}"}
    count = max(plugged.modem.commands, plugged.modem.sound or 0) + 1
    return {interface: f"ttyUSB{plugged.first + interface}" for interface in range(count)}


def evaluate(folder: Path, rules: dict[str, str], plugged: list[Plugged]) -> dict[str, Made]:
    """Node (``ttyUSB2``, or the place of a device) → what becomes of it."""
    described, paths = [], []
    for one in plugged:
        text, found = _described(one)
        described.append(text)
        paths += found
    (folder / "modems.umockdev").write_text("\n".join(described))
    (folder / "paths").write_text("".join(f"{path}\n" for path in paths))
    for name, text in rules.items():
        (folder / name).write_text(text)
    command = ["unshare", "--mount", "--propagation", "private", "bash", "-c", RUN, "_", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    assert "Invalid" not in done.stdout, done.stdout
    return {_node(part): _made(part) for part in done.stdout.split("@@@ ")[1:]}


def _described(plugged: Plugged) -> tuple[str, list[str]]:
    modem, base = plugged.modem, f"/devices/pci0000:00/0000:00:14.0/usb1/{plugged.place}"
    product = modem.product if plugged.product is None else plugged.product
    number = 10 + sum(plugged.place.encode())
    lines = [
        f"P: {base}", f"N: bus/usb/001/{number:03d}", f"E: DEVNAME=/dev/bus/usb/001/{number:03d}", "E: BUSNUM=001",
        f"E: DEVNUM={number:03d}", "E: DEVTYPE=usb_device", "E: MAJOR=189", f"E: MINOR={number}", "E: SUBSYSTEM=usb",
        f"E: PRODUCT={modem.vendor:x}/{product:x}/100", f"A: idVendor={modem.vendor:04x}",
        f"A: idProduct={product:04x}", "A: manufacturer=Maker", f"A: product={modem.name.replace('/', ' ')}",
        "A: bcdDevice=0100", "A: power/control=auto", *([f"A: serial={plugged.serial}"] if plugged.serial else []), "",
    ]  # fmt: skip
    paths = [base]
    for interface, tty in ports_of(plugged).items():
        where = f"{base}/{plugged.place}:1.{interface}"
        path = f"{where}/tty/{tty}" if tty.startswith("ttyACM") else f"{where}/{tty}/tty/{tty}"
        paths.append(path)
        major, minor = (166 if tty.startswith("ttyACM") else 188), int(re.sub(r"\D", "", tty))
        lines += [
            f"P: {where}", "E: DEVTYPE=usb_interface", "E: INTERFACE=255/0/0", "E: SUBSYSTEM=usb",
            "A: bInterfaceClass=ff", f"A: bInterfaceNumber={interface:02x}", "A: bInterfaceSubClass=00", "",
            f"P: {path}", f"N: {tty}", f"E: DEVNAME=/dev/{tty}", f"E: MAJOR={major}", f"E: MINOR={minor}",
            "E: SUBSYSTEM=tty", f"A: dev={major}:{minor}", "",
        ]  # fmt: skip
    return "\n".join(lines), paths


def _node(part: str) -> str:
    return part.splitlines()[0].rsplit("/", 1)[1]


def _made(part: str) -> Made:
    values = dict(re.findall(r"^(\w+)=(.*)$", part, re.MULTILINE))
    links = {link.removeprefix("/dev/") for link in values.get("DEVLINKS", "").split()}
    group = re.search(r"GROUP (\d+)", part)
    written = dict(re.findall(r"ATTR \'[^\']*/([\w/]+)\' writing \'(\w+)\'", part))
    return Made(links, group[1] if group else "", values, written)
