"""What finished calls cost at the shipped sample prices: for the demo, on a box that has imported no deck."""

import sqlite3
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec

from gateway.calls.deck_file import check_rates, read_exchange
from gateway.calls.least_cost import CostBook
from gateway.calls.money import Exchange
from gateway.calls.pricing import priced
from gateway.calls.tariff import Generation, RouteDeck, Tariffs
from gateway.calls.tariff_folder import SAMPLE_DECK, SAMPLE_EXCHANGE
from gateway.settings import Settings
from gateway.store import ledger
from gateway.store.ledger import Entry

SAMPLE_DAY = date(2026, 11, 1)
TOKYO = ZoneInfo("Asia/Tokyo")


def sample_book(settings: Settings) -> CostBook:
    """A domestic box as if its lines were Japanese fixed lines and the other box's American ones. Yen."""
    decks: dict[str, RouteDeck] = {}
    for rate in check_rates(SAMPLE_DECK):
        decks.setdefault(rate.route, RouteDeck(TOKYO)).add(rate)
    tariffs = Tariffs(
        {route: [Generation(0.0, deck)] for route, deck in decks.items()}, Exchange(read_exchange(SAMPLE_EXCHANGE))
    )
    lines = tuple(msgspec.structs.replace(line, route="jp-fixed") for line in settings.lines)
    links = tuple(msgspec.structs.replace(link, line_routes=("us-voip",)) for link in settings.links)
    tariff = msgspec.structs.replace(settings.tariff, currency="JPY")
    return CostBook(msgspec.structs.replace(settings, lines=lines, link=links, tariff=tariff), tariffs)


def at_sample_prices(connection: sqlite3.Connection, settings: Settings, limit: int = 1000) -> list[Entry]:
    """Ended attempts of a domestic box that keeps no ledger, at the prices of the sample's day or later."""
    book = sample_book(settings)
    earliest = datetime(SAMPLE_DAY.year, SAMPLE_DAY.month, SAMPLE_DAY.day, 12, tzinfo=TOKYO).timestamp()
    ended = ledger.unpriced(connection, limit)
    return [priced(book, replace(each, dialled_at=max(each.dialled_at, earliest))) for each in ended]
