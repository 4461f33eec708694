"""Frames: what the boxes put on the wire. ``docs/protocol.md``, section 4, is the specification."""

from typing import Annotated

import msgspec

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Letter(msgspec.Struct, frozen=True, array_like=True, tag="L"):
    """``["L", sequence, body]``: a message (MessagePack, as ``messages.encode`` gives it)."""

    sequence: _Count
    body: bytes


class Ack(msgspec.Struct, frozen=True, array_like=True, tag="A"):
    """``["A", [sequence, …]]``: these are on the sender's disk."""

    sequences: Annotated[tuple[_Count, ...], msgspec.Meta(max_length=1024)]


class Ping(msgspec.Struct, frozen=True, array_like=True, tag="P"):
    """``["P", count]``: are you there?"""

    count: _Count


class Pong(msgspec.Struct, frozen=True, array_like=True, tag="Q"):
    """``["Q", count, free]``: the answer to the ping of that count.

    ``free``: lines of an overseas box that could dial at once, less the requests that wait there; None: not said.
    """

    count: _Count
    free: Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)] | None = None


Frame = Letter | Ack | Ping | Pong

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)


class BadFrame(ValueError):
    """Bytes that are no frame of this protocol."""


def pack(frame: Frame) -> bytes:
    """Frame → MessagePack."""
    return _encoder.encode(frame)


def unpack(data: bytes) -> Frame:
    """MessagePack → frame. Raises ``BadFrame``."""
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadFrame(str(error)) from None
