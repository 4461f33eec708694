"""A file with everything that passes on a modem's port, readable, each line stamped.

``2027-01-15 08:00:00.123456 > AT+VCID=1\\r``: ``>`` to the modem, ``<`` from it, ``-`` a remark. Sound is told as a
count of bytes. It holds full numbers: it is written only where the settings name a file.
"""

import contextlib
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from gateway import clock
from gateway.line import LineLost

log = logging.getLogger(__name__)

IN_ONE_LINE = 200


class Trace:
    """Appends to the file at ``path``; writes nothing where that is None. Raises ``LineLost`` if it can't be opened."""

    def __init__(self, path: str | None, name: str) -> None:
        self._file: TextIO | None = None
        self._sound = {">": 0, "<": 0}
        if path is None:
            return
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._file = Path(path).open("a", encoding="ascii", buffering=1)  # noqa: SIM115 - open as long as the line
        except OSError as error:
            raise LineLost(f"{name}: trace {path} can't be written ({error.strerror}); correct line.trace") from None

    def text(self, direction: str, data: bytes) -> None:
        """Commands, replies and reports."""
        if self._file is None or not data:
            return
        self._tell_sound()
        for at in range(0, len(data), IN_ONE_LINE):
            self._line(direction, data[at : at + IN_ONE_LINE].decode("latin-1").encode("unicode_escape").decode())

    def sound(self, direction: str, count: int) -> None:
        """Bytes of sound, told before the next line."""
        self._sound[direction] += count

    def remark(self, text: str) -> None:
        """Something that is no byte."""
        if self._file is not None:
            self._tell_sound()
            self._line("-", text)

    def close(self) -> None:
        """Write what is held back. No effect when closed."""
        if self._file is not None:
            self._tell_sound()
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _tell_sound(self) -> None:
        for direction, count in self._sound.items():
            if count:
                self._line(direction, f"({count} bytes of sound)")
                self._sound[direction] = 0

    def _line(self, direction: str, text: str) -> None:
        if self._file is None:
            return
        stamp = datetime.fromtimestamp(clock.wall_clock(), UTC)
        try:
            self._file.write(f"{stamp:%Y-%m-%d %H:%M:%S.%f} {direction} {text}\n")
        except OSError as error:  # a full disk is no reason to lose the call
            log.error("%s ends here: %s", self._file.name, error.strerror)
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None
