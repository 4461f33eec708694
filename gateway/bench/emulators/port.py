"""What an emulated modem is plugged into: a pseudo-terminal, or memory on a virtual clock.

The master end of a pseudo-terminal sees a hang-up when the last program has closed the slave: that stands for DTR
dropping. So the slave is *not* kept open here; while no program has it open, the master is looked at every
``LOOK_AGAIN`` seconds (it would report the hang-up without end), and what the modem says is lost, as on a USB port
that nobody reads.
"""

import asyncio
import contextlib
import os
import select
import termios
import tty
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from gateway.errors import GatewayError

LOOK_AGAIN = 0.02
READ_AT_ONCE = 4096


class PortTaken(GatewayError):
    """The path of an emulated port is in use by something that isn't one, or nothing can be made there."""


class Port(Protocol):
    """The modem's end of its cable."""

    on_data: Callable[[bytes], None]
    """Called with what the program sent."""
    on_drop: Callable[[], None]
    """Called when the program has closed the port (DTR dropped)."""

    @property
    def backlog(self) -> int:
        """Bytes written that the program's end hasn't taken yet."""

    def write(self, data: bytes) -> None:
        """Send to the program; lost while nobody has the port open."""

    def pause(self) -> None:
        """Take no more from the program (CTS off)."""

    def resume(self) -> None:
        """Take from the program again (CTS on)."""

    def unplug(self) -> None:
        """Go from the bus: the program's descriptor is dead, the path is gone. No effect when unplugged."""

    def replug(self) -> None:
        """Be there again. No effect when plugged in."""


def _ignore_data(data: bytes) -> None:
    del data


def _ignore() -> None:
    pass


class PtyPort:
    """A pseudo-terminal on the running loop, with a symbolic link at ``path`` for programs to open.

    Raises ``PortTaken`` when ``path`` is there and isn't a symbolic link, or no link can be made there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.on_data: Callable[[bytes], None] = _ignore_data
        self.on_drop: Callable[[], None] = _ignore
        self._loop = asyncio.get_running_loop()
        self._master: int | None = None
        self._device = ""
        self._attached = False
        self._paused = False
        self._unsent = bytearray()
        self._look: asyncio.TimerHandle | None = None
        self.replug()

    @property
    def backlog(self) -> int:
        """Bytes that the kernel doesn't take since the program doesn't read; it holds some 20 kB more."""
        return len(self._unsent)

    def replug(self) -> None:
        """Make the pseudo-terminal and its link."""
        if self._master is not None:
            return
        if self.path.exists() and not self.path.is_symlink():
            raise PortTaken(f"{self.path} is not a link to an emulated port; remove it or name another path")
        master, slave = os.openpty()
        try:
            tty.setraw(slave)
            self._device = os.ttyname(slave)
        finally:
            os.close(slave)
        os.set_blocking(master, False)
        self._master = master
        self._link()
        self._await_program()

    def unplug(self) -> None:
        """Close the pseudo-terminal and take the link away."""
        if self._master is None:
            return
        self._detach()
        if self._look is not None:
            self._look.cancel()
            self._look = None
        with contextlib.suppress(OSError):
            if str(self.path.readlink()) == self._device:
                self.path.unlink()
        os.close(self._master)
        self._master = None

    def write(self, data: bytes) -> None:
        """Send to the program; what its end doesn't take at once is sent as soon as it does."""
        if self._master is None:
            return
        self._look_now()
        if not self._attached:
            return
        self._unsent += data
        self._flush()

    def pause(self) -> None:
        """Leave what the program sends in the kernel's queue, which fills and then blocks the program."""
        self._paused = True
        if self._attached and self._master is not None:
            self._loop.remove_reader(self._master)

    def resume(self) -> None:
        """Read again."""
        if self._paused and self._attached and self._master is not None:
            self._loop.add_reader(self._master, self._readable)
        self._paused = False

    def _link(self) -> None:
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(self._device)
            fresh.replace(self.path)
        except OSError as error:
            raise PortTaken(f"{self.path} can't be made: {error.strerror}; name another path") from None

    def _await_program(self) -> None:
        self._look = self._loop.call_later(LOOK_AGAIN, self._look_again)

    def _look_again(self) -> None:
        self._look_now()
        if not self._attached:
            self._await_program()

    def _look_now(self) -> None:
        if self._attached or self._master is None or self._hung_up():
            return
        if self._look is not None:
            self._look.cancel()
            self._look = None
        self._attached = True
        if not self._paused:
            self._loop.add_reader(self._master, self._readable)

    def _hung_up(self) -> bool:
        assert self._master is not None
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        return any(event & select.POLLHUP and not event & select.POLLIN for _, event in poll.poll(0))

    def _readable(self) -> None:
        assert self._master is not None
        try:
            data = os.read(self._master, READ_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:  # EIO: the last program has closed it
            self._dropped()
            return
        self.on_data(data)

    def _dropped(self) -> None:
        self._detach()
        try:
            self._tidy()
            self._await_program()
        except OSError:  # left exclusive (TIOCEXCL): on a real port that ends with the last close
            self.unplug()
            self.replug()
        self.on_drop()

    def _detach(self) -> None:
        if self._attached and self._master is not None:
            self._loop.remove_reader(self._master)
            self._loop.remove_writer(self._master)
        self._attached = False
        self._unsent.clear()

    def _tidy(self) -> None:
        """Neither what the last program left unread nor its line settings (echo!) are for the next one."""
        assert self._master is not None
        termios.tcflush(self._master, termios.TCOFLUSH)  # what is still on its way to the slave
        slave = os.open(self._device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            tty.setraw(slave)  # with TCSAFLUSH
        finally:
            os.close(slave)

    def _flush(self) -> None:
        assert self._master is not None
        try:
            del self._unsent[: os.write(self._master, self._unsent)]
        except BlockingIOError:
            pass
        except OSError:
            return  # closed just now; the reader sees it too
        if self._unsent:
            self._loop.add_writer(self._master, self._flush)
        else:
            self._loop.remove_writer(self._master)


class MemoryPort:
    """The same in memory, deterministic on a virtual clock: each write arrives in the loop's next turn."""

    def __init__(self) -> None:
        self.on_data: Callable[[bytes], None] = _ignore_data
        self.on_drop: Callable[[], None] = _ignore
        self.other_end = OtherEnd(self)
        self._loop = asyncio.get_running_loop()
        self._paused = False
        self._plugged = True
        self._due = False
        self._queue: deque[bytes] = deque()

    @property
    def backlog(self) -> int:
        """Always 0: the other end takes everything at once."""
        return 0

    @property
    def plugged(self) -> bool:
        """False between ``unplug`` and ``replug``."""
        return self._plugged

    def write(self, data: bytes) -> None:
        """Hand over to the other end in the loop's next turn; lost while that is closed."""
        self._loop.call_soon(self.other_end.take, data)

    def pause(self) -> None:
        """Let what the program sends pile up in ``other_end.waiting``."""
        self._paused = True

    def resume(self) -> None:
        """Take what has piled up, then what comes."""
        self._paused = False
        self.arrange()

    def unplug(self) -> None:
        """The other end is told by ``on_lost``; what is under way is lost."""
        if self._plugged:
            self._plugged = False
            self._queue.clear()
            self.other_end.on_lost()

    def replug(self) -> None:
        """From now on ``other_end.open()`` works again."""
        self._plugged = True

    def push(self, data: bytes) -> None:
        """Called by the other end: queue what the program wrote."""
        if self._plugged:
            self._queue.append(data)
            self.arrange()

    @property
    def waiting(self) -> int:
        """Bytes from the program that the modem hasn't taken."""
        return sum(map(len, self._queue))

    def arrange(self) -> None:
        """See to it that the queue is delivered in the loop's next turn."""
        if not self._due:
            self._due = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._due = False
        took = bool(self._queue)
        while self._queue and not self._paused:
            self.on_data(self._queue.popleft())
        if took and not self._queue:
            self.other_end.on_drained()


class OtherEnd:
    """The program's end of a ``MemoryPort``: what a serial port is to a driver."""

    def __init__(self, port: MemoryPort) -> None:
        self.on_data: Callable[[bytes], None] = _ignore_data
        """Called with what the modem sent."""
        self.on_drained: Callable[[], None] = _ignore
        """Called when the modem has taken all that was written."""
        self.on_lost: Callable[[], None] = _ignore
        """Called when the modem was unplugged."""
        self._port = port
        self._open = True

    @property
    def waiting(self) -> int:
        """Bytes written that the modem hasn't taken (it takes none while its voice buffer is full)."""
        return self._port.waiting

    @property
    def plugged(self) -> bool:
        """Whether the modem is there; writing is in vain otherwise."""
        return self._port.plugged

    def write(self, data: bytes) -> None:
        """Send to the modem."""
        self._port.push(bytes(data))

    def open(self) -> None:
        """Open again after ``close``."""
        self._open = True

    def close(self) -> None:
        """As a program closing its port: DTR drops, and what the modem says is lost."""
        if self._open:
            self._open = False
            self._port.on_drop()

    def take(self, data: bytes) -> None:
        """Called by the port: what the modem sent arrives."""
        if self._open and self._port.plugged:
            self.on_data(data)
