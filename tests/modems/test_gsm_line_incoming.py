"""A mobile line's incoming calls, on each family's emulator: known, answered at once, rejected, the line free again."""

import asyncio
from typing import Any

import numpy as np
import pytest
from gsm_lab import SHOP, each_model, ended, gsm_lab, ring
from modem_lab import key, next_call, tone

from gateway import clock
from gateway.line import CallEnded
from gateway.numbers import PhoneNumber, Withheld
from gateway.protocols.gsm_calls import RINGING_STOPPED

CUSTOMER = PhoneNumber("+819012345678")


@each_model
async def test_a_caller_is_known_and_answered_and_the_line_is_free_again(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        call = await next_call(bench.line)
        assert call.caller == CUSTOMER
        async with bench.line.answered(call) as voice:
            voice.play(tone(1000, 1.0))
            await voice.played()
        assert bench.free
        heard = bench.telephone.sound
        assert 1900 < len(heard[np.abs(heard) > 7900]) <= 2000  # the peaks of one second
        assert bench.sound.overruns == 0


@each_model
async def test_sound_passes_both_ways_and_what_was_played_stands_beside_what_was_heard(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            bench.telephone.saying = tone(500, 1.0)
            voice.play(tone(1000, 0.5))
            heard = [await voice.hear() for _ in range(25)]
        far = np.concatenate([one.samples for one in heard])
        near = np.concatenate([one.played for one in heard])
        assert len(far) == len(near) == 8000
        assert np.abs(far).max() > 7000
        assert len(near[near != 0]) == 3000  # of 4,000; a quarter of a sine of 1 kHz is 0


@pytest.mark.parametrize("model", ["sim800", "ec25"])
async def test_keys_that_the_modem_hears_are_told(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            bench.telephone.saying = np.concatenate([key(name) for name in "25#"])
            keys = "".join([(await voice.hear()).keys for _ in range(60)])
        assert keys == "25#"


@each_model
async def test_hush_is_heard_at_once(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            voice.play(tone(1000, 5.0))
            await asyncio.sleep(1.0)
            voice.hush()
            await voice.played()
            before = len(bench.telephone.heard)
            await asyncio.sleep(1.0)
            assert not np.concatenate(bench.telephone.heard[before + 8 :]).any()


@each_model
async def test_a_caller_who_hangs_up_ends_the_call_at_once(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            await asyncio.sleep(1.0)
            bench.telephone.wire.on_hook()
            gone = clock.now()
            assert await ended(voice) - gone < 0.1
        assert bench.free


@each_model
async def test_a_caller_who_gave_up_before_the_answer_is_told_as_gone(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        call = await next_call(bench.line)
        bench.telephone.wire.on_hook()
        await asyncio.sleep(0.2)
        with pytest.raises(CallEnded):
            async with bench.line.answered(call):
                raise AssertionError("there was nobody")
        await bench.line.reject(call)
        assert not bench.commands("ATA", "AT+CHUP")[1:]  # one at the init


@each_model
async def test_a_caller_who_gives_up_while_we_answer_leaves_the_line_free(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        call = await next_call(bench.line)
        asyncio.get_running_loop().call_later(0.05, bench.telephone.wire.on_hook)
        with pytest.raises(CallEnded):
            async with bench.line.answered(call):
                raise AssertionError("there was nobody")
        assert bench.free
        await asyncio.sleep(1.0)
        await ring(bench)
        assert (await next_call(bench.line)).caller == CUSTOMER


async def test_a_silent_give_up_is_noticed_after_a_ring_period() -> None:
    async with gsm_lab("sim800") as bench:
        bench.modem.faults.silent_give_up = True
        await ring(bench)
        call = await next_call(bench.line)
        bench.telephone.wire.on_hook()
        await asyncio.sleep(RINGING_STOPPED + 1)
        with pytest.raises(CallEnded):
            async with bench.line.answered(call):
                raise AssertionError("there was nobody")


@each_model
async def test_rejecting_costs_nobody_anything(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        call = await next_call(bench.line)
        await bench.line.reject(call)
        await asyncio.sleep(1.0)
        assert [event["cause"] for event in bench.events("release")] == ["rejected"]
        assert not bench.events("off_hook")
        assert not [event for event in bench.exchange.journal.events if event["event"] == "meter"]
        assert bench.free
        await bench.line.reject(call)  # again: no effect
        bench.telephone.wire.on_hook()
        await ring(bench)
        assert (await next_call(bench.line)).caller == CUSTOMER


@each_model
@pytest.mark.parametrize("reason", ["P", "O", "C"])
async def test_a_withheld_number_comes_with_its_reason(model: str, reason: Any) -> None:
    async with gsm_lab(model) as bench:
        bench.exchange.present("+819012345678", withheld=reason)
        await ring(bench)
        assert (await next_call(bench.line)).caller == Withheld(reason)


@each_model
async def test_a_prefix_that_withholds_is_heeded(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench, "184")
        assert (await next_call(bench.line)).caller == Withheld("P")


async def test_a_foreign_caller_is_known() -> None:
    async with gsm_lab("sim800", customer="+12125550123") as bench:
        await bench.telephone.call("011" + SHOP[1:])
        assert (await next_call(bench.line)).caller == PhoneNumber("+12125550123")


@each_model
@pytest.mark.parametrize("gap", [0.0, 0.1, 0.3, 0.5])
async def test_lines_between_ring_and_clip_confuse_nobody(model: str, gap: float) -> None:
    async with gsm_lab(model) as bench:
        bench.modem.faults.clip_after = gap
        bench.modem.faults.chatter = ("^RSSI:19", "+CREG: 1", "+CSQ: 20,99", "^BOOT:1,0,0,0,0")
        await ring(bench)
        assert (await next_call(bench.line)).caller == CUSTOMER


@each_model
async def test_clip_without_ring_is_a_call(model: str) -> None:
    async with gsm_lab(model) as bench:
        bench.modem.faults.clip_without_ring = True
        await ring(bench)
        assert (await next_call(bench.line)).caller == CUSTOMER


async def test_ring_without_clip_is_looked_up() -> None:
    async with gsm_lab("sim800") as bench:
        bench.modem.faults.ring_without_clip = True
        await ring(bench)
        assert (await next_call(bench.line)).caller == CUSTOMER
    async with gsm_lab("sim800") as bench:
        bench.modem.faults.ring_without_clip = True
        bench.modem.faults.refused = {"+CLCC"}
        await ring(bench)
        assert (await next_call(bench.line)).caller == Withheld("O")


@each_model
async def test_a_call_in_pieces_and_noise_is_still_one_call(model: str) -> None:
    async with gsm_lab(model) as bench:
        bench.modem.send_garbage(b"\xff\xfe\x80\x00\x10")
        bench.modem.split_writes(3, 0.002)
        await ring(bench)
        call = await next_call(bench.line)
        assert call.caller == CUSTOMER
        async with bench.line.answered(call) as voice:
            await voice.hear()
        assert bench.free


async def test_a_number_masked_after_it_was_shown_is_withheld() -> None:
    async with gsm_lab("sim800") as bench:
        await ring(bench)
        call = await next_call(bench.line)
        bench.modem.say('+CLIP: "",128,"",0,"",1')
        await asyncio.sleep(0.1)
        assert call.caller == Withheld("P")
