"""From modem to program: through the faults that a test may ask for, and into the trace."""

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from gateway.bench.emulators.port import Port

IN_ONE_LINE = 120


class Trace:
    """A readable record of all bytes on a port: ``12.345678 > AT+VCID=1\\r``; voice data as byte counts.

    ``>`` goes to the modem, ``<`` comes from it; times are loop time in seconds.
    """

    def __init__(self, path: Path | None) -> None:
        self._file: TextIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="ascii", buffering=1)
        self._voice = {">": 0, "<": 0}

    def text(self, direction: str, data: bytes) -> None:
        """Bytes of commands, replies and events."""
        if self._file is None or not data:
            return
        self._tell_voice()
        for start in range(0, len(data), IN_ONE_LINE):
            shown = data[start : start + IN_ONE_LINE].decode("latin-1").encode("unicode_escape").decode("ascii")
            self._line(direction, shown)

    def voice(self, direction: str, count: int) -> None:
        """Bytes of voice data, shielding included."""
        self._voice[direction] += count

    def note(self, text: str) -> None:
        """Something that is no byte: plugged, unplugged, opened, closed."""
        if self._file is not None:
            self._tell_voice()
            self._line("-", text)

    def close(self) -> None:
        """Write what is held back, and close."""
        if self._file is not None:
            self._tell_voice()
            self._file.close()
            self._file = None

    def _tell_voice(self) -> None:
        for direction, count in self._voice.items():
            if count:
                self._line(direction, f"[{count} bytes of voice]")
                self._voice[direction] = 0

    def _line(self, direction: str, text: str) -> None:
        assert self._file is not None
        self._file.write(f"{asyncio.get_running_loop().time():.6f} {direction} {text}\n")


class Uplink:
    """Writes to the port, unless wedged; in pieces and late where a test wants it so."""

    def __init__(self, port: Port, trace: Trace) -> None:
        self.wedged = False
        self._port = port
        self._trace = trace
        self._piece = 0
        self._late = 0.0
        self._queue: deque[bytes | Callable[[], None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def backlog(self) -> int:
        """Bytes that the program hasn't read."""
        return self._port.backlog

    def write(self, data: bytes, then: Callable[[], None] | None = None) -> None:
        """Replies and events; ``then`` is called when the last byte has been written to the port."""
        if self.wedged:
            return
        self._trace.text("<", data)
        self._put(data)
        if then is not None:
            self._put(then)

    def write_voice(self, data: bytes) -> None:
        """Voice data, shielded."""
        if not self.wedged:
            self._trace.voice("<", len(data))
            self._put(data)

    def split(self, size: int, every: float) -> None:
        """From now on write at most ``size`` bytes each ``every`` seconds; size 0: at once and whole again."""
        self._piece, self._late = size, every

    def drop(self) -> None:
        """Forget what is late."""
        self._queue.clear()

    def _put(self, what: bytes | Callable[[], None]) -> None:
        if not self._piece and not self._queue:
            self._hand_over(what)
            return
        if isinstance(what, bytes) and self._piece:
            self._queue.extend(what[start : start + self._piece] for start in range(0, len(what), self._piece))
        else:
            self._queue.append(what)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._late, self._next)

    def _next(self) -> None:
        self._timer = None
        self._hand_over(self._queue.popleft())
        while self._queue and not isinstance(self._queue[0], bytes):
            self._hand_over(self._queue.popleft())
        if self._queue:
            self._timer = asyncio.get_running_loop().call_later(self._late, self._next)

    def _hand_over(self, what: bytes | Callable[[], None]) -> None:
        if isinstance(what, bytes):
            self._port.write(what)
        else:
            what()
