"""Voice data between program and modem, DLE-shielded (ITU-T V.253, clause 9), seen from the modem's side."""

from dataclasses import dataclass

DLE = 0x10
ETX, EOT, CAN, SUB, ESC = b"\x03", b"\x04", b"\x18", b"\x1a", b"\x1b"


def shield(sound: bytes) -> bytes:
    """Voice bytes as they go to the program: each DLE doubled, two DLE in a row as DLE SUB."""
    if DLE not in sound:
        return sound
    return sound.replace(b"\x10", b"\x10\x10").replace(b"\x10\x10\x10\x10", b"\x10\x1a")


def event(code: str) -> bytes:
    """An event as it goes to the program: ``DLE b``."""
    return b"\x10" + code.encode("latin-1")


@dataclass(frozen=True)
class Code:
    """``DLE x`` from the program; ``shields`` counts the doubled DLE straight before it."""

    code: bytes
    shields: int


class HostStream:
    """What a program sends during voice, split into voice bytes and codes."""

    def __init__(self) -> None:
        self._data = b""
        self._escaped = False
        self._shields = 0

    def feed(self, data: bytes) -> None:
        """More bytes, split anywhere."""
        self._data += data

    def next(self) -> bytes | Code | None:
        """The next run of voice bytes, or the next code; None until more has come."""
        if not self._data:
            return None
        if self._escaped:
            self._escaped = False
            byte, self._data = self._data[:1], self._data[1:]
            return self._after_dle(byte)
        end = self._data.find(DLE)
        if end == 0:
            self._escaped = True
            self._data = self._data[1:]
            return self.next()
        voice = self._data if end < 0 else self._data[:end]
        self._data = self._data[len(voice) :]
        self._shields = 0
        return voice

    def rest(self) -> bytes:
        """Take what hasn't been split yet: it comes after the code that ended voice."""
        rest, self._data = self._data, b""
        return rest

    def _after_dle(self, byte: bytes) -> bytes | Code:
        if byte == b"\x10":
            self._shields += 1
            return byte
        if byte == SUB:
            self._shields = 0
            return b"\x10\x10"
        shields, self._shields = self._shields, 0
        return Code(byte, shields)
