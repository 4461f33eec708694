"""A recorded GSM modem is told as events: the same for any split, whatever stands in the bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocols.decoder import DecodedEvent
from gateway.protocols.gsm_decoder import GsmDecoder

CALLER = {"event": "incoming", "caller": "+819012345678"}
RANG: DecodedEvent = {"event": "ring"}

RECORDS: dict[str, tuple[bytes, list[DecodedEvent]]] = {
    "sim800": (
        b'\r\nRING\r\n\r\n+CLIP: "+819012345678",145,"",0,"",0\r\n' * 2 + b"\r\nNO CARRIER\r\n",
        [RANG, RANG, CALLER, {"event": "stopped"}, {"event": "result", "result": "NO CARRIER"}],
    ),
    "sim7600": (
        b'\r\r\n+CLCC: 1,1,4,0,0,"",128\r\r\n\r\r\nRING\r\r\n\r\r\n+CLIP: "",128,,,,1\r\r\n\r\r\nRING\r\r\n'
        b"\r\r\nMISSED_CALL: 10:25AM 09012345678\r\r\n",
        [RANG, RANG, {"event": "incoming", "withheld": "P"}, {"event": "stopped"}],
    ),
    "ec25": (
        b'\r\n+CLIP: "09012345678",129,,,"TARO",0\r\n\r\n+QIND: "ccinfo",2,1,4,0,0,"09012345678",129\r\n'
        b'\r\n+QIND: "ccinfo",2,1,0,0,0,"09012345678",129\r\n\r\n+QTONEDET: 56\r\n'
        b'\r\n+QIND: "ccinfo",2,1,-1,0,0,"09012345678",129\r\n',
        [CALLER, {"event": "answered"}, {"event": "key", "key": "8"}, {"event": "ended"}],
    ),
    "huawei": (
        b"\r\n^RSSI:19\r\n\r\nOK\r\n\r\n^ORIG:1,0\r\n\r\n^CONF:1\r\n\r\n^CEND:1,0,29,17\r\n",
        [
            {"event": "text", "text": "^RSSI:19"},
            {"event": "result", "result": "OK"},
            {"event": "dialling"},
            {"event": "alerting"},
            {"event": "ended", "result": "busy"},
        ],
    ),
    "telit": (
        b'\r\n+CRING: VOICE\r\n\r\n+CLIP: "",128,"",128,"",1\r\n',
        [RANG, {"event": "incoming", "withheld": "P"}],
    ),
    "ring alone": (b"\r\nRING\r\n", [RANG, {"event": "incoming", "withheld": "O"}]),
    "masked before it was settled": (
        b'RING\r\n+CLIP: "09012345678",129\r\n+CLIP: "",128,,,,1\r\nRING\r\n',
        [RANG, RANG, {"event": "incoming", "withheld": "P"}],
    ),
    "two calls, our own hang-up unseen": (
        b'RING\r\n+CLIP: "09012345678",129\r\nRING\r\nVOICE CALL: BEGIN\r\nOK\r\nRING\r\n+CLIP: "",128,,,,3\r\n',
        [
            RANG,
            RANG,
            CALLER,
            {"event": "answered"},
            {"event": "result", "result": "OK"},
            RANG,
            {"event": "incoming", "withheld": "C"},
        ],
    ),
    "waiting": (
        b'+CLIP: "09012345678",129\r\nVOICE CALL: BEGIN\r\n+CCWA: "09087654321",129,1\r\nNO CARRIER\r\n',
        [
            CALLER,
            {"event": "answered"},
            {"event": "waiting", "caller": "+819087654321"},
            {"event": "ended"},
            {"event": "result", "result": "NO CARRIER"},
        ],
    ),
    "noise": (
        b"\xff\xfe\x80\r\n\x10x+CSQ: 20,99\r\n+CMT: 09012345678\r\n",
        [
            {"event": "garbage", "bytes": 3},
            {"event": "garbage", "bytes": 2},
            {"event": "text", "text": "+CSQ: 20,99"},
            {"event": "text", "text": "+CMT: ***********"},
        ],
    ),
}
SPLITS = [(name, size) for name, (wire, _) in RECORDS.items() for size in range(1, len(wire) + 1)]


def told(wire: bytes, size: int) -> list[DecodedEvent]:
    decoder, events = GsmDecoder("JP"), list[DecodedEvent]()
    for at in range(0, len(wire), size):
        events += decoder.receive(wire[at : at + size])
    return events + decoder.end()


@pytest.mark.parametrize(("name", "size"), SPLITS)
def test_every_recording_is_told_the_same_at_every_split(name: str, size: int) -> None:
    wire, events = RECORDS[name]
    assert told(wire, size) == events


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_no_bytes_whatever_break_the_decoder(noise: bytes) -> None:
    whole = told(noise, max(1, len(noise)))
    assert told(noise, 1) == whole
