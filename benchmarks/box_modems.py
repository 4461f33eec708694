"""Very light modems for the footprint's benchmark: many voice streams on pseudo-terminals, paced by their own clock.

Each says OK to everything and, once asked for a voice stream, sends 160 samples every 20 ms and takes as many. It
counts the frames for which too few bytes had come in time, as a real modem would hear them missing. Moments in which
the machine held this program itself up count apart.
"""

import asyncio
import os
import sys
import time
import tty
from pathlib import Path

FRAME = 160
TICK = 0.02
HELD_UP = 0.04
"""Seconds by which a tick may come late before its frame proves nothing."""
BEGINNING = 25
"""Frames of a stream that don't count: the driver begins with what it has."""


class LightModem:
    """One pseudo-terminal, linked at ``path``."""

    def __init__(self, path: Path) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        path.symlink_to(os.ttyname(self._slave))
        self.voice = False
        self.late = self.frames = self._waiting = 0
        self._line = b""
        self._shielded = False
        asyncio.get_running_loop().add_reader(self.master, self._readable)

    def _readable(self) -> None:
        data = os.read(self.master, 65536)
        if not self.voice:
            self._commands(data)
        else:
            self._sound(data)

    def _commands(self, data: bytes) -> None:
        self._line += data
        while b"\r" in self._line and not self.voice:
            line, _, self._line = self._line.partition(b"\r")
            if b"AT" not in line.upper():
                continue
            if b"+VTR" in line.upper():
                self.voice, self._waiting, self.frames = True, 0, 0
                os.write(self.master, b"\r\nCONNECT\r\n")
                self._sound(self._line)
                self._line = b""
            else:
                os.write(self.master, b"\r\nOK\r\n")

    def _sound(self, data: bytes) -> None:
        if b"\x10^" in data:
            self.voice = False
            os.write(self.master, b"\x10\x03\r\nOK\r\n")
            return
        self._waiting += len(data) - data.count(b"\x10\x10")

    def tick(self, frame: bytes, fair: bool) -> None:
        """20 ms pass."""
        if not self.voice:
            return
        self.frames += 1
        if self._waiting < FRAME and self.frames > BEGINNING and fair:
            self.late += 1
        self._waiting = max(0, self._waiting - FRAME)
        try:
            os.write(self.master, frame)
        except BlockingIOError:  # the program has not read for half a second and more
            self.late += 1


async def serve(folder: Path, count: int) -> None:
    """Until standard input ends; then tell ``frames late held-up cpu-seconds``."""
    modems = [LightModem(folder / f"{number}") for number in range(count)]
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(0, ended.set)
    # a voice-like hum that never has a DLE in it
    frames = [bytes(128 + ((7 * (at + 13 * number)) % 23) for at in range(FRAME)) for number in range(5)]
    print("ready", flush=True)
    total = held_up = 0
    due = time.monotonic()
    while not ended.is_set():
        due += TICK
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        fair = time.monotonic() - due < HELD_UP
        held_up += not fair
        for modem in modems:
            total += modem.voice
            modem.tick(frames[total % 5], fair)
    print(total, sum(modem.late for modem in modems), held_up, f"{time.process_time():.2f}", flush=True)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
