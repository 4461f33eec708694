"""A mobile modem that wedges or falls silent is noticed within seconds, whatever it does; who works is not harmed."""

import asyncio
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from gsm_lab import GsmLab, each_model, ended, gsm_lab, ring
from modem_lab import CUSTOMER, next_call

from gateway import clock
from gateway.line import Answer, LineLost, Voice
from gateway.modems.gsm_line import ANSWERING, HANGING_UP, PROBE
from gateway.modems.losses import Mute, Silent
from gateway.numbers import PhoneNumber
from gateway.protocols.gsm_calls import RINGING_STOPPED

WEDGED_KNOWN = 7.1
SILENCE_KNOWN = 4.1
THERE = PhoneNumber(CUSTOMER)


def wedge(bench: GsmLab) -> None:
    bench.modem.wedge()


def fall_silent(bench: GsmLab) -> None:
    bench.sound.stalled = True


def both(bench: GsmLab) -> None:
    wedge(bench)
    fall_silent(bench)


async def listen(voice: Voice) -> None:
    while True:
        await voice.hear()


async def seconds_until_lost(bench: GsmLab, fail: Any, after: float = 1.0) -> tuple[float, LineLost]:
    """In a call that the customer has made: from ``fail`` until whoever listens has hung up and knows."""
    await ring(bench)
    with pytest.raises(LineLost) as lost:
        async with bench.line.answered(await next_call(bench.line)) as voice, asyncio.timeout(60.0):
            listening = asyncio.create_task(listen(voice))
            await asyncio.sleep(after)
            fail(bench)
            began = clock.now()
            await listening
    return clock.now() - began, lost.value


@each_model
@pytest.mark.parametrize("after", [0.3, 1.0, 1.7, 2.2])
async def test_a_modem_that_wedges_in_mid_call_is_lost_though_its_sound_goes_on(model: str, after: float) -> None:
    async with gsm_lab(model) as bench:
        took, lost = await seconds_until_lost(bench, wedge, after)
        assert took <= WEDGED_KNOWN
        assert type(lost) is Silent
        with pytest.raises(LineLost):
            await next_call(bench.line)


@each_model
async def test_a_call_whose_sound_has_died_is_ended_and_the_modem_reset(model: str) -> None:
    async with gsm_lab(model) as bench:
        took, lost = await seconds_until_lost(bench, fall_silent)
        assert took <= SILENCE_KNOWN
        assert type(lost) is Mute
        assert bench.free, "the network keeps no call"
        with pytest.raises(LineLost):
            await next_call(bench.line)


@each_model
async def test_a_modem_that_dies_altogether_in_mid_call_is_lost(model: str) -> None:
    async with gsm_lab(model) as bench:
        took, lost = await seconds_until_lost(bench, both)
        assert took <= WEDGED_KNOWN
        assert type(lost) is Silent


@each_model
@pytest.mark.parametrize(("begins", "given_up"), [(20.0, False), (40.0, True)])
async def test_a_call_of_ours_is_given_time_for_its_first_sound(model: str, begins: float, given_up: bool) -> None:
    async with gsm_lab(model) as bench:
        bench.telephone.answers_at_ring = 1
        bench.sound.stalled = True
        asyncio.get_running_loop().call_later(begins, setattr, bench.sound, "stalled", False)
        with pytest.raises(Mute) if given_up else pytest.raises(TimeoutError):
            async with bench.line.dialled(THERE) as voice, asyncio.timeout(35.0):
                assert not isinstance(voice, Answer)
                await listen(voice)
        assert bench.free


async def test_a_modem_that_takes_no_more_of_our_sound_is_lost() -> None:
    async with gsm_lab("ec25") as bench:
        await ring(bench)
        with pytest.raises(Mute):
            async with bench.line.answered(await next_call(bench.line)) as voice:
                await voice.hear()
                bench.sound._port.pause()
                began = clock.now()
                async with asyncio.timeout(10.0):
                    await listen(voice)
        assert clock.now() - began <= SILENCE_KNOWN + 0.5  # which the port's driver takes in
        assert bench.free


async def test_a_pause_of_the_sound_and_a_stall_of_our_own_cost_no_call() -> None:
    async with gsm_lab("sim7600") as bench:
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            listening = asyncio.create_task(listen(voice))
            for pause in (1.0, 2.0, 2.9):
                bench.sound.stalled = True
                await asyncio.sleep(pause)
                bench.sound.stalled = False
                await asyncio.sleep(1.0)
            assert not listening.done()
            listening.cancel()


@each_model
async def test_a_modem_that_wedges_while_it_rings_is_lost_by_whoever_answers(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        call = await next_call(bench.line)
        bench.modem.wedge()
        began = clock.now()
        with pytest.raises(LineLost):
            async with bench.line.answered(call):
                raise AssertionError("it was deaf")
        assert clock.now() - began <= ANSWERING + 0.1


@each_model
async def test_a_modem_that_wedges_while_it_rings_is_missed_also_if_nobody_answers(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        await next_call(bench.line)
        bench.modem.wedge()
        began = clock.now()
        with pytest.raises(LineLost):
            await next_call(bench.line)
        assert clock.now() - began <= RINGING_STOPPED + 5.1


@each_model
async def test_a_modem_that_wedges_while_the_far_end_rings_is_lost(model: str) -> None:
    late = model == "zte"  # whose ATD is in hand until the answer: nothing may be asked meanwhile
    async with gsm_lab(model) as bench:

        async def fail() -> None:
            while not bench.telephone.rings:
                await asyncio.sleep(0.1)
            bench.modem.wedge()
            failed.append(clock.now())

        failed: list[float] = []
        failing = asyncio.create_task(fail())
        with pytest.raises(LineLost):
            async with asyncio.timeout(40.0), bench.line.dialled(THERE):
                raise AssertionError("nobody has answered")
        await failing
        assert clock.now() - failed[0] <= (40.0 if late else WEDGED_KNOWN)


@each_model
async def test_a_modem_that_wedges_when_it_is_to_hang_up_is_lost(model: str) -> None:
    async with gsm_lab(model) as bench:

        def fail(event: dict[str, Any]) -> None:
            if event.get("event") == "at" and event["text"] == "AT+CHUP":
                bench.modem.wedge()

        await ring(bench)
        with pytest.raises(LineLost):
            async with bench.line.answered(await next_call(bench.line)) as voice:
                await voice.hear()
                bench.exchange.journal.followers.append(fail)
                began = clock.now()
        assert clock.now() - began <= HANGING_UP + 0.1
        assert not bench.line._watches


async def test_an_idle_modem_that_wedges_is_missed_within_the_half_minute() -> None:
    async with gsm_lab("huawei") as bench:
        bench.modem.wedge()
        began = clock.now()
        with pytest.raises(LineLost):
            await next_call(bench.line)
        assert clock.now() - began <= PROBE + 2.1


# --- who works is not harmed ----------------------------------------------------------------------------------------


@each_model
async def test_the_far_ends_hanging_up_is_known_at_once_also_while_the_modem_is_being_asked(model: str) -> None:
    async with gsm_lab(model) as bench:
        for step in range(25):
            await ring(bench)
            async with bench.line.answered(await next_call(bench.line)) as voice:
                await asyncio.sleep(1.8 + step * 0.02)
                bench.telephone.wire.on_hook()
                gone = clock.now()
                assert await ended(voice) - gone < 0.1
            assert bench.free
            await asyncio.sleep(0.3)


@pytest.mark.parametrize("model", ["sim800", "ec25"])
async def test_keys_that_the_modem_tells_are_not_lost_to_the_asking(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        heard = ""
        async with bench.line.answered(await next_call(bench.line)) as voice:
            form = bench.modem.model.keys
            assert form is not None
            for index in range(100):
                key = "0123456789"[index % 10]
                bench.modem.say(form[2].format(key=key, code=ord(key)))
                await asyncio.sleep(0.06)
                heard += (await voice.hear()).keys
            heard += (await voice.hear()).keys
        assert heard == "0123456789" * 10


@each_model
async def test_a_long_call_is_asked_about_every_two_seconds_and_goes_on(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            listening = asyncio.create_task(listen(voice))
            before = len(bench.events("at"))
            await asyncio.sleep(60.0)
            assert not listening.done()
            asked = bench.events("at")[before:]
            listening.cancel()
        assert {event["text"] for event in asked} == ({"AT"} if model in ("huawei", "zte") else {"AT+CLCC"})
        polls = model in ("sim800", "telit")  # which tell nothing by themselves
        assert len(asked) == (pytest.approx(60 / 0.51, abs=4) if polls else pytest.approx(30, abs=1))


@pytest.mark.parametrize("model", ["sim7600", "ec25"])
async def test_an_end_that_was_never_told_is_found_by_asking(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            await asyncio.sleep(2.5)
            bench.modem._uplink.wedged = True
            bench.telephone.wire.on_hook()
            await asyncio.sleep(0.1)
            bench.modem._uplink.wedged = False
            gone = clock.now()
            async with asyncio.timeout(10.0):
                assert await ended(voice) - gone < 2.1
        assert bench.free


@each_model
async def test_a_modem_that_is_slow_to_answer_when_we_hang_up_is_not_given_up(model: str) -> None:
    async with gsm_lab(model) as bench:
        for moment in np.arange(1.7, 2.3, 0.1):
            await ring(bench)
            async with bench.line.answered(await next_call(bench.line)) as voice:
                await voice.hear()
                bench.modem._at._latency = 1.5
                await asyncio.sleep(float(moment))
            assert bench.free
            bench.modem._at._latency = bench.modem.model.latency
            await asyncio.sleep(2.0)
            bench.telephone.wire.on_hook()
            await asyncio.sleep(1.0)


@each_model
@pytest.mark.parametrize("after", [0.01, 1.99, 2.0, 2.01, 4.0])
async def test_a_call_out_that_is_broken_off_while_the_modem_is_asked_leaves_the_line_free(
    model: str, after: float
) -> None:
    async with gsm_lab(model) as bench:
        with suppress(TimeoutError):
            async with asyncio.timeout(after), bench.line.dialled(THERE) as answer:
                assert not isinstance(answer, Answer)
        assert bench.free
        bench.telephone.wire.on_hook()
        await ring(bench)
        assert (await next_call(bench.line)).caller == THERE


@pytest.mark.parametrize("model", ["sim800", "sim7600", "ec25", "telit"])
@pytest.mark.parametrize("lost", ["+CLCC", ",0,0,"])
async def test_a_row_that_arrives_garbled_ends_no_call(model: str, lost: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            listening = asyncio.create_task(listen(voice))
            await asyncio.sleep(5.0)
            say, garbled = bench.modem._at.say, []

            def garble(text: str) -> None:
                if text.startswith("+CLCC:") and not garbled:
                    garbled.append(text)
                    text = text.replace(lost, "\xff", 1)
                say(text)

            bench.modem._at.say = garble  # type: ignore[method-assign]
            await asyncio.sleep(5.0)
            assert garbled
            assert not listening.done()
            listening.cancel()
