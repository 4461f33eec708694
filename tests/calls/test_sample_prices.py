"""The demo's last words: what the call cost, and what it would have cost."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from money_lab import NOON, settings

from gateway.calls.sample_prices import at_sample_prices
from gateway.numbers import PhoneNumber
from gateway.protocols.messages import CallReport
from gateway.store.database import Database
from gateway.store.journal import Domestic


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    store = Database.open(tmp_path / "gateway.db")
    yield store
    store.close()


@pytest.mark.parametrize("at", [NOON, NOON - 300 * 86400.0, NOON + 300 * 86400.0])
async def test_a_call_of_a_box_without_decks_is_priced_both_ways_at_any_date(
    tmp_path: Path, database: Database, at: float
) -> None:
    line = [{"name": "a", "port": "p", "model": "usr5637", "number": "+81355500001"}]
    link = {"peer": "seattle", "route": [{"name": "n", "connect": "tcp://127.0.0.1:1"}]}
    box = settings("domestic", tmp_path, line=line, link=link)
    journal = Domestic(database, "seattle")
    accepted = await journal.accept(PhoneNumber("+819012345678"), line="a", called="", language="ja", at=at)
    report = CallReport("m", accepted.request, 1, "order", True, at, at + 80, 62.5)
    await database.write(lambda connection: journal.effect(connection, report, at))
    (row,) = await database.read(lambda connection: at_sample_prices(connection, box))
    assert (row.direct, row.cost, row.currency) == (32, Decimal("11.88"), "JPY")
