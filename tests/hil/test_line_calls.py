"""What every line promises, whatever modem it has: rung, answered, heard, hung up on, free again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import numpy as np
import pytest
from calling import Pair, next_call, pair, until_over
from line_lab import MODELS, OURS, THEIRS, bring, line_lab

from gateway.audio.dtmf import encode
from gateway.audio.pcm import level
from gateway.cli.proof_calls import KEYS
from gateway.cli.proof_talk import Talk, talking
from gateway.line import Answer, CallEnded, LineLost, Voice
from gateway.modems.voice_modem import VoiceModem
from gateway.numbers import Withheld

NOTICED_WITHIN = 20.0
"""Seconds until a hang-up is noticed, by the slowest exchange's tone."""
FAILED_WITHIN = 10.0
"""Seconds until a modem that has wedged is known to have, a slow one's answers allowed for."""
each_model = pytest.mark.parametrize("model", MODELS)


class Trouble(Exception):
    pass


@each_model
async def test_a_call_is_told_once_with_the_callers_number(model: str) -> None:
    async with line_lab(model) as lab, pair(lab) as lines:
        async with lines.rung() as (call, _):
            assert call.caller == lines.their_number
            with pytest.raises(TimeoutError):
                await next_call(lines.ours, within=8.0)  # it rings on
        with pytest.raises(TimeoutError):
            await next_call(lines.ours, within=8.0)


@each_model
async def test_a_withheld_number_is_told_as_withheld_by_wish(model: str) -> None:
    async with line_lab(model) as lab, pair(lab, withheld=True) as lines, lines.rung() as (call, _):
        assert call.caller == Withheld("P")


@each_model
async def test_what_is_said_arrives_whole_at_either_end(model: str) -> None:
    async with line_lab(model) as lab, pair(lab) as lines, lines.talk() as (here, there, _):
        for speaker, listener, phrase in ((here, there, OURS), (there, here, THEIRS)):
            since = listener.samples
            await speaker.say(phrase)
            assert (await listener.hears(phrase, since)).sure
            first, last = phrase[:8000], phrase[-8000:]
            begins = (await listener.hears(first, since)).delay
            ends = (await listener.hears(last, since)).delay
            assert abs(ends - begins - (len(phrase) - 8000) / 8000) <= 0.05  # nothing lost or doubled between


@each_model
async def test_all_keys_pass_in_either_direction(model: str) -> None:
    async with line_lab(model) as lab, pair(lab) as lines, lines.talk() as (here, there, _):
        await there.say(encode(KEYS))
        await here.until(lambda: len(here.keys) >= len(KEYS), 4.0)
        assert here.keys == KEYS
        before = len(there.keys)
        await here.say(encode(KEYS))
        await there.until(lambda: len(there.keys) - before >= len(KEYS), 4.0)
        assert there.keys[before:] == KEYS


@each_model
async def test_a_key_is_heard_while_we_speak(model: str) -> None:
    async with line_lab(model) as lab, pair(lab) as lines, lines.talk() as (here, there, _):
        speaking = asyncio.create_task(here.say(OURS))
        await asyncio.sleep(1.0)
        await there.say(encode("5"))
        assert await here.until(lambda: here.keys == "5", 4.0)
        await speaking


@each_model
async def test_a_hush_is_heard_at_the_far_end_within_half_a_second(model: str) -> None:
    async with (
        line_lab(model) as lab,
        pair(lab) as lines,
        lines.rung() as (call, dialled),
        AsyncExitStack() as stack,
    ):
        voice = await stack.enter_async_context(lines.ours.answered(call))
        await stack.enter_async_context(draining(voice))
        there = await dialled.talk()
        voice.play(np.tile(OURS, 4))
        await asyncio.sleep(3.0)
        voice.hush()
        hushed = there.samples
        assert level(there.sound(hushed - 8000)) > -40
        await asyncio.sleep(2.5)
        assert level(there.sound(hushed + 4000)) < -45


async def _hear_on(voice: Voice) -> None:
    while True:
        await voice.hear()


@asynccontextmanager
async def draining(voice: Voice) -> AsyncIterator[None]:
    """Take what comes in, as the owner of a call does."""
    task = asyncio.create_task(_hear_on(voice))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@each_model
async def test_the_far_ends_hanging_up_ends_the_call_and_the_line_serves_again(model: str) -> None:
    async with line_lab(model) as lab, pair(lab) as lines:
        with pytest.raises(CallEnded):
            async with lines.talk() as (here, _, dialled):
                await asyncio.sleep(1.0)
                await dialled.hang_up()
                await until_over(here, NOTICED_WITHIN)
        assert lab.off_hook == []
        assert await lines.still_serves()


@each_model
async def test_our_hanging_up_is_noticed_at_the_far_end(model: str) -> None:
    async with line_lab(model) as lab, pair(lab) as lines, lines.rung() as (call, dialled):
        async with lines.ours.answered(call):
            there = await dialled.talk()
            await asyncio.sleep(1.0)
        assert await there.hears_end(NOTICED_WITHIN) is not None


@each_model
@pytest.mark.parametrize("trouble", [Trouble, asyncio.CancelledError])
async def test_the_line_serves_again_however_an_answered_call_ends(model: str, trouble: type[BaseException]) -> None:
    async with line_lab(model) as lab, pair(lab) as lines:
        with pytest.raises(trouble):
            async with lines.talk():
                await asyncio.sleep(0.5)
                raise trouble
        assert lab.off_hook == []
        assert await lines.still_serves()


@each_model
@pytest.mark.parametrize("after", [0.01, 1.0, 4.0])
async def test_the_line_serves_again_when_a_call_out_is_broken_off(model: str, after: float) -> None:
    async with line_lab(model) as lab, pair(lab) as lines:
        out = asyncio.create_task(_call_out(lines))
        await asyncio.sleep(after)
        out.cancel()
        await asyncio.wait((out,))
        assert out.cancelled()
        assert lab.off_hook == []
        assert await lines.still_serves()


async def _call_out(lines: Pair) -> None:
    async with lines.ours.dialled(lines.their_number) as result:
        assert not isinstance(result, Answer)
        await asyncio.sleep(60.0)


@each_model
async def test_a_caller_who_gave_up_is_not_answered(model: str) -> None:
    async with line_lab(model) as lab, pair(lab) as lines:
        async with lines.rung() as (call, _):
            pass
        await asyncio.sleep(15.0)
        with pytest.raises(CallEnded):
            async with lines.ours.answered(call):
                pass
        assert lab.off_hook == []


@each_model
async def test_a_busy_line_is_told_to_its_caller(model: str) -> None:
    async with line_lab(model) as lab, pair(lab) as lines:
        if lab.mobile:
            pytest.skip("a mobile line lets a second caller wait")
        assert isinstance(lines.ours, VoiceModem)
        async with lines.ours.seized() as voice, draining(voice), lines.calling_us() as dialled:
            result = await dialled.result()
            if isinstance(result, Talk):
                assert await result.until(lambda: result.named("busy"), 10.0)
            else:
                assert result is Answer.BUSY


@each_model
async def test_five_calls_in_a_row_are_each_told_and_served(model: str) -> None:
    async with line_lab(model) as lab, pair(lab) as lines:
        for _ in range(5):
            async with lines.rung() as (call, dialled):
                assert call.caller == lines.their_number
                async with lines.ours.answered(call) as voice, talking(voice, lines.country) as here:
                    await (await dialled.talk()).say(encode("7"))
                    assert await here.until(lambda: here.keys == "7", 4.0)
        assert lab.off_hook == []


@each_model
@pytest.mark.parametrize("fault", ["unplugged modem", "wedged modem"])
async def test_a_modem_that_fails_in_a_call_is_lost_within_seconds(model: str, fault: str) -> None:
    async with line_lab(model, fault=fault) as lab:
        with pytest.raises(LineLost, match='line "a"'):
            async with pair(lab) as lines, lines.rung() as (call, _), lines.ours.answered(call) as voice:
                await voice.hear()
                bring(lab, fault)
                async with asyncio.timeout(FAILED_WITHIN):
                    await _hear_on(voice)
        assert fault == "wedged modem" or lab.off_hook == []
