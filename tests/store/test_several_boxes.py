"""One shop with several overseas boxes, and the reverse: each message to the right one, nobody served by two."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from gateway.numbers import PhoneNumber
from gateway.protocols.messages import CallReport, CallRequest, Message, Order, OrderLine, decode
from gateway.store import bounds, inbox, journal, outbox
from gateway.store.bounds import Admit, Refused
from gateway.store.database import Database
from gateway.store.hand_over import ROUNDS, Choice, Rank
from gateway.store.journal import Domestic, Overseas

CUSTOMER = PhoneNumber("+819012345678")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.open(tmp_path / "other" / "gateway.db")) as opened:
        yield opened


async def sent(database: Database, peer: str) -> list[Message]:
    rows = await database.read(lambda c: outbox.waiting(c, peer, dict.fromkeys(range(4), 0), 100))
    return [decode(row.body) for row in rows]


async def deliver(message: Message, to: Domestic | Overseas, sender: str, at: float = 2000.0) -> None:
    await to.database.write(lambda c: inbox.take(c, sender, 1, message, at=at, effect=to.effect_of(sender)))


async def ask(shop: Domestic, *, at: float = 1000.0, admit: Admit | None = None) -> str:
    accepted = await shop.accept(CUSTOMER, line="a", called="", language="ja", at=at, admit=admit)
    await shop.release(accepted.request)
    return accepted.request


def ranked(*choices: Choice) -> Rank:
    return lambda number: choices


async def test_the_best_box_that_is_up_gets_the_request_with_the_route_that_is_wanted(database: Database) -> None:
    rank = ranked(Choice("boise", "us-dear", up=False), Choice("reno", "us-cheap"))
    asked = await ask(Domestic(database, "boise", ("reno",), rank))
    (message,) = await sent(database, "reno")
    assert isinstance(message, CallRequest)
    assert (message.id, message.route) == (asked, "us-cheap")
    assert await sent(database, "boise") == []


async def test_while_no_box_is_up_a_request_waits_and_goes_to_the_first_that_comes_up(database: Database) -> None:
    choices = [Choice("boise", up=False), Choice("reno", up=False)]
    shop = Domestic(database, "boise", ("reno",), lambda number: choices)
    asked = await ask(shop)
    assert await sent(database, "boise") == await sent(database, "reno") == []
    choices[1] = Choice("reno")
    assert await shop.release_held() == 1
    assert [message.id for message in await sent(database, "reno")] == [asked]
    choices[:] = [Choice("boise"), Choice("reno", up=False)]
    assert await shop.release_held() == 0, "it has been sent: it is with reno until reno gives it back"
    assert await sent(database, "boise") == []


async def test_a_line_that_begins_anew_lets_its_callers_requests_go_to_a_box_that_is_up(database: Database) -> None:
    shop = Domestic(database, "boise", ("reno",), ranked(Choice("boise", up=False), Choice("reno")))
    held = (await shop.accept(CUSTOMER, line="a", called="", language="ja", at=1.0)).request
    assert await shop.release_held("a") == 1
    assert [message.id for message in await sent(database, "reno")] == [held]


async def test_a_caller_whose_number_is_masked_afterwards_is_withdrawn_though_no_box_is_up(database: Database) -> None:
    shop = Domestic(database, "boise", ("reno",), ranked(Choice("boise", up=False)))
    await shop.withdraw(await ask(shop), "P")
    assert await shop.open_requests() == []
    assert await shop.release_held() == 0


async def test_a_request_that_one_box_has_no_line_for_is_handed_on_to_the_one_asked_least(
    database: Database, other: Database
) -> None:
    shop, boise = Domestic(database, "boise", ("reno",)), Overseas(other, "tokyo")
    asked = await ask(shop)
    (request,) = await sent(database, "boise")
    await deliver(request, boise, "tokyo", at=1001.0)
    assert await boise.give_back(since=1000.0, at=1100.0) == []
    assert await boise.give_back(since=1060.0, at=1100.0) == [asked]
    assert await boise.claim("x", 9e9) is None
    (report,) = await sent(other, "tokyo")
    await deliver(report, shop, "boise")
    (again,) = await sent(database, "reno")
    assert isinstance(again, CallRequest) and again.id != asked
    assert (again.number, again.accepted_at) == (CUSTOMER.e164, 1000.0)
    assert [each.request for each in await shop.open_requests()] == [again.id]
    await deliver(CallReport("c2", again.id, 0, "line lost", True, 1.0, 2.0, 0.0), shop, "reno")
    assert len(await shop.open_requests()) == 1
    assert len(await sent(database, "boise")) == 2 and len(await sent(database, "reno")) == 1


async def test_a_box_that_gives_back_at_once_is_not_asked_for_ever(database: Database) -> None:
    shop = Domestic(database, "boise")
    await ask(shop)
    for report in range(1, ROUNDS + 5):
        for each in await shop.open_requests():
            await deliver(CallReport(f"c{report}", each.request, 0, "line lost", True, 1.0, 2.0, 0.0), shop, "boise")
    assert len(await sent(database, "boise")) == ROUNDS
    assert await shop.open_requests() == []


async def test_a_request_is_handed_on_once_however_often_it_is_given_back(database: Database) -> None:
    shop = Domestic(database, "boise", ("reno",))
    asked = await ask(shop)
    for report in ("c1", "c2"):
        await deliver(CallReport(report, asked, 0, "line lost", True, 1.0, 2.0, 0.0), shop, "boise")
    assert len(await shop.open_requests()) == 1
    assert len(await sent(database, "reno")) == 1


async def test_what_was_booked_and_counted_moves_with_the_request_that_is_handed_on(database: Database) -> None:
    def admit(connection: sqlite3.Connection, request: str, attempt: int) -> None:
        bounds.admitted(connection, request, 1000.0, first_contact=True)
        bounds.book(connection, request, attempt, at=1000.0, day="2026-11-03", worst=70)

    shop = Domestic(database, "boise", ("reno",))
    asked = await ask(shop, admit=admit)
    before = await database.read(lambda c: bounds.history(c, CUSTOMER, 1001.0))
    await deliver(CallReport("c1", asked, 0, "line lost", True, 1.0, 2.0, 0.0), shop, "boise")
    (again,) = await shop.open_requests()
    booked = await database.read(lambda c: c.execute("SELECT request, worst, cost FROM booking").fetchall())
    assert booked == [(again.request, 70, None)]
    assert await database.read(lambda c: bounds.spent(c, "2026-11-03").day) == 70
    after = await database.read(lambda c: bounds.history(c, CUSTOMER, 1001.0))
    assert after == before
    assert (after.number_day, after.first_contacts_day) == (1, 1)


async def test_the_customers_calls_follow_the_request_that_was_handed_on(database: Database) -> None:
    shop = Domestic(database, "boise", ("reno",))
    asked = await ask(shop)
    await deliver(CallReport("c1", asked, 0, "line lost", True, 1.0, 2.0, 0.0), shop, "boise")
    (again,) = await sent(database, "reno")
    await deliver(Order("o1", again.id, CUSTOMER.e164, "0016", (OrderLine("25", 1),), 1500.0), shop, "reno")
    rows = [row for row in await database.read(journal.calls) if row.line]
    assert [(row.request, row.orders) for row in rows] == [(again.id, ("0016",))]


@pytest.mark.parametrize("attempt, outcome, final", [(1, "line lost", True), (0, "refused", True), (1, "busy", False)])
async def test_a_request_that_was_dialled_or_refused_is_not_handed_on(
    database: Database, attempt: int, outcome: str, final: bool
) -> None:
    shop = Domestic(database, "boise", ("reno",))
    asked = await ask(shop)
    report = CallReport("c1", asked, attempt, outcome, final, 1.0, 2.0, 0.0)  # type: ignore[arg-type]
    await deliver(report, shop, "boise")
    assert await sent(database, "reno") == []


async def test_a_box_may_not_speak_of_requests_that_another_was_asked_for(database: Database) -> None:
    shop = Domestic(database, "boise", ("reno",))
    asked = await ask(shop)
    with pytest.raises(ValueError, match="reno speaks of a request that it was not asked for"):
        await deliver(CallReport("c1", asked, 0, "line lost", True, 1.0, 2.0, 0.0), shop, "reno")
    assert [each.request for each in await shop.open_requests()] == [asked]


async def test_an_attempt_under_way_is_not_given_back(database: Database) -> None:
    boise = Overseas(database, "tokyo")
    await deliver(CallRequest("r1", CUSTOMER.e164, 1.0, "", "ja"), boise, "tokyo", at=10.0)
    await boise.claim("x", 10.0)
    assert await boise.give_back(since=9e9, at=20.0) == []
    attempt = await boise.dial_intent("r1", "x", 20.0)
    await boise.attempt_ended("r1", attempt, outcome="busy", at=30.0, next_at=40.0)
    assert await boise.give_back(since=9e9, at=50.0) == []


async def test_orders_and_reports_go_to_the_shop_that_asked(database: Database) -> None:
    boise = Overseas(database, "tokyo")
    for name, shop in (("r1", "tokyo"), ("r2", "kyoto")):
        await deliver(CallRequest(name, CUSTOMER.e164, 1.0, "", "ja"), boise, shop, at=10.0)
    for line in "xy":
        claimed = await boise.claim(line, 20.0)
        assert claimed is not None
        attempt = await boise.dial_intent(claimed.request, line, 20.0)
        await boise.confirm_order(claimed.request, attempt, [OrderLine("25", 1)], at=30.0)
        await boise.add_recording(claimed.request, subject="question", sound=b"x", at=30.0)
        await boise.attempt_ended(claimed.request, attempt, outcome="order", at=40.0, next_at=None)
    for name, shop in (("r1", "tokyo"), ("r2", "kyoto")):
        messages = await sent(database, shop)
        assert len(messages) == 3
        assert {message.request for message in messages if not isinstance(message, CallRequest)} == {name}


async def test_boxes_with_prefixes_of_their_own_give_no_order_number_twice(
    database: Database, other: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Domestic(Database.open(tmp_path / "shop.db"), "boise", ("reno",))
    spoken = []
    for store, name, prefix in ((database, "boise", "2"), (other, "reno", "3"), (other, "reno", "2")):
        box, request = Overseas(store, "tokyo", prefix), f"{name}-{prefix}"
        await deliver(CallRequest(request, CUSTOMER.e164, 1000.0, "", "ja"), box, "tokyo")
        assert await box.claim("u", 2000.0)
        attempt = await box.dial_intent(request, "u", 2000.0)
        spoken.append(await box.confirm_order(request, attempt, (OrderLine("25", 1),), at=2000.0))
        (order,) = (each for each in await sent(store, "tokyo") if isinstance(each, Order) and each.request == request)
        await deliver(msgspec.structs.replace(order, order_number=spoken[-1]), shop, name)
    assert [number[:4] for number in spoken] == ["2001", "3001", "2002"]
    assert "was given before" not in caplog.text
    await deliver(msgspec.structs.replace(order, id="another", order_number=spoken[0]), shop, "reno")
    assert "was given before" in caplog.text
    shop.database.close()


async def test_a_caller_whose_request_is_with_a_box_that_is_away_is_told_so_and_no_other_box_is_asked(
    database: Database,
) -> None:
    away: set[str] = set()
    shop = Domestic(database, "boise", ("reno",), away=away.__contains__)
    asked = await ask(shop)
    away.add("boise")
    with pytest.raises(Refused, match="box away: boise has the request"):
        await ask(shop, at=5000.0)
    assert [each.request for each in await shop.open_requests()] == [asked]
    assert await sent(database, "reno") == []
    away.clear()
    assert (await shop.accept(CUSTOMER, line="a", called="", language="ja", at=5001.0)).joined
