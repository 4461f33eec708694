"""A machine of its own with our card in it: QEMU's virt board in software, started by U-Boot as a Raspberry Pi is.

Nothing of it is known to the card: settings go onto its FAT partition as a technician's would, all else is read from
the console and by SSH. Its modem is the bench's, at the far end of a USB serial adapter.
"""

import json
import os
import re
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

UBOOT = "/usr/lib/u-boot/qemu_arm64/u-boot.bin"
MIB = 1 << 20
FIRMWARE_AT, SLOT_A_AT = 4 * MIB, 68 * MIB
"""Where the partitions are (firmware-config/image.sh)."""
CARD = 4 << 30
STARTED = re.compile(r"gateway: slot ([AB]), tries left: A (\d), B (\d)")
QEMU = """qemu-system-aarch64 -M virt -cpu cortex-a53 -smp 2 -m 1024 -accel tcg,thread=multi -nodefaults -display none
-bios {uboot} -drive file={card},format=raw,if=none,id=card -device virtio-blk-pci,drive=card
-drive file={stick},format=raw,if=none,id=stick,readonly=on -device virtio-blk-pci,drive=stick
-serial file:{folder}/console.log -device virtio-rng-pci -device i6300esb -action watchdog=reset
-netdev user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{ssh}-:22 -device virtio-net-pci,netdev=net,romfile=
-device qemu-xhci,id=xhci -chardev socket,id=modem,path={folder}/modem.sock,server=on,wait=off
-qmp unix:{folder}/qmp.sock,server=on,wait=off"""


class Guest:
    """A running machine. ``boots`` lists (slot, tries of A, tries of B) of each start so far."""

    def __init__(self, folder: Path, card: Path, stick: Path) -> None:
        self.folder, self.card = folder, card
        self.key = folder / "id"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        command = QEMU.format(uboot=UBOOT, card=card, stick=stick, folder=folder, ssh=self._port)
        self.process = subprocess.Popen(shlex.split(command), stderr=subprocess.PIPE, text=True)
        self._qmp = self._connect(folder / "qmp.sock").makefile("rw")
        self._qmp.readline()
        self.qmp("qmp_capabilities")
        self._far_end = self._connect(folder / "modem.sock")

    @property
    def console(self) -> str:
        return (self.folder / "console.log").read_text(errors="replace")

    @property
    def boots(self) -> list[tuple[str, int, int]]:
        return [(slot, int(a), int(b)) for slot, a, b in STARTED.findall(self.console)]

    def qmp(self, command: str, **arguments: object) -> object:
        self._qmp.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._qmp.flush()
        while True:
            answer = json.loads(self._qmp.readline())
            if "return" in answer:
                return answer["return"]
            assert "error" not in answer, answer

    def attach_modem(self, port: Path) -> None:
        """What comes out of the USB adapter goes to ``port``, and back."""
        descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY)
        subprocess.run(["stty", "-F", str(port), "raw", "-echo"], check=True)
        far_end = self._far_end

        def outwards() -> None:
            with suppress(OSError):
                while data := far_end.recv(4096):
                    os.write(descriptor, data)

        def inwards() -> None:
            with suppress(OSError):
                while data := os.read(descriptor, 4096):
                    far_end.sendall(data)

        for way in (outwards, inwards):
            threading.Thread(target=way, daemon=True).start()

    def plug(self) -> None:
        self.qmp("device_add", driver="usb-serial", chardev="modem", id="adapter", bus="xhci.0")

    def unplug(self) -> None:
        self.qmp("device_del", id="adapter")

    def run(self, command: str, *, within: float = 120, check: bool = True) -> str:
        """By SSH, as root: what it wrote. Fails if it does and ``check``."""
        self._reach()
        done = subprocess.run(self._ssh(command), capture_output=True, text=True, timeout=within)
        assert done.returncode == 0 or not check, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout + (done.stderr if not check else "")

    def wait(self, command: str, *, within: float) -> float:
        """Until it succeeds; how many seconds that took."""
        begun = time.monotonic()
        while time.monotonic() - begun < within:
            with suppress(subprocess.TimeoutExpired):
                if (
                    self._reach()
                    and subprocess.run(self._ssh(command), capture_output=True, timeout=60).returncode == 0
                ):
                    return time.monotonic() - begun
            time.sleep(0.5)
        raise AssertionError(f"not within {within} s: {command}\n{self.console[-3000:]}")

    def wait_boot(self, count: int, *, within: float = 400) -> tuple[str, int, int]:
        """Until U-Boot has started a slot ``count`` times, and the last lets us in."""
        begun = time.monotonic()
        while len(self.boots) < count:
            assert time.monotonic() - begun < within, self.console[-3000:]
            assert self.process.poll() is None, self.process.stderr.read()
            time.sleep(0.5)
        self._hang_up()
        self.wait("true", within=within)
        return self.boots[-1]

    def reboot(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self.run("systemctl --no-block reboot", check=False, within=30)
        self._hang_up()

    def stop(self) -> None:
        self._hang_up()
        self.process.terminate()
        self.process.wait(20)
        self._far_end.close()

    def _ssh(self, *words: str) -> list[str]:
        options = {
            "UserKnownHostsFile": self.folder / "known_hosts",
            "StrictHostKeyChecking": "accept-new",
            "BatchMode": "yes",
            "ConnectTimeout": 30,
            "ServerAliveInterval": 10,
            "ControlPath": self.folder / "ssh.sock",
            "LogLevel": "ERROR",
        }
        given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-F", "none", "-i", str(self.key), "-p", str(self._port), *given, "root@127.0.0.1", *words]

    def _reach(self) -> bool:
        """One connection for everything: the firewall counts them."""
        if subprocess.run(self._ssh("-O", "check"), capture_output=True).returncode == 0:
            return True
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        reached = subprocess.run(self._ssh("-M", "-N", "-f"), **quiet).returncode == 0
        if not reached:
            time.sleep(3)
        return reached

    def _hang_up(self) -> None:
        subprocess.run(self._ssh("-O", "exit"), capture_output=True)

    def _connect(self, path: Path) -> socket.socket:
        begun = time.monotonic()
        while True:
            line = socket.socket(socket.AF_UNIX)
            try:
                line.connect(str(path))
            except OSError:
                line.close()
                assert self.process.poll() is None, self.process.stderr.read()
                assert time.monotonic() - begun < 20, f"{path}: nobody there"
                time.sleep(0.1)
            else:
                return line


def flash(image: Path, card: Path) -> None:
    """As onto an SD card of 4 GB."""
    subprocess.run(["cp", "--sparse=always", image, card], check=True)
    os.truncate(card, CARD)


def put(card: Path, name: str, text: str) -> None:
    """A file onto the card's FAT partition, as the technician's computer would."""
    command = ["mcopy", "-o", "-i", f"{card}@@{FIRMWARE_AT}", "-", f"::{name}"]
    subprocess.run(command, input=text, text=True, check=True)


def slot_equals(card: Path, at: int, image: Path) -> bool:
    """The file system in the slot that begins at byte ``at`` is ``image``, byte for byte."""
    size = image.stat().st_size
    return subprocess.run(["cmp", "-s", "-n", str(size), "-i", f"{at}:0", card, image]).returncode == 0


@contextmanager
def exchange(folder: Path, settings: str, gateway: Path) -> Iterator[Path]:
    """The bench's telephone exchange; gives its settings file."""
    file = folder / "exchange.toml"
    file.write_text(settings, encoding="utf-8")
    running = subprocess.Popen([gateway, "exchange", "up", "--settings", file], stdout=subprocess.DEVNULL)
    try:
        yield file
    finally:
        running.terminate()
        running.wait(20)
