"""The sound of an emulated GSM modem: raw S16LE on a port of its own, 320 bytes each way every 20 ms.

The modem is the clock. What a program writes while no call has the port open is kept as in the FIFO of a real one, at
most ``FIFO`` bytes of it, and comes out stale.
"""

from collections.abc import Callable

import numpy as np

from gateway.bench.emulators.port import Port
from gateway.bench.wire import FRAME, Samples

FRAME_BYTES = 2 * FRAME
FIFO = 8 * FRAME_BYTES
"""Bytes; what comes beyond is lost."""

_SILENCE = np.zeros(FRAME, np.int16)

Codec = Callable[[Samples], Samples]
"""A frame in, what is left of it after the air interface out."""


class SoundPort:
    """The second port. ``open`` is set by the modem while a call's sound passes."""

    def __init__(self, port: Port, codec: Callable[[], Codec] | None = None) -> None:
        self.open = False
        self.stalled = False
        """A fault: the modem neither sends nor takes."""
        self.overruns = 0
        """Frames' worth of bytes that the program wrote faster than they could go."""
        self.underruns = 0
        """Frames in which it had nothing to say, after it had begun."""
        self._port = port
        self._codec = codec
        self._up = self._down = codec() if codec else None
        self._fifo = bytearray()
        self._spoke = False
        port.on_data = self._take

    def begin(self) -> None:
        """A call's sound begins to pass."""
        if self.open:
            return
        self.open = True
        self._spoke = False
        if self._codec is not None:
            self._up, self._down = self._codec(), self._codec()

    def end(self) -> None:
        """It passes no more."""
        self.open = False

    def speak(self) -> Samples:
        """The next 20 ms from the program."""
        if not self.open or self.stalled:
            return _SILENCE
        data = bytes(self._fifo[:FRAME_BYTES])
        del self._fifo[:FRAME_BYTES]
        if len(data) < FRAME_BYTES:
            self.underruns += self._spoke
            return _SILENCE if self._up is None else self._up(_SILENCE)
        self._spoke = True
        frame = np.frombuffer(data, "<i2").astype(np.int16)
        return frame if self._up is None else self._up(frame)

    def hear(self, sound: Samples) -> None:
        """20 ms for the program."""
        if self.open and not self.stalled:
            self._port.write((sound if self._down is None else self._down(sound)).astype("<i2").tobytes())

    def stale(self, count: int) -> None:
        """Leave bytes of an earlier call for the program to find."""
        self._port.write(b"\x55\x2a" * (count // 2))

    def _take(self, data: bytes) -> None:
        room = FIFO - len(self._fifo)
        self._fifo += data[:room]
        self.overruns += -(-max(0, len(data) - room) // FRAME_BYTES)
