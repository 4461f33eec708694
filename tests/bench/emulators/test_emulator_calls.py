"""Dialling, answering, and the ways back on hook."""

import asyncio

import numpy as np
import pytest
from subscriber_line import IN_VOICE, MODELS, PLAY, Line, Program, connected, into_voice

from gateway.bench.emulators.sound import tone
from gateway.bench.wire import Samples

DIAL_TONE = tone((350, 440), 2.0)
BUSY = np.concatenate([tone((480, 620), 0.5), tone((), 0.5)] * 20)


def ringback(times: int) -> Samples:
    return np.concatenate([tone((440, 480), 2), tone((), 4)] * times)


async def result(program: Program, within: float) -> tuple[float, str]:
    """The reply, and after how many seconds it came; reports of ringback and hook on the way are left out."""
    begun = asyncio.get_running_loop().time()
    while not program.got.endswith(b"\r\n") and asyncio.get_running_loop().time() - begun < within:
        await asyncio.sleep(0.01)
    text = program.got.decode().replace("\x10r", "").replace("\x10H", "").strip()
    program.got.clear()
    return asyncio.get_running_loop().time() - begun, text


async def dial(line: Line, program: Program, model: str, text: str = "ATDT0312345678") -> None:
    """Begin to dial in voice class, with a dial tone that stops at the first digit."""
    await program.ok(*IN_VOICE[model][:-1] if model != "rockwell" else IN_VOICE[model])
    line.say(DIAL_TONE)
    program.got.clear()
    program.end.write(text.encode() + b"\r")
    while not line.dialled:
        await asyncio.sleep(0.01)
    line.sounds = line.sounds[:0]
    while len(line.dialled) < 10:
        await asyncio.sleep(0.01)


async def test_usr_says_ok_as_soon_as_it_has_dialled() -> None:
    async with connected("usr5637") as (line, program):
        await dial(line, program, "usr5637")
        seconds, words = await result(program, 60)
        assert (words, line.dialled) == ("OK", "0312345678")
        assert seconds < 0.1
        assert line.off
        assert ("atd", {"digits": "T0312345678"}) in [(name, fields) for _, name, fields in line.events]


@pytest.mark.parametrize(("model", "word", "pause"), [("conexant", "OK", 5.0), ("rockwell", "VCON", 7.0)])
async def test_the_others_wait_until_ringback_has_stopped(model: str, word: str, pause: float) -> None:
    async with connected(model) as (line, program):
        await dial(line, program, model)
        line.say(ringback(2))
        line.say(np.random.default_rng(1).normal(0, 3000, 80_000).astype(np.int16))  # somebody speaks
        seconds, words = await result(program, 60)
        assert words == word
        assert seconds == pytest.approx(8 + pause, abs=0.2)  # the second burst of ringback ends after 8 s
        assert line.off


@pytest.mark.parametrize(("model", "setting"), [("conexant", "AT+VRN=3"), ("rockwell", "AT#VRN=30")])
async def test_no_ringback_at_all_counts_as_answered_after_a_while(model: str, setting: str) -> None:
    async with connected(model) as (line, program):
        await program.ok(setting)
        await dial(line, program, model)
        seconds, _ = await result(program, 60)
        assert seconds == pytest.approx(3, abs=0.1)
        assert line.off


async def test_a_limit_of_nought_answers_at_once() -> None:
    async with connected("conexant") as (line, program):
        await program.ok("AT+VRN=0")
        await dial(line, program, "conexant")
        assert await result(program, 60) == (pytest.approx(0, abs=0.1), "OK")


@pytest.mark.parametrize("model", ["conexant", "rockwell"])
async def test_busy_tone_is_busy_and_the_line_is_free(model: str) -> None:
    async with connected(model) as (line, program):
        await dial(line, program, model)
        line.say(BUSY)
        seconds, words = await result(program, 60)
        assert words == "BUSY"
        assert seconds < 5
        assert not line.off


async def test_ringing_without_end_is_no_answer() -> None:
    async with connected("conexant") as (line, program):
        await program.ok("ATS7=20")
        await dial(line, program, "conexant")
        line.say(ringback(10))
        seconds, words = await result(program, 60)
        assert words == "NO ANSWER"
        assert seconds == pytest.approx(20, abs=0.5)
        assert not line.off


@pytest.mark.parametrize(
    ("model", "words"), [("usr5637", "NO DIAL TONE"), ("conexant", "NO DIALTONE"), ("rockwell", "NO DIALTONE")]
)
async def test_a_dead_line_has_no_dial_tone(model: str, words: str) -> None:
    async with connected(model) as (line, program):
        program.end.write(b"ATD123\r")
        assert (await result(program, 30))[1] == words
        assert not line.off
        assert line.dialled == ""


async def test_blind_dialling_asks_for_no_dial_tone() -> None:
    async with connected("usr5637") as (line, program):
        await program.ok("AT+FCLASS=8", "ATX1")
        program.end.write(b"ATD123\r")
        assert (await result(program, 30))[1].endswith("OK")
        assert line.dialled == "123"


async def test_commas_pause_and_w_awaits_a_second_dial_tone() -> None:
    async with connected("usr5637") as (line, program):
        await program.ok("AT+FCLASS=8")
        line.say(np.concatenate([tone((350, 440), 0.8), tone((), 3), tone((350, 440), 2)]))
        program.end.write(b"ATD0,W12345678\r")
        await asyncio.sleep(3.7)
        assert line.dialled == "0"
        await asyncio.sleep(4)
        assert line.dialled == "012345678"


async def test_a_semicolon_leaves_the_call_in_command_state() -> None:
    async with connected("usr5637") as (line, program):
        line.say(DIAL_TONE)
        program.end.write(b"ATD0312345678;\r")
        assert (await result(program, 10))[1] == "OK"
        assert line.off


async def test_digits_take_their_time() -> None:
    async with connected("usr5637") as (_, program):
        await program.ok("AT+FCLASS=8", "ATX1S6=0")
        begun = asyncio.get_running_loop().time()
        program.end.write(b"ATD0123456789\r")
        await result(program, 10)
        assert asyncio.get_running_loop().time() - begun == pytest.approx(10 * 0.19, abs=0.05)


async def test_a_data_call_that_a_human_answers_has_no_carrier() -> None:
    async with connected("usr5637") as (line, program):
        await program.ok("ATS7=15")
        line.say(DIAL_TONE)
        program.end.write(b"ATD0312345678\r")
        seconds, words = await result(program, 60)
        assert words == "NO CARRIER"
        assert seconds == pytest.approx(17, abs=1.5)
        assert not line.off


@pytest.mark.parametrize(("sound", "words"), [(ringback(4), "NO ANSWER"), (BUSY, "BUSY")])
async def test_a_data_call_tells_busy_from_ringing(sound: Samples, words: str) -> None:
    async with connected("usr5637") as (line, program):
        await program.ok("ATS7=20")
        line.say(tone((350, 440), 1.0))
        line.say(np.concatenate([tone((), 2), sound]))
        program.end.write(b"ATD0312345678\r")
        assert (await result(program, 60))[1] == words
        assert not line.off


@pytest.mark.parametrize("model", MODELS)
async def test_a_character_breaks_dialling_off_but_nothing_that_belongs_to_the_line_does(model: str) -> None:
    async with connected(model) as (line, program):
        line.say(tone((350, 440), 30))
        program.end.write(b"ATD0312345678\r\n")
        await asyncio.sleep(0.1)
        program.end.write(b"\r")  # within the time that V.250 gives it
        await asyncio.sleep(1.5)
        assert line.off
        program.got.clear()
        program.end.write(b"x")
        await asyncio.sleep(0.1)
        assert bytes(program.got) == b"\r\nNO CARRIER\r\n"
        assert not line.off
        assert await program.command("AT") == "\r\nOK\r\n"


async def test_answering_in_data_class_sounds_answer_tone_and_gives_up() -> None:
    async with connected("conexant") as (line, program):
        await program.ok("ATS7=5")
        program.end.write(b"ATA\r")
        assert (await result(program, 30))[1] == "NO CARRIER"
        heard = line.heard()
        assert not line.off
        spectrum = np.abs(np.fft.rfft(heard[8000:16000]))
        assert np.argmax(spectrum) == 2100


GOING = {
    "ATH": lambda line, program: program.command("ATH"),
    "ATH0": lambda line, program: program.command("ATH0"),
    "ATZ": lambda line, program: program.command("ATZ"),
    "program closes": lambda line, program: asyncio.sleep(0, program.end.close()),
    "unplugged": lambda line, program: asyncio.sleep(0, line.modem.unplug()),
    "taken away": lambda line, program: asyncio.sleep(0, line.modem.close()),
}


@pytest.mark.parametrize("playing", [False, True])
@pytest.mark.parametrize("how", GOING)
@pytest.mark.parametrize("model", MODELS)
async def test_every_way_out_leaves_the_line_free(model: str, how: str, playing: bool) -> None:
    async with connected(model) as (line, program):
        await into_voice(model, program)
        if playing and not how.startswith("AT"):
            await program.command(PLAY[model])
            program.end.write(b"\x80" * 20_000)
            await asyncio.sleep(0.1)
        assert line.off
        await GOING[how](line, program)
        await asyncio.sleep(0.1)
        assert not line.off
        assert line.names().count("on_hook") == 1


@pytest.mark.parametrize("model", ["usr5637", "conexant"])
async def test_the_line_command_frees_the_line(model: str) -> None:
    async with connected(model) as (line, program):
        await into_voice(model, program)
        await program.ok("AT+VLS=0")
        assert not line.off


async def test_after_the_program_closed_the_port_the_modem_is_in_data_class_again() -> None:
    async with connected("usr5637") as (_, program):
        await into_voice("usr5637", program)
        program.end.close()
        await asyncio.sleep(1)
        program.end.open()
        assert await program.command("AT+FCLASS?") == "\r\n0\r\n\r\nOK\r\n"


async def test_d0_keeps_the_call_when_the_program_closes_the_port() -> None:
    async with connected("usr5637") as (line, program):
        await program.ok("AT&D0")
        await into_voice("usr5637", program)
        program.end.close()
        await asyncio.sleep(1)
        assert line.off
