"""A box's money on the bench: settings, sample prices, a store, and what stands in it."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from gateway.calls.admission import Admission
from gateway.calls.budget import Budget
from gateway.calls.least_cost import CostBook
from gateway.calls.policy import Policy
from gateway.calls.tariff_folder import SAMPLE_DECK, SAMPLE_EXCHANGE, TariffFolder
from gateway.protocols.messages import CallRequest
from gateway.settings import Settings
from gateway.store.journal import Overseas

NOON = 1_793_674_800.0  # Tuesday 2026-11-03, 12:00 in Tokyo, 19:00 of the day before in Los Angeles
DAY = 86400.0
LINES = {
    "domestic": [
        {"name": "a", "port": "p", "model": "usr5637", "number": "+81355500001", "route": "jp-fixed"},
        {
            "name": "free", "port": "q", "model": "usr5637", "number": "+81120500001", "route": "jp-fixed",
            "incoming": "jp-freephone",
        },
    ],
    "overseas": [
        {"name": "u", "port": "p", "model": "usr5637", "number": "+12065550100", "country": "US", "route": "us-voip"}
    ],
}  # fmt: skip


def settings(role: str, folder: Path, **tables: Any) -> Settings:
    """A box's settings with routes; ``tables`` go over them."""
    tariff = {"domestic": {}, "overseas": {"currency": "USD"}}[role]
    peer = {"domestic": "seattle", "overseas": "osaka"}[role]
    table = {
        "role": role,
        "name": {"domestic": "osaka", "overseas": "seattle"}[role],
        "data": str(folder),
        "line": LINES[role],
        "link": {"peer": peer, "line_routes": ["us-voip"], "route": [{"name": "n", "connect": "tcp://127.0.0.1:1"}]},
        **tables,
        "policy": {"regions": ["JP"], **tables.get("policy", {})},
        "tariff": {**tariff, **tables.get("tariff", {})},
    }
    return msgspec.convert(table, Settings)


def cost_book(box: Settings, folder: Path) -> CostBook:
    """The shipped sample prices, imported into the box's folder."""
    tariffs = TariffFolder(folder)
    if not tariffs.imports():
        tariffs.import_deck(SAMPLE_DECK, zone="Asia/Tokyo", effective=0.0, now=1.0)
        tariffs.import_exchange(SAMPLE_EXCHANGE, 1.0)
    return CostBook(box, tariffs.load(NOON))


def admission(box: Settings, folder: Path) -> Admission:
    """Policy and budget of a box at the sample prices."""
    book = cost_book(box, folder)
    return Admission(Policy.of(box), Budget(lambda: book) if box.policy.capped else None)


@dataclass
class Books:
    """What the store says of money, in millionths."""

    booked: int
    by_day: int
    open: int


def books(connection: sqlite3.Connection) -> Books:
    """The bookings, added up in two ways."""
    booked, still_open = connection.execute(
        "SELECT coalesce(sum(coalesce(cost, worst)), 0), count(*) FILTER (WHERE cost IS NULL) FROM booking"
    ).fetchone()
    return Books(booked, connection.execute("SELECT coalesce(sum(spent), 0) FROM spend_day").fetchone()[0], still_open)


async def ask(journal: Overseas, request: str, number: str, at: float = NOON) -> None:
    """A request comes in over the link and is claimed."""
    message = CallRequest(request, number, at, "+81355500001", "ja")
    await journal.database.write(lambda connection: journal.effect(connection, message, at))
    assert (await journal.claim("u", at)) is not None
