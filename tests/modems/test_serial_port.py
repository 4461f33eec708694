"""A real pseudo-terminal: held alone, never blocking, and its loss told at once. Real time, because wires are real."""

import asyncio
import fcntl
import os
import subprocess
import sys
import time
import tty
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from gateway import clock
from gateway.line import LineLost
from gateway.modems.catalogue import open_line
from gateway.modems.serial_port import SerialPort
from gateway.settings import LineSettings, SettingsError

TIOCGEXCL = 0x80045440
HOLD = """
import fcntl, os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
if sys.argv[2] == "locked":
    fcntl.flock(fd, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


class Cable:
    """A pseudo-terminal; ``master`` is the modem's end."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self.master, False)

    def unplug(self) -> None:
        os.close(self.master)
        self.master = -1


@pytest.fixture
def cable() -> Iterator[Cable]:
    made = Cable()
    yield made
    if made.master >= 0:
        made.unplug()


def in_real_time(test: Callable[[], Awaitable[None]]) -> None:
    async def guarded() -> None:
        async with asyncio.timeout(20):
            await test()

    clock.run(guarded(), clock.Pace())


def test_bytes_pass_both_ways_and_a_full_pipe_blocks_nobody(cable: Cable) -> None:
    async def test() -> None:
        port = SerialPort(cable.path, 115200, "a")
        os.write(cable.master, b"\r\nRING\r\n\xff\x00")
        assert await port.read() == b"\r\nRING\r\n\xff\x00"
        sent = bytes(range(256)) * 1000
        began = time.monotonic()
        port.write(sent)
        assert time.monotonic() - began < 0.5
        assert port.unsent > 0
        got = b""
        while len(got) < len(sent):
            await asyncio.sleep(0)
            try:
                got += os.read(cable.master, 65536)
            except BlockingIOError:
                continue
        assert got == sent
        assert port.unsent == 0
        port.close()

    in_real_time(test)


async def test_a_stream_is_read_a_few_times_a_second_and_a_reply_at_once(cable: Cable) -> None:
    port = SerialPort(cable.path, 115200, "a", gather=0.04)
    await asyncio.sleep(0.05)
    for reply in (b"OK\r\n", b"RING\r\n"):
        os.write(cable.master, reply)
        assert await port.read() == reply
    assert clock.now() == 0.05
    os.write(cable.master, bytes(160))
    assert await port.read() == bytes(160)
    for due in (0.08, 0.12):
        os.write(cable.master, bytes(160))
        os.write(cable.master, bytes(160))
        assert await port.read() == bytes(320)
        assert clock.now() == pytest.approx(due)
    port.close()


def test_an_unplugged_modem_is_told_within_half_a_second_with_line_and_port(cable: Cable) -> None:
    async def test() -> None:
        port = SerialPort(cable.path, 115200, "a")
        reading = asyncio.create_task(port.read())
        await asyncio.sleep(0.05)
        cable.unplug()
        with pytest.raises(LineLost, match=f'line "a": {cable.path}: the modem is gone'):
            await asyncio.wait_for(reading, 0.5)
        port.write(b"AT\r")  # into the void
        port.close()
        port.close()

    in_real_time(test)


def test_closing_ends_a_read_and_frees_the_port(cable: Cable) -> None:
    async def test() -> None:
        port = SerialPort(cable.path, 115200, "a")
        reading = asyncio.create_task(port.read())
        await asyncio.sleep(0.05)
        port.close()
        with pytest.raises(LineLost, match="closed"):
            await asyncio.wait_for(reading, 0.5)
        SerialPort(cable.path, 115200, "b").close()

    in_real_time(test)


@pytest.mark.parametrize("how", ["locked", "unlocked"])
def test_a_port_that_another_process_holds_is_refused_by_its_name(cable: Cable, how: str) -> None:
    # The master is not inherited, so the holder is no emulator.
    holder = subprocess.Popen([sys.executable, "-c", HOLD, cable.path, how], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        name = Path(f"/proc/{holder.pid}/comm").read_text().strip()

        async def test() -> None:
            with pytest.raises(
                LineLost, match=rf'line "a": {cable.path}.*held by {name} \(process {holder.pid}\); stop it'
            ):
                SerialPort(cable.path, 115200, "a")

        in_real_time(test)
    finally:
        holder.kill()
        holder.wait()


def test_an_emulator_that_keeps_its_own_slave_end_open_holds_nothing() -> None:
    code = "import os, time; _, slave = os.openpty(); print(os.ttyname(slave), flush=True); time.sleep(60)"
    emulator = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert emulator.stdout is not None
        path = emulator.stdout.readline().strip()

        async def test() -> None:
            SerialPort(path, 115200, "a").close()

        in_real_time(test)
    finally:
        emulator.kill()
        emulator.wait()


def test_a_port_that_we_hold_already_is_refused(cable: Cable) -> None:
    async def test() -> None:
        port = SerialPort(cable.path, 115200, "a")
        with pytest.raises(LineLost, match="held by another process"):
            SerialPort(cable.path, 115200, "b")
        port.close()

    in_real_time(test)


def test_a_port_is_free_again_after_its_holder_was_killed(cable: Cable) -> None:
    code = "import asyncio, sys, time; from gateway.modems.serial_port import SerialPort\nasync def hold():\n"
    code += ' SerialPort(sys.argv[1], 115200, "a"); print("held", flush=True); time.sleep(60)\nasyncio.run(hold())'
    holder = subprocess.Popen([sys.executable, "-c", code, cable.path], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.wait()

    async def test() -> None:
        slave = os.open(cable.path, os.O_RDWR | os.O_NOCTTY)
        assert fcntl.ioctl(slave, TIOCGEXCL, bytes(4)) == bytes(4)  # root alone could open it otherwise
        os.close(slave)
        SerialPort(cable.path, 115200, "a").close()

    in_real_time(test)


@pytest.mark.parametrize(
    ("port", "message"),
    [("/dev/gateway/none", "no such port; plug the modem in"), (__file__, "not a serial port; correct line.port")],
)
def test_a_wrong_port_is_named_with_the_remedy(port: str, message: str) -> None:
    async def test() -> None:
        with pytest.raises(LineLost, match=f'line "a": {port}.*{message}'):
            SerialPort(port, 115200, "a")

    in_real_time(test)


def test_an_unknown_model_is_refused_with_the_list_of_known_ones() -> None:
    async def test() -> None:
        settings = LineSettings(name="a", port="/dev/null", model="hayes", number="+81355500001")
        with pytest.raises(SettingsError, match=r'model "hayes" is not known; choose one of .*conexant.*usr5637'):
            async with open_line(settings):
                pass

    in_real_time(test)
