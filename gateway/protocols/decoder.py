"""A voice modem's bytes, as recorded, told as events (``gateway line decode``). ``docs/modems.md`` lists them.

Only what the modem said is known, neither the commands nor the time. So a call is settled by rings or the end of the
input, and after CONNECT it must be judged whether sound comes (until DLE ETX) or we were the one to send it (then the
next that comes is a result).
"""

import re

from gateway.numbers import PhoneNumber, Withheld
from gateway.protocols.at import Garbage, LineSplitter
from gateway.protocols.dle import REPORTS, Keys, Shielded, StreamEnds, VoiceDecoder
from gateway.protocols.incoming import CallEvent, Incoming, IncomingCalls, Masked, Rang

DecodedEvent = dict[str, str | int]

RESULTS = ("OK", "ERROR", "NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE", "VCON")
_RESULT_LINE = re.compile(rb"[\r\n]*(" + b"|".join(result.encode() for result in RESULTS) + rb")[\r\n]")
_LONGEST_RESULT = 24
_DIGITS_OF_A_NUMBER = 7
_NO_TIME = 0.0


class VoiceModemDecoder:
    """``receive`` bytes as they come, ``end`` when there are no more; both give events in order, for any split."""

    def __init__(self, region: str) -> None:
        self._calls = IncomingCalls(region, same_burst=0.0)
        self._keys = Keys()
        self._splitter = LineSplitter()
        self._voice: VoiceDecoder | None = None
        self._head: bytearray | None = None
        """What came since CONNECT while it may still become a result line."""

    def receive(self, data: bytes) -> list[DecodedEvent]:
        """The next bytes."""
        events: list[DecodedEvent] = []
        while data:
            if self._head is not None:
                data = self._after_connect(data, self._head, events)
            elif self._voice is not None:
                data = self._in_voice(data, events)
            else:
                data = self._in_lines(data, events)
        return events

    def end(self) -> list[DecodedEvent]:
        """The input is over: a last line without its end counts, and the open call is settled."""
        events = self.receive(b"\r") if self._voice is None else []
        return events + _told(self._calls.end())

    def _in_lines(self, data: bytes, events: list[DecodedEvent]) -> bytes:
        self._splitter.push(data)
        while (item := self._splitter.next()) is not None:
            if isinstance(item, Garbage):
                events.append({"event": "garbage", "bytes": len(item.data)})
            elif isinstance(item, Shielded):
                events += self._report(item.code)
            elif item == "CONNECT":
                events.append({"event": "voice-begins"})
                self._voice, self._head = VoiceDecoder(), bytearray()
                return self._splitter.take()
            else:
                events += self._line(item)
        return b""

    def _after_connect(self, data: bytes, head: bytearray, events: list[DecodedEvent]) -> bytes:
        """One byte at a time, until it is plain whether this is a result or sound."""
        rest = self._in_voice(data[:1], events, head) + data[1:]
        if self._voice is None or _RESULT_LINE.fullmatch(head):
            if self._voice is not None:
                events.append({"event": "voice-ends"})
                events += self._line(head.decode("ascii").strip())
            self._voice = self._head = None
        elif len(head) >= _LONGEST_RESULT:
            self._head = None
        return rest

    def _in_voice(self, data: bytes, events: list[DecodedEvent], heard: bytearray | None = None) -> bytes:
        assert self._voice is not None
        for event in self._voice.receive(data):
            if isinstance(event, Shielded):
                events += self._report(event.code)
            elif isinstance(event, StreamEnds):
                self._voice = None
                events.append({"event": "voice-ends"})
                return event.rest
            elif heard is not None:
                heard += event.data
        return b""

    def _report(self, code: str) -> list[DecodedEvent]:
        if code == "R":
            return _told(self._calls.ring(_NO_TIME))
        if key := self._keys.report(code):
            return [{"event": "key", "key": key}]
        if code in REPORTS:
            return [{"event": REPORTS[code]}]
        return []

    def _line(self, text: str) -> list[DecodedEvent]:
        if (told := self._calls.line(text, _NO_TIME)) is not None:
            return _told(told)
        if text in RESULTS:
            return [{"event": "result", "result": text}]
        if not text.isascii() or not text.isprintable():
            return [{"event": "garbage", "bytes": len(text)}]
        if sum(character.isdigit() for character in text) >= _DIGITS_OF_A_NUMBER:
            text = re.sub(r"[0-9]", "*", text)
        return [{"event": "text", "text": text}]


def _told(events: list[CallEvent]) -> list[DecodedEvent]:
    return [_one_told(event) for event in events]


def _one_told(event: CallEvent) -> DecodedEvent:
    match event:
        case Rang():
            return {"event": "ring"}
        case Incoming(PhoneNumber() as caller):
            return {"event": "incoming", "caller": caller.e164}
        case Incoming(Withheld(reason)):
            return {"event": "incoming", "withheld": reason}
        case Masked(Withheld(reason)):
            return {"event": "masked", "withheld": reason}
    return {"event": "stopped"}
