"""A due request goes to the free line that serves it cheapest, to no more than may call, and to none while stopped."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway import clock
from gateway.calls.queue import FOR_ITS_ROUTE, CallQueue
from gateway.numbers import PhoneNumber
from gateway.protocols.messages import CallRequest
from gateway.store.database import Database
from gateway.store.journal import Overseas


@asynccontextmanager
async def queue(folder: Path, **how: Any) -> AsyncIterator[CallQueue]:
    database = Database.open(folder / "gateway.db")
    try:
        yield CallQueue(Overseas(database, "osaka"), **how)
    finally:
        database.close()


async def ask(one: CallQueue, *requests: str) -> None:
    now = clock.wall_clock()
    for place, request in enumerate(requests):
        message = CallRequest(request, f"+81901234000{place}", now, "", "ja")
        await one.journal.database.write(lambda connection, m=message: one.journal.effect(connection, m, now))
    one.changed()


async def finish(tasks: Collection["asyncio.Task[Any]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def by_alphabet(number: PhoneNumber, lines: Collection[str]) -> str:
    return min(lines)


async def test_of_the_free_lines_the_chosen_one_dials_and_the_next_best_the_next(tmp_path: Path) -> None:
    async with queue(tmp_path, choose=by_alphabet) as one:
        takers = {line: asyncio.create_task(one.take(line)) for line in ("c", "b", "a")}
        await asyncio.sleep(1)
        await ask(one, "first")
        await asyncio.sleep(1)
        assert [line for line, taker in takers.items() if taker.done()] == ["a"]
        await ask(one, "second", "third")
        await asyncio.sleep(1)
        assert all(taker.done() for taker in takers.values())
        assert len({taker.result().request for taker in takers.values()}) == 3


async def test_a_single_free_line_dials_whatever_it_costs(tmp_path: Path) -> None:
    async with queue(tmp_path, choose=by_alphabet) as one:
        await ask(one, "first")
        assert (await one.take("z")).request == "first"


async def test_no_more_calls_at_once_than_allowed(tmp_path: Path) -> None:
    async with queue(tmp_path, max_calls=2) as one:
        takers = [asyncio.create_task(one.take(line)) for line in "abc"]
        await ask(one, "first", "second", "third")
        await asyncio.sleep(30)
        assert sum(taker.done() for taker in takers) == 2
        one.done()
        await asyncio.sleep(1)
        assert all(taker.done() for taker in takers)
        await finish(takers)


async def test_while_stopped_nobody_gets_a_request_and_afterwards_at_once(tmp_path: Path) -> None:
    stopped = [True]
    async with queue(tmp_path, stopped=lambda: bool(stopped)) as one:
        taker = asyncio.create_task(one.take("a"))
        await ask(one, "first")
        await asyncio.sleep(60)
        assert not taker.done()
        stopped.clear()
        await asyncio.sleep(0.5)
        assert taker.result().request == "first"


ROUTES = {"a": "us-dear", "b": "us-cheap", "c": None}


async def ask_for(one: CallQueue, request: str, route: str) -> None:
    now = clock.wall_clock()
    message = CallRequest(request, "+819012340000", now, "", "ja", route)
    await one.journal.database.write(lambda connection: one.journal.effect(connection, message, now))
    one.changed()


async def test_a_line_of_the_route_that_is_asked_for_dials_though_another_would_be_chosen(tmp_path: Path) -> None:
    async with queue(tmp_path, choose=by_alphabet, routes=ROUTES) as one:
        takers = {line: asyncio.create_task(one.take(line)) for line in "abc"}
        await asyncio.sleep(1)
        await ask_for(one, "first", "us-cheap")
        await asyncio.sleep(1)
        assert [line for line, taker in takers.items() if taker.done()] == ["b"]
        await finish(takers.values())


async def test_a_request_waits_a_moment_for_a_line_of_its_route_and_then_takes_any(tmp_path: Path) -> None:
    async with queue(tmp_path, choose=by_alphabet, routes=ROUTES) as one:
        taker = asyncio.create_task(one.take("a"))
        await ask_for(one, "first", "us-cheap")
        await asyncio.sleep(FOR_ITS_ROUTE - 0.5)
        assert not taker.done()
        await asyncio.sleep(1.0)
        assert taker.result().request == "first"


async def test_a_route_that_no_line_has_is_not_waited_for(tmp_path: Path) -> None:
    async with queue(tmp_path, choose=by_alphabet, routes=ROUTES) as one:
        taker = asyncio.create_task(one.take("a"))
        await ask_for(one, "first", "us-unheard-of")
        await asyncio.sleep(0.5)
        assert taker.result().request == "first"
