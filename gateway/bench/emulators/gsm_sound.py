"""The sound of an emulated GSM modem: raw S16LE on a port of its own, 320 bytes each way every 20 ms.

The modem is the clock. What a program writes while no call has the port open is kept as in the FIFO of a real one, at
most ``FIFO`` bytes of it, and comes out stale.
"""

from typing import Protocol

import numpy as np

from gateway.bench.emulators.port import Port
from gateway.bench.wire import FRAME, Samples

FRAME_BYTES = 2 * FRAME
FIFO = 8 * FRAME_BYTES
"""Bytes; what comes beyond is lost."""

_SILENCE = np.zeros(FRAME, np.int16)


class SoundEnd(Protocol):
    """The modem's end of whatever carries a call's sound to the program."""

    is_card: bool
    """A sound card rather than a port."""
    open: bool
    """Set while a call's sound passes."""
    stalled: bool
    """A fault: the modem neither sends nor takes."""

    def begin(self) -> None:
        """A call's sound begins to pass."""

    def end(self) -> None:
        """It passes no more."""

    def speak(self) -> Samples:
        """The next 20 ms from the program."""

    def hear(self, sound: Samples) -> None:
        """20 ms for the program."""

    def unplug(self) -> None:
        """Go from the bus with the modem."""

    def replug(self) -> None:
        """Be there again."""


class SoundPort:
    """The second port."""

    is_card = False

    def __init__(self, port: Port) -> None:
        self.open = False
        self.stalled = False
        self.overruns = 0
        """Frames' worth of bytes that the program wrote faster than they could go."""
        self.underruns = 0
        """Frames in which it had nothing to say, after it had begun."""
        self._port = port
        self._fifo = bytearray()
        self._spoke = False
        port.on_data = self._take

    def begin(self) -> None:
        """A call's sound begins to pass."""
        if self.open:
            return
        self.open = True
        self._spoke = False

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
            return _SILENCE
        self._spoke = True
        return np.frombuffer(data, "<i2").astype(np.int16)

    def hear(self, sound: Samples) -> None:
        """20 ms for the program."""
        if self.open and not self.stalled:
            self._port.write(sound.astype("<i2").tobytes())

    def unplug(self) -> None:
        """Go from the bus with the modem."""
        self.end()
        self._fifo.clear()
        self._port.unplug()

    def replug(self) -> None:
        """Be there again."""
        self._port.replug()

    def stale(self, count: int) -> None:
        """Leave bytes of an earlier call for the program to find."""
        self._port.write(b"\x55\x2a" * (count // 2))

    def _take(self, data: bytes) -> None:
        room = FIFO - len(self._fifo)
        self._fifo += data[:room]
        self.overruns += -(-max(0, len(data) - room) // FRAME_BYTES)
