"""Held, released, settled; and the inbox at the other end."""

import sqlite3

import pytest

from gateway.protocols.messages import CallReport, CallRequest, Message, Recording, decode
from gateway.store import inbox, outbox
from gateway.store.database import Database


def request(name: str) -> CallRequest:
    return CallRequest(name, "+819012345678", 100.0, "", "ja")


def ready(connection: sqlite3.Connection, *, after: int = 0, limit: int = 10) -> list[str]:
    after_each = dict.fromkeys(range(4), after)
    return [message.id for message in outbox.waiting(connection, "osaka", after_each, limit)]


async def test_a_held_message_is_not_sent_before_its_release(database: Database) -> None:
    await database.write(lambda c: outbox.hold(c, "osaka", request("r1"), owner="a", at=1.0))
    assert await database.read(ready) == []
    assert await database.write(lambda c: outbox.release(c, "r1"))
    assert await database.read(ready) == ["r1"]
    assert not await database.write(lambda c: outbox.release(c, "r1"))


async def test_messages_are_counted_in_the_order_of_their_release(database: Database) -> None:
    for name in ("r1", "r2"):
        await database.write(lambda c, name=name: outbox.hold(c, "osaka", request(name), owner="a", at=1.0))
    for name in ("r2", "r1"):
        await database.write(lambda c, name=name: outbox.release(c, name))
    rows = await database.read(lambda c: outbox.waiting(c, "osaka", {0: 0}, 10))
    assert [(row.id, row.sequence) for row in rows] == [("r2", 1), ("r1", 2)]
    assert await database.read(lambda c: ready(c, after=1)) == ["r1"]
    assert decode(rows[0].body) == request("r2")


async def test_urgent_messages_come_before_earlier_large_ones(database: Database) -> None:
    def post(connection: sqlite3.Connection) -> None:
        outbox.post(connection, "osaka", Recording("s1", "r", "", "question", 1.0, 0, 1, b"x"), at=1.0)
        outbox.post(connection, "osaka", CallReport("c1", "r", 1, "busy", False, 1.0, 2.0, 0.0), at=1.0)
        outbox.post(connection, "osaka", request("r1"), at=1.0)

    await database.write(post)
    assert await database.read(ready) == ["r1", "c1", "s1"]
    assert await database.read(lambda c: ready(c, limit=2)) == ["r1", "c1"]


async def test_a_settled_message_is_gone_from_the_queue(database: Database) -> None:
    await database.write(lambda c: outbox.post(c, "osaka", request("r1"), at=1.0))
    assert await database.read(lambda c: outbox.depth(c, "osaka")) == 1
    assert not await database.read(lambda c: outbox.is_settled(c, "r1"))
    await database.write(lambda c: outbox.settle(c, ["r1", "never heard of"], at=2.0))
    assert await database.read(ready) == []
    assert await database.read(lambda c: outbox.is_settled(c, "r1"))
    assert await database.read(lambda c: outbox.depth(c, "osaka")) == 0


async def test_only_what_was_never_sent_can_be_dropped(database: Database) -> None:
    await database.write(lambda c: outbox.hold(c, "osaka", request("r1"), owner="a", at=1.0))
    await database.write(lambda c: outbox.hold(c, "osaka", request("r2"), owner="a", at=1.0))
    await database.write(lambda c: outbox.release(c, "r2"))
    assert await database.write(lambda c: outbox.drop_held(c, "r1"))
    assert not await database.write(lambda c: outbox.drop_held(c, "r2"))
    assert await database.read(ready) == ["r2"]


async def test_a_message_that_the_link_cannot_carry_is_refused_where_it_is_written(database: Database) -> None:
    sound = Recording("s1", "r", "", "question", 1.0, 0, 1, bytes(65_000))
    with pytest.raises(ValueError, match=r"s1 has 65\d+ bytes; the link carries 65000"):
        await database.write(lambda c: outbox.post(c, "osaka", sound, at=1.0))
    assert await database.read(ready) == []


async def test_a_repeated_message_has_its_effect_once(database: Database) -> None:
    applied: list[str] = []

    def effect(connection: sqlite3.Connection, message: Message, at: float) -> None:
        applied.append(message.id)

    taken = [
        await database.write(lambda c: inbox.take(c, "tokyo", 1, request("r1"), at=1.0, effect=effect))
        for _ in range(3)
    ]
    assert taken == [True, False, False]
    assert applied == ["r1"]


async def test_an_effect_that_fails_leaves_the_message_to_come_again(database: Database) -> None:
    def fail(connection: sqlite3.Connection, message: Message, at: float) -> None:
        raise ValueError("not today")

    with pytest.raises(ValueError, match="not today"):
        await database.write(lambda c: inbox.take(c, "tokyo", 1, request("r1"), at=1.0, effect=fail))
    assert await database.write(
        lambda c: inbox.take(c, "tokyo", 1, request("r1"), at=1.0, effect=lambda c, m, at: None)
    )


async def test_the_last_contact_is_remembered(database: Database) -> None:
    assert await database.read(lambda c: inbox.last_heard(c, "osaka")) is None
    for at in (5.0, 65.0):
        await database.write(lambda c, at=at: inbox.heard(c, "osaka", at))
    assert await database.read(lambda c: inbox.last_heard(c, "osaka")) == 65.0
