"""One reader for every progress dialect of GSM and LTE modems: a line in, what it says about a call out.

| who | lines |
|---|---|
| every modem | RING, +CRING, +CLIP, +CCWA; NO CARRIER, BUSY, NO ANSWER, NO DIALTONE |
| generic 27.007 | rows of AT+CLCC, asked for every half second |
| SIM7600, A76xx | +CLCC rows unasked, ``VOICE CALL: BEGIN``, ``VOICE CALL: END: 000034``, ``MISSED_CALL:`` |
| Quectel | ``+QIND: "ccinfo",…`` or ``^DSCI: …`` |
| Huawei | ``^ORIG:1,0`` ``^CONF:1`` ``^CONN:1,0`` ``^CEND:1,duration,status[,cause]`` |
| ZTE | ``HANGUP: 1`` (and OK only at the answer) |

Prefixes don't collide, so no modem needs a reader of its own.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from gateway.line import Answer
from gateway.numbers import CallerId
from gateway.protocols.gsm_lines import (
    CallRow,
    CallState,
    read_ccinfo,
    read_ccwa,
    read_clcc,
    read_clip,
    read_dsci,
)


class Sign(Enum):
    """What a line says."""

    RINGS = "rings"  # one burst of ringing
    NUMBER = "number"  # +CLIP: the caller ID with its validity
    ARRIVES = "arrives"  # a call is coming in; its number, if any, is without validity
    DIALS = "dials"
    ALERTS = "alerts"  # the far end rings
    TALKS = "talks"
    WAITS = "waits"  # a further call, besides the one we have
    ENDS = "ends"
    MISSED = "missed"  # a call that rang has ended


@dataclass(frozen=True)
class Said:
    """A sign with what else the line tells. ``call``: the modem's own number for the call."""

    sign: Sign
    call: int | None = None
    incoming: bool | None = None
    caller: CallerId | None = None
    answer: Answer | None = None
    """Why the call came to nothing, where the line says so."""


CAUSES: dict[int, Answer] = {
    17: Answer.BUSY,
    18: Answer.NO_ANSWER,
    19: Answer.NO_ANSWER,
    21: Answer.BUSY,  # rejected: somebody pressed the red key
}
"""ITU-T Q.850; all others are the network's."""

RESULTS: dict[str, Answer | None] = {
    "NO CARRIER": None,  # AT+CEER may know more
    "BUSY": Answer.BUSY,
    "NO ANSWER": Answer.NO_ANSWER,
    "NO DIALTONE": Answer.NO_DIAL_TONE,
    "NO DIAL TONE": Answer.NO_DIAL_TONE,
}

_ROW_SIGNS: dict[CallState, Sign] = {
    CallState.ACTIVE: Sign.TALKS,
    CallState.HELD: Sign.TALKS,
    CallState.DIALLING: Sign.DIALS,
    CallState.ALERTING: Sign.ALERTS,
    CallState.INCOMING: Sign.ARRIVES,
    CallState.WAITING: Sign.WAITS,
    CallState.ENDED: Sign.ENDS,
}


def answer_of(cause: int | None) -> Answer | None:
    """What a Q.850 cause means for a call that was dialled; None without one, or with 16 (an ordinary hang-up)."""
    return None if cause in (None, 16) else CAUSES.get(cause or 0, Answer.NETWORK)


def read_cause(text: str) -> int | None:
    """The Q.850 cause in the answer to AT+CEER: its last number (``+CEER: 17`` or ``+CEER: Release,3,17``)."""
    numbers = re.findall(r"\d+", text.removeprefix("+CEER"))
    return int(numbers[-1]) if numbers and int(numbers[-1]) < 128 else None


def said_by_row(row: CallRow) -> Said | None:
    """What a row says; None for a data call (EC20/EC25 list a phantom one)."""
    return Said(_ROW_SIGNS[row.state], row.call, row.incoming, row.caller) if row.voice else None


def read_sign(text: str, region: str) -> Said | None:
    """What an unsolicited line says about a call on a line in ``region``; None if nothing."""
    for pattern, said in _FIXED:
        if match := pattern.fullmatch(text):
            return said(match)
    for reader in (read_clcc, read_ccinfo, read_dsci):
        if (row := reader(text, region)) is not None:
            return said_by_row(row)
    if (caller := read_clip(text, region)) is not None:
        return Said(Sign.NUMBER, incoming=True, caller=caller)
    if (caller := read_ccwa(text, region)) is not None:
        return Said(Sign.WAITS, incoming=True, caller=caller)
    return None


def _numbered(sign: Sign) -> Callable[[re.Match[str]], Said]:
    return lambda match: Said(sign, int(match[1]))


def _cend(match: re.Match[str]) -> Said:
    cause = int(match[2]) if match[2] else None
    return Said(Sign.ENDS, int(match[1]), answer=answer_of(cause))


_FIXED: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Said]], ...] = (
    (re.compile(r"RING|\+CRING:\s*VOICE.*"), lambda _: Said(Sign.RINGS, incoming=True)),
    (re.compile("|".join(RESULTS)), lambda match: Said(Sign.ENDS, answer=RESULTS[match[0]])),
    (re.compile(r"VOICE CALL:\s*BEGIN"), lambda _: Said(Sign.TALKS)),
    (re.compile(r"VOICE CALL:\s*END(?::.*)?"), lambda _: Said(Sign.ENDS)),
    (re.compile(r"MISSED_CALL:.*"), lambda _: Said(Sign.MISSED, incoming=True)),
    (re.compile(r"HANGUP:\s*(\d+)"), _numbered(Sign.ENDS)),
    (re.compile(r"\^ORIG:\s*(\d+).*"), lambda match: Said(Sign.DIALS, int(match[1]), incoming=False)),
    (re.compile(r"\^CONF:\s*(\d+).*"), lambda match: Said(Sign.ALERTS, int(match[1]), incoming=False)),
    (re.compile(r"\^CONN:\s*(\d+).*"), _numbered(Sign.TALKS)),
    (re.compile(r"\^CEND:\s*(\d+)\s*(?:,[^,]*){0,2}(?:,\s*(\d+)\s*)?,?"), _cend),
)
