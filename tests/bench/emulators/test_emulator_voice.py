"""Voice data through a modem: what is played arrives on the line, what is said arrives in the program."""

import asyncio

import numpy as np
import pytest
from subscriber_line import DONE, MODELS, PLAY, RECORD, Program, connected, into_voice

from gateway.bench.emulators.sound import DTMF, MULAW, UNSIGNED, tone
from gateway.bench.wire import Samples

QUIET = tone((), 1.0)


def share(sound: Samples, frequencies: list[int]) -> float:
    """How much of the energy of a tone, from its beginning to its end, lies within 20 Hz of these frequencies."""
    loud = np.flatnonzero(sound)
    spectrum = np.abs(np.fft.rfft(sound[loud[0] : loud[-1]] * np.hanning(loud[-1] - loud[0]), 8000)) ** 2
    return float(sum(spectrum[hz - 20 : hz + 21].sum() for hz in frequencies) / spectrum.sum())


def loud_seconds(sound: Samples) -> float:
    return np.count_nonzero(np.abs(sound.reshape(-1, 160)).max(1) > 500) * 0.02


async def connect(program: Program, command: str) -> None:
    assert (await program.command(command, 0.02)).startswith("\r\nCONNECT\r\n")
    del program.got[: len("\r\nCONNECT\r\n")]


def events(data: bytes) -> str:
    """The letters of all DLE events in voice data."""
    codes, at = "", 0
    while (at := data.find(b"\x10", at)) >= 0:
        codes += chr(data[at + 1])
        at += 2
    return codes


@pytest.mark.parametrize("model", ["usr5637", "conexant"])
async def test_what_is_played_arrives_on_the_line_sample_by_sample(model: str) -> None:
    async with connected(model) as (line, program):
        await into_voice(model, program)
        voice = bytes(range(256)) * 10
        await connect(program, PLAY[model])
        program.end.write(voice.replace(b"\x10", b"\x10\x10") + b"\x10\x03")
        await asyncio.sleep(1)
        assert program.got.decode() == DONE[model]
        heard = UNSIGNED.encode(line.heard())
        assert voice in heard


async def test_two_dle_in_a_row_may_be_sent_as_dle_sub() -> None:
    async with connected("conexant") as (line, program):
        await into_voice("conexant", program)
        await connect(program, "AT+VTX")
        program.end.write(b"\x90\x10\x1a\x10\x10\x91" + b"\x80" * 160 + b"\x10\x03")
        await asyncio.sleep(1)
        assert b"\x90\x10\x10\x10\x91" in UNSIGNED.encode(line.heard())


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_voice_may_arrive_in_any_pieces(size: int) -> None:
    async with connected("usr5637") as (line, program):
        await into_voice("usr5637", program)
        await connect(program, "AT+VTX")
        wire = b"\x90\x10\x10\x10\x1a\x91" * 60 + b"\x10\x03AT\r"
        for start in range(0, len(wire), size):
            program.end.write(wire[start : start + size])
        await asyncio.sleep(1)
        assert b"\x90\x10\x10\x10\x91" * 60 in UNSIGNED.encode(line.heard())
        assert program.got.decode() == "\r\nOK\r\n\r\nOK\r\n"


@pytest.mark.parametrize("model", MODELS)
async def test_playing_takes_as_long_as_the_sound_and_ends_when_it_has_been_heard(model: str) -> None:
    async with connected(model) as (line, program):
        await into_voice(model, program)
        await connect(program, PLAY[model])
        begun = asyncio.get_running_loop().time()
        rate = 7200 if model == "rockwell" else 8000
        program.end.write(b"\x80\xff" * rate + b"\x10\x03")
        await asyncio.sleep(5)
        assert program.arrived[-1][0] - begun == pytest.approx(2.0, abs=0.06)
        assert loud_seconds(line.heard()) == pytest.approx(2.0, abs=0.05)


async def test_the_line_feed_after_a_command_is_no_voice_data() -> None:
    async with connected("usr5637") as (_, program):
        await into_voice("usr5637", program)
        program.end.write(b"AT+VTX\r\n")
        await asyncio.sleep(1)
        assert bytes(program.got) == b"\r\nCONNECT\r\n"  # and no underrun


async def test_cancelling_drops_what_is_buffered() -> None:
    async with connected("usr5637") as (line, program):
        await into_voice("usr5637", program)
        await connect(program, "AT+VTX")
        program.end.write(b"\x80\xff" * 1000)
        await asyncio.sleep(0.05)
        program.end.write(b"\x10\x18\x10\x03")
        await asyncio.sleep(1)
        assert loud_seconds(line.heard()) < 0.1
        assert bytes(program.got) == b"\r\nOK\r\n"


async def test_the_port_takes_no_more_than_the_voice_buffer_holds() -> None:
    async with connected("usr5637") as (_, program):
        await into_voice("usr5637", program)
        await connect(program, "AT+VTX")
        for _ in range(100):
            program.end.write(b"\x80\xff" * 80)
        await asyncio.sleep(0.1)
        assert program.end.waiting > 16000 - 2048 - 2 * 800
        await asyncio.sleep(2.5)
        assert program.end.waiting == 0


async def test_a_buffer_that_runs_dry_is_told_once() -> None:
    async with connected("usr5637") as (_, program):
        await into_voice("usr5637", program)
        await connect(program, "AT+VTX")
        await asyncio.sleep(1)
        assert bytes(program.got) == b""
        program.end.write(b"\x80\xff" * 400)
        await asyncio.sleep(2)
        assert bytes(program.got) == b"\x10u"


@pytest.mark.parametrize("model", MODELS)
async def test_what_is_said_arrives_in_the_program(model: str) -> None:
    async with connected(model) as (line, program):
        await into_voice(model, program)
        line.say(tone((440,), 2.0))
        await connect(program, RECORD[model])
        await asyncio.sleep(1)
        program.end.write(b"\x10!")
        await asyncio.sleep(0.1)
        assert program.got.endswith(b"\x10\x03" + DONE[model].encode())
        voice = bytes(program.got).split(b"\x10\x03")[0].replace(b"\x10\x10", b"\x10")
        rate = 7200 if model == "rockwell" else 8000
        assert len(voice) == pytest.approx(rate, rel=0.03)
        spectrum = np.abs(np.fft.rfft(np.frombuffer(voice, np.uint8).astype(float) - 128, rate))
        assert np.argmax(spectrum) == 440


async def test_dle_in_recorded_sound_is_doubled_and_two_become_sub() -> None:
    async with connected("conexant") as (line, program):
        await into_voice("conexant", program)
        line.say(UNSIGNED.decode(b"\x80\x10\x81\x10\x10\x82\x10\x10\x10\x83".ljust(320, b"\x80")))
        await connect(program, "AT+VRX")
        await asyncio.sleep(0.2)
        assert b"\x80\x10\x10\x81\x10\x1a\x82\x10\x1a\x10\x10\x83" in bytes(program.got)


async def test_mu_law_goes_both_ways_untouched() -> None:
    async with connected("usr5637") as (line, program):
        await into_voice("usr5637", program)
        await program.ok("AT+VSM=131,8000")
        codes = bytes(code for code in range(256) if code not in (0x10, 0x7F)) * 3
        line.say(MULAW.decode(codes))
        await connect(program, "AT+VTR")
        program.end.write(codes)
        await asyncio.sleep(0.4)
        program.end.write(b"\x10^")
        await asyncio.sleep(0.1)
        assert codes in bytes(program.got)
        assert codes in MULAW.encode(line.heard())
        assert program.got.endswith(b"\x10\x03\r\nOK\r\n")


@pytest.mark.parametrize(
    ("model", "ends", "ignored"),
    [
        ("usr5637", b"\x10!", b"\x10\x04"),
        ("usr5637", b"\x10\x1b", b"!"),
        ("usr-external", b"\x10\x04", b"\x10!"),
        ("zoom3095", b"\x10\x10\x10!", b"\x10!"),
        ("conexant", b"\x10\x10\x10!", b"!"),
        ("rockwell", b"!", b"\x10\x04"),
    ],
)
async def test_each_model_stops_recording_at_its_own_sign(model: str, ends: bytes, ignored: bytes) -> None:
    async with connected(model) as (_, program):
        like = {"usr-external": "usr5637", "zoom3095": "conexant"}.get(model, model)
        await into_voice(like, program)
        await connect(program, RECORD[like])
        program.end.write(ignored)
        await asyncio.sleep(0.5)
        assert b"\x10\x03" not in program.got
        program.end.write(ends)
        await asyncio.sleep(0.1)
        assert program.got.endswith(b"\x10\x03" + DONE[like].encode())


async def test_a_zoom_3095_plays_on_until_three_dle_stand_before_the_end() -> None:
    async with connected("zoom3095") as (_, program):
        await into_voice("conexant", program)
        await connect(program, "AT+VTX")
        program.end.write(b"\x80" * 160 + b"\x10\x03")
        await asyncio.sleep(1)
        assert b"OK" not in program.got
        program.end.write(b"\x10\x10\x10\x03")
        await asyncio.sleep(1)
        assert program.got.endswith(b"\r\nOK\r\n")


@pytest.mark.parametrize("model", ["usr5637", "conexant"])
async def test_a_held_key_is_repeated_between_its_marks(model: str) -> None:
    async with connected(model) as (line, program):
        await into_voice(model, program)
        line.say(tone(DTMF["7"], 0.3))
        await asyncio.sleep(1)
        assert events(bytes(program.got)) == "/7777~"
        repeats = [time for time, data in program.arrived if data == b"\x107"]
        assert np.diff(repeats)[:-1] == pytest.approx(0.07, abs=0.021)


async def test_rockwell_tells_a_key_once_and_bare() -> None:
    async with connected("rockwell") as (line, program):
        await into_voice("rockwell", program)
        line.say(tone(DTMF["#"], 0.3))
        await asyncio.sleep(1)
        assert bytes(program.got) == b"\x10#"


@pytest.mark.parametrize("state", ["command", "play", "record"])
async def test_keys_are_told_in_every_voice_state(state: str) -> None:
    async with connected("usr5637") as (line, program):
        await into_voice("usr5637", program)
        if state != "command":
            await connect(program, {"play": PLAY, "record": RECORD}[state]["usr5637"])
        for key in "1590*#AD":
            line.say(np.concatenate([tone(DTMF[key], 0.06), tone((), 0.06)]))
        await asyncio.sleep(1.5)
        told = events(bytes(program.got))
        assert [key for key in told if key in DTMF] == list("1590*#AD")


@pytest.mark.parametrize(
    ("sound", "letter"),
    [
        (np.concatenate([tone((480, 620), 0.5), tone((), 0.5)] * 5), "b"),
        (np.concatenate([tone((400,), 0.5), tone((), 0.5)] * 5), "b"),
        (np.concatenate([tone((480, 620), 0.25), tone((), 0.25)] * 6), "b"),
        (np.concatenate([tone((440, 480), 2), tone((), 4)]), "r"),
        (tone((350, 440), 6), "d"),
        (np.concatenate([tone((1100,), 0.5), QUIET]), "c"),
        (tone((2100,), 1), "a"),
        (tone((1300,), 1), "e"),
        (np.concatenate([tone((hz,), 0.33) for hz in (950, 1400, 1800)]), "J"),
    ],
)
async def test_the_modem_recognises_the_tones_of_the_network(sound: Samples, letter: str) -> None:
    async with connected("conexant") as (line, program):
        await into_voice("conexant", program)
        line.say(sound)
        await asyncio.sleep(7)
        assert set(events(bytes(program.got))) == {letter}


async def test_noise_and_silence_are_no_tone_and_no_key() -> None:
    async with connected("usr5637") as (line, program):
        await into_voice("usr5637", program)
        line.say(np.random.default_rng(1).normal(0, 3000, 160_000).astype(np.int16))
        await asyncio.sleep(30)
        assert bytes(program.got) == b""


async def test_silence_is_told_by_whether_anybody_spoke() -> None:
    async with connected("usr5637") as (line, program):
        await into_voice("usr5637", program)
        await program.ok("AT+VSD=128,30")
        await connect(program, "AT+VRX")
        await asyncio.sleep(4)
        assert events(bytes(program.got)) == "s"
        line.say(np.random.default_rng(1).normal(0, 3000, 8000).astype(np.int16))
        program.got.clear()
        await asyncio.sleep(4.5)
        assert events(bytes(program.got).replace(b"\x10\x10", b"").replace(b"\x10\x1a", b"")) == "q"


@pytest.mark.parametrize(("model", "told"), [("conexant", b"\x10l"), ("usr5637", b"")])
async def test_a_loop_break_is_told_by_models_that_have_it(model: str, told: bytes) -> None:
    async with connected(model) as (line, program):
        await into_voice(model, program)
        line.modem.line_break()
        await asyncio.sleep(0.1)
        assert bytes(program.got) == told


async def test_usr_echoes_its_own_off_hook() -> None:
    async with connected("usr5637") as (_, program):
        await program.ok("AT+FCLASS=8")
        assert await program.command("AT+VLS=1") == "\x10H\r\nOK\r\n"
        assert await program.command("AT+VLS=1") == "\r\nOK\r\n"


@pytest.mark.parametrize(
    ("model", "command", "frequencies", "seconds"),
    [
        ("conexant", "AT+VTS=[900,,150]", [900], 1.5),
        ("usr5637", "AT+VTS=[933,933,50]", [933], 0.5),
        ("conexant", "AT+VTS=[350,440,100]", [350, 440], 1.0),
        ("usr5637", "AT+VTS={5,30}", [770, 1336], 0.3),
        ("usr5637", "AT+VTS=#", [941, 1477], 1.0),
        ("usr5637", "AT+VTD=20;+VTS=1", [697, 1209], 0.2),
        ("rockwell", "AT#VTS=[900,0,15]", [900], 1.5),
    ],
)
async def test_a_tone_has_its_frequencies_and_length_and_then_ok(
    model: str, command: str, frequencies: list[int], seconds: float
) -> None:
    async with connected(model) as (line, program):
        await into_voice(model, program)
        line.said.clear()
        begun = asyncio.get_running_loop().time()
        assert await program.command(command, 3.0) == "\r\nOK\r\n"
        heard = line.heard()
        assert loud_seconds(heard) == pytest.approx(seconds, abs=0.03)
        assert share(heard, frequencies) > 0.98
        assert seconds <= program.arrived[-1][0] - begun <= seconds + 0.2


async def test_usr_refuses_a_tone_whose_second_frequency_is_nought() -> None:
    async with connected("usr5637") as (_, program):
        await into_voice("usr5637", program)
        assert await program.command("AT+VTS=[933,0,100]") == "\r\nERROR\r\n"


@pytest.mark.parametrize("command", ["AT+VTS=x", "AT+VTS=[50,50,10]", "AT+VTS=", "AT+VTS=[a,b,c]"])
async def test_a_tone_that_makes_no_sense_is_refused(command: str) -> None:
    async with connected("conexant") as (_, program):
        await into_voice("conexant", program)
        assert await program.command(command) == "\r\nERROR\r\n"


async def test_a_modem_does_not_hear_its_own_digits() -> None:
    async with connected("usr5637") as (line, program):
        await into_voice("usr5637", program)
        line.say(tone(DTMF["5"], 0.5))
        assert await program.command("AT+VTS=5", 2.0) == "\r\nOK\r\n"


@pytest.mark.parametrize("command", ["AT+VTX", "AT+VRX", "AT+VTS=5"])
async def test_voice_commands_are_refused_outside_voice_class(command: str) -> None:
    async with connected("usr5637") as (_, program):
        assert await program.command(command) == "\r\nERROR\r\n"


async def test_a_local_device_plays_and_records_at_the_modems_own_pace() -> None:
    async with connected("conexant") as (line, program):
        await program.ok("AT+FCLASS=8", "AT+VSM=130", "AT+VLS=2")
        await connect(program, "AT+VRX")
        await asyncio.sleep(1)
        program.end.write(b"\x10!")
        await asyncio.sleep(0.1)
        assert len(program.got) == pytest.approx(8000, rel=0.05)
        assert not line.off


async def test_ringing_during_a_local_recording_is_an_event_between_voice_bytes() -> None:
    async with connected("usr5637") as (line, program):
        await program.ok("AT+FCLASS=8")
        await connect(program, "AT+VRX")
        await line.ring()
        assert events(bytes(program.got)) == "R"
        assert b"RING" not in program.got


async def test_silence_is_not_told_while_the_program_plays() -> None:
    async with connected("usr5637") as (_, program):
        await into_voice("usr5637", program)
        await program.ok("AT+VSD=128,10")
        await connect(program, "AT+VTX")
        program.end.write(b"\x80" * 24_000 + b"\x10\x03")
        await asyncio.sleep(2.5)
        assert bytes(program.got) == b""


async def test_voice_connections_are_logged() -> None:
    async with connected("usr5637") as (line, program):
        await into_voice("usr5637", program)
        await connect(program, "AT+VRX")
        program.end.write(b"\x10!")
        await asyncio.sleep(0.1)
        assert line.names()[-3:] == ["at", "voice_begin", "voice_end"]
