"""The overseas side dials once, leads the customer through, and never dials again once somebody was there."""

import asyncio
from pathlib import Path

import pytest
from desk_lab import ENGLISH, abroad

from gateway import clock
from gateway.audio.pcm import write_wav
from gateway.audio.prompts import Clip
from gateway.calls.panic import PanicStop
from gateway.line import LineLost
from gateway.settings import PolicySettings, RetrySettings

QUICK = RetrySettings(busy=(5.0,), no_answer=(5.0,), left_early=(5.0,), network=(5.0,), machine=())
NEVER = RetrySettings(busy=(), no_answer=(), left_early=(), network=(), machine=())


async def test_an_order_keyed_by_the_customer_is_kept_and_the_line_is_free(tmp_path: Path) -> None:
    async with abroad(tmp_path) as box:
        await box.ask()
        assert await box.customer.answer()
        for keys in ("1", "1", "25#", "2#", "1"):
            assert await box.customer.pause(0.8, within=40)
            await box.customer.press(keys)
        assert await box.customer.pause(1.5, within=60)
        assert await box.orders() == [("25", 2)]
        box.customer.hang_up()
        await box.until("closed")
        assert await box.outcomes() == ["order"]
        assert not box.bench.off_hook


async def test_keys_typed_ahead_through_the_prompts_make_the_same_order(tmp_path: Path) -> None:
    async with abroad(tmp_path) as box:
        await box.ask()
        assert await box.customer.answer()
        assert await box.customer.hears("speech", within=20)
        await box.customer.press("1125#2#1")
        assert await box.customer.pause(1.5, within=60)
        assert await box.orders() == [("25", 2)]


async def test_a_customer_who_is_busy_is_called_again_and_then_no_more(tmp_path: Path) -> None:
    async with abroad(tmp_path, retry=QUICK) as box:
        box.customer.lift()
        await box.ask()
        await box.until("closed")
        assert await box.outcomes() == ["busy", "busy"]
        assert not box.bench.off_hook


async def test_a_customer_who_does_not_answer_is_rung_for_the_ring_time_only(tmp_path: Path) -> None:
    async with abroad(tmp_path, retry=NEVER, ring_time=20.0) as box:
        await box.ask()
        await box.until("closed")
        assert await box.outcomes() == ["no answer"]
        assert box.bench.times("on_hook")[-1] - box.bench.times("off_hook")[-1] < 35
        assert not box.bench.off_hook


async def test_a_call_that_begins_to_ring_only_after_the_menu_has_begun_was_not_answered(tmp_path: Path) -> None:
    async with abroad(tmp_path, retry=NEVER, ring_time=40.0, setup_s=12.0) as box:
        await box.ask()
        await box.until("closed")
        assert await box.outcomes() == ["no answer"]
        assert not box.bench.off_hook


async def test_a_customer_who_hangs_up_before_any_key_is_called_once_more(tmp_path: Path) -> None:
    async with abroad(tmp_path, retry=QUICK) as box:
        await box.ask()
        for _ in range(2):
            assert await box.customer.answer()
            assert await box.customer.hears("speech", within=20)
            box.customer.hang_up()
        await box.until("closed")
        assert await box.outcomes() == ["left early", "left early"]


async def test_once_a_key_has_come_the_request_is_never_dialled_again(tmp_path: Path) -> None:
    async with abroad(tmp_path, retry=QUICK) as box:
        await box.ask()
        assert await box.customer.answer()
        assert await box.customer.pause(0.8, within=40)
        await box.customer.press("1")
        await asyncio.sleep(1)
        box.customer.hang_up()
        await box.until("closed")
        assert await box.outcomes() == ["talked"]
        await asyncio.sleep(300)
        assert len(box.bench.times("atd")) == 1


async def test_a_question_is_recorded_and_kept_even_if_the_caller_just_hangs_up(tmp_path: Path) -> None:
    async with abroad(tmp_path) as box:
        await box.ask()
        assert await box.customer.answer()
        for keys in ("1", "2"):
            assert await box.customer.pause(0.8, within=40)
            await box.customer.press(keys)
        assert await box.customer.hears("beep", within=40)
        await asyncio.sleep(1)
        spoken = tmp_path / "question.wav"
        write_wav(spoken, ENGLISH.sound((Clip("main"),)))
        await box.customer.speak_wav(spoken)
        box.customer.hang_up()
        await box.until("closed")
        assert await box.outcomes() == ["message"]


async def test_nobody_outside_the_policy_is_dialled(tmp_path: Path) -> None:
    async with abroad(tmp_path, policy=PolicySettings(regions=("US",))) as box:
        await box.ask()
        await box.until("closed")
        assert box.bench.times("atd") == []
        assert await box.outcomes() == ["refused"]


async def test_no_call_lasts_longer_than_the_cap(tmp_path: Path) -> None:
    async with abroad(tmp_path, policy=PolicySettings(regions=("JP",), max_call=15.0)) as box:
        await box.ask()
        assert await box.customer.answer()
        answered = clock.now()
        await box.customer.pause(0.8, within=40)
        await box.customer.press("1")
        await box.until("closed")
        assert clock.now() - answered < 20
        assert not box.bench.off_hook


async def test_a_modem_unplugged_while_it_rings_costs_no_request(tmp_path: Path) -> None:
    async with abroad(tmp_path, retry=QUICK) as box:
        await box.ask()
        while not box.customer.rings:
            await asyncio.sleep(0.1)
        box.bench.modem.unplug()
        with pytest.raises(LineLost):
            await box.service
        assert await box.outcomes() == ["line lost"]
        assert await box.state() == "open", "it will be dialled again"


@pytest.mark.parametrize("fault", ["unplug", "wedge"])
async def test_a_modem_that_fails_while_nobody_is_to_be_called_is_told_and_costs_no_attempt(
    tmp_path: Path, fault: str
) -> None:
    async with abroad(tmp_path, retry=QUICK) as box:
        await asyncio.sleep(10)
        getattr(box.bench.modem, fault)()
        with pytest.raises(LineLost):
            await asyncio.wait_for(box.service, 0.1 if fault == "unplug" else 40.0)
        await box.ask()
        assert await box.state() == "open"
        assert await box.outcomes() == []


async def test_the_panic_stop_ends_a_call_at_once_and_nothing_is_dialled_until_it_is_released(tmp_path: Path) -> None:
    stop = PanicStop(tmp_path / "stop")
    async with abroad(tmp_path, retry=QUICK, stop=stop) as box:
        await box.ask()
        assert await box.customer.answer()
        await box.customer.pause(0.8, within=40)
        await box.customer.press("1")
        stop.pull("odd calls")
        pulled = clock.now()
        await box.until("closed")
        assert clock.now() - pulled < 3
        assert not box.bench.off_hook
        assert await box.outcomes() == ["talked"]
        box.customer.hang_up()
        await box.ask(request="r2")
        await asyncio.sleep(120)
        assert len(box.bench.times("atd")) == 1
        assert await box.state("r2") == "open", "it is owed still"
        stop.release()
        assert await box.customer.answer()


async def test_the_panic_stop_ends_the_ringing_too(tmp_path: Path) -> None:
    stop = PanicStop(tmp_path / "stop")
    async with abroad(tmp_path, retry=QUICK, stop=stop) as box:
        await box.ask()
        while not box.customer.rings:
            await asyncio.sleep(0.1)
        stop.pull("odd calls")
        await asyncio.sleep(3)
        assert not box.bench.off_hook
        assert await box.outcomes() == ["no answer"]
