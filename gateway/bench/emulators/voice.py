"""The voice path of a modem: bytes from and to the program on one side, line frames on the other.

While a voice connection lasts, everything that the program sends comes here. The line's clock (a frame each 20 ms)
paces both directions; the buffer for playing holds what the model's does, and the port is paused while it is full.
"""

import asyncio
from collections.abc import Callable
from enum import Enum

import numpy as np

from gateway.bench.emulators import dle
from gateway.bench.emulators.models import ModemModel
from gateway.bench.emulators.port import Port
from gateway.bench.emulators.sound import Codec, VoiceFormat
from gateway.bench.emulators.uplink import Trace, Uplink
from gateway.bench.wire import FRAME, Samples

BOTH_ENDS = frozenset({b"^", dle.ESC})
_SILENCE = np.zeros(FRAME, np.int16)


class Mode(Enum):
    """Voice connections, by who speaks."""

    PLAY = "play"
    RECORD = "record"
    BOTH = "both"


class VoicePath:
    """One voice connection at a time."""

    def __init__(self, model: ModemModel, port: Port, uplink: Uplink, trace: Trace) -> None:
        self.mode: Mode | None = None
        self._model = model
        self._port = port
        self._uplink = uplink
        self._trace = trace
        self._over: asyncio.Future[None] | None = None
        self._overrun = False
        self._clear()

    def _clear(self) -> None:
        self._stream = dle.HostStream()
        self._buffer = bytearray()
        self._started = False
        self._ending = False

    async def run(
        self,
        mode: Mode,
        format_: VoiceFormat,
        early: bytes,
        leftover: Callable[[bytes], None],
        begun: Callable[[], None],
    ) -> None:
        """Until the program ends it.

        ``early``: what the program sent already; ``leftover`` gets what follows the end; ``begun`` is called once
        frames may be asked for.
        """
        self._clear()
        self._codec = Codec(format_)
        self._over = asyncio.get_running_loop().create_future()
        self.mode = mode
        begun()
        try:
            self.receive(early)
            await self._over
        finally:
            self.mode = None
            self._port.resume()
        leftover(self._stream.rest())

    def receive(self, data: bytes) -> None:
        """What the program sent while a connection lasts."""
        self._stream.feed(data)
        while self._over is not None and not self._over.done() and not self._ending:
            item = self._stream.next()
            if item is None:
                break
            if isinstance(item, dle.Code):
                self._code(item)
            else:
                self._take(item)

    def speak(self) -> Samples | None:
        """The next frame to the line; None where nothing is played."""
        if self.mode not in (Mode.PLAY, Mode.BOTH):
            return None
        size = self._codec.format.frame
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        if len(self._buffer) < self._model.voice_buffer // 2:
            self._port.resume()
        if not data and self._ending:
            self._finish()
        elif len(data) < size and self._started and not self._ending and self.mode is Mode.PLAY:
            self._started = False
            self._event("u")
        return self._codec.to_line(data) if data else _SILENCE

    def hear(self, sound: Samples) -> None:
        """A frame from the line, for the program where it records."""
        if self.mode not in (Mode.RECORD, Mode.BOTH) or self._ending:
            return
        if self._uplink.backlog > self._model.voice_buffer:
            if not self._overrun:
                self._event("o")
            self._overrun = True
            return
        self._overrun = False
        data = dle.shield(self._codec.to_program(sound))
        self._uplink.write_voice(data)

    def _event(self, code: str) -> None:
        self._uplink.write(dle.event(code))

    def _take(self, data: bytes) -> None:
        if self.mode is Mode.RECORD:
            self._trace.text(">", data)
            if self._model.plain_record_end and self._model.plain_record_end in data:
                self._end_recording()
            return
        self._trace.voice(">", len(data))
        self._buffer += data
        self._started = True
        if len(self._buffer) >= self._model.voice_buffer:
            self._port.pause()

    def _code(self, code: dle.Code) -> None:
        self._trace.text(">", b"\x10" + code.code)
        if code.shields < self._model.end_shields:
            return
        if code.code == dle.CAN:
            self._buffer.clear()
        elif self.mode is Mode.PLAY:
            if code.code in self._model.play_ends:
                self._ending = True
                self._port.resume()
        elif code.code in (BOTH_ENDS if self.mode is Mode.BOTH else self._model.record_ends):
            self._end_recording()

    def _end_recording(self) -> None:
        self._ending = True
        self._uplink.write(dle.event("\x03"))
        self._finish()

    def _finish(self) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(None)
