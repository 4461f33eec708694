"""What `gateway doctor` looks at, one function each: nothing is changed, nothing is dialled.

``root`` stands before every path of the machine, so that tests have a machine of their own.
"""

import os
import platform
import re
import shutil
import sqlite3
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import zmq

from gateway.calls.least_cost import CostBook
from gateway.calls.policy import Policy
from gateway.calls.tariff_folder import TariffFolder
from gateway.cli.line_list import state_of
from gateway.daemon.domestic import guidance_prompts
from gateway.daemon.scripts import further_tones, scripts
from gateway.errors import GatewayError
from gateway.link import status
from gateway.link.keys import KeyFolder, fingerprint
from gateway.modems.catalogue import profile_of
from gateway.modems.udev_rules import base_rules
from gateway.settings import Settings

Mark = Literal["good", "warning", "bad", "unknown"]

FREE_LEAST, FREE_ENOUGH = 50e6, 500e6
"""Bytes on the data's file system."""
BUILT = 1_760_000_000.0
"""Unix time before which no clock can be right: later than this was written."""
HOT = 80.0
"""Degrees Celsius, where a Raspberry Pi begins to slow down."""
THROTTLED = {
    0x1: "too low a voltage now",
    0x2: "its frequency is capped now",
    0x4: "it is throttled now",
    0x10000: "too low a voltage since start",
    0x40000: "it was throttled since start",
}
"""Bits of the firmware's get_throttled."""
POWER_SUPPLY = "Use the maker's power supply, and a powered USB hub for LTE modems."


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``remedy`` is "" where nothing has to be done."""

    what: str
    mark: Mark
    says: str
    remedy: str = ""


@dataclass(frozen=True)
class Machine:
    """What is examined."""

    settings: Settings
    root: Path = Path("/")

    def path(self, absolute: str) -> Path:
        """A path of the machine."""
        return self.root / absolute.lstrip("/")


def examine(machine: Machine) -> Iterator[Finding]:
    """Everything, one finding after the other; a check that fails itself is a finding, too."""
    for check in CHECKS:
        try:
            yield from check(machine)
        except Exception as error:
            yield Finding(check.__name__.strip("_").replace("_", " "), "unknown", f"could not be looked at: {error}")


def _keys(machine: Machine) -> Iterator[Finding]:
    folder = KeyFolder(machine.settings.keys)
    try:
        yield Finding("keys", "good", f"fingerprint {fingerprint(folder.own().public)}")
    except GatewayError as error:
        yield _of("keys", error, "Run gateway keys new.")
        return
    trusted = folder.trusted()
    for peer in (link.peer for link in machine.settings.links):
        if peer in trusted:
            yield Finding("peer's key", "good", f"{peer}: {fingerprint(trusted[peer])}")
        else:
            yield Finding("peer's key", "bad", f"{peer} is not trusted", f"Run gateway keys trust {peer} KEY.")


def _files(machine: Machine) -> Iterator[Finding]:
    """What the daemon reads at its start besides the settings, and does not start without."""
    settings = machine.settings
    reads: dict[str, Callable[[], object]] = {
        "policy": lambda: Policy.of(settings),
        "prices": lambda: CostBook(settings, TariffFolder(Path(settings.data)).load(time.time())),
        "tones": lambda: further_tones(settings),
    }
    if settings.role == "domestic":
        reads["prompts"] = lambda: guidance_prompts(settings)
    if settings.role == "overseas" or settings.guidance.menu == "cheaper":
        reads["menu"] = lambda: scripts(settings)
    bad = False
    for what, read in reads.items():
        try:
            read()
        except GatewayError as error:
            bad = True
            yield _of(what, error, "The daemon does not start like this.")
    if not bad:
        yield Finding("files", "good", f"what the settings name can be read: {', '.join(sorted(reads))}")


def _peer(machine: Machine) -> Iterator[Finding]:
    now = time.time()
    try:
        states = status.read(Path(machine.settings.data), now)
    except GatewayError as error:
        yield Finding("daemon", "bad", str(error), "See journalctl -u gateway.")
        return
    yield Finding("daemon", "good", "it runs")
    for state in states:
        up = [route.name for route in state.routes if route.state == "up"]
        silent = now - state.heard_at
        if up:
            yield Finding(f"peer {state.peer}", "good", f"by {', '.join(up)}; {state.queued} messages wait for it")
        else:
            says = f"no route is up; last heard {silent / 60:.0f} min ago; {state.queued} messages wait for it"
            remedy = "See to its box, to [[link.route]] here and there, and to firewalls: gateway link status."
            yield Finding(f"peer {state.peer}", "bad", says, remedy)


def _store(machine: Machine) -> Iterator[Finding]:
    file = machine.settings.store
    if not file.exists():
        yield Finding("store", "warning", f"{file} is not there yet", "The daemon makes it at its first start.")
        return
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    size = file.stat().st_size / 1e6
    good = said == "ok"
    remedy = "" if good else "Stop the service, keep a copy of the file, restore a backup (gateway store)."
    yield Finding("store", "good" if good else "bad", f"{file}, {size:.1f} MB: {said}", remedy)


def _disk(machine: Machine) -> Iterator[Finding]:
    folder = Path(machine.settings.data)
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    mark: Mark = "bad" if free < FREE_LEAST else "warning" if free < FREE_ENOUGH else "good"
    remedy = "" if mark == "good" else "Make room: recordings and traces (line.record, line.trace) grow without end."
    yield Finding("disk", mark, f"{free / 1e9:.1f} GB free at {there}", remedy)


def _permissions(machine: Machine) -> Iterator[Finding]:
    folder = Path(machine.settings.data)
    if not folder.exists():
        yield Finding("data folder", "warning", f"{folder} is not there yet", "gateway keys new makes it.")
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        yield Finding(
            "data folder", "bad", f"{folder} has mode {mode:o}", f"Run chmod 700 {folder}: numbers are in there."
        )
    else:
        yield Finding("data folder", "good", f"{folder}, for its owner alone")


def _lines(machine: Machine) -> Iterator[Finding]:
    for line in machine.settings.lines:
        what = f"line {line.name}"
        try:
            profile_of(line.model)
        except GatewayError as error:
            yield Finding(what, "bad", str(error), "Correct line.model.")
            continue
        state = state_of(line.port)
        if state == "not plugged in":
            yield Finding(what, "bad", f"{line.port}: {state}", "Plug the modem in; see gateway line list.")
        elif state == "free" or "gateway" in state or "python" in state:
            yield Finding(what, "good", f"{line.model} on {line.port}: {state}")
        else:
            yield Finding(what, "bad", f"{line.port}: {state}", "Stop that program, or keep it off by udev.")


def _clock(machine: Machine) -> Iterator[Finding]:
    if time.time() < BUILT:
        yield Finding(
            "clock", "bad", time.strftime("%Y-%m-%d"), "Let chrony reach a time server: this box has no clock."
        )
        return
    said = _output("timedatectl", "show", "--property=NTPSynchronized", "--value")
    marks: dict[str, Mark] = {"yes": "good", "no": "warning"}
    mark = marks.get(said, "unknown")
    remedy = "Let chrony reach a time server (chronyc sources)." if mark == "warning" else ""
    says = {"good": "synchronised", "warning": "not synchronised"}.get(mark, "whether it is right is not known")
    yield Finding("clock", mark, f"{time.strftime('%Y-%m-%d %H:%M %z')}, {says}", remedy)


def _power(machine: Machine) -> Iterator[Finding]:
    file = machine.path("/sys/devices/platform/soc/soc:firmware/get_throttled")
    said = file.read_text(encoding="ascii").strip() if file.exists() else _output("vcgencmd", "get_throttled")
    found = re.search(r"(?:0x)?([0-9a-fA-F]+)$", said)
    if not said or found is None:
        yield Finding("power", "unknown", "this machine does not tell")
        return
    told = [words for bit, words in THROTTLED.items() if int(found[1], 16) & bit]
    now = int(found[1], 16) & 0x7
    if told:
        yield Finding("power", "bad" if now else "warning", ", ".join(told), POWER_SUPPLY)
    else:
        yield Finding("power", "good", "never too low since start")


def _temperature(machine: Machine) -> Iterator[Finding]:
    file = machine.path("/sys/class/thermal/thermal_zone0/temp")
    if not file.exists():
        return
    degrees = int(file.read_text(encoding="ascii")) / 1000
    hot = degrees >= HOT
    yield Finding("temperature", "warning" if hot else "good", f"{degrees:.0f} °C", "Give it air." if hot else "")


def _udev(machine: Machine) -> Iterator[Finding]:
    places = [machine.path(f"{folder}/70-gateway.rules") for folder in ("/etc/udev/rules.d", "/usr/lib/udev/rules.d")]
    there = [place for place in places if place.exists()]
    if not there:
        yield Finding("udev rules", "warning", "not installed", "Install udev/70-gateway.rules in /etc/udev/rules.d.")
    elif there[0].read_text(encoding="utf-8") != base_rules():
        yield Finding(
            "udev rules", "warning", f"{there[0]} is of another version", "Install udev/70-gateway.rules anew."
        )
    else:
        yield Finding("udev rules", "good", str(there[0]))


def _service(machine: Machine) -> Iterator[Finding]:
    if not machine.path("/run/systemd/system").exists():
        yield Finding("service", "unknown", "no systemd runs here")
        return
    for unit in ("gateway.service", "gateway-recovery.path"):
        state = _output("systemctl", "is-active", unit)
        good = state in ("active", "activating")
        remedy = "" if good else f"Run systemctl enable --now {unit}; see journalctl -u {unit}."
        yield Finding(unit, "good" if good else "bad", state or "unknown to systemd", remedy)
    hardware = machine.path("/dev/watchdog0").exists()
    yield Finding(
        "hardware watchdog",
        "good" if hardware else "warning",
        "there" if hardware else "none",
        "" if hardware else "A machine that hangs stays so: use one with a watchdog.",
    )


def _versions(machine: Machine) -> Iterator[Finding]:
    del machine
    said = f"gateway {version('gateway')}, Python {platform.python_version()}, Linux {platform.release()}"
    yield Finding("versions", "good", f"{said}, ZeroMQ {zmq.zmq_version()}, SQLite {sqlite3.sqlite_version}")
    if not zmq.has("curve"):
        yield Finding("encryption", "bad", "this libzmq has no CURVE", "Install pyzmq from PyPI.")


CHECKS: tuple[Callable[[Machine], Iterator[Finding]], ...] = (
    _versions, _service, _files, _keys, _peer, _lines, _store, _disk, _permissions, _clock, _power, _temperature, _udev,
)  # fmt: skip


def _of(what: str, error: GatewayError, remedy: str) -> Finding:
    says, _, own = str(error).partition("\n")[0].partition("; ")
    return Finding(what, "bad", says, own[:1].upper() + own[1:] + "." if own else remedy)


def _output(*command: str) -> str:
    """What a program says; "" where it is not there or fails."""
    if shutil.which(command[0]) is None:
        return ""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10, env=environment)
    return done.stdout.strip()
