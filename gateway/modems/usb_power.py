"""Taking a USB device off its bus and back, by way of the kernel's files or uhubctl: for root (``gateway recover``)."""

import re
import shutil
import subprocess
import time
from collections.abc import Collection
from pathlib import Path

from gateway.errors import GatewayError
from gateway.modems.usb import usb_modem

PLACE = re.compile(r"[1-9]\d*-[1-9]\d*(\.[1-9]\d*)*")
OFF = 3.0
"""Seconds without power; capacitors have to run empty."""


class PowerError(GatewayError):
    """It can't be done; the message says why."""


def rebind(place: str, sysfs: Path = Path("/sys")) -> str:
    """Withdraw the kernel's authorisation for the device and give it again; how that was done, in words."""
    switch = _device(place, sysfs) / "authorized"
    if not switch.exists():
        raise PowerError(f"USB {place}: nothing is plugged in there")
    _write(switch, "0")
    time.sleep(1.0)
    _write(switch, "1")
    return "authorisation taken and given"


def power(place: str, spare: Collection[str] = (), sysfs: Path = Path("/sys")) -> str:
    """Switch the port off and on; how that was done, in words.

    Raises ``PowerError`` where the hub can't, or would switch off those at the places ``spare``, too.
    """
    _device(place, sysfs)
    hub, port = _hub_of(place)
    if any(_hub_of(other)[0] == hub for other in spare) and not _switches_singly(hub):
        raise PowerError(f"USB {place}: hub {hub} has a call on another port, and may switch both off; left alone")
    switch = sysfs / "bus/usb/devices" / _interface_of(hub) / f"{hub}-port{port}" / "disable"
    if switch.exists():
        _write(switch, "1")
        time.sleep(OFF)
        _write(switch, "0")
        return "port switched by the kernel"
    if shutil.which("uhubctl") is None:
        raise PowerError(f"USB {place}: the kernel can't switch this port; install uhubctl")
    said = _uhubctl(hub, "--ports", port, "--action", "cycle", "--delay", str(round(OFF)))
    if said is None:
        raise PowerError(f"USB {place}: uhubctl can't switch this port")
    return "port switched by uhubctl"


def _switches_singly(hub: str) -> bool:
    """Whether each port has a switch of its own, as far as uhubctl can tell."""
    return shutil.which("uhubctl") is not None and "ppps" in (_uhubctl(hub) or "")


def _uhubctl(hub: str, *arguments: str) -> str | None:
    """What it says; None where it can't do that."""
    command = ["uhubctl", "--location", hub.removeprefix("usb"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    failed = done.returncode or "No compatible devices" in done.stdout + done.stderr
    return None if failed else done.stdout


def _device(place: str, sysfs: Path) -> Path:
    """The device's folder. Raises ``PowerError`` for what is no place, or where something else than a modem is."""
    if not PLACE.fullmatch(place):
        raise PowerError(f'"{place}" is no place on a USB bus; 1-1.2 is one')
    device = sysfs / "bus/usb/devices" / place
    if device.exists():
        vendor, product = (int((device / name).read_text(encoding="ascii"), 16) for name in ("idVendor", "idProduct"))
        if usb_modem(vendor, product) is None:
            raise PowerError(f"USB {place}: {vendor:04x}:{product:04x} is no modem that the gateway knows; left alone")
    return device


def _hub_of(place: str) -> tuple[str, str]:
    """``1-1.2`` is port 2 of hub ``1-1``; ``1-3`` is port 3 of the root hub ``usb1``."""
    if "." in place:
        hub, _, port = place.rpartition(".")
        return hub, port
    bus, _, port = place.partition("-")
    return f"usb{bus}", port


def _interface_of(hub: str) -> str:
    return f"{hub.removeprefix('usb')}-0:1.0" if hub.startswith("usb") else f"{hub}:1.0"


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="ascii")
    except OSError as error:
        raise PowerError(f"{file}: can't be written ({error.strerror}); gateway recover runs as root") from None
