"""A recorded modem is told as events: the same for any split, whatever stands in the bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocols.decoder import DecodedEvent, VoiceModemDecoder

CALL = b"\r\nRING\r\n\r\nDATE=0106\r\nTIME=1415\r\nNMBR=09012345678\r\nNAME=TARO\r\n\r\nRING\r\n\r\nRING\r\n"
CALLED = [
    {"event": "ring"},
    {"event": "ring"},
    {"event": "incoming", "caller": "+819012345678"},
    {"event": "ring"},
]
RECORDED = (
    b"\r\nCONNECT\r\n\x7f\x80\r\nNMBR=09012345678\r\nRING\r\n\x10/\x105\x105\x10~\x80\x10s\x10l\x10\x03\r\nOK\r\n"
)
HEARD = [
    {"event": "voice-begins"},
    {"event": "key", "key": "5"},
    {"event": "silence"},
    {"event": "hang-up"},
    {"event": "voice-ends"},
    {"event": "result", "result": "OK"},
]
PLAYED = b"\r\nCONNECT\r\n\x107\x10b\r\nVCON\r\n\r\nERROR\r\n"
REPORTED = [
    {"event": "voice-begins"},
    {"event": "key", "key": "7"},
    {"event": "busy"},
    {"event": "voice-ends"},
    {"event": "result", "result": "VCON"},
    {"event": "result", "result": "ERROR"},
]
IN_VOICE_CLASS = b"\x10RNMBR = P\r\n\x10R"
WITHHELD = [{"event": "ring"}, {"event": "ring"}, {"event": "incoming", "withheld": "P"}]


def told(wire: bytes, size: int, region: str = "JP") -> list[DecodedEvent]:
    decoder, events = VoiceModemDecoder(region), list[DecodedEvent]()
    for at in range(0, len(wire), size):
        events += decoder.receive(wire[at : at + size])
    return events + decoder.end()


RECORDS = {"call": (CALL, CALLED), "recording": (RECORDED, HEARD), "playing": (PLAYED, REPORTED)}
SPLITS = [(name, size) for name, (wire, _) in RECORDS.items() for size in range(1, len(wire) + 1)]


@pytest.mark.parametrize(("name", "size"), SPLITS)
def test_it_tells_the_same_at_every_split(name: str, size: int) -> None:
    wire, events = RECORDS[name]
    assert told(wire, size) == events


@pytest.mark.parametrize("first", RECORDS)
@pytest.mark.parametrize("second", RECORDS)
def test_one_state_leads_to_the_next(first: str, second: str) -> None:
    assert told(RECORDS[first][0] + RECORDS[second][0], 5) == RECORDS[first][1] + RECORDS[second][1]


def test_a_ring_in_voice_class_counts_as_one() -> None:
    assert told(IN_VOICE_CLASS, 1) == WITHHELD


def test_a_call_is_settled_when_the_input_ends_within_a_line() -> None:
    assert told(b"\r\nRING\r\nNMBR = 09012345678", 4)[-1] == {"event": "incoming", "caller": "+819012345678"}


def test_a_masked_number_appears_nowhere() -> None:
    events = told(b"\r\n09012345678\r\nRING\r\nNMBR = 09012345678\r\nNMBR = O\r\nRING\r\n\xff\xfe09012345678\r\n", 3)
    assert {"event": "incoming", "withheld": "O"} in events
    assert "09012345678" not in str(events)
    assert "9012345678" not in str(events)


def test_other_lines_and_garbage_are_told_but_not_as_calls() -> None:
    assert told(b"AT+VCID=1\r\n5601\r\n\xff\x80\x01\r\n", 2) == [
        {"event": "text", "text": "AT+VCID=1"},
        {"event": "text", "text": "5601"},
        {"event": "garbage", "bytes": 3},
    ]


@settings(max_examples=300)
@given(st.binary(max_size=400), st.integers(1, 60))
def test_noise_never_breaks_it_nor_makes_a_caller(noise: bytes, size: int) -> None:
    events = told(noise, size)
    assert events == told(noise, 1)
    assert not any("caller" in event for event in events)


@settings(max_examples=200)
@given(st.data())
def test_a_call_with_noise_in_it_is_one_call_with_the_right_number_or_none(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(CALL)))
    noise = data.draw(st.binary(min_size=1, max_size=6).filter(lambda b: b"\x10" not in b))
    callers = {event["caller"] for event in told(CALL[:at] + noise + CALL[at:], 9) if "caller" in event}
    assert callers <= {"+819012345678"}
