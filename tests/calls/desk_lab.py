"""A box's calls on the bench: intake or call-back over a real store and an emulated modem, on the test's clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from modem_lab import ABROAD, Lab, lab
from money_lab import cost_book, settings

from gateway import clock
from gateway.audio.prompts import PromptLibrary
from gateway.bench.handset import Handset
from gateway.calls.admission import Admission
from gateway.calls.callback import Callback
from gateway.calls.dialogue import Script
from gateway.calls.inbound import InboundMenu
from gateway.calls.intake import Intake
from gateway.calls.menu_file import built_in, load_menu
from gateway.calls.panic import PanicStop
from gateway.calls.policy import Policy
from gateway.calls.queue import CallQueue
from gateway.calls.screening import Screening
from gateway.protocols.messages import CallRequest
from gateway.settings import CallbackSettings, GuidanceSettings, LineSettings, PolicySettings, RetrySettings
from gateway.store.database import Database
from gateway.store.inbound import InboundCalls
from gateway.store.journal import Domestic, Overseas

PROMPTS = PromptLibrary.open("ja")
ENGLISH = PromptLibrary.open("en")
MENU = load_menu(built_in("en"))
JAPAN = PolicySettings(regions=("JP",), max_call=120.0)


@dataclass
class Shop:
    """A domestic line in service, and a customer with a telephone."""

    bench: Lab
    journal: Domestic
    customer: Handset
    handed_over: list[float]
    screening: Screening

    async def queued(self) -> list[tuple[str, bool]]:
        """The outbox: message ids, and whether each may be sent."""
        rows = await self.journal.database.read(
            lambda connection: connection.execute("SELECT id, owner IS NULL FROM outbox ORDER BY written_at").fetchall()
        )
        return [(str(row[0]), bool(row[1])) for row in rows]

    async def kept(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the store."""
        return await self.journal.database.read(lambda connection: connection.execute(query).fetchall())


FREEPHONE: Any = {"route": "jp-fixed", "incoming": "jp-freephone"}


def inbound_menu(folder: Path, database: Database, policy: Policy, line: LineSettings, talk_s: float) -> InboundMenu:
    """The menu on the customer's own call: calls into ``line`` and call-backs by the sample prices."""
    tables: Any = {"line": [msgspec.to_builtins(line)], "tariff": {"expected_s": talk_s}}
    book = cost_book(settings("domestic", folder, **tables), folder)
    return InboundMenu(InboundCalls(database), policy, Script(MENU, ENGLISH), lambda: book)


@asynccontextmanager
async def shop(
    folder: Path,
    *,
    peer_away: bool = False,
    menu_for: float | None = None,
    max_call: float = 120.0,
    stop: PanicStop | None = None,
    **guidance: Any,
) -> AsyncIterator[Shop]:
    """An ``Intake`` that serves until the block ends.

    ``menu_for``: with the menu on the customer's own call, a freephone call that is thought to last so many seconds.
    """
    async with lab(**({} if menu_for is None else FREEPHONE)) as bench:
        database = Database.open(folder / "domestic.db")
        journal = Domestic(database, "overseas")
        handed_over: list[float] = []
        policy = Policy(msgspec.structs.replace(JAPAN, max_call=max_call), frozenset({bench.settings.number}), stop)
        screening = Screening(GuidanceSettings(**guidance), policy)
        inbound = None if menu_for is None else inbound_menu(folder, database, policy, bench.settings, menu_for)
        intake = Intake(
            line=bench.line,
            settings=bench.settings,
            language="ja",
            prompts=PROMPTS,
            journal=journal,
            screening=screening,
            admission=Admission(policy),
            peer_away=lambda: peer_away,
            hand_over=lambda: handed_over.append(bench.exchange.journal.now()),
            inbound=inbound,
        )
        service = asyncio.create_task(intake.serve())
        try:
            customer = Handset(bench.exchange, bench.exchange.lines["+819012345678"])
            yield Shop(bench, journal, customer, handed_over, screening)
        finally:
            service.cancel()
            with suppress(asyncio.CancelledError):
                await service
            database.close()


@dataclass
class Abroad:
    """An overseas line in service, and the customer who is to be called back."""

    bench: Lab
    journal: Overseas
    queue: CallQueue
    customer: Handset
    service: "asyncio.Task[None]"

    async def ask(self, number: str = "+819012345678", request: str = "r1") -> None:
        """A request comes in over the link."""
        now = clock.wall_clock()
        message = CallRequest(request, number, now, "+81355500001", "en")
        await self.journal.database.write(lambda connection: self.journal.effect(connection, message, now))
        self.queue.changed()

    async def outcomes(self, request: str = "r1") -> list[str]:
        """Of every attempt that has ended."""
        rows = await self.journal.database.read(
            lambda connection: connection.execute(
                "SELECT outcome FROM attempt WHERE request = ? AND outcome IS NOT NULL ORDER BY attempt", (request,)
            ).fetchall()
        )
        return [str(row[0]) for row in rows]

    async def state(self, request: str = "r1") -> str:
        """Of the request."""
        row = await self.journal.database.read(
            lambda connection: connection.execute("SELECT state FROM request WHERE id = ?", (request,)).fetchone()
        )
        return str(row[0])

    async def orders(self) -> list[tuple[str, int]]:
        """Article and quantity of every line ordered."""
        return await self.journal.database.read(
            lambda connection: connection.execute(
                "SELECT article, quantity FROM order_line ORDER BY orders, position"
            ).fetchall()
        )

    async def until(self, state: str, within: float = 900.0, request: str = "r1") -> None:
        """Wait for the request to come to a state."""
        async with asyncio.timeout(within):
            while await self.state(request) != state:
                await asyncio.sleep(1)


@asynccontextmanager
async def abroad(
    folder: Path,
    *,
    policy: PolicySettings = JAPAN,
    retry: RetrySettings | None = None,
    ring_time: float = 20.0,
    stop: PanicStop | None = None,
    setup_s: float = 0.1,
) -> AsyncIterator[Abroad]:
    """A ``Callback`` that serves until the block ends."""
    async with lab(number=ABROAD, setup_s=setup_s) as bench:
        database = Database.open(folder / "overseas.db")
        journal = Overseas(database, "domestic")
        rules = Policy(policy, frozenset({ABROAD}), stop)
        queue = CallQueue(journal, lambda: rules.stopped)
        callback = Callback(
            line=bench.line,
            queue=queue,
            journal=journal,
            admission=Admission(rules),
            line_settings=bench.settings,
            settings=CallbackSettings(ring_time=ring_time),
            retry=retry or RetrySettings(),
            scripts={"en": Script(MENU, ENGLISH)},
            hand_over=lambda: None,
        )
        service = asyncio.create_task(callback.serve())
        try:
            customer = Handset(bench.exchange, bench.exchange.lines["+819012345678"])
            yield Abroad(bench, journal, queue, customer, service)
        finally:
            if service.cancel():
                with suppress(asyncio.CancelledError):
                    await service
            database.close()
