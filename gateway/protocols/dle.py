"""The voice stream of a modem and the reports shielded in it (ITU-T V.253, section 10 and its table of codes).

Sound passes as bytes in which DLE (0x10) has a meaning of its own: ``DLE DLE`` is one byte 0x10, ``DLE SUB`` two of
them, ``DLE ETX`` ends the stream, and ``DLE`` before any other byte is a report. The same reports come in command
state between the lines of text.
"""

from dataclasses import dataclass

DLE = 0x10
ETX = 0x03
SUB = 0x1A


@dataclass(frozen=True)
class Sound:
    """Bytes of sound in the modem's own coding, unshielded."""

    data: bytes


@dataclass(frozen=True)
class Shielded:
    """A report: the character after DLE (``R`` ring, ``5`` a key, ``l`` loop current broken, …)."""

    code: str


@dataclass(frozen=True)
class StreamEnds:
    """``DLE ETX``; ``rest`` is what followed and belongs to the command state."""

    rest: bytes


VoiceEvent = Sound | Shielded | StreamEnds

REPORTS = {
    "R": "ring",
    "b": "busy",
    "d": "dial-tone",
    "r": "ringback",
    "s": "silence",
    "q": "quiet",
    "l": "hang-up",
    "h": "loop-current-break",
    "H": "loop-current",
    "p": "extension-on-hook",
    "P": "extension-off-hook",
    "a": "fax-or-data",
    "c": "fax-or-data",
    "e": "fax-or-data",
    "f": "fax-or-data",
    "J": "special-information-tone",
    "u": "underrun",
    "o": "overrun",
}
"""What the codes report; digits are for ``Keys``."""

KEYS = frozenset("0123456789*#ABCD")
KEY_DOWN, KEY_UP = "/", "~"


def shield(sound: bytes) -> bytes:
    """Sound as it is sent to the modem: every DLE doubled."""
    return sound.replace(b"\x10", b"\x10\x10")


class VoiceDecoder:
    """Turns what a modem sends in a voice stream into sound and reports; any split of the bytes will do."""

    def __init__(self) -> None:
        self._shielded = False

    def receive(self, data: bytes) -> list[VoiceEvent]:
        """Events in order, neighbouring sound joined. ``StreamEnds`` is the last; a new stream needs a new object."""
        events: list[VoiceEvent] = []
        sound = bytearray()
        at = 0
        while at < len(data):
            if not self._shielded:
                end = data.find(DLE, at)
                sound += data[at : end if end >= 0 else len(data)]
                self._shielded = end >= 0
                at = end + 1 if end >= 0 else len(data)
                continue
            self._shielded = False
            code = data[at]
            at += 1
            if code in (DLE, SUB):
                sound += bytes([DLE]) * (1 if code == DLE else 2)
                continue
            if sound:
                events.append(Sound(bytes(sound)))
                sound.clear()
            if code == ETX:
                return [*events, StreamEnds(data[at:])]
            events.append(Shielded(chr(code)))
        if sound:
            events.append(Sound(bytes(sound)))
        return events


class Keys:
    """Folds the reports of one key stroke, ``DLE / DLE d DLE d … DLE ~`` or a bare ``DLE d``, into one key."""

    def __init__(self) -> None:
        self._open = False
        self._key = ""

    def report(self, code: str) -> str | None:
        """Take the next report of any kind; the key when it is a new stroke."""
        if code in (KEY_DOWN, KEY_UP):
            self._open = code == KEY_DOWN
            self._key = ""
            return None
        if code not in KEYS or (self._open and code == self._key):
            return None
        self._key = code
        return code
