"""An open voice path on a mobile line: 20 ms in and 20 ms out at a time, paced by whatever brings the sound."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np

from gateway.line import SAMPLE_RATE, Heard, LineLost, Samples
from gateway.modems.recording import Recording
from gateway.modems.serial_port import Port

FRAME = 160
"""Samples at 8 kHz in 20 ms."""
FRAME_TIME = FRAME / SAMPLE_RATE
UNHEARD = 250
"""Frames kept for a listener who does not listen; older ones are dropped."""

Exchange = Callable[[Samples], Samples]
"""``FRAME`` samples from the far end in, as many to be sent out."""


class Sound(Protocol):
    """What brings a call's sound: a serial port, or a sound card."""

    latency: float
    """Seconds from a frame's being given out until it has been sent."""

    async def open(self) -> None:
        """Have it, for as long as the line lasts. Raises ``LineLost`` with the remedy."""

    async def start(self, exchange: Exchange) -> None:
        """From now on ``exchange`` is called for each 20 ms, until ``stop``. Raises ``LineLost``."""

    async def stop(self) -> None:
        """The call is over. No effect when stopped."""

    def close(self) -> None:
        """Give it back."""


class GsmVoice:
    """Fulfils ``Voice``."""

    def __init__(self, sound: Sound, recording: Recording | None) -> None:
        self._sound = sound
        self._recording = recording
        self._queue: deque[Samples] = deque()
        self._quiet = 0
        """Frames since the last that was no filling."""
        self._frames: deque[tuple[Samples, Samples]] = deque(maxlen=UNHEARD)
        self._keys = ""
        self._over: Exception | None = None
        self._changed = asyncio.Event()

    async def open(self) -> None:
        """Begin, with silence. Raises ``LineLost``."""
        await self._sound.start(self._exchange)

    async def close(self) -> None:
        """End it, whatever its state."""
        await self._sound.stop()
        if self._recording is not None:
            self._recording.close()
            self._recording = None

    def end(self, why: Exception) -> None:
        """From now on every method raises this."""
        self._over = self._over or why
        self._changed.set()

    def key(self, key: str) -> None:
        """The modem has heard a key."""
        self._keys += key

    def play(self, sound: Samples) -> None:
        """Queue sound behind what still plays."""
        self._check()
        self._queue += [sound[at : at + FRAME] for at in range(0, len(sound), FRAME)]
        self._quiet = 0 if len(sound) else self._quiet

    async def played(self) -> None:
        """Until all that was queued has been sent."""
        waiting = self._sound.latency / FRAME_TIME
        await self._until(lambda: not self._queue and self._quiet >= waiting)

    def hush(self) -> None:
        """Drop what is queued; what the modem or card holds (``latency``) still sounds."""
        self._check()
        self._queue.clear()

    async def hear(self) -> Heard:
        """The next 20 ms from the far end."""
        await self._until(lambda: bool(self._frames))
        far, near = self._frames.popleft()
        keys, self._keys = self._keys, ""
        return Heard(far, near, keys)

    def _exchange(self, far: Samples) -> Samples:
        if self._queue:
            near, self._quiet = self._queue.popleft(), 0
        else:
            near = np.zeros(0, np.int16)
            self._quiet += 1
        near = np.pad(near, (0, FRAME - len(near)))
        self._frames.append((far, near))
        if self._recording is not None:
            self._recording.add(far, near)
        self._changed.set()
        return near

    async def _until(self, ready: Callable[[], bool]) -> None:
        while True:
            self._check()
            if ready():
                return
            self._changed.clear()
            await self._changed.wait()

    def _check(self) -> None:
        if self._over is not None:
            raise self._over


class SerialSound:
    """Raw S16LE, mono, 8 kHz on a second serial port: the modem sends 320 bytes and takes 320, every 20 ms.

    Between calls all that comes is thrown away, so that a call never begins with an earlier one's sound. A modem that
    sends nothing is one-way, not gone: it is fed by our own clock, and silence is heard.
    """

    latency = 0.04
    FRAME_BYTES = 2 * FRAME
    SILENT = 0.1
    """Seconds without sound from it until our own clock takes over."""
    UNTAKEN = 10 * 2 * FRAME
    """Bytes that it has not taken; more are not sent, or all that follows would be late."""

    def __init__(self, open_port: Callable[[], Port], on_lost: Callable[[LineLost], None]) -> None:
        self._open_port = open_port
        self._on_lost = on_lost
        self._port: Port | None = None
        self._exchange: Exchange | None = None
        self._bytes = bytearray()
        self._came_at = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._pacer: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open the port and read it from now on. Raises ``LineLost``."""
        self._port = self._open_port()
        self._tasks.append(asyncio.create_task(self._read(self._port), name=self._port.name))

    async def start(self, exchange: Exchange) -> None:
        """A call's sound begins."""
        self._bytes.clear()
        self._came_at = asyncio.get_running_loop().time()
        self._exchange = exchange
        self._pacer = asyncio.create_task(self._pace())

    async def stop(self) -> None:
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
            self._pass(np.frombuffer(frame, "<i2").astype(np.int16))

    async def _pace(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += FRAME_TIME
            await asyncio.sleep(due - loop.time())
            if loop.time() - self._came_at > self.SILENT:
                self._pass(np.zeros(FRAME, np.int16))

    def _pass(self, far: Samples) -> None:
        if self._exchange is None or self._port is None:
            return
        near = self._exchange(far)
        if self._port.unsent < self.UNTAKEN:
            self._port.write(near.astype("<i2").tobytes())
