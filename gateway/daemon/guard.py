"""What keeps a box in bounds, put together: policy, budget, alarms, ledger, prices that follow what is imported."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from gateway import clock
from gateway.calls.admission import Admission
from gateway.calls.alarms import Alarm, Alarms
from gateway.calls.budget import Budget
from gateway.calls.least_cost import CostBook
from gateway.calls.policy import Policy
from gateway.calls.pricing import Accountant
from gateway.calls.tariff import TariffError
from gateway.calls.tariff_folder import TariffFolder
from gateway.daemon.webhook import post
from gateway.errors import StoreError
from gateway.numbers import PhoneNumber
from gateway.settings import Settings
from gateway.store import alarms as kept
from gateway.store.database import Database

log = logging.getLogger(__name__)

LOOK = 2.0
"""Seconds between two looks whether a deck was imported."""


class Prices:
    """The prices of a box as they are now. Raises ``TariffError`` where what was imported can't be read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = TariffFolder(Path(settings.data))
        self._stamp = self._folder.stamp()
        self._book = CostBook(settings, self._folder.load(clock.wall_clock()))

    def book(self) -> CostBook:
        """By the newest decks."""
        return self._book

    async def follow(self) -> None:
        """Take up what is imported, until cancelled. What can't be read leaves the prices as they were."""
        while True:
            await asyncio.sleep(LOOK)
            if self._folder.stamp() == self._stamp:
                continue
            self._stamp = self._folder.stamp()
            try:
                tariffs = await self._folder.load_gently(clock.wall_clock())
            except TariffError as error:
                log.error("%s; prices stay as they were", error)
                continue
            self._book = CostBook(self._settings, tariffs)
            log.info("prices of %s are in use", ", ".join(tariffs.routes))


@dataclass(frozen=True)
class Guard:
    """What the rest of a daemon needs of it."""

    admission: Admission
    wake: Callable[[], None]
    """A call has begun or ended: price it."""
    choose: Callable[[PhoneNumber, Collection[str]], str]
    """The line that dials a number cheapest now."""
    book: Callable[[], CostBook]
    """The prices as they are now."""


@contextlib.asynccontextmanager
async def guarding(settings: Settings, policy: Policy, database: Database) -> AsyncIterator[Guard]:
    """The guard of one box, at work for the block. Raises ``TariffError``, ``StoreError``."""
    prices = Prices(settings)
    if settings.role == "overseas" and not settings.policy.capped:
        log.warning("no spend cap is set: policy.spend_day and policy.spend_month bound what fraud can cost")
    loop = asyncio.get_running_loop()
    messengers: set[asyncio.Task[bool]] = set()

    def sink(alarm: Alarm) -> None:
        log.warning("alarm: %s: %s", alarm.kind, alarm.says)
        with contextlib.suppress(StoreError):
            database.write_later(lambda connection: kept.keep(connection, alarm.at, alarm.kind, alarm.says))
        if settings.alarm.webhook is not None:
            messenger = loop.create_task(post(settings.alarm.webhook, alarm, settings.name))
            messengers.add(messenger)
            messenger.add_done_callback(messengers.discard)

    def served(region: str, at: float) -> None:
        with contextlib.suppress(StoreError):
            database.write_later(lambda connection: kept.seen(connection, region, at))

    alarms = Alarms(settings.alarm, await database.read(kept.regions), sink, served)
    accountant = Accountant(database, prices.book, alarms)
    budget = Budget(prices.book) if settings.policy.capped else None
    tasks: list[asyncio.Task[None]] = [asyncio.create_task(prices.follow()), asyncio.create_task(accountant.run())]
    for task in tasks:
        task.add_done_callback(_tell_of_failure)
    try:
        yield Guard(
            Admission(policy, budget, alarms),
            accountant.wake,
            lambda number, lines: prices.book().cheapest_line(number, lines, clock.wall_clock()),
            prices.book,
        )
    finally:
        for hand in (*tasks, *messengers):
            hand.cancel()
        await asyncio.gather(*tasks, *messengers, return_exceptions=True)


def _tell_of_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("the guard has lost a hand; restart the box", exc_info=error)
