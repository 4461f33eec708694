"""A GSM or LTE modem's bytes, as recorded, told as events (``gateway line decode``). ``docs/gsm.md`` lists them."""

import re

from gateway.numbers import CallerId, PhoneNumber, Withheld
from gateway.protocols.at import Garbage, LineSplitter
from gateway.protocols.decoder import DecodedEvent
from gateway.protocols.dle import Shielded
from gateway.protocols.gsm_calls import (
    Alerting,
    Dialling,
    Ended,
    GsmCalls,
    GsmEvent,
    Talking,
    Waiting,
)
from gateway.protocols.gsm_lines import read_key
from gateway.protocols.incoming import Incoming, Masked, Rang, Stopped

_RESULT = re.compile(
    r"OK|CONNECT.*|ERROR|\+CM[ES] ERROR:.*|NO CARRIER|BUSY|NO ANSWER|NO DIAL ?TONE|COMMAND NOT SUPPORT"
)
_DIGITS_OF_A_NUMBER = 7
_NO_TIME = 0.0


class GsmDecoder:
    """``receive`` bytes as they come, ``end`` when there are no more; both give events in order, for any split."""

    def __init__(self, region: str) -> None:
        self._calls = GsmCalls(region, lists=False, clocked=False)
        self._splitter = LineSplitter()

    def receive(self, data: bytes) -> list[DecodedEvent]:
        """The next bytes."""
        events: list[DecodedEvent] = []
        self._splitter.push(data)
        while (item := self._splitter.next()) is not None:
            if isinstance(item, Garbage):
                events.append({"event": "garbage", "bytes": len(item.data)})
            elif isinstance(item, Shielded):
                events.append({"event": "garbage", "bytes": 2})
            else:
                events += self._line(item)
        return events

    def end(self) -> list[DecodedEvent]:
        """The input is over: a last line without its end counts, and the open call is settled."""
        return self.receive(b"\r") + [_told(event) for event in self._calls.end()]

    def _line(self, text: str) -> list[DecodedEvent]:
        said = self._calls.line(text, _NO_TIME)
        told = [_told(event) for event in said or ()]
        if _RESULT.fullmatch(text):
            return [*told, {"event": "result", "result": text}]
        if said is not None:
            return told
        if (key := read_key(text)) is not None:
            return [{"event": "key", "key": key}]
        if not text.isascii() or not text.isprintable():
            return [{"event": "garbage", "bytes": len(text)}]
        if sum(character.isdigit() for character in text) >= _DIGITS_OF_A_NUMBER:
            text = re.sub(r"[0-9]", "*", text)
        return [{"event": "text", "text": text}]


def _told(event: GsmEvent) -> DecodedEvent:
    match event:
        case Incoming(caller):
            return {"event": "incoming", **_party(caller)}
        case Masked(caller):
            return {"event": "masked", **_party(caller)}
        case Waiting(caller):
            return {"event": "waiting", **_party(caller)}
        case Ended(answer):
            return {"event": "ended"} if answer is None else {"event": "ended", "result": answer.value}
    return {"event": _NAMES[type(event)]}


_NAMES: dict[type[GsmEvent], str] = {
    Rang: "ring",
    Stopped: "stopped",
    Dialling: "dialling",
    Alerting: "alerting",
    Talking: "answered",
}


def _party(caller: CallerId | None) -> DecodedEvent:
    match caller:
        case PhoneNumber() as number:
            return {"caller": number.e164}
        case Withheld(reason):
            return {"withheld": reason}
    return {}
