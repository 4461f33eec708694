"""The domestic side keeps the request before it says so, and the line comes free on every path."""

import asyncio
from pathlib import Path

import pytest
from desk_lab import PROMPTS, shop
from modem_lab import SHOP

from gateway.audio.prompts import Clip


async def test_a_caller_is_accepted_hears_so_and_is_handed_over_once_the_line_is_free(tmp_path: Path) -> None:
    async with shop(tmp_path) as place:
        assert await place.customer.call(SHOP)
        assert await place.customer.hears("speech", within=20)
        assert [sent for _, sent in await place.queued()] == [False], "kept, and held"
        assert await place.customer.hears("busy", within=20)
        await asyncio.sleep(1)
        assert [sent for _, sent in await place.queued()] == [True]
        off, on = place.bench.times("off_hook"), place.bench.times("on_hook")
        assert on[-1] - off[0] <= 5.0
        assert place.handed_over[0] >= on[-1]
        assert not place.bench.off_hook


async def test_a_caller_who_leaves_early_is_called_back_and_the_line_is_free(tmp_path: Path) -> None:
    async with shop(tmp_path) as place:
        await place.customer.call(SHOP)
        await place.customer.hears("speech", within=20)
        place.customer.hang_up()
        await asyncio.sleep(8)
        assert [sent for _, sent in await place.queued()] == [True]
        assert not place.bench.off_hook


async def test_a_caller_who_calls_again_joins_his_open_request(tmp_path: Path) -> None:
    async with shop(tmp_path) as place:
        for _ in range(2):
            await place.customer.call(SHOP)
            await place.customer.hears("busy", within=20)
            place.customer.hang_up()
            await asyncio.sleep(5)
        assert len(await place.queued()) == 1
        assert len(place.bench.times("off_hook")) == 2, "he hears the guidance both times"


@pytest.mark.parametrize("reason", ["O", "C", "S"])
async def test_who_can_not_be_helped_is_left_ringing(tmp_path: Path, reason: str) -> None:
    async with shop(tmp_path) as place:
        await place.customer.call(SHOP, withheld=reason)  # type: ignore[arg-type]
        await asyncio.sleep(30)
        assert await place.queued() == []
        assert place.bench.times("off_hook") == []


async def test_who_withheld_by_wish_hears_the_hint_and_is_not_accepted(tmp_path: Path) -> None:
    async with shop(tmp_path) as place:
        await place.customer.call(SHOP, withheld="P")
        assert await place.customer.hears("speech", within=20)
        assert await place.customer.hears("busy", within=20)
        assert await place.queued() == []
        assert place.handed_over == []


@pytest.mark.parametrize("not_kept", ["ring", "speech"])
async def test_a_request_that_can_not_be_kept_is_not_called_accepted(tmp_path: Path, not_kept: str) -> None:
    async with shop(tmp_path, not_kept=not_kept) as place:
        await asyncio.sleep(1)
        await place.journal.database.write(lambda connection: connection.execute("PRAGMA query_only = 1").fetchall())
        await place.customer.call(SHOP)
        accepted = PROMPTS.sound((Clip("guidance_accepted"),))
        assert not await place.customer.recognises(accepted, within=20)
        assert len(place.bench.times("off_hook")) == (not_kept == "speech")
        assert await place.queued() == []
        assert not place.bench.off_hook


async def test_an_accepted_caller_hears_the_very_guidance(tmp_path: Path) -> None:
    async with shop(tmp_path) as place:
        await place.customer.call(SHOP)
        assert await place.customer.recognises(PROMPTS.sound((Clip("guidance_accepted"),)), within=20)


async def test_with_the_overseas_box_away_callers_hear_that_we_can_not_call_back(tmp_path: Path) -> None:
    async with shop(tmp_path, peer_away=True) as place:
        await place.customer.call(SHOP)
        assert await place.customer.hears("speech", within=20)
        assert await place.queued() == []


async def test_a_number_masked_while_we_lift_is_withdrawn(tmp_path: Path) -> None:
    async with shop(tmp_path) as place:
        await asyncio.sleep(1)
        commands = len(place.bench.events("at"))
        await place.customer.call(SHOP)
        while len(place.bench.events("at")) == commands:
            await asyncio.sleep(0.001)
        assert len(await place.queued()) == 1
        place.bench.modem.send_garbage(b"\r\nNMBR = O\r\n")
        await place.customer.hears("busy", within=20)
        await asyncio.sleep(1)
        assert await place.queued() == []
        assert place.handed_over == []
        assert not place.bench.off_hook


async def test_what_a_crash_left_held_is_handed_over_at_the_next_start(tmp_path: Path) -> None:
    async with shop(tmp_path) as place:
        await place.customer.call(SHOP)
        await place.customer.hears("speech", within=20)
        assert [sent for _, sent in await place.queued()] == [False]
    async with shop(tmp_path) as place:
        await asyncio.sleep(1)
        assert [sent for _, sent in await place.queued()] == [True]
