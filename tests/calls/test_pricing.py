"""Every call is priced both ways when it ends, bookings are settled by an upper bound, and nothing is left out."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from money_lab import NOON, admission, ask, books, cost_book, settings

from gateway.calls.alarms import Alarm, Alarms
from gateway.calls.budget import Budget
from gateway.calls.pricing import Accountant, owed, priced
from gateway.numbers import PhoneNumber
from gateway.protocols.messages import CallReport, Outcome
from gateway.settings import AlarmSettings
from gateway.store import ledger
from gateway.store.database import Database
from gateway.store.journal import Domestic, Overseas
from gateway.store.ledger import EndedAttempt

MOBILE = PhoneNumber("+819012345678")
DEDICATED = {"dedicated_month": 30_000, "dedicated_calls": 10_000, "data_per_call": "0.25"}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    store = Database.open(tmp_path / "gateway.db")
    yield store
    store.close()


def ended(**what: Any) -> EndedAttempt:
    whole = EndedAttempt("r", 1, MOBILE, None, NOON, NOON + 80, "order", 62.5, closed=True, last=True)
    return replace(whole, **what)


def test_an_answered_call_is_priced_leg_by_leg(tmp_path: Path) -> None:
    book = cost_book(settings("domestic", tmp_path, tariff=DEDICATED), tmp_path)
    row = priced(book, ended(first_legs=(("a", 4.6), ("free", 4.6))))
    assert row.direct == 32, "two minutes begun at 16 yen"
    assert row.guidance == 10, "one unit of the freephone line; the other line costs us nothing"
    assert row.overseas == Decimal("11.88"), "62.5 s charged as 66, at 0.072 USD a minute, 150 yen a dollar"
    assert (row.data, row.share) == (Decimal("0.25"), 3)
    assert row.saved == Decimal("6.87")
    assert (row.day, row.region, row.kind, row.route) == ("2026-11-03", "JP", "mobile", "us-voip")
    assert row.exchange == "1 USD = 150 JPY (2026-11-01)"
    assert row.note == ""


def test_a_call_that_is_dearer_turned_round_has_a_negative_row(tmp_path: Path) -> None:
    book = cost_book(settings("domestic", tmp_path), tmp_path)
    row = priced(book, ended(number=PhoneNumber("+81312345678"), talk_seconds=170.0))
    assert row.saved == Decimal("8.5") - Decimal("7.83")
    dearer = priced(book, ended(number=PhoneNumber("+81312345678"), talk_seconds=179.0, first_legs=(("free", 4.0),)))
    assert dearer.saved is not None and dearer.saved < 0


def test_a_failed_attempt_costs_only_its_guidance(tmp_path: Path) -> None:
    book = cost_book(settings("domestic", tmp_path, tariff=DEDICATED), tmp_path)
    row = priced(book, ended(outcome="busy", talk_seconds=0.0, first_legs=(("free", 4.0),)))
    assert (row.direct, row.overseas, row.guidance, row.share, row.cost) == (0, 0, 10, 0, Decimal("10.25"))


def test_a_call_without_a_rate_is_in_the_ledger_with_the_reason(tmp_path: Path) -> None:
    book = cost_book(settings("domestic", tmp_path), tmp_path)
    row = priced(book, ended(number=PhoneNumber("+8801812345678")))
    assert (row.direct, row.overseas, row.cost, row.saved) == (None, None, None, None)
    assert "no rate for BD" in row.note
    gone = priced(book, ended(number=None))
    assert (gone.region, gone.saved, gone.note) == ("", None, "the number has been erased")


def test_a_call_back_is_priced_by_the_route_that_the_box_says_it_used(tmp_path: Path) -> None:
    route = [{"name": "n", "connect": "tcp://127.0.0.1:1"}]
    links = [
        {"peer": "seattle", "line_routes": ["us-voip", "jp-mobile"], "route": route},
        {"peer": "reno", "line_routes": ["jp-fixed"], "route": route},
    ]
    book = cost_book(settings("domestic", tmp_path, link=links), tmp_path)

    def route_of(**what: Any) -> str:
        return priced(book, ended(**what)).route

    assert route_of(peer="seattle", route="jp-mobile") == "jp-mobile", "dearer, but that is what it cost"
    assert route_of(peer="seattle", route="") == "us-voip", "an older box: its cheapest"
    assert route_of(peer="reno", route="") == "jp-fixed", "never another box's"
    assert route_of(peer="seattle", route="jp-fixed") == "us-voip", "which is no line of that box"


def test_the_overseas_box_prices_its_own_leg_by_the_line_that_dialled(tmp_path: Path) -> None:
    book = cost_book(settings("overseas", tmp_path), tmp_path)
    row = priced(book, ended(line="u"))
    assert (row.direct, row.overseas, row.currency, row.exchange) == (None, Decimal("0.0792"), "USD", "")


@pytest.mark.parametrize(
    ("outcome", "talk", "expected"),
    [("order", 62.5, 108_000), ("busy", 0.0, 0), ("unknown", 0.0, None), ("line lost", 5.0, None)],
)
def test_what_is_owed_counts_from_dialling_and_the_unknown_stays_booked(
    tmp_path: Path, outcome: Outcome, talk: float, expected: int | None
) -> None:
    book = cost_book(settings("overseas", tmp_path, policy={"spend_day": 9}), tmp_path)
    debts = owed(Budget(lambda: book), ended(line="u", outcome=outcome, talk_seconds=talk))
    assert [debt.cost for debt in debts] == ([] if expected is None else [expected])  # 80 s, and 10 to notice the end


async def test_the_accountant_writes_each_row_once_and_settles_it(tmp_path: Path, database: Database) -> None:
    box = settings("overseas", tmp_path, policy={"spend_day": 9})
    gate, journal = admission(box, tmp_path), Overseas(database, "osaka")
    book = cost_book(box, tmp_path)
    accountant = Accountant(database, lambda: book, Alarms(AlarmSettings()))
    await ask(journal, "r0", MOBILE.e164)
    attempt = await journal.dial_intent("r0", "u", NOON, gate.dialling(MOBILE, box.lines[0], NOON))
    assert await accountant.price_some() == 0
    await journal.attempt_ended("r0", attempt, outcome="order", at=NOON + 80, next_at=None, talk_seconds=62.5)
    assert (await accountant.price_some(), await accountant.price_some()) == (1, 0)
    (row,) = await database.read(lambda connection: ledger.entries(connection, "2026-11-01", "2026-11-30"))
    assert (row.request, row.outcome, row.overseas) == ("r0", "order", Decimal("0.0792"))
    assert (row.day, (await database.read(books)).booked) == ("2026-11-02", 108_000), "evening in Seattle"


async def test_the_domestic_box_settles_a_request_with_its_last_report(tmp_path: Path, database: Database) -> None:
    box = settings("domestic", tmp_path, policy={"spend_day": 9_000})
    gate, journal = admission(box, tmp_path), Domestic(database, "seattle")
    book = cost_book(box, tmp_path)
    accountant = Accountant(database, lambda: book, Alarms(AlarmSettings()))
    for step in (0, 20):
        accepted = await journal.accept(
            MOBILE, line="free", called="", language="ja", at=NOON + step, admit=gate.caller(MOBILE, box.lines[1], NOON)
        )
        await journal.leg_ended(accepted.request, off_hook_at=NOON + step, on_hook_at=NOON + step + 4.6)
    whole = (await database.read(books)).booked
    for attempt, outcome, talk, final in ((1, "left early", 4.0, False), (2, "order", 62.5, True)):
        report = CallReport(f"m{attempt}", accepted.request, attempt, outcome, final, NOON, NOON + 80, talk)  # type: ignore[arg-type]
        await database.write(lambda connection, r=report: journal.effect(connection, r, NOON))
        await accountant.price_some()
        if not final:
            assert (await database.read(books)).booked == whole
    kept = await database.read(books)
    assert kept.open == 0
    assert kept.booked == kept.by_day == 20_000_000 + 2 * 16_200_000, "two guidances, two calls of 80 s and 10"
    first, last = await database.read(lambda connection: ledger.entries(connection, "2026-11-03", "2026-11-03"))
    assert (first.guidance, last.guidance, last.guidance_seconds) == (0, 20, pytest.approx(9.2))


async def test_a_box_without_routes_prices_nothing_and_loses_nothing(tmp_path: Path, database: Database) -> None:
    lines = [{"name": "u", "port": "p", "model": "usr5637", "number": "+12065550100", "country": "US"}]
    box = settings("overseas", tmp_path, line=lines)
    journal = Overseas(database, "osaka")
    await ask(journal, "r0", MOBILE.e164)
    attempt = await journal.dial_intent("r0", "u", NOON)
    await journal.attempt_ended("r0", attempt, outcome="order", at=NOON + 80, next_at=None, talk_seconds=62.5)
    book = cost_book(box, tmp_path)
    assert await Accountant(database, lambda: book, Alarms(AlarmSettings())).price_some() == 0
    later = cost_book(settings("overseas", tmp_path), tmp_path)
    assert await Accountant(database, lambda: later, Alarms(AlarmSettings())).price_some() == 1


async def test_money_that_goes_too_fast_is_an_alarm(tmp_path: Path, database: Database) -> None:
    raised: list[Alarm] = []
    box = settings("overseas", tmp_path, policy={"spend_day": 3})
    gate, journal = admission(box, tmp_path), Overseas(database, "osaka")
    book = cost_book(box, tmp_path)
    accountant = Accountant(database, lambda: book, Alarms(AlarmSettings(), {"JP"}, raised.append))
    await ask(journal, "r0", MOBILE.e164, 1_800_000_000.0)
    await journal.dial_intent("r0", "u", 1_800_000_000.0, gate.dialling(MOBILE, box.lines[0], 1_800_000_000.0))
    await accountant.watch_spend()
    assert [(alarm.kind, alarm.says) for alarm in raised] == [
        ("spend slope", "27% of policy.spend_day within the hour")
    ]
