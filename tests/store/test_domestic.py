"""The domestic journal: who is owed a call, and what came of it."""

import sqlite3

import pytest

from gateway.numbers import PhoneNumber, Withheld
from gateway.protocols.messages import CallReport, CallRequest, Message, Order, OrderLine, Recording, decode
from gateway.store import bounds, inbox, journal, outbox
from gateway.store.bounds import History
from gateway.store.database import Database
from gateway.store.domestic import STALE
from gateway.store.journal import Accepted, Domestic

CUSTOMER = PhoneNumber("+819012345678")


@pytest.fixture
def domestic(database: Database) -> Domestic:
    return Domestic(database, "osaka")


async def accept(
    domestic: Domestic, *, line: str = "a", at: float = 1000.0, number: PhoneNumber = CUSTOMER
) -> Accepted:
    return await domestic.accept(number, line=line, called="+81355501234", language="ja", at=at)


async def sent(domestic: Domestic) -> list[Message]:
    rows = await domestic.database.read(lambda c: outbox.waiting(c, "osaka", {0: 0}, 10))
    return [decode(row.body) for row in rows]


async def take(domestic: Domestic, *messages: Message, at: float = 2000.0) -> None:
    for message in messages:
        await domestic.database.write(
            lambda c, message=message: inbox.take(c, "osaka", 1, message, at=at, effect=domestic.effect)
        )


async def rows(domestic: Domestic) -> list[journal.CallRow]:
    return await domestic.database.read(journal.calls)


async def test_an_accepted_caller_is_handed_over_only_when_released(domestic: Domestic) -> None:
    accepted = await accept(domestic)
    assert await sent(domestic) == []
    assert await domestic.release(accepted.request)
    assert await sent(domestic) == [CallRequest(accepted.request, "+819012345678", 1000.0, "+81355501234", "ja")]


async def history(domestic: Domestic, now: float) -> History:
    """What the policy counts at that moment for ``CUSTOMER``."""
    return await domestic.database.read(lambda connection: bounds.history(connection, CUSTOMER, now))


async def test_a_caller_who_calls_again_joins_the_open_request(domestic: Domestic) -> None:
    first = await accept(domestic)
    again = await accept(domestic, line="b", at=1010.0)
    assert again == Accepted(first.request, joined=True)
    await domestic.release(first.request)
    await domestic.release(again.request)
    assert len(await sent(domestic)) == 1
    assert len(await rows(domestic)) == 2
    assert (await history(domestic, 1020.0)).number_hour == 1, "a call that joins is no further request"


async def test_a_caller_who_was_called_back_gets_a_new_request(domestic: Domestic) -> None:
    first = await accept(domestic)
    await domestic.release(first.request)
    await take(domestic, CallReport("c1", first.request, 1, "order", True, 1100.0, 1200.0, 60.0))
    again = await accept(domestic, at=1300.0)
    assert not again.joined and again.request != first.request


async def test_a_request_that_nobody_reports_on_takes_in_no_more_calls_after_a_day(domestic: Domestic) -> None:
    first = await accept(domestic)
    await domestic.release(first.request)
    assert (await accept(domestic, at=1000.0 + 2 * STALE)).joined, "not yet sent: it will be served"
    await domestic.database.write(lambda c: outbox.settle(c, [first.request], at=1001.0))
    assert (await accept(domestic, at=1000.0 + STALE - 1)).joined
    assert not (await accept(domestic, at=1000.0 + STALE + 1)).joined
    assert [row.outcome for row in await rows(domestic) if row.request == first.request] == ["unknown"] * 3


async def test_what_a_crash_left_held_is_released_when_its_line_starts(domestic: Domestic) -> None:
    accepted = await accept(domestic)
    assert await domestic.release_held("b") == 0
    assert await domestic.release_held("a") == 1
    assert [message.id for message in await sent(domestic)] == [accepted.request]


async def test_what_a_line_held_that_is_in_the_settings_no_more_is_released(domestic: Domestic) -> None:
    accepted = await accept(domestic)
    assert await domestic.release_orphans(["a", "b"]) == 0
    assert await domestic.release_orphans(["b"]) == 1
    assert [message.id for message in await sent(domestic)] == [accepted.request]


async def test_a_number_that_was_masked_afterwards_is_forgotten_and_never_sent(domestic: Domestic) -> None:
    accepted = await accept(domestic)
    await domestic.withdraw(accepted.request, "withheld by the caller")
    assert not await domestic.release(accepted.request)
    assert await domestic.release_held("a") == 0
    assert await sent(domestic) == []
    (row,) = await rows(domestic)
    assert (row.number, row.refused, row.outcome) == (None, "withheld by the caller", "withdrawn")
    assert await domestic.open_requests() == []
    assert not (await accept(domestic)).joined


async def test_withdrawing_a_call_that_joined_leaves_the_request_of_the_other(domestic: Domestic) -> None:
    first = await accept(domestic)
    again = await accept(domestic, line="b", at=1010.0)
    await domestic.withdraw(again.request, "withheld by the caller")
    assert await domestic.release(first.request)
    assert len(await sent(domestic)) == 1
    assert [row.refused for row in await rows(domestic)] == ["withheld by the caller", None]


async def test_refused_calls_are_listed_without_a_number_where_none_was_shown(domestic: Domestic) -> None:
    await domestic.record_refused(line="a", caller=Withheld("P"), reason="withheld by the caller", at=1.0)
    await domestic.record_refused(line="a", caller=CUSTOMER, reason="region: not served", at=2.0)
    assert [(row.number, row.refused) for row in await rows(domestic)] == [
        (CUSTOMER, "region: not served"),
        (None, "withheld by the caller"),
    ]
    assert (await history(domestic, 3.0)).all_day == 0


async def test_the_guidance_leg_is_timed(domestic: Domestic) -> None:
    accepted = await accept(domestic)
    await domestic.leg_ended(accepted.request, off_hook_at=1000.25, on_hook_at=1004.5)
    assert [row.first_leg for row in await rows(domestic)] == [4.25]


async def test_requests_are_counted_by_hour_and_day_of_a_number_its_block_and_everybody(domestic: Domestic) -> None:
    for at in (10_000.0, 90_000.0, 93_000.0):
        accepted = await accept(domestic, at=at)
        await take(domestic, CallReport(f"c{at}", accepted.request, 1, "order", True, at, at, 0.0))
    await accept(domestic, at=93_000.0, number=PhoneNumber("+819012340000"))
    await accept(domestic, at=93_000.0, number=PhoneNumber("+819011112222"))
    counted = await history(domestic, 94_000.0)
    assert (counted.number_hour, counted.prefix_hour, counted.all_hour) == (1, 2, 3)
    assert (counted.number_day, counted.prefix_day, counted.all_day) == (3, 4, 5)
    assert (await history(domestic, 97_000.0)).number_day == 2


async def test_an_order_stands_once_however_often_it_comes(domestic: Domestic) -> None:
    accepted = await accept(domestic)
    order = Order("o1", accepted.request, CUSTOMER.e164, "0016", (OrderLine("25", 2), OrderLine("31", 1)), 1500.0)
    await take(domestic, order, order, order)
    (kept,) = await domestic.database.read(journal.orders)
    assert kept == journal.OrderRow(1500.0, "0016", CUSTOMER, order.lines, accepted.request, True)
    assert [row.orders for row in await rows(domestic)] == [("0016",)]


async def test_an_order_for_a_request_that_we_forgot_is_kept_all_the_same(domestic: Domestic) -> None:
    await take(domestic, Order("o1", "gone", CUSTOMER.e164, "0016", (OrderLine("25", 2),), 1500.0))
    (kept,) = await domestic.database.read(journal.orders)
    assert kept.order_number == "0016"


async def test_a_request_stays_open_until_the_final_report(domestic: Domestic) -> None:
    accepted = await accept(domestic)
    await take(domestic, CallReport("c1", accepted.request, 1, "busy", False, 1100.0, 1105.0, 0.0))
    assert [each.request for each in await domestic.open_requests()] == [accepted.request]
    await take(domestic, CallReport("c2", accepted.request, 2, "order", True, 1200.0, 1290.0, 80.5))
    assert await domestic.open_requests() == []
    (row,) = await rows(domestic)
    assert (row.state, row.outcome, row.attempts, row.talk_seconds) == ("closed", "order", 2, 80.5)


async def test_reports_may_come_in_any_order(domestic: Domestic) -> None:
    accepted = await accept(domestic)
    await take(
        domestic,
        CallReport("c2", accepted.request, 2, "order", True, 1200.0, 1290.0, 80.0),
        CallReport("c1", accepted.request, 1, "busy", False, 1100.0, 1105.0, 0.0),
    )
    (row,) = await rows(domestic)
    assert (row.state, row.outcome, row.attempts) == ("closed", "order", 2)


async def test_the_chunks_of_a_recording_may_come_in_any_order(domestic: Domestic) -> None:
    accepted = await accept(domestic)
    parts = [
        Recording(f"s{each}", accepted.request, CUSTOMER.e164, "question", 1500.0, each, 3, bytes([each]) * 4)
        for each in range(3)
    ]
    await take(domestic, parts[2], parts[0])
    assert (await domestic.recordings())[0].complete is False
    await take(domestic, parts[1], parts[1])
    (recording,) = await domestic.recordings()
    assert (recording.complete, recording.subject, recording.number) == (True, "question", CUSTOMER)
    assert await domestic.sound(recording) == b"\0\0\0\0\1\1\1\1\2\2\2\2"


async def test_a_call_request_from_overseas_breaks_the_role(domestic: Domestic) -> None:
    with pytest.raises(ValueError, match="takes no call requests"):
        await take(domestic, CallRequest("r9", CUSTOMER.e164, 1.0, "", "ja"))


async def test_a_request_and_its_message_are_kept_together_or_not_at_all(domestic: Domestic) -> None:
    await domestic.database.write(
        lambda c: c.execute("CREATE TRIGGER stop BEFORE INSERT ON outbox BEGIN SELECT raise(ABORT, 'no'); END")
    )
    with pytest.raises(sqlite3.IntegrityError):
        await accept(domestic)
    assert await rows(domestic) == []
    assert await domestic.open_requests() == []
