"""AT commands and what a modem says back (ITU-T V.250, with the voice states of V.253), as a machine without a wire.

A command names the beginnings of its information lines and its final results; every other line is unsolicited,
whenever it comes. Nothing is eaten but empty lines and the echo of the command itself.
"""

import re
from dataclasses import dataclass
from typing import Literal

from gateway.protocols.dle import DLE, REPORTS, Shielded, Sound, StreamEnds, VoiceDecoder

CR, LF = 0x0D, 0x0A
LONGEST_LINE = 2048
"""Bytes; the longest that is sent, a raw caller-ID message in hexadecimal, has some 520."""

FINALS = ("OK", "ERROR", "+CME ERROR", "+CMS ERROR")
DIALLED = (*FINALS, "BUSY", "NO CARRIER", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE", "VCON")

_NUMERIC = {
    "0": "OK",
    "1": "CONNECT",
    "3": "NO CARRIER",
    "4": "ERROR",
    "6": "NO DIALTONE",
    "7": "BUSY",
    "8": "NO ANSWER",
}
"""V.250 table 1, results after ATV0. A modem that was left so still answers."""
_NUMERIC_ON_ITS_OWN = {"2": "RING", "3": "NO CARRIER"}

_NEVER_INFORMATION = re.compile(r"RING\b|\+CRING|\+CLIP|(DDN_NMBR|DDN|NMBR|NBR|DATE|TIME|DATE TIME|NAME|MESG)\s*=")
"""Lines that no command asks for, whatever beginnings it names."""
_NAMES_ITSELF = re.compile(r"[+^*$#%]|VOICE CALL|MISSED_CALL|HANGUP|RDY|NO CARRIER|BUSY|NO ANSWER")
"""Lines that belong to a command only if it names their beginning, for GSM modems print many unasked."""

_MAY_INTERRUPT = frozenset(REPORTS) | {"/", "~"}

Voice = Literal["none", "out", "in"]


@dataclass(frozen=True)
class Command:
    """One command line, without its ``end``.

    ``information``: how the lines begin that belong to it ("" takes any plain one). ``voice``: CONNECT opens a voice
    stream, from us only (``out``; the modem goes on speaking in lines), or from the modem (``in``; until its DLE ETX).
    ``prompt``: an unfinished line that is a final result, too (the ``> `` of AT+CMGS).
    """

    text: str
    information: tuple[str, ...] = ()
    finals: tuple[str, ...] = FINALS
    voice: Voice = "none"
    prompt: str = ""
    end: str = "\r"


@dataclass(frozen=True)
class Reply:
    """The end of the command in hand: its final result and its information lines."""

    command: Command
    result: str
    information: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unsolicited:
    """A line that the command in hand did not ask for (Latin-1, so no byte is lost)."""

    text: str


@dataclass(frozen=True)
class VoiceBegins:
    """CONNECT to a voice command, which stays in hand until its final result."""

    command: Command


@dataclass(frozen=True)
class VoiceEnds:
    """The modem's DLE ETX; the final result follows."""


@dataclass(frozen=True)
class Garbage:
    """A piece of a line longer than any modem sends."""

    data: bytes


Event = Reply | Unsolicited | VoiceBegins | VoiceEnds | Sound | Shielded | Garbage


class LineSplitter:
    """Cuts bytes into lines at CR or LF and takes shielded reports out of them.

    A line keeps a DLE character where one of its own characters may have been lost to a stray DLE (noise), so that a
    number is never read with a digit missing.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._at = 0
        self._line = bytearray()
        self._shielded = False
        self._overlong = False

    def push(self, data: bytes) -> None:
        """Bytes from the modem."""
        self._bytes += data

    def take(self) -> bytes:
        """Give up what has not been cut yet (the voice stream begins there)."""
        rest = bytes(self._bytes[self._at :])
        self._bytes.clear()
        self._at = 0
        return rest

    def next(self) -> str | Shielded | Garbage | None:
        """The next line without its end, never empty; a report; a piece of something overlong; None: more bytes."""
        while self._at < len(self._bytes):
            byte = self._bytes[self._at]
            self._at += 1
            event = self._byte(byte)
            if event is not None:
                return event
        self._bytes.clear()
        self._at = 0
        return None

    def asks(self, prompt: str) -> bool:
        """Whether the unfinished line is this prompt; then it is taken."""
        if self._line != prompt.encode("ascii"):
            return False
        self._line.clear()
        return True

    def _byte(self, byte: int) -> str | Shielded | Garbage | None:
        if self._shielded:
            self._shielded = False
            if self._line and chr(byte) not in _MAY_INTERRUPT:
                self._line.append(DLE)
            return Shielded(chr(byte))
        if byte == DLE:
            self._shielded = True
            return None
        if byte in (CR, LF):
            return self._end()
        self._line.append(byte)
        if len(self._line) < LONGEST_LINE:
            return None
        self._overlong = True
        return Garbage(self._cut())

    def _end(self) -> str | Garbage | None:
        overlong, self._overlong = self._overlong, False
        data = self._cut()
        if overlong:
            return Garbage(data) if data else None
        return data.decode("latin-1").strip(" \t") or None

    def _cut(self) -> bytes:
        data = bytes(self._line)
        self._line.clear()
        return data


class CommandStream:
    """Both directions of a modem's port: one command at a time out, events in."""

    def __init__(self) -> None:
        self._splitter = LineSplitter()
        self._command: Command | None = None
        self._echo = ""
        self._information: list[str] = []
        self._connecting = False
        self._voice: VoiceDecoder | None = None

    @property
    def busy(self) -> bool:
        """A command is in hand."""
        return self._command is not None

    @property
    def in_voice(self) -> bool:
        """A voice stream comes from the modem."""
        return self._voice is not None

    def send(self, command: Command) -> bytes:
        """Put a command in hand; the bytes to send. Only after the ``Reply`` to the one before, or ``abandon``."""
        assert self._command is None, f"{self._command} is still in hand"
        self._command, self._echo, self._information = command, command.text, []
        return (command.text + command.end).encode("ascii")

    def abandon(self) -> None:
        """Expect no reply to the command in hand; should it still come, it is unsolicited. A voice stream is over."""
        self._command, self._voice, self._connecting = None, None, False

    def receive(self, data: bytes) -> list[Event]:
        """What the modem said, in order."""
        events: list[Event] = []
        while data:
            data = self._in_voice(data, events) if self._voice else self._in_lines(data, events)
        return events

    def _in_voice(self, data: bytes, events: list[Event]) -> bytes:
        assert self._voice is not None
        if self._connecting:  # the line end of CONNECT is still under way
            self._connecting = data[0] == CR
            if data[0] in (CR, LF):
                return data[1:]
        for event in self._voice.receive(data):
            if isinstance(event, StreamEnds):
                self._voice = None
                events.append(VoiceEnds())
                return event.rest
            events.append(event)
        return b""

    def _in_lines(self, data: bytes, events: list[Event]) -> bytes:
        self._splitter.push(data)
        while (item := self._splitter.next()) is not None:
            event = self._line(item) if isinstance(item, str) else item
            if event is not None:
                events.append(event)
            if self._voice:
                return self._splitter.take()
        if self._command is not None and self._command.prompt and self._splitter.asks(self._command.prompt):
            events.append(self._end(self._command, self._command.prompt))
        return b""

    def _line(self, text: str) -> Event | None:
        command = self._command
        if text == self._echo:
            self._echo = ""
            return None
        if command is None:
            return Unsolicited(_NUMERIC_ON_ITS_OWN.get(text, text))
        result = text if command.information else _NUMERIC.get(text, text)
        if command.voice != "none" and _begins(result, "CONNECT"):
            if command.voice == "in":
                self._voice, self._connecting = VoiceDecoder(), True
            return VoiceBegins(command)
        if any(_begins(result, final) for final in command.finals):
            return self._end(command, result)
        if _belongs(text, command.information):
            self._information.append(text)
            return None
        return Unsolicited(_NUMERIC_ON_ITS_OWN.get(text, text))

    def _end(self, command: Command, result: str) -> Reply:
        self._command = None
        return Reply(command, result, tuple(self._information))


def _belongs(line: str, beginnings: tuple[str, ...]) -> bool:
    if _NEVER_INFORMATION.match(line):
        return False
    return any(line.startswith(word) if word else not _NAMES_ITSELF.match(line) for word in beginnings)


def _begins(line: str, word: str) -> bool:
    """``+CME ERROR: 30`` begins with ``+CME ERROR``; ``OKAY`` does not with ``OK``."""
    return line == word or (line.startswith(word) and line[len(word)] in " :")
