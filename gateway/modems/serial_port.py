"""A modem's port: a plain descriptor on the event loop, held by one process alone."""

import asyncio
import contextlib
import errno
import fcntl
import os
import stat
import termios
from pathlib import Path
from typing import Protocol

import serial

from gateway.line import LineLost
from gateway.modems.losses import Gone

READ_AT_ONCE = 4096
STREAM = 64
"""Bytes in one go that no reply has, but a stream of sound: then there is no hurry for the next."""
PSEUDO_TERMINALS = range(136, 144)
"""Device majors (Documentation/admin-guide/devices.txt of Linux)."""
RELEASE = "stop it, or install a udev rule that keeps it away from modems"
MASTERS = ("/dev/ptmx", "/dev/pts/ptmx")


class Port(Protocol):
    """What a driver needs of a port. ``name`` is for messages: line and port."""

    name: str

    async def read(self) -> bytes:
        """What has come in, at least one byte. Raises ``LineLost`` when the port is gone."""

    def write(self, data: bytes) -> None:
        """Queue behind what has not been taken yet. Nothing happens once the port is gone: ``read`` tells."""

    @property
    def unsent(self) -> int:
        """Bytes queued here because the modem's side takes no more for now."""

    def close(self) -> None:
        """Give the port up (DTR drops, on which a modem hangs up). No effect when closed."""


class SerialPort:
    """A serial device or pseudo-terminal, 8 bits, no parity, RTS/CTS. One reader at a time."""

    def __init__(self, path: str, baud: int, line: str, gather: float = 0.0) -> None:
        """Open it for this process alone. Raises ``LineLost`` with the remedy.

        ``gather``: a stream is read only so often (loop time in seconds, at whole multiples, so that all lines' sound
        comes in one turn of the loop), for what a call costs is the waking up.
        """
        self.name = f'line "{line}": {path}'
        self._loop = asyncio.get_running_loop()
        self._serial = _opened(path, baud, self.name)
        self._fd: int = self._serial.fileno()
        self._gather = gather
        self._streams = False
        self._unsent = bytearray()
        self._readable: asyncio.Future[None] | None = None

    @property
    def unsent(self) -> int:
        """Bytes that the modem's side has not taken."""
        return len(self._unsent)

    async def read(self) -> bytes:
        """What has come in, at least one byte. Raises ``LineLost`` when the device is gone or closed."""
        if self._gather and self._streams:
            await asyncio.sleep(self._gather - self._loop.time() % self._gather)
        while True:
            if self._fd < 0:
                raise LineLost(f"{self.name} is closed")
            try:
                data = os.read(self._fd, READ_AT_ONCE)
            except BlockingIOError:
                await self._until_readable()
                continue
            except OSError as error:  # EIO, ENODEV: unplugged
                raise Gone(f"{self.name}: the modem is gone ({error.strerror}); plug it in again") from None
            if data:
                self._streams = len(data) >= STREAM
                return data
            raise Gone(f"{self.name}: the modem is gone (hung up); plug it in again")

    def write(self, data: bytes) -> None:
        """Hand to the kernel what it takes now; the rest follows by itself."""
        if self._fd < 0:
            return
        waiting = bool(self._unsent)
        self._unsent += data
        if not waiting:
            self._flush()

    def close(self) -> None:
        """Give the port up; what is unsent is dropped, so that a modem that takes nothing can't hold us."""
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        with contextlib.suppress(OSError, termios.error):
            termios.tcflush(self._fd, termios.TCOFLUSH)
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._fd, termios.TIOCNXCL)
        self._fd = -1
        self._wake()
        with contextlib.suppress(OSError):
            self._serial.close()

    async def _until_readable(self) -> None:
        self._readable = self._loop.create_future()
        self._loop.add_reader(self._fd, self._wake)
        try:
            await self._readable
        finally:
            self._readable = None
            if self._fd >= 0:
                self._loop.remove_reader(self._fd)

    def _wake(self) -> None:
        if self._readable is not None and not self._readable.done():
            self._readable.set_result(None)

    def _flush(self) -> None:
        try:
            del self._unsent[: os.write(self._fd, self._unsent)]
        except BlockingIOError:
            pass
        except OSError:  # unplugged: whoever reads learns of it
            self._unsent.clear()
        if self._unsent:
            self._loop.add_writer(self._fd, self._flush)
        else:
            self._loop.remove_writer(self._fd)


def _opened(path: str, baud: int, name: str) -> serial.Serial:
    try:
        device = Path(path).stat()
    except OSError as error:
        raise (LineLost if error.errno == errno.EACCES else Gone)(f"{name}: {_absent(error)}") from None
    if not stat.S_ISCHR(device.st_mode):
        raise LineLost(f"{name} is not a serial port; correct line.port")
    if holder := held_by(path):
        raise LineLost(f"{name} is held by {holder}; {RELEASE}")
    try:
        # inter_byte_timeout=0 is VMIN 1: with VMIN 0 an empty queue reads as b"", as a modem that is gone does
        port = serial.Serial(path, baud, timeout=0, inter_byte_timeout=0, rtscts=True, exclusive=True)
        if os.major(device.st_rdev) not in PSEUDO_TERMINALS:  # there it would outlive us if we were killed
            fcntl.ioctl(port.fileno(), termios.TIOCEXCL)
    except serial.SerialException as error:
        raise LineLost(f"{name}: {_refused(path, error)}") from None
    except (OSError, ValueError, termios.error) as error:
        raise LineLost(f"{name} can't be used as a serial port ({error}); correct line.port or line.baud") from None
    return port


def held_by(path: str) -> str:
    """Name and process id of another process that has the device open, as far as /proc lets us see; else "".

    Whoever holds the master of a pseudo-terminal as well emulates the modem and doesn't count.
    """
    device = str(Path(path).resolve())
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        with contextlib.suppress(OSError):
            held = {str(fd.readlink()) for fd in (process / "fd").iterdir()}
            if device in held and held.isdisjoint(MASTERS):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""


def _absent(error: OSError) -> str:
    if error.errno == errno.EACCES:
        return "its folder may not be entered by this user; correct the permissions"
    return "no such port; plug the modem in or correct line.port"


def _refused(path: str, error: serial.SerialException) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "this user may not open it; add the user to the port's group (dialout) or install a udev rule"
    holder = held_by(path)
    if holder or error.errno in (errno.EBUSY, errno.EAGAIN):
        return f"held by {holder or 'another process'}; {RELEASE}"
    return f"can't be opened ({error}); correct line.port"
