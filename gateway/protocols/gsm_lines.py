"""What GSM and LTE modems print about calls: +CLIP, +CCWA, +CLCC, ``+QIND: "ccinfo"``, ^DSCI and detected keys.

3GPP TS 27.007, clauses 7.6 (+CLIP), 7.12 (+CCWA) and 7.18 (+CLCC), with the makers' own lines. It fails closed: a
number is taken only where it is there, can be called, and its validity is 0 or absent.
"""

import re
from dataclasses import dataclass
from enum import IntEnum

from gateway.numbers import CallerId, NotANumber, PhoneNumber, Reason, Withheld

INTERNATIONAL = 1
"""Type of number (3GPP TS 24.008, 10.5.4.7): bits 5 to 7 of 145; 129 is national or unknown."""

VALIDITY: dict[str, Reason] = {"1": "P", "2": "O", "3": "C", "4": "?"}
"""Why the number may not be used; absent and 0: it may."""

_NUMBER = re.compile(r"\+?[0-9]+")
_FIELD = re.compile(r'\s*("[^"]*"|[^",]*)\s*(?:,|$)')


class CallState(IntEnum):
    """The <stat> of a +CLCC row; ``ENDED`` occurs in rows that SIM7600 and A76xx send unasked."""

    ACTIVE = 0
    HELD = 1
    DIALLING = 2
    ALERTING = 3
    INCOMING = 4
    WAITING = 5
    ENDED = 6


@dataclass(frozen=True)
class CallRow:
    """One call as the modem lists it. ``caller``: the other party; None where the row doesn't tell."""

    call: int
    incoming: bool
    state: CallState
    voice: bool
    caller: CallerId | None


def fields(text: str) -> list[str] | None:
    """A comma-separated list, strings still in their quotation marks; None where the quotation marks don't match."""
    found: list[str] = []
    at = 0
    while True:
        match = _FIELD.match(text, at)
        if match is None:
            return None
        found.append(match[1].strip())
        at = match.end()
        if at >= len(text):
            return [*found, ""] if match[0].rstrip().endswith(",") else found


def read_clip(text: str, region: str) -> CallerId | None:
    """A +CLIP line on a line in ``region``; None for any other line.

    ``number,type[,subaddr,satype[,alpha][,validity]]``: validity comes sixth, or fifth where it stands in the name's
    place, without quotation marks.
    """
    return _presented(text, "+CLIP:", region, name_at=4)


def read_ccwa(text: str, region: str) -> CallerId | None:
    """A +CCWA line (a further call waits): ``number,type,class[,alpha][,validity]``; None for any other line."""
    return _presented(text, "+CCWA:", region, name_at=3)


def read_clcc(text: str, region: str) -> CallRow | None:
    """A +CLCC row: ``id,dir,stat,mode,mpty[,number,type[,alpha[,priority[,validity]]]]``; None for any other line."""
    parts = _after(text, "+CLCC:")
    return None if parts is None else _row(parts, region, validity_at=9)


def read_ccinfo(text: str, region: str) -> CallRow | None:
    """Quectel's ``+QIND: "ccinfo",…``: a +CLCC row in which −1 means ended; None for any other line."""
    parts = _after(text, "+QIND:")
    if not parts or parts[0] != '"ccinfo"' or len(parts) < 4:
        return None
    state = "6" if parts[3] == "-1" else parts[3]
    return _row([*parts[1:3], state, *parts[4:]], region, validity_at=9)


DSCI_STATES = {
    "1": CallState.HELD,
    "2": CallState.DIALLING,
    "3": CallState.ACTIVE,
    "4": CallState.INCOMING,
    "5": CallState.WAITING,
    "6": CallState.ENDED,
    "7": CallState.ALERTING,
}
"""Quectel's own numbers, not those of +CLCC."""


def read_dsci(text: str, region: str) -> CallRow | None:
    """Quectel's ``^DSCI: id,dir,stat,type,number,type of number``; None for any other line."""
    parts = _after(text, "^DSCI:")
    if parts is None or len(parts) < 4 or parts[2] not in DSCI_STATES:
        return None
    state = str(int(DSCI_STATES[parts[2]]))
    return _row([*parts[:2], state, parts[3], "0", *parts[4:6]], region, validity_at=9)


_KEYS = re.compile(r"(?:\+QTONEDET:\s*(\d+)|(?:\+DTMF|\+RXDTMF|\^DDTMF):\s*\"?([0-9A-D*#])\"?)")


def read_key(text: str) -> str | None:
    """The key that the modem itself has heard; None for any other line. Quectel gives it as an ASCII code."""
    match = _KEYS.fullmatch(text)
    if match is None:
        return None
    key = match[2] or (chr(int(match[1])) if int(match[1]) < 128 else "")
    return key if key and key in "0123456789ABCD*#" else None


def number_of(digits: str, kind: str, region: str) -> CallerId:
    """A number and its type (145, 129, …) as the modem gives them."""
    digits = digits.strip()
    if not _NUMBER.fullmatch(digits):
        return Withheld("?")
    international = kind.isdecimal() and (int(kind) >> 4) & 7 == INTERNATIONAL
    try:
        return PhoneNumber.parse(digits if digits.startswith("+") or not international else f"+{digits}", region)
    except NotANumber:
        return Withheld("?")


def _presented(text: str, tag: str, region: str, name_at: int) -> CallerId | None:
    if not text.startswith(tag):
        return None
    parts = fields(text.removeprefix(tag))
    if parts is None or len(parts) < 2 or len(parts) > name_at + 2:
        return Withheld("?")
    number, validity = _unquoted(parts[0]), ""
    if len(parts) > name_at + 1:
        validity = parts[name_at + 1]
    elif len(parts) > name_at and not parts[name_at].startswith('"'):
        validity = parts[name_at]
    if validity not in ("", "0"):
        return Withheld(VALIDITY.get(validity, "?"))
    return number_of(number, parts[1], region) if number else Withheld("O")


def _row(parts: list[str], region: str, validity_at: int) -> CallRow | None:
    if len(parts) < 4 or not all(part.isdecimal() for part in parts[:4]) or int(parts[2]) not in list(CallState):
        return None
    caller: CallerId | None = None
    number = _unquoted(parts[5]) if len(parts) > 5 else ""
    validity = parts[validity_at] if len(parts) > validity_at else ""
    if validity not in ("", "0"):
        caller = Withheld(VALIDITY.get(validity, "?"))
    elif number:
        caller = number_of(number, parts[6] if len(parts) > 6 else "", region)
    return CallRow(int(parts[0]), parts[1] == "1", CallState(int(parts[2])), parts[3] == "0", caller)


def _after(text: str, tag: str) -> list[str] | None:
    return fields(text.removeprefix(tag)) if text.startswith(tag) else None


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text
