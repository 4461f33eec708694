"""Frames as bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocols import frames
from gateway.protocols.frames import Ack, Letter, Ping, Pong


@given(st.binary(max_size=300))
def test_garbage_is_no_frame_or_a_frame_but_never_a_crash(data: bytes) -> None:
    try:
        frame = frames.unpack(data)
    except frames.BadFrame:
        return
    assert frames.unpack(frames.pack(frame)) == frame


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc0", b"\x93\xa1L\x01", b"\x92\xa1Z\x01", b"\x93\xa1L\xff\xc4\x00", b"\x92\xa1P\xcf" + b"\xff" * 8],
    ids=["empty", "nil", "cut", "unknown kind", "negative sequence", "count beyond 63 bits"],
)
def test_what_is_no_frame_is_told_apart(data: bytes) -> None:
    with pytest.raises(frames.BadFrame):
        frames.unpack(data)


def test_a_later_version_may_add_to_a_frame() -> None:
    assert frames.unpack(b"\x93\xa1P\x07\xa3new") == Ping(7)


def test_the_examples_in_the_protocol_document_are_what_is_sent() -> None:
    assert frames.pack(Letter(7, b"\x80")).hex() == "93a14c07c40180"
    assert frames.pack(Ack((7, 8))).hex() == "92a141920708"
    assert frames.pack(Ping(1)).hex() == "92a15001"
    assert frames.pack(Pong(1)).hex() == "93a15101c0"
    assert frames.pack(Pong(1, 3)).hex() == "93a1510103"
    assert frames.unpack(bytes.fromhex("92a15101")) == Pong(1), "from a box that says nothing of its lines"
