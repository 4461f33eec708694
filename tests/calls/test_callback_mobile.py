"""The overseas side on a mobile line: the network tells of the answer, and early media is not taken for one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from desk_lab import ENGLISH, JAPAN, MENU, Abroad
from gsm_lab import gsm_lab
from modem_lab import ABROAD

from gateway import clock
from gateway.bench.handset import Handset
from gateway.calls.admission import Admission
from gateway.calls.callback import Callback
from gateway.calls.dialogue import Script
from gateway.calls.policy import Policy
from gateway.calls.queue import CallQueue
from gateway.line import LineLost
from gateway.settings import CallbackSettings, LineSettings, RetrySettings
from gateway.store.database import Database
from gateway.store.journal import Overseas

MODELS = ["sim800", "sim7600", "ec25", "huawei", "telit", "zte"]
NEVER = RetrySettings(busy=(), no_answer=(), left_early=(), network=(), machine=())
AGAIN = RetrySettings(busy=(), no_answer=(), left_early=(), network=(30.0,), machine=())


@asynccontextmanager
async def mobile_abroad(
    folder: Path, model: str, *, early_media: bool = False, retry: RetrySettings = NEVER
) -> AsyncIterator[Abroad]:
    async with gsm_lab(model, number=ABROAD) as bench:
        bench.modem.faults.early_media = early_media
        database = Database.open(folder / "overseas.db")
        journal = Overseas(database, "domestic")
        rules = Policy(JAPAN, frozenset({ABROAD}))
        queue = CallQueue(journal, lambda: rules.stopped)
        callback = Callback(
            line=bench.line,
            queue=queue,
            journal=journal,
            admission=Admission(rules),
            line_settings=LineSettings(name="a", port="memory", model=model, number=ABROAD, country="US"),
            settings=CallbackSettings(ring_time=20.0),
            retry=retry,
            scripts={"en": Script(MENU, ENGLISH)},
            hand_over=lambda: None,
        )
        service = asyncio.create_task(callback.serve())
        try:
            customer = Handset(bench.exchange, bench.exchange.lines["+819012345678"])
            yield Abroad(bench, journal, queue, customer, service)  # type: ignore[arg-type]
        finally:
            if service.cancel():
                with suppress(asyncio.CancelledError):
                    await service
            database.close()


@pytest.mark.parametrize("model", MODELS)
async def test_a_customer_who_answers_without_a_word_is_greeted_soon(tmp_path: Path, model: str) -> None:
    async with mobile_abroad(tmp_path, model) as box:
        await box.ask()
        assert await box.customer.answer()
        answered = clock.now()
        assert await box.customer.hears("speech", within=20)
        assert clock.now() - answered < 4.0
        await box.customer.press("1")
        await asyncio.sleep(1)
        box.customer.hang_up()
        await box.until("closed")
        assert await box.outcomes() == ["talked"]
        assert box.bench.free


@pytest.mark.parametrize("model", ["sim800", "sim7600", "ec25", "huawei", "telit"])
async def test_a_modem_that_says_active_at_the_first_ring_makes_no_answer_of_it(tmp_path: Path, model: str) -> None:
    async with mobile_abroad(tmp_path, model, early_media=True) as box:
        await box.ask()
        await box.until("closed")
        assert await box.outcomes() == ["no answer"]
        assert box.bench.free


async def test_with_early_media_the_menu_begins_when_somebody_answers(tmp_path: Path) -> None:
    async with mobile_abroad(tmp_path, "sim7600", early_media=True) as box:
        await box.ask()
        while not box.customer.rings:
            await asyncio.sleep(0.1)
        await asyncio.sleep(8.0)
        assert await box.customer.answer()
        assert await box.customer.hears("speech", within=10)
        await box.customer.press("1")
        await asyncio.sleep(1)
        box.customer.hang_up()
        await box.until("closed")
        assert await box.outcomes() == ["talked"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("failing", ["channel", "sound"])
async def test_a_modem_that_fails_before_anybody_spoke_costs_no_request(
    tmp_path: Path, model: str, failing: str
) -> None:
    async with mobile_abroad(tmp_path, model, retry=AGAIN) as box:
        await box.ask()
        assert await box.customer.answer()
        assert await box.customer.hears("speech", within=20)
        fail(box, failing)
        failed = clock.now()
        with pytest.raises(LineLost):
            await box.service
        assert clock.now() - failed < 7.2
        assert await box.outcomes() == ["line lost"]
        assert await box.state() == "open", "it will be dialled again"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("failing", ["channel", "sound"])
async def test_a_modem_that_fails_after_an_order_was_taken_has_nobody_called_twice(
    tmp_path: Path, model: str, failing: str
) -> None:
    async with mobile_abroad(tmp_path, model, retry=AGAIN) as box:
        await box.ask()
        assert await box.customer.answer()
        assert await box.customer.hears("speech", within=20)
        await box.customer.press("1125#2#1")
        while not await box.orders():
            await asyncio.sleep(0.1)
        fail(box, failing)
        with pytest.raises(LineLost):
            await box.service
        assert await box.orders() == [("25", 2)]
        assert await box.state() == "closed", "it is never dialled again"


def fail(box: Abroad, what: str) -> None:
    """The modem wedges, or its sound dies."""
    modem: Any = box.bench.modem
    if what == "channel":
        modem.wedge()
    else:
        modem.sound.stalled = True
