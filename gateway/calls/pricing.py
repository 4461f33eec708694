"""Every call priced both ways when it has ended: what it cost, and what it would have cost to call directly.

A row a dialling. The guidance legs and the link's data stand in the row of a request's last one, the share of the
dedicated line in that of an answered one. What is owed under the spend caps is settled in the same transaction, by its
upper bound (``calls/budget.py``), and where nobody knows how a call ended its whole worst case stays booked.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from gateway import clock
from gateway.calls.alarms import Alarms
from gateway.calls.budget import HANG_UP, Budget
from gateway.calls.least_cost import CostBook, Leg, NoRate
from gateway.calls.money import millionths_up
from gateway.errors import StoreError
from gateway.numbers import PhoneNumber
from gateway.settings import LineSettings
from gateway.store import bounds, ledger
from gateway.store.database import Database
from gateway.store.ledger import EndedAttempt, Entry

log = logging.getLogger(__name__)

NOBODY_KNOWS = ("unknown", "line lost")
"""Outcomes of calls that may go on in the network without us."""
HOUR = 3600.0
AGAIN = 10.0
"""Seconds until the store is asked again after it failed."""
GONE = "the number has been erased"


@dataclass(frozen=True)
class Owed:
    """What takes the place of a booking: ``booking`` (request, attempt) → millionths."""

    request: str
    attempt: int
    cost: int


def priced(book: CostBook, ended: EndedAttempt) -> Entry:
    """The ledger's row of an attempt."""
    number, at = ended.number, ended.dialled_at
    problems: list[str] = [] if number else [GONE]

    def of(price: Callable[[PhoneNumber], tuple[Leg, ...]]) -> tuple[Leg, ...] | None:
        try:
            return None if number is None else price(number)
        except NoRate as problem:
            problems.append(str(problem))
            return None

    domestic = book.settings.role == "domestic"
    guidance = of(lambda customer: _first_legs(book, ended, customer))
    overseas = direct = of(lambda _: ())
    if ended.called_back:
        overseas = of(lambda customer: (_overseas(book, ended, customer),))
    if ended.answered:
        direct = of(lambda customer: _direct(book, ended, customer) if domestic else ())
    overheads = {leg.what: leg.ours for leg in book.overheads()} if domestic else {}
    legs = (*(guidance or ()), *(overseas or ()), *(direct or ()))
    return Entry(
        request=ended.request,
        attempt=ended.attempt,
        at=at,
        day=book.day(at).isoformat(),
        region=number.region if number else "",
        kind=number.kind if number else "",
        outcome=ended.outcome,
        talk_seconds=ended.talk_seconds,
        guidance_seconds=sum(seconds for _, seconds in ended.first_legs),
        route=overseas[0].route if overseas else "",
        currency=book.currency,
        direct=_sum(direct) if domestic else None,
        guidance=_sum(guidance),
        overseas=_sum(overseas),
        data=overheads.get("data", Decimal(0)) if ended.last and not ended.served_inbound else Decimal(0),
        share=overheads.get("dedicated line", Decimal(0)) if ended.called_back else Decimal(0),
        exchange="; ".join(dict.fromkeys(leg.exchange for leg in legs if leg.exchange)),
        note="; ".join(dict.fromkeys(problems)),
    )


def owed(budget: Budget, ended: EndedAttempt) -> list[Owed]:
    """What an attempt leaves owed of what was booked for it; nothing where the booking has to stand as it is."""
    if ended.number is None:
        return []
    try:
        if budget.book().settings.role == "overseas":
            return _owed_for_attempt(budget, ended, ended.number)
        return _owed_for_request(budget, ended, ended.number)
    except NoRate:
        return []


def _owed_for_attempt(budget: Budget, ended: EndedAttempt, number: PhoneNumber) -> list[Owed]:
    line = _line(budget.book(), ended.line)
    if line is None or ended.attempt == 0 or ended.outcome in NOBODY_KNOWS:
        return []
    cost = Decimal(0)
    if ended.answered:
        cost = budget.attempt(number, line, ended.ended_at - ended.dialled_at + HANG_UP, ended.dialled_at)
    return [Owed(ended.request, ended.attempt, millionths_up(cost))]


def _owed_for_request(budget: Budget, ended: EndedAttempt, number: PhoneNumber) -> list[Owed]:
    """At the domestic box one booking stands for the whole request, and one for each caller who joined it."""
    if not ended.last or any(outcome in NOBODY_KNOWS for outcome, *_ in ended.all_attempts):
        return []
    if ended.attempt == 0 and ended.outcome == "unknown":
        return []
    book = budget.book()
    cost = sum((leg.ours for leg in _first_legs(book, ended, number)), Decimal(0))
    for _, dialled_at, ended_at, talk_seconds in ended.all_attempts:
        if talk_seconds > 0:
            cost += budget.dearest(number, ended_at - dialled_at + HANG_UP, dialled_at)
            cost += sum((leg.ours for leg in book.overheads()), Decimal(0))
    return [Owed(ended.request, 0, millionths_up(cost)), Owed(ended.request, -1, 0)]


def _first_legs(book: CostBook, ended: EndedAttempt, number: PhoneNumber) -> tuple[Leg, ...]:
    return tuple(
        leg
        for line, seconds in ended.first_legs
        for leg in book.guidance(_line(book, line), number, seconds, ended.dialled_at)
    )


def _direct(book: CostBook, ended: EndedAttempt, number: PhoneNumber) -> tuple[Leg, ...]:
    return (book.cheapest("direct", book.direct_routes, number, ended.talk_seconds, ended.dialled_at),)


def _overseas(book: CostBook, ended: EndedAttempt, number: PhoneNumber) -> Leg:
    """By the route of the line that dialled; where that is not known, by the cheapest of that box, or of all."""
    line = _line(book, ended.line)
    routes = book.boxes.get(ended.peer) or book.callback_routes
    if line is not None and line.route is not None:
        routes = (line.route,)
    elif ended.route in routes:
        routes = (ended.route,)
    return book.cheapest("overseas", routes, number, ended.talk_seconds, ended.dialled_at)


def _line(book: CostBook, name: str | None) -> LineSettings | None:
    return next((line for line in book.settings.lines if line.name == name), None)


def _sum(legs: tuple[Leg, ...] | None) -> Decimal | None:
    return None if legs is None else sum((leg.ours for leg in legs), Decimal(0))


@dataclass
class Accountant:
    """Writes the ledger of one box, and settles what was booked. ``book`` gives the prices as they are now."""

    database: Database
    book: Callable[[], CostBook]
    alarms: Alarms
    _work: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """A call has begun or ended."""
        self._work.set()

    async def run(self) -> None:
        """Until cancelled."""
        self.wake()
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                while await self.price_some():
                    pass
                await self.watch_spend()
            except StoreError as error:
                log.error("the ledger can't be written: %s; trying again", error)
                await asyncio.sleep(AGAIN)
                self.wake()

    async def price_some(self) -> int:
        """Price what has ended, 100 at a time; how many there were. Nothing is priced where no line has a route."""
        book = self.book()
        if not book.direct_routes and not book.callback_routes:
            return 0
        ended = await self.database.read(ledger.unpriced)
        if not ended:
            return 0
        budget = Budget(self.book)
        rows = [(priced(book, each), owed(budget, each)) for each in ended]

        def write(connection: sqlite3.Connection) -> None:
            for entry, debts in rows:
                ledger.keep(connection, entry)
                for debt in debts:
                    bounds.settle(connection, debt.request, debt.attempt, debt.cost)

        await self.database.write(write)
        return len(rows)

    async def watch_spend(self) -> None:
        """Look how much of the day's cap went within the hour."""
        cap = self.book().settings.policy.spend_day
        if cap:
            now = clock.wall_clock()
            booked = await self.database.read(lambda connection: bounds.spent_since(connection, now - HOUR))
            self.alarms.spent(float(booked / cap.scaleb(6)), now)
