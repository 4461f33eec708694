"""The AT interpreter: what a program may type, and what comes back."""

import asyncio

import pytest
from subscriber_line import MODELS, connected

from gateway.bench.emulators.at import Command, Kind, Refused, split


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("&FE0V1+VCID=1", ["&F", "E0", "V1", "+VCID=1"]),
        ("-SCID=1;+VCID=1;-STE=3", ["-SCID=1", "+VCID=1", "-STE=3"]),
        ("!4886=02", ["!4886=02"]),
        ("+vts=[933,,150];h", ["+VTS=[933,,150]", "H"]),
        ("#VTS=1,#,{*,5}", ["#VTS=1,#,{*,5}"]),
        ("#VSD=1#VSS=2#VSP=70", ["#VSD=1", "#VSS=2", "#VSP=70"]),
        (" e0 v1 + vcid = 1 ", ["E0", "V1", "+VCID=1"]),
        ("DT 9,011 81W;h", ["DT9,01181W;", "H"]),
        ('+FLID="a;b c"', ['+FLID="a;b c"']),
        ("S0=1S7?", ["S0=1", "S7?"]),
        ("+FCLASS=?;+FCLASS?", ["+FCLASS=?", "+FCLASS?"]),
        ("", []),
    ],
)
def test_a_command_line_is_cut_into_its_commands(text: str, commands: list[str]) -> None:
    shown = {Kind.DO: "{0}{1}", Kind.SET: "{0}={1}", Kind.READ: "{0}?", Kind.TEST: "{0}=?"}
    assert [shown[c.kind].format(c.name, c.value) for c in split(text)] == commands


@pytest.mark.parametrize("text", ["?", "E0)", "=1", "+"])
def test_a_line_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        split(text)


def test_a_missing_number_counts_as_nought() -> None:
    assert Command("E", Kind.DO).number == 0


@pytest.mark.parametrize("model", MODELS)
async def test_every_model_answers_at_and_refuses_what_it_does_not_know(model: str) -> None:
    async with connected(model) as (_, program):
        assert await program.command("AT") == "\r\nOK\r\n"
        assert await program.command("AT+NOSUCH=1") == "\r\nERROR\r\n"
        assert await program.command("AT&&") == "\r\nERROR\r\n"


@pytest.mark.parametrize(
    ("model", "command", "reply"),
    [
        ("usr5637", "ATI0", "5601"),
        ("usr5637", "ATI3", "U.S. Robotics 56K FAX USB V1.2.23"),
        ("conexant", "ATI0", "56000"),
        ("conexant", "ATI3", "CX93001-EIS_V0.2013-V92"),
        ("conexant", "AT+GMI9", "CX93001-EIS_V0.2013-V92"),
        ("rockwell", "ATI0", "33600"),
        ("usr5637", "ATS7=20S7?", "020"),
        ("usr5637", "AT+VCID=1;+VCID?", "1"),
    ],
)
async def test_a_model_says_who_it_is_and_what_is_set(model: str, command: str, reply: str) -> None:
    async with connected(model) as (_, program):
        assert await program.command(command) == f"\r\n{reply}\r\n\r\nOK\r\n"


async def test_results_come_in_words_or_digits_with_the_terminators_of_s3_and_s4() -> None:
    async with connected("usr5637") as (_, program):
        assert await program.command("ATV0") == "0\r"
        assert await program.command("ATQ1") == ""
        assert await program.command("ATQ0V1") == "\r\nOK\r\n"
        assert await program.command("ATS4=33") == "\r!OK\r!"


async def test_what_is_typed_is_echoed_until_echo_is_off() -> None:
    async with connected("usr5637") as (_, program):
        await program.command("ATE1")
        assert await program.command("AT") == "AT\r\r\nOK\r\n"
        assert await program.command("ATE0") == "ATE0\r\r\nOK\r\n"
        assert await program.command("AT") == "\r\nOK\r\n"


async def test_a_slash_repeats_the_last_line_without_a_return() -> None:
    async with connected("usr5637") as (_, program):
        await program.command("ATS0?")
        program.got.clear()
        program.end.write(b"A/")
        await asyncio.sleep(0.1)
        assert bytes(program.got) == b"\r\n000\r\n\r\nOK\r\n"


async def test_backspace_takes_back_a_character() -> None:
    async with connected("usr5637") as (_, program):
        assert await program.command("ATX\bS0?") == "\r\n000\r\n\r\nOK\r\n"


@pytest.mark.parametrize("size", range(1, 10))
async def test_a_line_may_arrive_in_any_pieces(size: int) -> None:
    async with connected("usr5637") as (_, program):
        wire = b"ATS0?\r\nATI0\r\n"
        for start in range(0, len(wire), size):
            program.end.write(wire[start : start + size])
            await asyncio.sleep(0.1)
        assert bytes(program.got) == b"\r\n000\r\n\r\nOK\r\n\r\n5601\r\n\r\nOK\r\n"


async def test_lines_sent_in_one_go_are_answered_one_after_another() -> None:
    async with connected("usr5637") as (_, program):
        assert await program.command("AT\rATI0\rAT") == "\r\nOK\r\n\r\n5601\r\n\r\nOK\r\n\r\nOK\r\n"


async def test_garbage_before_a_command_is_forgotten() -> None:
    async with connected("usr5637") as (_, program):
        assert await program.command("\xff\x00\x10~~") == ""
        assert await program.command("\x91\xfe}AT") == "\r\nOK\r\n"


async def test_a_reply_takes_some_milliseconds() -> None:
    async with connected("usr5637") as (_, program):
        await asyncio.sleep(1)
        begun = asyncio.get_running_loop().time()
        await program.command("AT")
        assert program.arrived[-1][0] == pytest.approx(begun + 0.008)


async def test_the_exchange_log_has_each_command() -> None:
    async with connected("usr5637") as (line, program):
        await program.command("AT+VCID=1")
        assert line.events[-1][1:] == ("at", {"text": "AT+VCID=1"})


async def test_a_setting_outside_its_range_is_refused_and_the_old_one_stays() -> None:
    async with connected("usr5637") as (_, program):
        assert await program.command("AT+VCID=7") == "\r\nERROR\r\n"
        assert await program.command("AT+FCLASS=80") == "\r\nERROR\r\n"
        assert await program.command("AT+VCID?;+FCLASS?") == "\r\n0\r\n\r\n0\r\n\r\nOK\r\n"
