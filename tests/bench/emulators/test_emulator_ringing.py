"""Ringing and caller ID, as each model tells them."""

import asyncio
from dataclasses import replace

import pytest
from subscriber_line import CALLER, DONE, IN_VOICE, MODELS, Line, Program, connected

from gateway.bench.wire import CallerIdData

ASK = {"usr5637": "AT+VCID=1", "conexant": "AT+VCID=1", "rockwell": "AT#CID=1"}
TOKYO = "+81355501234"


async def sent(line: Line, program: Program, data: CallerIdData) -> str:
    program.got.clear()
    line.modem.caller_id(data)
    await asyncio.sleep(0.5)
    return program.got.decode("latin-1")


async def test_usr_prints_each_field_on_its_own_without_spaces() -> None:
    async with connected("usr5637") as (line, program):
        await program.ok("AT+VCID=1")
        assert await sent(line, program, CALLER) == (
            "\r\nDATE=0106\r\n\r\nTIME=1415\r\n\r\nNMBR=2125550123\r\n\r\nNAME=DOE JANE\r\n"
        )


@pytest.mark.parametrize("model", ["conexant", "rockwell"])
async def test_the_others_print_one_block_with_spaces(model: str) -> None:
    async with connected(model) as (line, program):
        await program.ok(ASK[model])
        assert await sent(line, program, CALLER) == (
            "\r\nDATE = 0106\r\nTIME = 1415\r\nNMBR = 2125550123\r\nNAME = DOE JANE\r\n"
        )


@pytest.mark.parametrize("form", ["sdmf", "number-only"])
async def test_a_message_without_a_name_has_no_name_line(form: str) -> None:
    async with connected("conexant") as (line, program):
        await program.ok("AT+VCID=1")
        text = await sent(line, program, replace(CALLER, form=form))  # type: ignore[arg-type]
        assert text.endswith("NMBR = 2125550123\r\n")


@pytest.mark.parametrize("reason", ["P", "O", "C", "S"])
async def test_the_reason_stands_for_a_number_that_is_not_sent(reason: str) -> None:
    async with connected("conexant") as (line, program):
        await program.ok("AT+VCID=1")
        data = replace(CALLER, number=None, name=None, reason=reason)  # type: ignore[arg-type]
        assert f"NMBR = {reason}\r\n" in await sent(line, program, data)


async def test_a_masked_number_is_printed_and_then_withdrawn() -> None:
    async with connected("conexant") as (line, program):
        await program.ok("AT+VCID=1")
        text = await sent(line, program, replace(CALLER, form="masked"))
        assert text.index("NMBR = 2125550123") < text.index("\r\nNMBR = O\r\n")


async def test_a_name_may_hold_eight_bit_bytes() -> None:
    async with connected("conexant") as (line, program):
        await program.ok("AT+VCID=1")
        assert "NAME = MÜLLER\r\n" in await sent(line, program, replace(CALLER, name="MÜLLER"))
        await sent(line, program, replace(CALLER, name="山田"))
        assert b"NAME = " + "山田".encode("cp932") in bytes(program.got)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        # Worked by hand from GR-30-CORE: type, length, then (MDMF) type, length, value; a checksum follows.
        (replace(CALLER, form="sdmf"), "0412" + "3031303631343135" + "32313235353530313233"),
        (replace(CALLER, number=None, name=None, reason="P", form="sdmf"), "0409" + "3031303631343135" + "50"),
        (CALLER, "80200108303130363134313502" + "0A32313235353530313233" + "0708444F45204A414E45"),
        (replace(CALLER, number=None, name=None, reason="O"), "800D0108303130363134313504014F"),
    ],
)
async def test_raw_messages_are_one_line_of_hexadecimal_with_a_good_checksum(data: CallerIdData, message: str) -> None:
    async with connected("usr5637") as (line, program):
        await program.ok("AT+VCID=2")
        text = (await sent(line, program, data)).strip()
        assert sum(bytes.fromhex(text)) % 256 == 0
        assert text[:-2] == message


async def test_a_masked_raw_number_is_two_messages() -> None:
    async with connected("usr5637") as (line, program):
        await program.ok("AT+VCID=2")
        first, second = (await sent(line, program, replace(CALLER, form="masked"))).split()
        assert "32313235353530313233" in first
        assert second.startswith("80030401")


@pytest.mark.parametrize("model", MODELS)
async def test_nothing_is_printed_unless_asked_for_and_a_reset_forgets(model: str) -> None:
    async with connected(model) as (line, program):
        assert await sent(line, program, CALLER) == ""
        await program.ok(ASK[model])
        assert await sent(line, program, CALLER) != ""
        await program.ok("ATZ")
        assert await sent(line, program, CALLER) == ""


async def test_pulling_the_modem_out_loses_caller_id() -> None:
    async with connected("usr5637") as (line, program):
        await program.ok("AT+VCID=1")
        line.modem.unplug()
        await asyncio.sleep(1)
        line.modem.replug()
        assert await sent(line, program, CALLER) == ""


async def test_a_message_with_a_bad_checksum_prints_nothing_the_next_does() -> None:
    async with connected("usr5637") as (line, program):
        await program.ok("AT+VCID=1")
        line.modem.spoil_caller_id()
        assert await sent(line, program, CALLER) == ""
        assert await sent(line, program, CALLER) != ""


async def test_number_display_in_japan_needs_the_country_set_on_a_conexant() -> None:
    async with connected("conexant", TOKYO) as (line, program):
        await program.ok("AT+VCID=1")
        assert await sent(line, program, CALLER) == ""
        await program.ok("AT+GCI=00")
        assert "NMBR = " in await sent(line, program, CALLER)


@pytest.mark.parametrize("every", [0.0, 0.01])
async def test_the_log_says_when_the_last_byte_of_the_caller_id_was_written(every: float) -> None:
    async with connected("usr5637") as (line, program):
        await program.ok("AT+VCID=1")
        if every:
            line.modem.split_writes(3, every)
        line.modem.caller_id(CALLER)
        await asyncio.sleep(2)
        assert bytes(program.got).endswith(b"NAME=DOE JANE\r\n")
        assert line.when("caller_id_sent") == pytest.approx(program.arrived[-1][0])


@pytest.mark.parametrize("model", MODELS)
async def test_each_burst_is_one_ring_in_data_class(model: str) -> None:
    async with connected(model) as (line, program):
        for _ in range(3):
            await line.ring(on=2.0, off=4.0)
        assert bytes(program.got) == 3 * b"\r\nRING\r\n"


async def test_a_burst_too_short_to_be_ringing_is_not_told() -> None:
    async with connected("usr5637") as (line, program):
        await line.ring(on=0.05)
        assert bytes(program.got) == b""


@pytest.mark.parametrize(("model", "word"), [("usr5637", b"\r\nRING\r\n"), ("conexant", b"\x10R")])
async def test_a_conexant_in_voice_class_rings_with_dle_r(model: str, word: bytes) -> None:
    async with connected(model) as (line, program):
        await program.ok("AT+FCLASS=8")
        program.got.clear()
        await line.ring()
        assert bytes(program.got) == word


async def test_nothing_tells_that_the_caller_gave_up() -> None:
    async with connected("usr5637") as (line, program):
        await line.ring()
        program.got.clear()
        await asyncio.sleep(60)
        assert bytes(program.got) == b""


async def test_s1_counts_rings_and_forgets_after_a_pause() -> None:
    async with connected("usr5637") as (line, program):
        await line.ring(off=4)
        await line.ring(off=4)
        assert "002" in await program.command("ATS1?")
        await asyncio.sleep(10)
        await line.ring()
        assert "001" in await program.command("ATS1?")


@pytest.mark.parametrize("model", MODELS)
async def test_s0_answers_by_itself_after_so_many_rings(model: str) -> None:
    async with connected(model) as (line, program):
        await program.ok(IN_VOICE[model][0], "ATS0=2")
        await line.ring()
        assert not line.off
        await line.ring()
        assert line.off
        assert bytes(program.got).endswith(DONE[model].encode())


async def test_usr_does_not_go_off_hook_while_the_bell_rings() -> None:
    async with connected("usr5637") as (line, program):
        await program.ok("AT+FCLASS=8")
        line.modem.ringing(True)
        await asyncio.sleep(0.5)
        for command in ("AT+VLS=1", "ATA", "ATH1"):
            assert await program.command(command, 0.1) == "\r\nERROR\r\n"
        assert not line.off
        line.modem.ringing(False)
        await program.ok("AT+VLS=1")
        assert line.off


async def test_a_conexant_goes_off_hook_in_mid_ring() -> None:
    async with connected("conexant") as (line, program):
        await program.ok("AT+FCLASS=8")
        line.modem.ringing(True)
        await asyncio.sleep(0.5)
        await program.ok("AT+VLS=1")
        assert line.off
