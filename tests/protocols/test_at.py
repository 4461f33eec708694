"""The command stream: a reply finds its command, every other line is told, and no split of the bytes matters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocols.at import (
    DIALLED,
    LONGEST_LINE,
    Command,
    CommandStream,
    Event,
    Garbage,
    Reply,
    Unsolicited,
    VoiceBegins,
    VoiceEnds,
)
from gateway.protocols.dle import Shielded, Sound


def stream_with(command: Command | None) -> CommandStream:
    stream = CommandStream()
    if command:
        stream.send(command)
    return stream


def fed(stream: CommandStream, wire: bytes, size: int) -> list[Event]:
    events: list[Event] = []
    for at in range(0, len(wire), size):
        for event in stream.receive(wire[at : at + size]):
            if isinstance(event, Sound) and events and isinstance(events[-1], Sound):
                events[-1] = Sound(events[-1].data + event.data)
            else:
                events.append(event)
    return events


IDENTIFY = Command("ATI3", information=("",))
RECEIVE = Command("AT+VRX", voice="in")
SEND = Command("AT+VTX", voice="out")
CLASS = Command("AT+FCLASS?", information=("0", "8"))

EXCHANGES = {
    "plain": (IDENTIFY, b"\r\nU.S. Robotics\r\n\r\nOK\r\n", [Reply(IDENTIFY, "OK", ("U.S. Robotics",))]),
    "echo": (IDENTIFY, b"ATI3\r\r\nabc\r\n\r\nOK\r\n", [Reply(IDENTIFY, "OK", ("abc",))]),
    "CR CR LF": (IDENTIFY, b"\r\r\nabc\r\r\n\r\r\nOK\r\r\n", [Reply(IDENTIFY, "OK", ("abc",))]),
    "a ring in the middle": (
        IDENTIFY,
        b"\r\nRING\r\n\r\nabc\r\n\r\nNMBR = 0312345678\r\n\r\nOK\r\n",
        [Unsolicited("RING"), Unsolicited("NMBR = 0312345678"), Reply(IDENTIFY, "OK", ("abc",))],
    ),
    "error with a number": (
        Command("AT+X"),
        b"\r\n+CME ERROR: 30\r\n",
        [Reply(Command("AT+X"), "+CME ERROR: 30")],
    ),
    "a line that only begins like a result": (
        Command("AT"),
        b"\r\nOKAY\r\nNO CARRIER\r\nOK\r\n",
        [Unsolicited("OKAY"), Unsolicited("NO CARRIER"), Reply(Command("AT"), "OK")],
    ),
    "dialling": (
        Command("ATDT1", finals=DIALLED),
        b"\r\nNO DIAL TONE\r\nBUSY\r\n",
        [Reply(Command("ATDT1", finals=DIALLED), "NO DIAL TONE"), Unsolicited("BUSY")],
    ),
    "numeric results": (Command("AT"), b"2\r0\r", [Unsolicited("RING"), Reply(Command("AT"), "OK")]),
    "a digit that is information": (CLASS, b"\r\n8\r\n\r\nOK\r\n", [Reply(CLASS, "OK", ("8",))]),
    "8-bit bytes": (None, b"\r\nNAME = \x83e\xff\r\n", [Unsolicited("NAME = \x83e\xff")]),
    "reports between lines": (
        Command("AT"),
        b"\x10R\r\nO\x10sK\r\n\x105",
        [Shielded("R"), Shielded("s"), Reply(Command("AT"), "OK"), Shielded("5")],
    ),
    "a digit lost to a stray DLE": (
        None,
        b"NMBR = 03\x1012345678\r\n",
        [Shielded("1"), Unsolicited("NMBR = 03\x102345678")],
    ),
    "recording": (
        RECEIVE,
        b"\r\nCONNECT\r\n\r\nOK\r\n\x10\x10\x10s\x80\x10\x1a\x10\x03\r\nOK\r\n\r\nRING\r\n",
        [
            VoiceBegins(RECEIVE),
            Sound(b"\r\nOK\r\n\x10"),
            Shielded("s"),
            Sound(b"\x80\x10\x10"),
            VoiceEnds(),
            Reply(RECEIVE, "OK"),
            Unsolicited("RING"),
        ],
    ),
    "recording, CR CR LF": (
        RECEIVE,
        b"\r\r\nCONNECT\r\r\n\x80\r\n\x10\x03\r\r\nOK\r\r\n",
        [VoiceBegins(RECEIVE), Sound(b"\x80\r\n"), VoiceEnds(), Reply(RECEIVE, "OK")],
    ),
    "playing": (
        SEND,
        b"\r\nCONNECT\r\n\x10/\x105\x10~\x10u\r\nOK\r\n",
        [VoiceBegins(SEND), Shielded("/"), Shielded("5"), Shielded("~"), Shielded("u"), Reply(SEND, "OK")],
    ),
    "sound right after a CR": (
        RECEIVE,
        b"1\r\x80\x0a\x10\x030\r",
        [VoiceBegins(RECEIVE), Sound(b"\x80\n"), VoiceEnds(), Reply(RECEIVE, "OK")],
    ),
}
SPLITS = [(name, size) for name, (_, wire, _) in EXCHANGES.items() for size in range(1, len(wire) + 1)]


@pytest.mark.parametrize(("name", "size"), SPLITS)
def test_each_line_finds_its_place_at_every_split(name: str, size: int) -> None:
    command, wire, expected = EXCHANGES[name]
    assert fed(stream_with(command), wire, size) == expected


def test_a_command_is_sent_with_a_carriage_return() -> None:
    assert CommandStream().send(Command("AT+VCID=1")) == b"AT+VCID=1\r"


def test_a_reply_after_the_command_was_given_up_belongs_to_no_other() -> None:
    stream = stream_with(Command("AT"))
    stream.abandon()
    assert stream.receive(b"\r\nOK\r\n") == [Unsolicited("OK")]
    assert not stream.busy


def test_giving_up_a_voice_command_leads_back_to_lines() -> None:
    stream = stream_with(RECEIVE)
    stream.receive(b"\r\nCONNECT\r\n\x80\x80")
    stream.abandon()
    assert stream.receive(b"\r\nRING\r\n") == [Unsolicited("RING")]


@pytest.mark.parametrize("size", [1, 100, LONGEST_LINE, 3 * LONGEST_LINE])
def test_an_endless_line_is_bounded_and_its_tail_is_not_read_as_a_line(size: int) -> None:
    events = fed(CommandStream(), b"x" * (2 * LONGEST_LINE) + b"NMBR = 0312345678\rRING\r", size)
    assert all(isinstance(event, Garbage) and len(event.data) <= LONGEST_LINE for event in events[:-1])
    assert events[-1] == Unsolicited("RING")


@given(st.lists(st.binary(max_size=40), max_size=8), st.sampled_from([None, IDENTIFY, RECEIVE, SEND]))
def test_no_bytes_break_it_and_no_split_changes_what_it_says(pieces: list[bytes], command: Command | None) -> None:
    whole, split = stream_with(command), stream_with(command)
    expected = fed(whole, b"".join(pieces), 1)
    assert fed(split, b"".join(pieces), 7) == expected
