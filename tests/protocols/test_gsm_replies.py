"""Progress that stands in replies: models that end ATD only at the answer, and those that are asked by AT+CLCC."""

import pytest

from gateway.line import Answer
from gateway.protocols.at import FINALS, Command, CommandStream, Reply, Unsolicited
from gateway.protocols.gsm_calls import Alerting, Ended, GsmCalls, GsmEvent, ListCalls, Talking
from gateway.protocols.gsm_lines import read_clcc
from gateway.protocols.incoming import Rang

DIAL = Command(
    "ATD+819012345678;", finals=(*FINALS, "BUSY", "NO CARRIER", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE", "CONNECT")
)
LIST = Command("AT+CLCC", ("+CLCC:",))
ROW = b'\r\n+CLCC: 1,0,%d,0,0,"09012345678",129,""\r\n'
PHANTOM = b'\r\n+CLCC: 1,1,0,1,0,"",128\r\n'
OTHERS = b"\r\n+CREG: 1\r\n\r\n^RSSI:19\r\n"
OK = b"\r\nOK\r\n"

AT_THE_ANSWER: dict[str, tuple[bytes, list[GsmEvent]]] = {
    "zte": (OTHERS + OK + b"\r\nHANGUP: 1\r\n", [Talking(), Ended(None)]),
    "wavecom": (b"\r\nCONNECT\r\n" + OTHERS + b"\r\nNO CARRIER\r\n", [Talking(), Ended(None)]),
    "wavecom, a speed": (b"\r\nCONNECT 9600\r\n\r\nNO CARRIER\r\n", [Talking(), Ended(None)]),
    "busy": (OTHERS + b"\r\nBUSY\r\n", [Ended(Answer.BUSY)]),
    "no answer": (b"\r\nNO ANSWER\r\n" + OTHERS, [Ended(Answer.NO_ANSWER)]),
    "no dialtone": (b"\r\nNO DIALTONE\r\n", [Ended(Answer.NO_DIAL_TONE)]),
    "nothing said": (b"\r\nNO CARRIER\r\n", [Ended(None)]),
    "refused": (b"\r\n+CME ERROR: 30\r\n", [Ended(Answer.NETWORK)]),
}


def told_of(calls: GsmCalls, stream: CommandStream, wire: bytes, size: int) -> list[GsmEvent]:
    """What a machine tells of a wire that comes ``size`` bytes at a time."""
    told: list[GsmEvent] = []
    for at in range(0, len(wire), size):
        for event in stream.receive(wire[at : at + size]):
            match event:
                case Unsolicited(text):
                    told += calls.line(text, 1.0) or []
                case Reply(command, result) if command is DIAL:
                    told += calls.dialled(result, 1.0)
                case Reply(_, _, information):
                    rows = [read_clcc(text, "JP") for text in information]
                    told += calls.rows([row for row in rows if row is not None], 5.0)
    return [event for event in told if not isinstance(event, Rang | ListCalls)]


@pytest.mark.parametrize("name", AT_THE_ANSWER)
def test_a_result_that_comes_with_the_answer_tells_the_same_at_every_split(name: str) -> None:
    wire, story = AT_THE_ANSWER[name]
    for size in range(1, len(wire) + 1):
        calls, stream = GsmCalls("JP", lists=False, ok_means_answer=True), CommandStream()
        calls.dials(0.0)
        stream.send(DIAL)
        assert told_of(calls, stream, wire, size) == story, size


@pytest.mark.parametrize("phantom", [b"", PHANTOM])
def test_rows_that_were_asked_for_tell_the_same_at_every_split(phantom: bytes) -> None:
    steps: list[tuple[bytes, list[GsmEvent]]] = [
        (ROW % 2, []),
        (ROW % 3, [Alerting()]),
        (ROW % 3 + OTHERS, []),
        (ROW % 0, [Talking()]),
        (b"", [Ended(None)]),  # gone
    ]
    for size in range(1, len(phantom + ROW % 3 + OTHERS + OK) + 1):
        calls, stream = GsmCalls("JP"), CommandStream()
        calls.dials(0.0)
        stream.send(DIAL)
        assert told_of(calls, stream, OK, size) == []
        for rows, story in steps:
            stream.send(LIST)
            assert told_of(calls, stream, phantom + rows + OK, size) == story, (rows, size)
