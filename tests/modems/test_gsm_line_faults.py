"""A mobile line's faults, each family on its emulator: what is lost is told at once, and sound stays in step."""

import asyncio
import random
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gsm_lab import GsmLab, each_model, ended, gsm_lab, ring
from modem_lab import next_call, tone

from gateway import clock
from gateway.line import Answer, LineLost
from gateway.numbers import PhoneNumber

CUSTOMER = PhoneNumber("+819012345678")


@each_model
async def test_a_modem_pulled_out_in_mid_call_is_lost_at_once(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        with pytest.raises(LineLost):
            async with bench.line.answered(await next_call(bench.line)) as voice:
                await voice.hear()
                bench.modem.unplug()
                pulled = clock.now()
                while True:
                    await voice.hear()
        assert clock.now() - pulled < 0.5
        with pytest.raises(LineLost):
            await next_call(bench.line)


async def test_a_modem_that_answers_nothing_is_lost() -> None:
    async with gsm_lab("sim7600") as bench:
        bench.modem.wedge()
        with pytest.raises(LineLost, match="does not answer"):
            async with bench.line.dialled(CUSTOMER):
                raise AssertionError("it was deaf")


@each_model
async def test_what_is_said_of_a_lost_modem_names_no_number(model: str) -> None:
    async with gsm_lab(model) as bench:
        bench.modem.wedge()
        with pytest.raises(LineLost, match="no reply to ATD") as lost:
            async with bench.line.dialled(CUSTOMER):
                raise AssertionError("it was deaf")
        assert CUSTOMER.e164[-4:] not in str(lost.value)


async def test_a_modem_that_restarts_by_itself_is_set_up_anew() -> None:
    async with gsm_lab("ec25") as bench:
        bench.modem.say("RDY")
        with pytest.raises(LineLost, match="restarted"):
            await next_call(bench.line)


@each_model
async def test_a_network_that_drops_the_call_ends_it(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            await voice.hear()
            bench.modem.coverage(False)
            await ended(voice)
        async with bench.line.dialled(CUSTOMER) as answer:
            assert answer is Answer.NETWORK


async def test_a_network_that_stays_away_loses_the_line() -> None:
    async with gsm_lab("ec25") as bench:
        bench.modem.coverage(False)
        with pytest.raises(LineLost, match="network has been away"):
            await next_call(bench.line, within=90.0)


async def test_a_modem_without_sound_leaves_the_call_to_its_end() -> None:
    async with gsm_lab("sim800") as bench:
        bench.sound.stalled = True
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            began = clock.now()
            voice.play(tone(1000, 1.0))
            await voice.played()
            assert clock.now() - began == pytest.approx(1.1, abs=0.15)
            assert not (await voice.hear()).samples.any()
        assert bench.free


@each_model
async def test_a_call_begins_without_an_earlier_ones_sound(model: str) -> None:
    async with gsm_lab(model) as bench:
        bench.sound.stale(3201)
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            heard = np.concatenate([(await voice.hear()).samples for _ in range(25)])
        assert not heard.any()


@each_model
async def test_noise_on_the_line_costs_no_call_and_leaves_the_line_free(model: str) -> None:
    rng = random.Random(model)

    async def noise(bench: GsmLab) -> None:
        while True:
            await asyncio.sleep(rng.uniform(0.005, 0.2))
            bench.modem.send_garbage(b"\r\n" + rng.randbytes(rng.randrange(1, 40)) + b"\r\n")

    async with gsm_lab(model) as bench:
        noisy = asyncio.create_task(noise(bench))
        for _ in range(20):
            await ring(bench)
            call = await next_call(bench.line)
            assert call.caller == CUSTOMER
            async with bench.line.answered(call) as voice:
                voice.play(tone(1000, 0.3))
                await voice.played()
            assert bench.free
            bench.telephone.wire.on_hook()
            await asyncio.sleep(0.5)
        noisy.cancel()


def recorded(folder: Path) -> Any:
    """Both sides of the one recording there, as columns."""
    (file,) = folder.iterdir()
    with wave.open(str(file)) as wav:
        assert (wav.getnchannels(), wav.getframerate()) == (2, 8000)
        return np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)


async def test_a_byte_too_many_at_the_end_of_a_call_does_not_shift_the_next() -> None:
    async with gsm_lab("sim800") as bench:
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            await voice.hear()
            bench.sound._port.write(b"\x55")
            await asyncio.sleep(0.05)
        bench.telephone.wire.on_hook()
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            bench.telephone.saying = tone(500, 1.0)
            heard = np.concatenate([(await voice.hear()).samples for _ in range(25)])
        assert set(heard.tolist()) <= set(tone(500, 0.1).tolist())


async def test_a_call_is_recorded_both_sides_where_the_settings_say_so(tmp_path: Path) -> None:
    async with gsm_lab("sim7600", record=str(tmp_path)) as bench:
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            bench.telephone.saying = tone(500, 0.5)
            voice.play(tone(1000, 0.5))
            await voice.played()
            await asyncio.sleep(0.5)
        sides = recorded(tmp_path)
        assert np.abs(sides[:, 0]).max() > 7000
        assert np.abs(sides[:, 1]).max() > 7000
