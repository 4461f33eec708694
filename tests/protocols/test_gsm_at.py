"""The command stream with a GSM modem at its end: nothing unasked is eaten, and prompts are answers."""

import pytest

from gateway.protocols.at import Command, CommandStream, Event, Reply, Unsolicited


def answers(command: Command, wire: bytes, size: int) -> list[Event]:
    stream, events = CommandStream(), list[Event]()
    stream.send(command)
    for at in range(0, len(wire), size):
        events += stream.receive(wire[at : at + size])
    return events


MODEL = Command("AT+CGMM", information=("", "+CGMM"))
CHATTER = b'\r\nRING\r\n\r\n+CLIP: "",128,,,,1\r\n\r\n^RSSI:19\r\n\r\nEC25\r\n\r\nVOICE CALL: BEGIN\r\n\r\nOK\r\n'


@pytest.mark.parametrize("size", range(1, len(CHATTER) + 1))
def test_a_command_for_plain_lines_eats_no_line_that_names_itself(size: int) -> None:
    *unasked, reply = answers(MODEL, CHATTER, size)
    assert reply == Reply(MODEL, "OK", ("EC25",))
    assert unasked == [Unsolicited(t) for t in ("RING", '+CLIP: "",128,,,,1', "^RSSI:19", "VOICE CALL: BEGIN")]


def test_a_line_that_is_asked_for_by_name_is_taken() -> None:
    assert answers(MODEL, b"\r\n+CGMM: EC25\r\nOK\r\n", 3) == [Reply(MODEL, "OK", ("+CGMM: EC25",))]


PROMPT = b"AT+CMGS=20\r\r\n> "


@pytest.mark.parametrize("size", range(1, len(PROMPT) + 1))
def test_a_prompt_ends_a_command_without_a_line_end(size: int) -> None:
    command = Command("AT+CMGS=20", prompt="> ")
    assert answers(command, PROMPT, size) == [Reply(command, "> ")]


def test_what_follows_a_prompt_is_sent_without_a_line_end() -> None:
    stream = CommandStream()
    assert stream.send(Command("0011\x1a", end="")) == b"0011\x1a"
