"""Numbers that are forgotten, by age or because somebody asks for it."""

import math
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.store import store as command
from gateway.errors import GatewayError
from gateway.numbers import PhoneNumber, Withheld
from gateway.protocols.messages import CallReport, CallRequest, Message, Order, OrderLine, Recording
from gateway.store import inbox, journal, outbox, retention
from gateway.store.database import Database
from gateway.store.journal import Domestic, Overseas

CUSTOMER, OTHER = PhoneNumber("+819012345678"), PhoneNumber("+819011112222")
NOW = 1_800_000_000.0
DAY = 86400.0


@pytest.fixture
def domestic(database: Database) -> Domestic:
    return Domestic(database, "osaka")


async def take(domestic: Domestic, *messages: Message, at: float) -> None:
    for message in messages:
        await domestic.database.write(
            lambda c, message=message: inbox.take(c, "osaka", 1, message, at=at, effect=domestic.effect)
        )


def all_before(at: float) -> retention.Limits:
    return retention.Limits(calls=at, recordings=at, orders=at)


async def served(domestic: Domestic, number: PhoneNumber, at: float) -> str:
    """A customer with everything: two calls, an order, a recording, a final report."""
    accepted = await domestic.accept(number, line="a", called="", language="ja", at=at)
    await domestic.accept(number, line="a", called="", language="ja", at=at + 1)
    await domestic.release(accepted.request)
    await domestic.database.write(lambda c: outbox.settle(c, [accepted.request], at=at))
    name = accepted.request
    await take(
        domestic,
        Order(f"o{name}", name, number.e164, "0016", (OrderLine("25", 2),), at),
        Recording(f"s{name}", name, number.e164, "question", at, 0, 1, b"hello"),
        CallReport(f"c{name}", name, 1, "order", True, at, at, 60.0),
        at=at,
    )
    return name


def dump(database: Database) -> str:
    """Whatever text the store holds."""

    def everything(connection: object) -> str:
        return "\n".join(connection.iterdump())  # type: ignore[attr-defined]

    return database.write_blocking(everything)


async def test_what_is_old_no_longer_names_anybody_and_what_is_new_does(domestic: Domestic) -> None:
    await served(domestic, CUSTOMER, NOW - 100 * DAY)
    await served(domestic, OTHER, NOW - 10 * DAY)
    await domestic.record_refused(line="a", caller=CUSTOMER, reason="region", at=NOW - 100 * DAY)
    done = await domestic.database.write(lambda c: retention.forget(c, all_before(NOW - 90 * DAY)))
    assert (done.rows, done.recordings) == (5, 1)
    text = dump(domestic.database)
    assert CUSTOMER.e164 not in text
    assert CUSTOMER.e164.encode().hex() not in text.lower()
    rows = await domestic.database.read(journal.calls)
    assert [row.number for row in rows] == [OTHER, OTHER, None, None, None]
    assert [row.outcome for row in rows if row.request] == ["order"] * 4
    assert len(await domestic.recordings()) == 1


@pytest.mark.parametrize("kind, stays", [("calls", {"request", "call"}), ("orders", {"orders"}), ("recordings", set())])
async def test_each_kind_has_a_time_of_its_own_and_minus_infinity_keeps_it(
    domestic: Domestic, kind: str, stays: set[str]
) -> None:
    await served(domestic, CUSTOMER, NOW - 100 * DAY)
    limits = dict.fromkeys(("calls", "recordings", "orders"), NOW) | {kind: -math.inf}
    await domestic.database.write(lambda c: retention.forget(c, retention.Limits(**limits)))

    def named(connection: sqlite3.Connection) -> set[str]:
        tables = ("request", "call", "orders")
        return {t for t in tables if connection.execute(f"SELECT 1 FROM {t} WHERE number IS NOT NULL").fetchone()}

    assert await domestic.database.read(named) == stays
    assert len(await domestic.recordings()) == (kind == "recordings")


async def test_a_few_at_a_time_come_to_the_same_as_all_at_once(domestic: Domestic) -> None:
    for each in range(5):
        await served(domestic, PhoneNumber(f"+8190123400{each:02}"), NOW - 100 * DAY)
    found = []
    while not found or found[-1].rows or found[-1].recordings or found[-1].traces:
        found.append(await domestic.database.write(lambda c: retention.forget(c, all_before(NOW), at_most=2)))
    assert (sum(each.rows for each in found), sum(each.recordings for each in found)) == (20, 5)
    assert len(found) == 9, "two of 15 ids at a time, and one look more"
    assert "+8190123400" not in dump(domestic.database)


async def test_a_request_that_is_still_owed_is_not_forgotten_however_old(domestic: Domestic) -> None:
    await domestic.accept(CUSTOMER, line="a", called="", language="ja", at=NOW - 100 * DAY)
    await domestic.database.write(lambda c: retention.forget(c, all_before(NOW)))
    assert [each.number for each in await domestic.open_requests()] == [CUSTOMER]


async def test_erasing_a_number_leaves_nothing_of_it_and_all_of_the_others(domestic: Domestic) -> None:
    await served(domestic, CUSTOMER, NOW - 2 * DAY)
    await served(domestic, OTHER, NOW - 2 * DAY)
    await domestic.record_refused(line="a", caller=CUSTOMER, reason="rate", at=NOW)
    await domestic.record_refused(line="a", caller=Withheld("P"), reason="withheld", at=NOW)
    done = await domestic.database.write(lambda c: retention.erase(c, CUSTOMER, NOW))
    assert (done.recordings, done.waiting, done.calling) == (1, 0, 0)
    text = dump(domestic.database)
    assert CUSTOMER.e164 not in text and CUSTOMER.e164.encode().hex() not in text.lower()
    assert OTHER.e164 in text


async def test_erasing_the_number_of_a_held_request_withdraws_it(domestic: Domestic) -> None:
    accepted = await domestic.accept(CUSTOMER, line="a", called="", language="ja", at=NOW)
    await domestic.database.write(lambda c: retention.erase(c, CUSTOMER, NOW))
    assert not await domestic.release(accepted.request)
    assert await domestic.open_requests() == []
    assert CUSTOMER.e164 not in dump(domestic.database)


async def test_a_number_on_its_way_to_the_other_box_is_told_of(domestic: Domestic) -> None:
    accepted = await domestic.accept(CUSTOMER, line="a", called="", language="ja", at=NOW)
    await domestic.release(accepted.request)
    assert (await domestic.database.write(lambda c: retention.erase(c, CUSTOMER, NOW))).waiting == 1
    await domestic.database.write(lambda c: outbox.settle(c, [accepted.request], at=NOW))
    assert (await domestic.database.write(lambda c: retention.erase(c, CUSTOMER, NOW))).waiting == 0
    assert CUSTOMER.e164 not in dump(domestic.database)


async def test_an_erased_number_is_not_dialled_and_one_that_is_being_dialled_is_told_of(database: Database) -> None:
    overseas = Overseas(database, "tokyo")

    async def ask(name: str) -> None:
        request = CallRequest(name, CUSTOMER.e164, NOW, "", "ja")
        await database.write(lambda c: inbox.take(c, "tokyo", 1, request, at=NOW, effect=overseas.effect))

    await ask("r1")
    await overseas.claim("x", NOW)
    await ask("r2")
    assert (await database.write(lambda c: retention.erase(c, CUSTOMER, NOW))).calling == 1
    assert await overseas.claim("y", NOW) is None
    attempt = await overseas.dial_intent("r1", "x", NOW)
    await overseas.attempt_ended("r1", attempt, outcome="talked", at=NOW, next_at=None)
    assert (await database.write(lambda c: retention.erase(c, CUSTOMER, NOW))).calling == 0
    assert CUSTOMER.e164 not in dump(database)


async def test_a_number_is_erased_from_the_command_line_while_the_daemon_runs(domestic: Domestic) -> None:
    await served(domestic, CUSTOMER, NOW)
    path = str(domestic.database.path)
    done = CliRunner().invoke(command, ["erase", CUSTOMER.e164, "--store", path])
    assert done.exit_code == 0, done.output
    assert done.output == "5 rows no longer name it, 1 recordings deleted\n"
    for file in Path(path).parent.iterdir():
        assert CUSTOMER.e164.encode() not in file.read_bytes(), file


@pytest.mark.parametrize("number", ["09012345678", "+81", "hello"])
def test_a_number_that_is_none_is_named(database: Database, number: str) -> None:
    done = CliRunner().invoke(command, ["erase", number, "--store", str(database.path)])
    assert isinstance(done.exception, GatewayError)
    assert number in str(done.exception) and "country code" in str(done.exception)


async def test_old_numbers_are_dropped_from_the_command_line(domestic: Domestic) -> None:
    await served(domestic, CUSTOMER, 1_000_000.0)
    done = CliRunner().invoke(command, ["forget", "--older-than", "30", "--store", str(domestic.database.path)])
    assert done.output == "4 rows no longer name anybody, 1 recordings deleted\n"
