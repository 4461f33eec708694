"""Programs that nobody here wrote: pyserial as answering-machine scripts use it, and mgetty's `vm` if it is there."""

import asyncio
import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import serial
from subscriber_line import CALLER, DONE, PLAY, RECORD, Line

from gateway import clock
from gateway.bench.emulators import open_modem
from gateway.bench.emulators.sound import tone

SPEED = 10.0
READY = {
    "usr5637": ("ATZ", "ATE0", "ATV1", "AT+VCID=1"),
    "conexant": ("ATZ", "ATE0", "ATV1", "AT-SCID=1;+VCID=1;-STE=3"),
    "rockwell": ("ATZ", "ATE0", "ATV1", "AT#CID=1"),
}
ANSWER = {
    "usr5637": ("AT+FCLASS=8", "AT+VSM=128,8000", "AT+VLS=1"),
    "conexant": ("AT+FCLASS=8", "AT+VSM=1,8000,0,0", "AT+VLS=1"),
    "rockwell": ("AT#CLS=8", "AT#VBS=8", "ATA"),
}


def answering_machine(path: Path, model: str) -> tuple[bytes, bytes]:
    """A typical blocking script: wait for caller ID, answer, greet, record; the caller-ID lines and the message."""
    end = DONE[model].encode()
    with serial.Serial(str(path), 115200, timeout=5, write_timeout=5, rtscts=True) as port:

        def ask(command: str, until: bytes = b"\r\nOK\r\n") -> bytes:
            port.write(command.encode() + b"\r")
            reply = port.read_until(until)
            assert reply.endswith(until), (command, reply)
            return reply

        for command in READY[model]:
            ask(command)
        caller = port.read_until(b"NAME") + port.readline()
        time.sleep(0.1)  # a second of bench time: the bell has stopped
        for command in ANSWER[model]:
            ask(command, end if command == "ATA" else b"\r\nOK\r\n")
        ask(PLAY[model], b"CONNECT\r\n")
        port.write(b"\x80\xc0" * 8000 + b"\x10\x03")
        assert port.read_until(end).endswith(end)
        ask(RECORD[model], b"CONNECT\r\n")
        message = port.read(6000)
        port.write(b"\x10!")
        assert port.read_until(b"\x10\x03" + end).endswith(end)
        ask("ATH")
    return caller, message


@pytest.mark.parametrize("model", READY)
def test_a_blocking_answering_machine_on_pyserial_works(tmp_path: Path, model: str) -> None:
    line = Line()

    async def main() -> tuple[bytes, bytes]:
        line.modem = open_modem(model, line, tmp_path / "modem")
        script = asyncio.ensure_future(asyncio.to_thread(answering_machine, tmp_path / "modem", model))
        while line.names().count("at") < len(READY[model]) and not script.done():
            await asyncio.sleep(0.1)
        await line.ring(on=1.0, off=1.0)
        line.modem.caller_id(CALLER)
        line.say(tone((700,), 60))
        result = await script
        assert not line.off
        line.modem.close()
        return result

    caller, message = clock.run(main(), clock.Pace.begin(SPEED))
    assert b"2125550123" in caller
    assert b"NAME" in caller
    assert np.count_nonzero(np.abs(line.heard()) > 10_000) > 7000
    assert max(message) > 0x90


needs_vm = pytest.mark.skipif(
    shutil.which("vm") is None or os.geteuid() != 0, reason="mgetty-voice is not installed, or we aren't root"
)


@needs_vm
def test_vm_of_mgetty_records_through_a_rockwell(tmp_path: Path) -> None:
    line, message = Line(), tmp_path / "message.rmd"
    port = os.path.relpath(tmp_path / "modem", "/dev")

    async def main() -> int:
        line.modem = open_modem("rockwell", line, tmp_path / "modem")
        command = ["vm", "record", "-c", "8", "-L", "2", "-t", "-l", port, str(message)]
        vm = await asyncio.to_thread(subprocess.run, command, timeout=60, check=False)
        line.modem.close()
        return vm.returncode

    assert clock.run(main(), clock.Pace.begin(1.0)) == 0
    assert message.stat().st_size > 7200
