"""What the boxes tell each other, as msgspec structs in MessagePack. The document is ``docs/protocol.md``.

Every message has an ``id`` (UUID, made once, never reused): the receiver absorbs a repetition by it. Times are Unix
seconds. Numbers are E.164 with ``+``.
"""

from typing import Annotated, Literal

import msgspec

Outcome = Literal[
    "order",  # an order was confirmed on this call-back
    "message",  # a question or complaint was recorded
    "talked",  # answered by a person, menu ended without an order
    "machine",  # an answering machine
    "busy",
    "no answer",
    "network",
    "left early",  # answered, hung up before a key came
    "unknown",  # the box died in mid-call: nobody knows, so nobody redials
    "refused",  # policy forbade it
    "line lost",
]


Route = Annotated[str, msgspec.Meta(max_length=32)]
"""Of the rate deck, by the name that both boxes know; "" for none."""


class CallRequest(msgspec.Struct, frozen=True, tag="call_request"):
    """Domestic → overseas: call this customer back."""

    id: str
    number: str
    accepted_at: float
    called: str
    """The vendor's number that the customer rang, E.164, or "" if unknown."""
    language: str
    route: Route = ""
    """Of the rate deck: a line that is priced by it is to dial, if one is free soon; "" for any."""


class OrderLine(msgspec.Struct, frozen=True):
    """One article of an order."""

    article: str
    quantity: int


class Order(msgspec.Struct, frozen=True, tag="order"):
    """Overseas → domestic: what the customer confirmed."""

    id: str
    request: str
    number: str
    order_number: str
    """As spoken to the customer: short, digits only, unique at the overseas box."""
    lines: tuple[OrderLine, ...]
    confirmed_at: float


class Recording(msgspec.Struct, frozen=True, tag="recording"):
    """Overseas → domestic: a spoken question or complaint. ``sound``: 8-bit µ-law, 8 kHz; it comes last, in chunks."""

    id: str
    request: str
    number: str
    subject: str
    recorded_at: float
    chunk: int
    chunks: int
    sound: bytes


class CallReport(msgspec.Struct, frozen=True, tag="call_report"):
    """Overseas → domestic: an attempt has ended; ``final`` when the request is closed with it."""

    id: str
    request: str
    attempt: int
    outcome: Outcome
    final: bool
    dialled_at: float
    ended_at: float
    talk_seconds: float
    detail: str = ""
    route: Route = ""
    """Of the rate deck: what prices the line that dialled; "" if it has none."""


Message = CallRequest | Order | Recording | CallReport

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


class BadMessage(ValueError):
    """Bytes that are no message of ours."""


def encode(message: Message) -> bytes:
    """Message → MessagePack."""
    return _encoder.encode(message)


def decode(data: bytes) -> Message:
    """MessagePack → message. Raises ``BadMessage``."""
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadMessage(str(error)) from None
