"""Where a mobile call's sound is: raw on a second serial port, or on an ALSA device; 20 ms each way at a time."""

import asyncio
from collections.abc import Callable
from typing import Protocol

import numpy as np

from gateway.line import SAMPLE_RATE, LineLost, Samples
from gateway.modems.serial_port import Port

FRAME = 160
"""Samples at 8 kHz in 20 ms."""
FRAME_TIME = FRAME / SAMPLE_RATE

OnLost = Callable[[LineLost], None]
Exchange = Callable[[Samples, bool], Samples]
"""``FRAME`` samples from the far end in, as many to be sent out; silence where the second argument forbids to speak."""


class Sound(Protocol):
    """What brings a call's sound: a serial port, or a sound card."""

    latency: float
    """Seconds from a frame's being given out until it has been sent."""
    passed: int
    """Frames that have come in while ours were taken: it stands still once either direction is dead."""

    async def open(self) -> None:
        """Have it, for as long as the line lasts. Raises ``LineLost`` with the remedy."""

    async def look(self) -> None:
        """Between calls: see that it is still there. Raises ``LineLost``."""

    async def start(self, exchange: Exchange) -> None:
        """From now on ``exchange`` is called for each 20 ms, until ``stop``. Raises ``LineLost``."""

    def stop(self) -> None:
        """The call is over. No effect when stopped."""

    def close(self) -> None:
        """Give it back."""


class SerialSound:
    """Raw S16LE, mono, 8 kHz on a second serial port: the modem sends 320 bytes and takes 320, every 20 ms.

    Between calls all that comes is thrown away, so that a call never begins with an earlier one's sound. A modem that
    sends nothing is one-way, not gone: it is fed by our own clock, and silence is heard.
    """

    latency = 0.04
    FRAME_BYTES = 2 * FRAME
    SILENT = 0.1
    """Seconds without sound from it until our own clock takes over."""
    AHEAD = 0.12
    """Seconds that it is given in advance. After a stall of ours many frames come at once, for which it has already
    played silence; what is to be said must not be lost on them."""
    UNTAKEN = 10 * 2 * FRAME
    """Bytes that it has not taken; more are not sent, or all that follows would be late."""

    def __init__(self, open_port: Callable[[], Port], on_lost: Callable[[LineLost], None]) -> None:
        self._open_port = open_port
        self._on_lost = on_lost
        self._port: Port | None = None
        self._exchange: Exchange | None = None
        self._bytes = bytearray()
        self._came_at = 0.0
        self.passed = 0
        self._played_to = 0.0
        """Loop time at which the modem will have played all that it has been given."""
        self._tasks: list[asyncio.Task[None]] = []
        self._pacer: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open the port and read it from now on. Raises ``LineLost``."""
        self._port = self._open_port()
        self._tasks.append(asyncio.create_task(self._read(self._port), name=self._port.name))

    async def look(self) -> None:
        """The port that is read all the time tells by itself."""

    async def start(self, exchange: Exchange) -> None:
        """A call's sound begins."""
        self._bytes.clear()
        self._came_at = self._played_to = asyncio.get_running_loop().time()
        self._exchange = exchange
        self._pacer = asyncio.create_task(self._pace())

    def stop(self) -> None:
        """It is over."""
        self._exchange = None
        if self._pacer is not None:
            self._pacer.cancel()
            self._pacer = None

    def close(self) -> None:
        """Give the port back."""
        for task in self._tasks:
            task.cancel()
        if self._pacer is not None:
            self._pacer.cancel()
        if self._port is not None:
            self._port.close()

    async def _read(self, port: Port) -> None:
        try:
            while True:
                data = await port.read()
                if self._exchange is not None:
                    self._take(data)
        except LineLost as lost:
            self._on_lost(lost)

    def _take(self, data: bytes) -> None:
        self._came_at = asyncio.get_running_loop().time()
        self._bytes += data
        while len(self._bytes) >= self.FRAME_BYTES:
            frame = bytes(self._bytes[: self.FRAME_BYTES])
            del self._bytes[: self.FRAME_BYTES]
            self.passed += self._port is not None and self._port.unsent < self.UNTAKEN
            self._pass(np.frombuffer(frame, "<i2").astype(np.int16))

    async def _pace(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + FRAME_TIME, self._came_at + self.SILENT)
            await asyncio.sleep(due - loop.time())
            if loop.time() >= self._came_at + self.SILENT:
                self._pass(np.zeros(FRAME, np.int16))

    def _pass(self, far: Samples) -> None:
        if self._exchange is None or self._port is None:
            return
        now = asyncio.get_running_loop().time()
        self._played_to = max(self._played_to, now)
        may_speak = self._played_to - now < self.AHEAD and self._port.unsent < self.UNTAKEN
        near = self._exchange(far, may_speak)
        if may_speak:
            self._played_to += FRAME_TIME
            self._port.write(near.astype("<i2").tobytes())
