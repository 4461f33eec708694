"""What an overseas box says of its free lines, and what it gives back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway import clock
from gateway.calls.queue import CallQueue
from gateway.calls.vacancies import Vacancies
from gateway.protocols.messages import CallReport, CallRequest, decode
from gateway.store import outbox
from gateway.store.database import Database
from gateway.store.journal import Overseas


@asynccontextmanager
async def watched(folder: Path, give_back: float | None = None, stopped: bool = False) -> AsyncIterator[Vacancies]:
    database = Database.open(folder / "gateway.db")
    journal = Overseas(database, "osaka")
    vacancies = Vacancies(CallQueue(journal, lambda: stopped), journal, give_back)
    watching = asyncio.create_task(vacancies.watch())
    try:
        yield vacancies
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        database.close()


async def ask(vacancies: Vacancies, request: str) -> None:
    journal, now = vacancies.journal, clock.wall_clock()
    message = CallRequest(request, "+819012345678", now, "", "ja")
    await journal.database.write(lambda connection: journal.effect(connection, message, now))
    vacancies.queue.changed()


async def given_back(vacancies: Vacancies) -> list[str]:
    rows = await vacancies.journal.database.read(lambda c: outbox.waiting(c, "osaka", {2: 0}, 100))
    reports = [decode(row.body) for row in rows]
    return [each.request for each in reports if isinstance(each, CallReport) and each.outcome == "line lost"]


async def test_free_lines_are_counted_and_waiting_requests_count_against_them(tmp_path: Path) -> None:
    async with watched(tmp_path) as vacancies:
        lines = [asyncio.create_task(vacancies.queue.take(line)) for line in "ab"]
        await asyncio.sleep(2)
        assert vacancies.free_lines == 2
        for request in ("r1", "r2", "r3", "r4", "r5"):
            await ask(vacancies, request)
        await asyncio.sleep(2)
        assert [line.done() for line in lines] == [True, True]
        assert vacancies.free_lines == -3


async def test_while_stopped_no_line_is_free_and_nothing_is_given_back(tmp_path: Path) -> None:
    async with watched(tmp_path, give_back=10.0, stopped=True) as vacancies:
        line = asyncio.create_task(vacancies.queue.take("a"))
        await ask(vacancies, "r1")
        await asyncio.sleep(60)
        assert vacancies.free_lines == 0
        assert await given_back(vacancies) == []
        line.cancel()


async def test_what_no_line_came_free_for_in_time_is_given_back(tmp_path: Path) -> None:
    async with watched(tmp_path, give_back=30.0) as vacancies:
        await asyncio.sleep(20)
        await ask(vacancies, "r1")
        await asyncio.sleep(29)
        await ask(vacancies, "r2")
        assert await given_back(vacancies) == []
        await asyncio.sleep(5)
        assert await given_back(vacancies) == ["r1"]
        await asyncio.sleep(30)
        assert await given_back(vacancies) == ["r1", "r2"]


async def test_a_box_that_comes_back_after_long_has_as_long_as_any_to_serve_what_it_finds(tmp_path: Path) -> None:
    async with watched(tmp_path, give_back=30.0) as vacancies:
        await ask(vacancies, "r1")
    await asyncio.sleep(1000)
    async with watched(tmp_path, give_back=30.0) as vacancies:
        await asyncio.sleep(29)
        assert await given_back(vacancies) == []
        taken = await vacancies.queue.take("a")
        assert taken.request == "r1"


async def test_without_the_setting_nothing_is_ever_given_back(tmp_path: Path) -> None:
    async with watched(tmp_path) as vacancies:
        await ask(vacancies, "r1")
        await asyncio.sleep(5000)
        assert await given_back(vacancies) == []
