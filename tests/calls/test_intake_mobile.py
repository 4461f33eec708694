"""The domestic side on a mobile line: who is refused costs nobody anything, and so does the free trigger."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from desk_lab import JAPAN, PROMPTS
from gsm_lab import SHOP, GsmLab, gsm_lab

from gateway.bench.handset import Handset
from gateway.calls.admission import Admission
from gateway.calls.intake import Intake
from gateway.calls.policy import Policy
from gateway.calls.screening import Screening
from gateway.settings import GuidanceSettings, LineSettings
from gateway.store.database import Database
from gateway.store.journal import Domestic

MODELS = ["sim800", "sim7600", "ec25", "huawei", "telit", "zte"]


@dataclass
class MobileShop:
    """A domestic mobile line in service, and a customer with a telephone."""

    bench: GsmLab
    journal: Domestic
    customer: Handset
    handed_over: list[float]

    async def queued(self) -> list[bool]:
        """The outbox: whether each message may be sent."""
        rows = await self.journal.database.read(
            lambda connection: connection.execute("SELECT owner IS NULL FROM outbox ORDER BY written_at").fetchall()
        )
        return [bool(row[0]) for row in rows]

    def billed(self) -> list[Any]:
        """What the exchange's meter has seen."""
        return [event for event in self.bench.exchange.journal.events if event["event"] == "meter"]


@asynccontextmanager
async def mobile_shop(folder: Path, model: str, **guidance: Any) -> AsyncIterator[MobileShop]:
    async with gsm_lab(model) as bench:
        database = Database.open(folder / "domestic.db")
        journal = Domestic(database, "overseas")
        handed_over: list[float] = []
        intake = Intake(
            line=bench.line,
            settings=LineSettings(name="a", port="memory", model=model, number=SHOP),
            language="ja",
            prompts=PROMPTS,
            journal=journal,
            screening=Screening(GuidanceSettings(**guidance), Policy(JAPAN, frozenset({SHOP}))),
            admission=Admission(Policy(JAPAN, frozenset({SHOP}))),
            peer_away=lambda: False,
            hand_over=lambda: handed_over.append(bench.exchange.journal.now()),
        )
        service = asyncio.create_task(intake.serve())
        try:
            customer = Handset(bench.exchange, bench.exchange.lines["+819012345678"])
            yield MobileShop(bench, journal, customer, handed_over)
        finally:
            if service.cancel():
                with suppress(asyncio.CancelledError):
                    await service
            database.close()


@pytest.mark.parametrize("model", MODELS)
async def test_a_caller_hears_the_guidance_and_is_handed_over_once_the_line_is_free(tmp_path: Path, model: str) -> None:
    async with mobile_shop(tmp_path, model) as place:
        assert await place.customer.call(SHOP)
        assert await place.customer.hears("speech", within=20)
        assert await place.queued() == [False], "kept, and held"
        assert await place.customer.hears("busy", within=20)
        await asyncio.sleep(1)
        assert await place.queued() == [True]
        off, on = place.bench.times("off_hook"), place.bench.times("on_hook")
        assert on[-1] - off[0] <= 5.0
        assert place.handed_over[0] >= on[-1]
        assert place.bench.free


@pytest.mark.parametrize("model", MODELS)
async def test_the_free_trigger_answers_nobody_and_hands_over_all_the_same(tmp_path: Path, model: str) -> None:
    async with mobile_shop(tmp_path, model, answer="reject") as place:
        assert await place.customer.call(SHOP)
        assert await place.customer.hears("busy", within=20)
        await asyncio.sleep(1)
        assert await place.queued() == [True]
        assert place.handed_over[0] >= place.bench.events("release")[0]["t"] - 1e-6  # the log rounds
        assert place.billed() == []
        assert place.bench.times("off_hook") == []
        assert place.bench.free


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("reason", ["P", "O", "C"])
async def test_who_withholds_is_rejected_free_of_charge(tmp_path: Path, model: str, reason: Any) -> None:
    async with mobile_shop(tmp_path, model, withheld="ring") as place:
        await place.customer.call(SHOP, withheld=reason)
        assert await place.customer.hears("busy", within=20)
        assert place.billed() == []
        assert place.bench.times("off_hook") == []
        assert await place.queued() == []


async def test_who_withholds_by_wish_may_hear_the_hint_instead(tmp_path: Path) -> None:
    async with mobile_shop(tmp_path, "sim7600", withheld="hint") as place:
        await place.customer.call(SHOP, withheld="P")
        assert await place.customer.hears("speech", within=20)
        assert await place.customer.hears("busy", within=20)
        assert await place.queued() == []
        assert place.bench.free


async def test_two_callers_at_once_are_both_accepted(tmp_path: Path) -> None:
    async with mobile_shop(tmp_path, "sim7600") as place:
        exchange = place.bench.exchange
        second = Handset(exchange, exchange.subscribe("+819087654321"))
        await place.customer.call(SHOP)
        await place.customer.hears("speech", within=20)
        await second.call(SHOP)
        assert await second.hears("speech", within=20)
        assert await second.hears("busy", within=20)
        await asyncio.sleep(1)
        assert await place.queued() == [True, True]
        assert place.bench.free


@pytest.mark.parametrize("model", MODELS)
async def test_a_modem_that_wedges_during_the_guidance_costs_no_request(tmp_path: Path, model: str) -> None:
    async with mobile_shop(tmp_path, model) as place:
        assert await place.customer.call(SHOP)
        assert await place.customer.hears("speech", within=20)
        place.bench.modem.wedge()
        async with asyncio.timeout(20.0):
            while await place.queued() != [True]:
                await asyncio.sleep(0.1)
        assert place.handed_over
