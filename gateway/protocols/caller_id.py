"""Caller ID as PSTN modems print it: tagged lines, raw messages in hexadecimal, or the bare number.

Tags and letters: ITU-T V.253 and the makers' manuals, with what real units print (``docs/modems.md``). Raw messages:
Telcordia GR-30 (SDMF type 04, MDMF type 80), parameters of ETSI EN 300 659-3.

It fails closed: whatever is withheld, can't be read, isn't a valid number, or contradicts itself is ``Withheld``.
"""

import re
from dataclasses import dataclass
from typing import Literal

from gateway.numbers import CallerId, NotANumber, PhoneNumber, Reason, Withheld, reason_of

Kind = Literal["number", "name", "date", "other", "raw", "bare"]

_NUMBER_TAGS = r"DDN_NMBR|DDN|NMBR|NBR"
_TAGGED = re.compile(rf"({_NUMBER_TAGS}|DATE TIME|DATE|TIME|NAME|MESG)\s*=\s*(.*)", re.IGNORECASE | re.DOTALL)
_NUMBER_TAG_INSIDE = re.compile(rf"(?:{_NUMBER_TAGS})\s*=", re.IGNORECASE)
_KINDS: dict[str, Kind] = {"DATE TIME": "date", "DATE": "date", "TIME": "date", "NAME": "name", "MESG": "other"}

_BARE_NUMBER = re.compile(r"\+?[0-9][0-9 ()-]{6,20}")
_HEXADECIMAL = re.compile(r"(?:04|80)(?:\s*[0-9A-Fa-f]{2})+")
_LONGEST_NUMBER = 17  # digits
_SDMF, _MDMF = 0x04, 0x80
_CALLING_NUMBER, _NO_NUMBER_BECAUSE = 0x02, 0x04

_WORDS: dict[str, Reason] = {
    "A": "P",  # anonymous
    "ANONYMOUS": "P",
    "PRIVATE": "P",
    "RESTRICTED": "P",
    "WITHHELD": "P",
    "OUT OF AREA": "O",
    "UNAVAILABLE": "O",
    "": "O",
}
_BARE_WORDS = ({*_WORDS} | {*"POCS"}) - {""}
"""What a modem that prints only the number may print in its place."""


@dataclass(frozen=True)
class Field:
    """One caller-ID line. ``value`` is its text after the tag, or the whole of an untagged line."""

    kind: Kind
    value: str


def read_line(text: str) -> Field | None:
    """Which caller-ID line this is; None for any other line."""
    if tagged := _TAGGED.fullmatch(text):
        return Field(_KINDS.get(tagged[1].upper(), "number"), tagged[2].strip(" \t"))
    if _NUMBER_TAG_INSIDE.search(text):
        return Field("number", text)  # noise before the tag: not readable, but not nothing either
    if _HEXADECIMAL.fullmatch(text) and _may_be_message(text):
        return Field("raw", text)
    if _BARE_NUMBER.fullmatch(text) or (_word(text) or None) in _BARE_WORDS:
        return Field("bare", text)
    return None


def caller_of(value: str, region: str) -> CallerId:
    """The value of a number line, or of the number in a raw message, on a line in ``region``."""
    text = value.strip()
    if (word := _word(text)) in _WORDS:
        return Withheld(_WORDS[word])
    if len(text) == 1 and text.isalpha():
        return Withheld(reason_of(text))
    if set(text) == {"0"}:
        return Withheld("O")
    try:
        return PhoneNumber.parse(text, region)
    except NotANumber:
        return Withheld("?")


def read_message(message: bytes, region: str) -> CallerId | None:
    """A raw SDMF or MDMF message, from its type to its checksum; None where it says nothing about the number."""
    whole = len(message) >= 3 and len(message) == message[1] + 3
    if not whole or sum(message) % 256 or message[0] not in (_SDMF, _MDMF):
        return Withheld("?")
    body = message[2:-1]
    if message[0] == _SDMF:
        return caller_of(body[8:].decode("latin-1"), region)
    caller: CallerId | None = None
    while body:
        if len(body) < 2 or len(body) < 2 + body[1]:
            return Withheld("?")
        kind, value, body = body[0], body[2 : 2 + body[1]].decode("latin-1"), body[2 + body[1] :]
        if kind == _CALLING_NUMBER:
            caller = merged(caller, caller_of(value, region))
        elif kind == _NO_NUMBER_BECAUSE:
            reason = caller_of(value, region)
            caller = merged(caller, reason if isinstance(reason, Withheld) else Withheld("?"))
    return caller


def merged(earlier: CallerId | None, later: CallerId) -> CallerId:
    """What holds after two statements about one call: a number only if both say the same one."""
    if earlier is None or earlier == later or isinstance(later, Withheld):
        return later
    return earlier if isinstance(earlier, Withheld) else Withheld("?")


class CallerIdReader:
    """Collects the caller-ID lines of one call. ``caller`` is what they say so far (None: nothing about the number)."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._named = False
        self.caller: CallerId | None = None
        self.complete = False
        """Nothing but a masking line can follow: the number and the name are there, or a whole raw message."""

    def read(self, field: Field) -> None:
        """The next line."""
        if field.kind in ("number", "bare"):
            self.caller = merged(self.caller, caller_of(field.value, self._region))
        elif field.kind == "raw":
            said = read_message(bytes.fromhex("".join(field.value.split())), self._region)
            self.caller = self.caller if said is None else merged(self.caller, said)
        self._named = self._named or field.kind in ("name", "raw")
        self.complete = self._named and self.caller is not None


def _word(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", text.upper())).strip()


def _may_be_message(text: str) -> bool:
    """Whether hexadecimal digits are a message rather than a telephone number that looks like one."""
    digits = "".join(text.split())
    return len(digits) > _LONGEST_NUMBER or len(digits) == 2 * (int(digits[2:4], 16) + 3)
