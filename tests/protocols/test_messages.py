"""Messages as bytes."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocols.messages import (
    BadMessage,
    CallReport,
    CallRequest,
    Message,
    Order,
    OrderLine,
    Recording,
    decode,
    encode,
)

MESSAGES = [
    CallRequest("3f2c", "+819012345678", 1.5, "+81355501234", "ja"),
    Order("77aa", "3f2c", "+819012345678", "0016", (OrderLine("25", 2), OrderLine("31", 1)), 2.5),
    CallReport("90bb", "3f2c", 1, "no answer", False, 3.5, 48.25, 0.0, "rang out"),
    Recording("51cc", "3f2c", "+819012345678", "question", 4.5, 0, 2, b"\xff\x7f"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_comes_out_as_it_went_in(message: Message) -> None:
    assert decode(encode(message)) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_is_a_map_with_its_type_in_it(message: Message) -> None:
    plain = msgspec.msgpack.decode(encode(message))
    kind = {CallRequest: "call_request", Order: "order", CallReport: "call_report", Recording: "recording"}
    assert plain["type"] == kind[type(message)]
    assert plain["id"] == message.id


def test_keys_of_a_later_version_are_passed_over() -> None:
    plain = msgspec.msgpack.decode(encode(MESSAGES[0])) | {"campaign": "spring"}
    assert decode(msgspec.msgpack.encode(plain)) == MESSAGES[0]


@pytest.mark.parametrize("message", [MESSAGES[0], MESSAGES[2]], ids=["call_request", "call_report"])
def test_a_box_that_knows_no_rate_deck_routes_is_understood(message: Message) -> None:
    plain = msgspec.msgpack.decode(encode(message))
    del plain["route"]
    assert decode(msgspec.msgpack.encode(plain)) == message


@pytest.mark.parametrize("key", ["id", "number", "accepted_at"])
def test_a_message_without_a_key_that_it_needs_is_refused(key: str) -> None:
    plain = msgspec.msgpack.decode(encode(MESSAGES[0]))
    del plain[key]
    with pytest.raises(BadMessage, match=key):
        decode(msgspec.msgpack.encode(plain))


def test_a_route_longer_than_any_name_is_refused() -> None:
    plain = msgspec.msgpack.decode(encode(MESSAGES[0])) | {"route": "x" * 33}
    with pytest.raises(BadMessage, match="route"):
        decode(msgspec.msgpack.encode(plain))


def test_a_type_that_nobody_defined_is_refused() -> None:
    with pytest.raises(BadMessage):
        decode(msgspec.msgpack.encode({"type": "fax", "id": "x"}))


@given(st.binary(max_size=400))
def test_garbage_is_refused_or_read_but_never_a_crash(data: bytes) -> None:
    try:
        decode(data)
    except BadMessage:
        return


@given(st.sampled_from(MESSAGES), st.integers(0, 200), st.integers(0, 255))
def test_a_message_with_one_byte_changed_is_refused_or_read_but_never_a_crash(
    message: Message, position: int, value: int
) -> None:
    data = bytearray(encode(message))
    data[position % len(data)] = value
    try:
        decode(bytes(data))
    except BadMessage:
        return


def test_the_examples_in_the_protocol_document_are_what_is_sent() -> None:
    request = "3f2c8a10-5a0e-4d0b-9c57-0d6f1a2b3c4d"
    customer = "+819012345678"
    examples = [
        CallRequest(request, customer, 1800000000.0, "+81355501234", "ja", "us-voip"),
        Order("77aa8a10-5a0e-4d0b-9c57-0d6f1a2b3c4d", request, customer, "0016", (OrderLine("25", 2),), 1800000090.5),
        CallReport(
            "90bb8a10-5a0e-4d0b-9c57-0d6f1a2b3c4d",
            request,
            1,
            "order",
            True,
            1800000010.0,
            1800000100.0,
            84.5,
            "",
            "us-voip",
        ),
        Recording(
            "51cc8a10-5a0e-4d0b-9c57-0d6f1a2b3c4d", request, customer, "question", 1800000050.0, 0, 1, b"\xff\x7f"
        ),
    ]
    document = (Path(__file__).parent.parent.parent / "docs" / "protocol.md").read_text(encoding="utf-8")
    unbroken = document.replace("\n", "")
    for example in examples:
        assert encode(example).hex() in unbroken, type(example).__name__
