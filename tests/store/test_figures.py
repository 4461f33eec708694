"""Sums over all that is kept, though only the newest is counted anew."""

import sqlite3

from gateway.numbers import PhoneNumber, Withheld
from gateway.protocols.messages import CallReport, CallRequest, Order, OrderLine
from gateway.store import alarms, bounds, inbox
from gateway.store.database import Database
from gateway.store.figures import DAY, Figures, Tally
from gateway.store.journal import Domestic, Overseas

NOW = 1_800_000_000.0
CUSTOMER = PhoneNumber("+819012345678")


async def look(database: Database, tally: Tally, now: float = NOW) -> Figures:
    return await database.read(lambda c: tally.read(c, now, "2027-01-15"))


async def refused(domestic: Domestic, reason: str, at: float) -> None:
    await domestic.record_refused(line="a", caller=Withheld("P"), reason=reason, at=at)


async def test_an_empty_store_has_figures_too(database: Database) -> None:
    figures = await look(database, Tally())
    assert (figures.calls, figures.call_backs, figures.refusals, figures.alarms) == ({}, {}, {}, {})
    assert (figures.orders, figures.waiting, figures.oldest) == (0, 0, None)


async def test_calls_are_told_by_line_refusals_by_layer_and_who_waits_by_age(database: Database) -> None:
    domestic = Domestic(database, "seattle")
    await domestic.accept(CUSTOMER, line="a", called="", language="ja", at=NOW - 30)
    await domestic.accept(CUSTOMER, line="b", called="", language="ja", at=NOW - 20)
    await refused(domestic, "region: US is not served", NOW)
    await refused(domestic, "region: KR is not served", NOW)
    await refused(domestic, "withheld", NOW)
    figures = await look(database, Tally())
    assert figures.calls == {("a", "accepted"): 1, ("b", "accepted"): 1, ("a", "refused"): 3}
    assert figures.refusals == {"region": 2, "withheld": 1}
    assert (figures.waiting, figures.oldest) == (1, NOW - 30)


async def test_call_backs_are_told_by_outcome_and_a_request_closed_undialled_is_none(database: Database) -> None:
    domestic = Domestic(database, "seattle")
    asked = (await domestic.accept(CUSTOMER, line="a", called="", language="ja", at=NOW)).request
    for message in (
        CallReport("c1", asked, 1, "busy", False, NOW, NOW, 0.0),
        CallReport("c2", asked, 2, "order", True, NOW, NOW, 60.0),
        CallReport("c3", "r2", 0, "refused", True, NOW, NOW, 0.0, "rate: 3 an hour"),
        Order("o1", asked, CUSTOMER.e164, "0016", (OrderLine("25", 1),), NOW),
    ):
        await database.write(
            lambda c, message=message: inbox.take(c, "seattle", 1, message, at=NOW, effect=domestic.effect)
        )
    figures = await look(database, Tally())
    assert figures.call_backs == {("", "busy"): 1, ("", "order"): 1}
    assert figures.refusals == {"rate": 1}
    assert (figures.orders, figures.waiting) == (1, 0)


async def test_an_attempt_under_way_counts_once_it_has_ended(database: Database) -> None:
    overseas, tally = Overseas(database, "osaka"), Tally()
    request = CallRequest("r1", CUSTOMER.e164, NOW, "", "ja")
    await database.write(lambda c: inbox.take(c, "osaka", 1, request, at=NOW, effect=overseas.effect))
    await overseas.claim("x", NOW)
    attempt = await overseas.dial_intent("r1", "x", NOW)
    assert (await look(database, tally)).call_backs == {}
    await overseas.attempt_ended("r1", attempt, outcome="talked", at=NOW, next_at=None)
    assert (await look(database, tally)).call_backs == {("x", "talked"): 1}


async def test_what_is_older_than_a_day_is_counted_once_and_never_lost_from_the_sum(database: Database) -> None:
    domestic, tally = Domestic(database, "seattle"), Tally()
    for day in range(5):
        await refused(domestic, "withheld", NOW - day * DAY)
    assert (await look(database, tally)).refusals == {"withheld": 5}
    statements: list[str] = []

    def read(connection: sqlite3.Connection) -> Figures:
        connection.set_trace_callback(statements.append)
        try:
            return tally.read(connection, NOW + 60, "2027-01-15")
        finally:
            connection.set_trace_callback(None)

    await refused(domestic, "withheld", NOW + 30)
    assert (await database.read(read)).refusals == {"withheld": 6}
    assert not [each for each in statements if "Inf" in each.partition("AND")[0]], (
        "nothing is counted from the beginning"
    )
    await refused(domestic, "withheld", NOW - 4 * DAY)
    assert (await look(database, tally, NOW + DAY)).refusals == {"withheld": 7}, "what came late is counted next day"
    assert (await look(database, tally, NOW - 10 * DAY)).refusals == {"withheld": 7}, "also by a clock set back"


async def test_money_and_alarms_are_told(database: Database) -> None:
    await database.write(lambda c: bounds.book(c, "r", 1, at=NOW, day="2027-01-15", worst=2_500_000))
    await database.write(lambda c: bounds.book(c, "s", 1, at=NOW, day="2027-01-14", worst=1_000_000))
    await database.write(lambda c: alarms.keep(c, NOW, "sequential", "five callers"))
    figures = await look(database, Tally())
    assert (figures.spent.day, figures.spent.month) == (2_500_000, 3_500_000)
    assert figures.alarms == {"sequential": 1}
