"""Sound through a modem: complete, in line with what was played, quick to stop, and over when the far end goes."""

import asyncio
import errno
import wave
from pathlib import Path

import msgspec
import numpy as np
import pytest
from modem_lab import Lab, PluggedIn, key, lab, next_call, tone
from pytest_mock import MockerFixture

from gateway import clock
from gateway.bench.settings import WireSettings
from gateway.line import CallEnded, Heard, LineLost, Samples, Voice
from gateway.modems.catalogue import open_line
from gateway.modems.voice_path import LEAD

MODELS = ["usr5637", "conexant", "rockwell"]
DUPLEX = ["usr5637", "conexant"]
SHOP_DIALLED = "0355500001"


QUICK = {"usr5637": 1120, "conexant": 1120, "rockwell": 320}
"""Samples after a hush: the lead and two frames; half duplex drops what the modem holds as well."""


async def heard_for(voice: Voice, seconds: float) -> list[Heard]:
    end = clock.now() + seconds
    heard = []
    while clock.now() < end:
        heard.append(await voice.hear())
    return heard


def sound_of(heard: list[Heard]) -> Samples:
    return np.concatenate([each.samples for each in heard])


def strength(sound: Samples, frequency: float) -> float:
    """Amplitude of one frequency."""
    wave_ = np.exp(-2j * np.pi * np.arange(len(sound)) * frequency / 8000)
    return float(abs(wave_ @ sound.astype(np.float64)) * 2 / max(1, len(sound)))


async def answered_call(bench: Lab) -> Voice:
    await bench.telephone.call(SHOP_DIALLED)
    return await bench.calls.enter_async_context(bench.line.answered(await next_call(bench.line)))


@pytest.mark.parametrize("model", MODELS)
async def test_what_is_played_reaches_the_caller_whole(model: str) -> None:
    async with lab(model) as bench:
        voice = await answered_call(bench)
        before = len(bench.telephone.heard)
        voice.play(tone(997, 0.5, peak=32000))
        voice.play(tone(997, 0.5, peak=32000))  # loud enough to hold bytes of every value, DLE included
        await voice.played()
        sound = np.concatenate(bench.telephone.heard[before:])
        loud = np.flatnonzero(np.abs(sound) > 16000)
        assert loud[-1] - loud[0] == pytest.approx(8000, abs=40)
        assert strength(sound[loud[0] : loud[0] + 3900], 997) == pytest.approx(32000, rel=0.03)


@pytest.mark.parametrize("model", MODELS)
async def test_what_the_caller_says_is_heard_at_the_right_pitch(model: str) -> None:
    async with lab(model) as bench:
        voice = await answered_call(bench)
        await heard_for(voice, 0.1)
        bench.telephone.saying = tone(1000, 2)
        await heard_for(voice, 0.5)
        sound = sound_of(await heard_for(voice, 1.0))
        assert len(sound) == pytest.approx(8000, abs=200)
        assert strength(sound, 1000) == pytest.approx(8000, rel=0.05)


@pytest.mark.parametrize("model", DUPLEX)
async def test_what_we_played_stands_in_line_with_its_echo(model: str) -> None:
    echo = WireSettings(echo_db=6, echo_ms=10, noise_dbm=-100, loss_db=0)
    async with lab(model, wire=echo) as bench:
        voice = await answered_call(bench)
        rng = np.random.default_rng(1)
        voice.play(rng.integers(-8000, 8000, 8000).astype(np.int16))
        heard = await heard_for(voice, 1.0)
        far, near = sound_of(heard).astype(float), np.concatenate([each.played for each in heard]).astype(float)
        lag = int(np.argmax(np.correlate(far, near, "full"))) - len(near) + 1
        assert 0 <= lag <= 400  # the wire's 10 ms and the frames in the exchange


@pytest.mark.parametrize("model", DUPLEX)
async def test_echo_reference_stays_in_line_after_the_program_was_late(model: str) -> None:
    echo = WireSettings(echo_db=6, echo_ms=10, noise_dbm=-100, loss_db=0)
    lags = []
    async with lab(model, wire=echo) as bench:
        voice = await answered_call(bench)
        rng = np.random.default_rng(1)
        for _ in range(2):
            voice.play(rng.integers(-8000, 8000, 8000).astype(np.int16))
            heard = await heard_for(voice, 1.0)
            far, near = sound_of(heard).astype(float), np.concatenate([each.played for each in heard]).astype(float)
            lags.append(int(np.argmax(np.correlate(far, near, "full"))) - len(near) + 1)
            bench.plugged.stall(0.3)  # the process was held up: nothing read, nothing written
            await asyncio.sleep(0.5)
            await heard_for(voice, 0.1)
    assert abs(lags[0] - lags[1]) <= 160


@pytest.mark.parametrize("model", DUPLEX)
async def test_sound_that_came_at_once_is_heard_at_once_with_what_was_played_meanwhile(model: str) -> None:
    async with lab(model) as bench:
        voice = await answered_call(bench)
        await heard_for(voice, 0.1)
        bench.plugged.stall(0.3)
        await asyncio.sleep(0.4)
        heard = await heard_for(voice, 0.1)
        longest = max(heard, key=lambda piece: len(piece.samples))
        assert len(longest.samples) == pytest.approx(2400, abs=320)
        assert all(len(piece.played) == len(piece.samples) for piece in heard)


@pytest.mark.parametrize("model", MODELS)
async def test_a_hush_is_silent_within_a_seventh_of_a_second(model: str) -> None:
    async with lab(model) as bench:
        voice = await answered_call(bench)
        voice.play(tone(1000, 5))
        await asyncio.sleep(1.0)
        hushed, before = clock.now(), len(bench.telephone.heard)
        voice.hush()
        await voice.played()
        assert clock.now() == hushed
        await asyncio.sleep(1.0)
        after = np.concatenate(bench.telephone.heard[before:])
        assert not np.flatnonzero(np.abs(after[QUICK[model] :]) > 500).size
        voice.play(tone(1000, 0.2))  # and it speaks again
        await voice.played()
        assert np.abs(bench.telephone.heard[-5]).max() > 4000


@pytest.mark.parametrize("model", MODELS)
async def test_a_hush_before_the_next_sentence_loses_none_of_it(model: str) -> None:
    async with lab(model) as bench:
        voice = await answered_call(bench)
        voice.play(tone(500, 5))
        await asyncio.sleep(0.5)
        voice.hush()
        voice.play(tone(1000, 0.5))
        before = len(bench.telephone.heard)
        await voice.played()
        sound = np.concatenate(bench.telephone.heard[before:])
        assert strength(sound, 1000) * len(sound) / 8000 / 0.5 == pytest.approx(8000, rel=0.1)


async def test_half_duplex_hears_silence_while_it_plays_and_the_caller_after() -> None:
    async with lab("rockwell") as bench:
        voice = await answered_call(bench)
        bench.telephone.saying = tone(1000, 10)
        voice.play(tone(500, 1))
        while_playing = sound_of(await heard_for(voice, 0.8))
        assert not while_playing.any()
        assert len(while_playing) >= 0.7 * 8000
        await voice.played()
        assert strength(sound_of(await heard_for(voice, 0.5)), 1000) > 5000


async def test_keys_are_taken_from_the_modem_where_it_has_the_better_ears() -> None:
    async with lab("rockwell") as bench:
        voice = await answered_call(bench)
        voice.play(tone(500, 3, peak=500))
        bench.telephone.saying = np.concatenate([key(k) for k in "0*5#"])
        assert "".join(each.keys for each in await heard_for(voice, 2.0)) == "0*5#"


@pytest.mark.parametrize("model", DUPLEX)
async def test_keys_are_left_to_our_own_ears_in_full_duplex(model: str) -> None:
    async with lab(model) as bench:
        voice = await answered_call(bench)
        bench.telephone.saying = np.concatenate([key(k) for k in "0*5#"])
        heard = await heard_for(voice, 2.0)
        assert not any(each.keys for each in heard)
        assert strength(sound_of(heard)[: 8000 // 10], 1336) > 500


@pytest.mark.parametrize("model", ["conexant", "rockwell"])
async def test_a_broken_loop_current_ends_the_call(model: str) -> None:
    async with lab(model, wire=WireSettings(loop_break=True)) as bench:
        voice = await answered_call(bench)
        await heard_for(voice, 0.5)
        bench.telephone.wire.on_hook()
        with pytest.raises(CallEnded):
            await heard_for(voice, 2.0)
        with pytest.raises(CallEnded):
            voice.play(tone(500, 1))
        with pytest.raises(CallEnded):
            await voice.played()


@pytest.mark.parametrize("model", MODELS)
async def test_who_still_waits_for_a_phrase_after_the_call_does_not_wedge_the_modem(model: str) -> None:
    async with lab(model) as bench:
        await bench.telephone.call(SHOP_DIALLED)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            voice.play(tone(500, 5.0))
            waiting = asyncio.ensure_future(voice.played())
            await asyncio.sleep(0.5)
        bench.telephone.wire.on_hook()
        with pytest.raises(CallEnded):
            await waiting
        await bench.telephone.call(SHOP_DIALLED)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            assert await heard_for(voice, 3.0)


async def test_the_lead_is_short_enough_for_barge_in() -> None:
    assert LEAD / 8000 <= 0.12


@pytest.mark.parametrize("model", MODELS)
async def test_a_call_is_recorded_with_the_far_end_left_and_ours_right(model: str, tmp_path: Path) -> None:
    async with lab(model, record=str(tmp_path)) as bench:
        await bench.telephone.call(SHOP_DIALLED)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            voice.play(tone(500, 1))
            await voice.played()
            bench.telephone.saying = tone(1000, 2)
            await heard_for(voice, 1.0)
    with wave.open(str(next(iter(tmp_path.glob("a-*.wav")))), "rb") as wav:  # noqa: ASYNC240
        assert (wav.getnchannels(), wav.getframerate()) == (2, 8000)
        sound = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)
    assert len(sound) == pytest.approx(16000, abs=1000)
    assert strength(sound[:8000, 1], 500) > 6000 > 100 > strength(sound[9200:, 1], 500)
    assert strength(sound[9200:, 0], 1000) > 6000


async def test_a_recording_that_cannot_be_written_costs_no_call(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with lab(record=str(tmp_path / "file" / "folder")) as bench:
        await bench.telephone.call(SHOP_DIALLED)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            await heard_for(voice, 0.2)
        assert not bench.off_hook


async def test_a_disk_that_fills_up_under_a_recording_costs_no_call(tmp_path: Path, mocker: MockerFixture) -> None:
    async with lab(record=str(tmp_path)) as bench:
        await bench.telephone.call(SHOP_DIALLED)
        full = OSError(errno.ENOSPC, "No space left on device")
        mocker.patch("wave.Wave_write.writeframes", side_effect=full)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            assert len(await heard_for(voice, 0.2)) >= 8
        assert not bench.off_hook


async def test_a_disk_that_is_full_under_a_trace_costs_no_call() -> None:
    async with lab(trace="/dev/full") as bench:
        await bench.telephone.call(SHOP_DIALLED)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            assert len(await heard_for(voice, 0.2)) >= 8
        assert not bench.off_hook


async def test_a_trace_that_cannot_be_written_is_told_at_once_and_the_port_is_given_back(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with lab(opened=False) as bench:
        await bench.line.close()
        settings = msgspec.structs.replace(bench.settings, trace=str(tmp_path / "file" / "trace"))
        plugged = PluggedIn(bench.port.other_end, "b")
        with pytest.raises(LineLost, match=r"correct line\.trace"):
            async with open_line(settings, plugged):
                pass
        assert not plugged.open


async def test_the_trace_holds_every_command_and_reply_and_counts_sound(tmp_path: Path) -> None:
    file = tmp_path / "traces" / "a.txt"
    async with lab(trace=str(file)) as bench:
        await bench.telephone.call(SHOP_DIALLED)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            await heard_for(voice, 0.2)
    text = file.read_text()
    for part in (
        "> AT+VCID=1\\r",
        "U.S. Robotics",
        "NMBR=09012345678",
        "bytes of sound)",
        "> ATH\\r",
        "< \\r\\nOK\\r\\n",
    ):
        assert part in text
    assert all(line[:4].isdigit() and line[27] in "<>-" for line in text.splitlines())


@pytest.mark.parametrize("model", MODELS)
async def test_a_modem_that_takes_no_more_of_a_phrase_is_lost_within_seconds(model: str) -> None:
    async with lab(model) as bench:
        await bench.telephone.call(SHOP_DIALLED)
        with pytest.raises(LineLost):
            async with bench.line.answered(await next_call(bench.line)) as voice:
                voice.play(tone(500, 30.0))
                await heard_for(voice, 1.0)
                bench.port.resume = lambda: None  # type: ignore[method-assign]
                bench.port.pause()
                stuck = clock.now()
                async with asyncio.timeout(20.0):
                    await asyncio.gather(voice.played(), heard_for(voice, 30.0))
        assert clock.now() - stuck < 6.0
