"""A modem's AT command interpreter (ITU-T V.250), for any kind of modem.

Its owner gives it a table of commands; what a command does and answers is the owner's business. Here are the line
editing, echo, ``A/``, S registers, result codes in words or digits, and the rule that a character aborts a dialling
command. Bytes that are no command line are echoed and forgotten.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum

BACKSPACE = 8
LONGEST_LINE = 255
ABORT_GUARD = 0.125  # V.250, 5.6.1: what comes sooner (the LF of CR LF) doesn't abort


class Kind(Enum):
    """The forms of a command."""

    DO = "do"  # ATA, AT+VTX, ATE0
    SET = "set"  # AT+FCLASS=8, ATS0=1
    READ = "read"  # AT+FCLASS?
    TEST = "test"  # AT+FCLASS=?


@dataclass(frozen=True)
class Command:
    """One command of a line: ``+VSM`` and its value ``128,8000``; ``E`` and ``0``; ``D`` and all that follows."""

    name: str
    kind: Kind
    value: str = ""

    @property
    def number(self) -> int:
        """The value as a number; an absent one counts as 0 (V.250, 5.3.1). Raises ``Refused``."""
        if not self.value:
            return 0
        if not self.value.isdecimal():
            raise Refused
        return int(self.value)


class Refused(Exception):
    """The command or its value isn't one that this modem knows: ERROR."""


Outcome = str | None
"""The result code that a command asks for, in words ("OK", "CONNECT", ...); None: say nothing at all."""

Handler = Callable[[Command], Outcome | Awaitable[Outcome]]


@dataclass(frozen=True)
class Action:
    """What stands behind a command's name; ``abortable``: a further character cancels it (dialling, answering)."""

    run: Handler
    abortable: bool = False


_EXTENDED = re.compile(
    r"([+#\-!*^$][A-Z0-9]+)(?:(=\?)|(\?)|=((?:\"[^\"]*\"|\[[^\]]*\]|\{[^}]*\}|#(?![A-Z]{3})|[^;#])*))?;?",
)
_S_REGISTER = re.compile(r"S(\d+)(?:(\?)|=(\d*))")
_DIAL = re.compile(r"D([^;]*;?)")
_BASIC = re.compile(r"([&%\\]?[A-Z])(\d*)")


def split(body: str) -> list[Command]:
    """The commands of a line, without its ``AT``. Raises ``Refused`` where the line can't be read."""
    text = _tidy(body)
    commands: list[Command] = []
    at = 0
    while at < len(text):
        if text[at] == ";":
            at += 1
        elif match := _EXTENDED.match(text, at):
            commands.append(_extended(match))
            at = match.end()
        elif match := _S_REGISTER.match(text, at):
            kind = Kind.READ if match[2] else Kind.SET
            commands.append(Command(f"S{int(match[1])}", kind, match[3] or ""))
            at = match.end()
        elif match := _DIAL.match(text, at):
            commands.append(Command("D", Kind.DO, match[1]))
            at = match.end()
        elif match := _BASIC.match(text, at):
            commands.append(Command(match[1], Kind.DO, match[2]))
            at = match.end()
        else:
            raise Refused
    return commands


def _extended(match: re.Match[str]) -> Command:
    name, test, read, value = match.groups()
    if test:
        return Command(name, Kind.TEST)
    if read:
        return Command(name, Kind.READ)
    return Command(name, Kind.DO) if value is None else Command(name, Kind.SET, value)


def _tidy(text: str) -> str:
    """Upper case and no spaces, but for what stands in quotation marks."""
    parts = text.split('"')
    parts[::2] = [part.upper().replace(" ", "") for part in parts[::2]]
    return '"'.join(parts)


@dataclass(frozen=True)
class ResultCode:
    """A result in words and as a digit."""

    words: str
    digits: str


V250_RESULTS: Mapping[str, ResultCode] = {
    "OK": ResultCode("OK", "0"),
    "CONNECT": ResultCode("CONNECT", "1"),
    "RING": ResultCode("RING", "2"),
    "NO CARRIER": ResultCode("NO CARRIER", "3"),
    "ERROR": ResultCode("ERROR", "4"),
    "NO DIALTONE": ResultCode("NO DIALTONE", "6"),
    "BUSY": ResultCode("BUSY", "7"),
    "NO ANSWER": ResultCode("NO ANSWER", "8"),
}


class AtInterpreter:
    """Bytes of a program in, replies out through ``send``; commands run one after another on the running loop.

    ``actions``: name → what it does (``E``, ``V``, ``Q``, S registers and ``Z``'s part of them are built in unless
    named). ``registers``: the S registers after a reset. ``latency``: seconds from the end of a line to its reply.
    ``on_line`` is told of each command line.
    """

    def __init__(
        self,
        actions: Mapping[str, Action],
        send: Callable[[bytes], None],
        *,
        registers: Mapping[int, int],
        results: Mapping[str, ResultCode] = V250_RESULTS,
        latency: float = 0.01,
        on_line: Callable[[str], None],
    ) -> None:
        self._actions = {
            "E": Action(self._set_echo),
            "V": Action(self._set_verbose),
            "Q": Action(self._set_quiet),
            **actions,
        }
        self._send = send
        self._registers = registers
        self._results = results
        self._latency = latency
        self._on_line = on_line
        self._line = bytearray()
        self._last = ""
        self._just_entered = False
        self._waiting = bytearray()
        self._running: asyncio.Task[None] | None = None
        self._abortable: asyncio.Future[Outcome] | None = None
        self._abortable_since = 0.0
        self.echo = True
        self.verbose = True
        self.quiet = False
        self.s: dict[int, int] = dict(registers)

    @property
    def busy(self) -> bool:
        """Whether a command line is being carried out."""
        return self._running is not None

    def reset(self) -> None:
        """Settings as after power-up; a command that runs goes on."""
        self.echo, self.verbose, self.quiet = True, True, False
        self.s = dict(self._registers)

    def drop(self) -> None:
        """Forget the line being typed and cancel the command that runs; nothing is said."""
        self._line.clear()
        self._waiting.clear()
        if self._running is not None:
            self._running.cancel()
            self._running = None  # now: cancelled before its first step it would never say so itself

    def receive(self, data: bytes) -> None:
        """What the program sent in command state."""
        at = 0
        while at < len(data) and self._running is None:
            end = data.find(bytes([self.s[3]]), at) + 1 or len(data)
            self._type(data[at:end])
            at = end
        if at < len(data):
            self._while_busy(data[at:])

    def take_waiting(self) -> bytes:
        """What the program sent while a command ran; for the owner, when that command turned to data."""
        waiting = bytes(self._waiting)
        self._waiting.clear()
        return waiting

    def say(self, text: str) -> None:
        """An information or unsolicited line."""
        s3, s4 = bytes([self.s[3]]), bytes([self.s[4]])
        frame = s3 + s4 if self.verbose else b""
        self._send(frame + text.encode("latin-1", "replace") + s3 + s4)

    def prompt(self, text: str) -> None:
        """Ask for text (the ``> `` of a short message): begins a line, doesn't end it."""
        self._send(bytes([self.s[3], self.s[4]]) + text.encode("ascii"))

    def result(self, name: str) -> None:
        """A result code, in words or digits."""
        if self.quiet:
            return
        code = self._results[name]
        if self.verbose:
            self.say(code.words)
        else:
            self._send(code.digits.encode() + bytes([self.s[3]]))

    def _while_busy(self, data: bytes) -> None:
        if self._just_entered and data[0] == self.s[4]:
            data = data[1:]  # of CR LF; it is neither echoed nor voice data
        self._just_entered = False
        if self._abortable is None:
            self._waiting += data
        elif asyncio.get_running_loop().time() - self._abortable_since > ABORT_GUARD:
            self._abortable.cancel()  # the character that aborts is eaten

    def _type(self, data: bytes) -> None:
        """Bytes up to the end of a line, at most."""
        if self.echo:
            self._send(data)
        for index, byte in enumerate(data):
            if byte == self.s[3]:
                self._enter()
            elif byte in (BACKSPACE, 127, self.s[5]):
                del self._line[-1:]
            elif byte != self.s[4] or self._line:
                self._line.append(byte)
                if self._repeats():
                    self._line.clear()
                    self._start(self._last)
                    self._waiting += data[index + 1 :]
                    return

    def _repeats(self) -> bool:
        """Whether A/ has been typed, which needs no CR."""
        return self._line[-2:].upper() == b"A/" and b"AT" not in self._line.upper()

    def _enter(self) -> None:
        text = self._line.decode("latin-1")
        self._line.clear()
        match = re.search(r"(?i)AT", text)
        if match is None:
            return  # no command line: nothing is said
        self._last = text[match.end() :]
        self._just_entered = True
        self._start(self._last)

    def _start(self, body: str) -> None:
        self._on_line("AT" + body)
        self._running = asyncio.get_running_loop().create_task(self._run(body))

    async def _run(self, body: str) -> None:
        outcome: Outcome = "OK"
        try:
            await asyncio.sleep(self._latency)
            if len(body) > LONGEST_LINE:
                raise Refused
            for command in split(body):
                outcome = await self._carry_out(command)
                if outcome != "OK":
                    break
        except Refused:
            outcome = "ERROR"
        self._finish(outcome)

    async def _carry_out(self, command: Command) -> Outcome:
        action = self._actions.get(command.name)
        if action is None:
            if re.fullmatch(r"S\d+", command.name):
                return self._register(command)
            raise Refused
        outcome = action.run(command)
        if outcome is None or isinstance(outcome, str):
            return outcome
        return await (self._until_aborted(outcome) if action.abortable else outcome)

    async def _until_aborted(self, outcome: Awaitable[Outcome]) -> Outcome:
        self._abortable = asyncio.ensure_future(outcome)
        self._abortable_since = asyncio.get_running_loop().time()
        try:
            await asyncio.wait({self._abortable})
            return "NO CARRIER" if self._abortable.cancelled() else self._abortable.result()
        finally:
            self._abortable.cancel()
            self._abortable = None

    def _finish(self, outcome: Outcome) -> None:
        self._running = None
        if outcome is not None:
            self.result(outcome)
        waiting = self.take_waiting()
        if waiting:
            self.receive(waiting)

    def _register(self, command: Command) -> Outcome:
        number = int(command.name[1:])
        if number not in self.s:
            raise Refused
        if command.kind is Kind.READ:
            self.say(f"{self.s[number]:03d}")
        elif command.number > 255:
            raise Refused
        else:
            self.s[number] = command.number
        return "OK"

    def _set_echo(self, command: Command) -> Outcome:
        self.echo = _bit(command)
        return "OK"

    def _set_verbose(self, command: Command) -> Outcome:
        self.verbose = _bit(command)
        return "OK"

    def _set_quiet(self, command: Command) -> Outcome:
        self.quiet = _bit(command)
        return "OK"


def _bit(command: Command) -> bool:
    if command.number > 1:
        raise Refused
    return bool(command.number)
