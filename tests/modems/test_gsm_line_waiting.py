"""A second caller on a mobile line: waits, is served after the first, and never touches him."""

import asyncio
from typing import Any

import pytest
from gsm_lab import SHOP, each_model, ended, gsm_lab, ring
from modem_lab import next_call

from gateway.bench.exchange import Exchange
from gateway.line import Answer
from gateway.numbers import PhoneNumber

CUSTOMER = PhoneNumber("+819012345678")
SECOND = PhoneNumber("+819087654321")


async def second_customer(exchange: Exchange) -> Any:
    line = exchange.subscribe(SECOND.e164)
    line.off_hook()
    await asyncio.sleep(0.3)
    line.dial("0" + SHOP[3:])
    await asyncio.sleep(0.5)
    return line


@each_model
@pytest.mark.parametrize("greedy", [False, True])
async def test_a_second_caller_waits_and_is_served_after_the_first(model: str, greedy: bool) -> None:
    async with gsm_lab(model) as bench:
        bench.modem.faults.chup_ends_all = greedy
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            other = await second_customer(bench.exchange)
            for _ in range(100):
                await voice.hear()
        call = await next_call(bench.line)
        assert call.caller == SECOND
        async with bench.line.answered(call) as voice:
            await voice.hear()
            assert other.talking
        assert bench.free


@each_model
async def test_a_second_caller_is_served_when_the_first_hangs_up(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            await second_customer(bench.exchange)
            bench.telephone.wire.on_hook()
            await ended(voice)
            await asyncio.sleep(0.2)
        call = await next_call(bench.line)
        assert call.caller == SECOND
        async with bench.line.answered(call) as voice:
            await voice.hear()


@each_model
async def test_a_second_caller_who_gives_up_does_not_end_the_first_call(model: str) -> None:
    async with gsm_lab(model) as bench:
        await ring(bench)
        async with bench.line.answered(await next_call(bench.line)) as voice:
            other = await second_customer(bench.exchange)
            other.on_hook()
            for _ in range(100):
                await voice.hear()
        assert bench.free


@each_model
async def test_a_call_that_comes_in_while_we_call_back_is_refused_and_touches_nothing(model: str) -> None:
    async with gsm_lab(model) as bench:
        bench.telephone.answers_at_ring = 1
        async with bench.line.dialled(CUSTOMER) as voice:
            assert not isinstance(voice, Answer)
            await second_customer(bench.exchange)
            for _ in range(100):
                await voice.hear()
        causes = [event["cause"] for event in bench.events("release")]
        assert causes.count("rejected") == 1
        assert bench.free
