"""The voice stream: what is shielded comes out as it went in, whatever the split, and a key is one key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocols.dle import Keys, Shielded, Sound, StreamEnds, VoiceDecoder, VoiceEvent, shield

WIRE = b"ab\x10\x10c\x10\x1ad\x10/\x105\x105\x10~e\x10\x03\r\nOK\r\n"
EVENTS = [
    Sound(b"ab\x10c\x10\x10d"),
    Shielded("/"),
    Shielded("5"),
    Shielded("5"),
    Shielded("~"),
    Sound(b"e"),
]


def decoded(wire: bytes, size: int) -> tuple[list[VoiceEvent], bytes | None]:
    decoder, events = VoiceDecoder(), list[VoiceEvent]()
    for at in range(0, len(wire), size):
        for event in decoder.receive(wire[at : at + size]):
            if isinstance(event, StreamEnds):
                return events, event.rest + wire[at + size :]
            if isinstance(event, Sound) and events and isinstance(last := events[-1], Sound):
                events[-1] = Sound(last.data + event.data)
            else:
                events.append(event)
    return events, None


@pytest.mark.parametrize("size", range(1, len(WIRE) + 1))
def test_sound_and_reports_come_apart_at_every_split(size: int) -> None:
    assert decoded(WIRE, size) == (EVENTS, b"\r\nOK\r\n")


@given(st.binary(), st.integers(1, 50))
def test_whatever_is_shielded_is_heard_as_it_was(sound: bytes, size: int) -> None:
    assert decoded(shield(sound) + b"\x10\x03", size) == ([Sound(sound)] if sound else [], b"")


@pytest.mark.parametrize(
    ("codes", "keys"),
    [
        ("/5~", "5"),
        ("/5555~", "5"),
        ("/5~/5~", "55"),
        ("5", "5"),
        ("55", "55"),
        ("5~", "5"),
        ("/12~", "12"),
        ("/5s5~", "5"),
        ("/5/5~", "55"),
        ("*#D", "*#D"),
        ("sRbl/~", ""),
    ],
)
def test_one_stroke_is_one_key(codes: str, keys: str) -> None:
    reader = Keys()
    assert "".join(filter(None, map(reader.report, codes))) == keys
