"""The log as journal entries with fields, where systemd has connected our standard error to its journal.

    journalctl -u gateway GATEWAY_LINE=a PRIORITY=4

Native protocol: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
"""

import asyncio
import logging
import os
import socket
import struct
from pathlib import Path

SOCKET = Path("/run/systemd/journal/socket")
PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7))
"""From a level on, syslog's priority."""
LINE_TASK = "line "
"""How the supervisor's tasks are named, before the line's name."""


class JournalHandler(logging.Handler):
    """Fields: ``GATEWAY_LOGGER``, and ``GATEWAY_LINE`` for what a line's own task says."""

    def __init__(self, path: Path = SOCKET) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.connect(str(path))

    def emit(self, record: logging.LogRecord) -> None:
        """Send one entry."""
        try:
            self._socket.send(entry(self.format(record), record))
        except OSError:
            self.handleError(record)

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()
        super().close()


def connected() -> bool:
    """Whether standard error is the journal (``JOURNAL_STREAM``: device and inode)."""
    try:
        error = os.fstat(2)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{error.st_dev}:{error.st_ino}" and SOCKET.exists()


def entry(message: str, record: logging.LogRecord) -> bytes:
    """A record as the journal's datagram."""
    fields = {
        "MESSAGE": message,
        "PRIORITY": str(next((p for level, p in PRIORITIES if record.levelno >= level), 7)),
        "SYSLOG_IDENTIFIER": "gateway",
        "GATEWAY_LOGGER": record.name,
        "CODE_FILE": record.pathname,
        "CODE_LINE": str(record.lineno),
        "CODE_FUNC": record.funcName,
    }
    if line := _line():
        fields["GATEWAY_LINE"] = line
    return b"".join(_field(name, value.encode()) for name, value in fields.items())


def _line() -> str:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return ""
    name = task.get_name() if task is not None else ""
    return name.removeprefix(LINE_TASK) if name.startswith(LINE_TASK) else ""


def _field(name: str, value: bytes) -> bytes:
    if b"\n" in value:  # length-prefixed
        return name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
    return name.encode() + b"=" + value + b"\n"
