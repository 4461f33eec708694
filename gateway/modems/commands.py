"""The command side of a modem on a port: one command at a time, each with a time-out, replies never mixed up.

A command whose asker was cancelled stays in hand until its reply has come; the next one waits for that. A modem that
lets a time-out pass is wedged: ``LineLost``, the port is closed (DTR drops, on which a modem hangs up), and whoever
supervises the line opens it again.
"""

import asyncio
import re
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from gateway.line import LineLost
from gateway.modems.losses import Silent
from gateway.modems.serial_port import Port
from gateway.modems.trace import Trace
from gateway.protocols.at import Command, CommandStream, Event, Reply, VoiceBegins
from gateway.protocols.dle import Shielded, Sound

PROMPT = 2.0
"""Seconds for a command that a modem answers at once."""
ENDING = 1.0
"""Seconds after an ending sequence, until the next one is tried."""


class Refused(Exception):
    """The modem answered something else than was hoped for; the text is its result."""


class CommandChannel:
    """``on_event`` is called with all that is no reply; ``on_lost`` once, when the modem is lost."""

    def __init__(
        self, port: Port, trace: Trace, on_event: Callable[[Event], None], on_lost: Callable[[LineLost], None]
    ) -> None:
        self._port = port
        self._trace = trace
        self._on_event = on_event
        self._on_lost = on_lost
        self._stream = CommandStream()
        self._turn = asyncio.Lock()
        self._command = Command("AT")
        self._reply: asyncio.Future[Reply] | None = None
        self._connected: asyncio.Future[None] | None = None
        self._endings: Sequence[bytes] = ()
        self._due = 0.0
        self._lost: LineLost | None = None
        self.heard_at = asyncio.get_running_loop().time()
        """Loop time of the last byte from the modem."""
        self._reader = asyncio.create_task(self._read(), name=port.name)

    @property
    def name(self) -> str:
        """Line and port, for messages."""
        return self._port.name

    @property
    def unsent(self) -> int:
        """Bytes that the modem's side has not taken yet."""
        return self._port.unsent

    async def ask(self, command: Command | str, within: float = PROMPT, endings: Sequence[bytes] = ()) -> Reply:
        """Send a command and wait for its final result, whatever that is. Raises ``LineLost``.

        ``endings``: what brings the command to its end should its asker be cancelled (``finish``).
        """
        command = Command(command) if isinstance(command, str) else command
        async with self._turn:
            return await self._answer(await self._send(command, endings, within), within)

    async def demand(self, command: Command | str, within: float = PROMPT) -> Reply:
        """``ask``, where only OK will do. Raises ``Refused``."""
        reply = await self.ask(command, within)
        if reply.result != "OK":
            raise Refused(reply.result)
        return reply

    async def answers(self, text: str, within: float) -> bool:
        """Whether a first command is answered in time; if not it is forgotten. Raises ``LineLost``."""
        async with self._turn:
            reply = await self._send(Command(text), (), within)
            await asyncio.wait((reply,), timeout=within)
            if not reply.done():
                self._stream.abandon()
                self._reply = None
                return False
            reply.result()
            return True

    async def begin_voice(self, command: Command, endings: Sequence[bytes]) -> None:
        """Send a voice command and wait for CONNECT; ``finish`` ends it. Raises ``Refused``, ``LineLost``."""
        async with self._turn:
            reply = await self._send(command, endings, PROMPT)
            self._connected = asyncio.get_running_loop().create_future()
            await _first_of((self._connected, reply), PROMPT)
            if reply.done():
                raise Refused(reply.result().result)
            if not self._connected.done():
                raise self.wedged(f"no CONNECT to {_shown(command)}")

    async def finish(self, gently: bytes = b"") -> None:
        """Bring the command in hand, if any, to its end: its voice stream or dialling. Raises ``LineLost``.

        ``gently`` is tried first, then the command's endings one after another, for units differ in what they heed. One
        that has none comes to its end by itself, in what is left of the time that its asker gave it.
        """
        reply, endings = self._reply, (gently, *self._endings) if gently else self._endings
        if reply is None:
            return
        if self._connected is not None and not self._connected.done():
            await _first_of((self._connected, reply), ENDING)
        for ending in endings or (b"",):
            if reply.done():
                break
            self.write(ending)
            await _first_of((reply,), ENDING if endings else max(ENDING, self._due - asyncio.get_running_loop().time()))
        if not reply.done():
            raise self.wedged(f"no end to {_shown(self._command)}")
        reply.result()

    async def flush(self, escape: bytes, quiet: float) -> None:
        """Before the first command: end whatever a predecessor left under way, and let its replies pass by."""
        self.write(escape + b"\r")
        await asyncio.sleep(quiet)
        if self._lost:
            raise self._lost

    def write(self, data: bytes) -> None:
        """Bytes that are no command: endings, an abort."""
        self._trace.text(">", data)
        self._port.write(data)

    def write_sound(self, data: bytes) -> None:
        """Sound, shielded."""
        self._trace.sound(">", len(data))
        self._port.write(data)

    def wedged(self, what: str) -> LineLost:
        """The modem has let a time-out pass: the line is lost, the exception to raise says so."""
        return self.lose(Silent(f"{self.name}: the modem does not answer ({what}); it is reset and opened again"))

    def lose(self, lost: LineLost) -> LineLost:
        """Give the modem up and tell everyone who waits; the first reason stays."""
        if self._lost is None:
            self._lost = lost
            self._trace.remark(str(lost))
            for waiting in (self._reply, self._connected):
                if waiting is not None and not waiting.done():
                    waiting.set_exception(lost)
                    waiting.exception()  # marked as seen: nobody may be waiting
            self._on_lost(lost)
            self._shut()
        return self._lost

    def close(self) -> None:
        """Give port and trace up. No effect when closed."""
        if self._lost is None:
            self._lost = LineLost(f"{self.name} is closed")
        self._shut()

    def _shut(self) -> None:
        self._reader.cancel()
        self._port.close()
        self._trace.close()

    async def _send(self, command: Command, endings: Sequence[bytes], within: float) -> asyncio.Future[Reply]:
        if self._reply is not None:
            await self.finish()
        if self._lost:
            raise self._lost
        self._command = command
        self._endings = endings
        self._due = asyncio.get_running_loop().time() + within
        self._connected = None
        self._reply = asyncio.get_running_loop().create_future()
        self.write(self._stream.send(command))
        return self._reply

    async def _answer(self, reply: asyncio.Future[Reply], within: float) -> Reply:
        await _first_of((reply,), within)
        if not reply.done():
            raise self.wedged(f"no reply to {_shown(self._command)} within {within:g} s")
        return reply.result()

    async def _read(self) -> None:
        try:
            while True:
                self._take(await self._port.read())
        except LineLost as lost:
            self.lose(lost)
        except Exception as error:  # or the line would be deaf, and nobody would know
            at = traceback.extract_tb(error.__traceback__)[-1]  # its text might hold a number
            what = f"{type(error).__name__} in {at.name}, line {at.lineno}"
            self.lose(LineLost(f"{self.name}: {what}, upon what the modem said; report it (the modem is set up anew)"))

    def _take(self, data: bytes) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        in_voice = self._stream.in_voice
        if not in_voice:
            self._trace.text("<", data)
        for event in self._stream.receive(data):
            if in_voice:
                self._trace_event(event)
            if isinstance(event, Reply):
                reply, self._reply = self._reply, None
                if reply is not None and not reply.done():
                    reply.set_result(event)
            elif isinstance(event, VoiceBegins):
                if self._connected is not None and not self._connected.done():
                    self._connected.set_result(None)
            else:
                self._on_event(event)

    def _trace_event(self, event: Event) -> None:
        match event:
            case Sound(data):
                self._trace.sound("<", len(data))
            case Shielded(code):
                self._trace.text("<", b"\x10" + code.encode("latin-1"))
            case Reply(_, result):
                self._trace.text("<", result.encode("latin-1"))


def _shown(command: Command) -> str:
    """For a message that anybody may read: without numbers that are dialled, PINs, or what a short message says."""
    return re.sub(r"\d{4,}", "…", command.text) if command.text.startswith("AT") else "a short message"


async def _first_of(futures: Sequence[asyncio.Future[Any]], within: float) -> None:
    """Wait for one of them; in two halves, for the first may pass while the process is held up and the reply lies
    unread in the port."""
    for _ in range(2):
        await asyncio.wait(futures, timeout=within / 2, return_when=asyncio.FIRST_COMPLETED)
        if any(future.done() for future in futures):
            return
