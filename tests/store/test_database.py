"""One file, many writers: what is kept, what is refused, and what callers are told."""

import asyncio
import os
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.store import migrations
from gateway.store.database import Database, connect, read_only


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "gateway.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = Database.open(path)
    yield opened
    opened.close()


def count(name: str, value: int = 1) -> "object":
    return lambda connection: connection.execute("INSERT INTO counter VALUES (?, ?)", (name, value)).rowcount


def names(path: Path) -> list[str]:
    with read_only(path) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM counter ORDER BY name")]


async def test_what_was_written_is_on_disk_for_everybody_when_write_returns(database: Database, path: Path) -> None:
    assert await database.write(count("a")) == 1
    assert names(path) == ["a"]
    assert await database.read(lambda connection: connection.execute("SELECT name FROM counter").fetchall()) == [("a",)]


def test_durability_is_set_as_promised(database: Database) -> None:
    def pragmas(connection: sqlite3.Connection) -> list[object]:
        wanted = ("journal_mode", "synchronous", "foreign_keys")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted]

    assert database.write_blocking(pragmas) == ["wal", 2, 1]


async def test_writers_that_wait_share_one_commit(database: Database) -> None:
    commits: list[None] = []
    database.listen(lambda: commits.append(None))
    blocked, go = threading.Event(), threading.Event()

    def block(connection: sqlite3.Connection) -> None:
        blocked.set()
        go.wait(5)

    first = asyncio.ensure_future(database.write(block))
    await asyncio.to_thread(blocked.wait, 5)
    rest = [asyncio.ensure_future(database.write(count(f"n{each:02}"))) for each in range(20)]
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(first, *rest)
    assert len(commits) == 2


async def test_work_that_fails_takes_back_itself_and_nobody_else(database: Database, path: Path) -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO counter VALUES ('half', 1)")
        raise ValueError("changed my mind")

    good, bad, also_good, twice = await asyncio.gather(
        *(database.write(work) for work in (count("a"), half, count("b"), count("a"))), return_exceptions=True
    )
    assert (good, also_good) == (1, 1)
    assert isinstance(bad, ValueError)
    assert isinstance(twice, sqlite3.IntegrityError)
    assert names(path) == ["a", "b"]


async def test_marks_that_are_written_later_ride_along_with_the_next_commit(database: Database, path: Path) -> None:
    database.write_later(count("mark"))
    assert names(path) == []
    await database.write(count("work"))
    assert names(path) == ["mark", "work"]


@pytest.mark.parametrize("end", [Database.flush, Database.close])
def test_marks_that_nobody_took_along_are_written_by_flush_and_close(
    database: Database, path: Path, end: Callable[[Database], None]
) -> None:
    database.write_later(count("alone"))
    end(database)
    assert names(path) == ["alone"]


def test_a_quiet_write_tells_listeners_only_of_the_work_of_others(database: Database) -> None:
    told: list[None] = []
    database.listen(lambda: told.append(None))
    database.write_blocking(count("a"), quiet=True)
    assert told == []
    database.write_blocking(count("b"))
    assert told == [None]
    jobs = iter([count("d")])

    def slow(connection: sqlite3.Connection) -> None:
        threading.Thread(target=lambda: database.submit(next(jobs))).start()

    database.write_blocking(slow, quiet=True)
    database.submit(count("e")).result()
    assert len(told) >= 2


def test_threads_write_too_and_none_is_lost(database: Database, path: Path) -> None:
    def write(name: str) -> None:
        for each in range(20):
            database.write_blocking(count(f"{name}{each:02}"))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(path)) == 80


async def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(StoreError, match="can't be written"):
        await database.read(count("a"))


async def test_a_closed_store_says_so(database: Database) -> None:
    database.close()
    with pytest.raises(StoreError, match="closed"):
        await database.write(count("a"))


def test_a_second_daemon_is_kept_out(database: Database, path: Path) -> None:
    with pytest.raises(StoreError, match=r"gateway\.db: another gateway process has it open; stop that one first"):
        Database.open(path)


def test_a_store_can_be_opened_again_after_it_was_closed(path: Path) -> None:
    for each in ("a", "b"):
        opened = Database.open(path)
        opened.write_blocking(count(each))
        opened.close()
    assert names(path) == ["a", "b"]


def test_others_cannot_read_the_store(database: Database, path: Path) -> None:
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_file_that_is_no_database_is_named_with_the_remedy(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("a letter to the editor\n" * 100)
    with pytest.raises(StoreError, match=r"gateway\.db: damaged .*put a backup in its place"):
        Database.open(path)
    assert path.read_text().startswith("a letter"), "nothing of it was touched"


def test_a_damaged_page_is_found_at_start(path: Path) -> None:
    opened = Database.open(path)
    for each in range(300):
        opened.submit(count(f"{each:04}" * 20))
    opened.close()
    with path.open("r+b") as file:
        root = page_of(path, "counter")
        file.seek(root * 4096 + 8)
        file.write(os.urandom(2000))
    with pytest.raises(StoreError, match="damaged"):
        Database.open(path)


def page_of(path: Path, table: str) -> int:
    connection = connect(path, read_only=True)
    root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    connection.close()
    return int(root) - 1


def test_a_store_of_a_newer_gateway_is_left_alone(path: Path) -> None:
    Database.open(path).close()
    connection = connect(path, read_only=False)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match=r"written by a newer gateway \(schema 99"):
        Database.open(path)


def test_somebody_elses_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE album (title TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="not a gateway's store"):
        Database.open(path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="data"):
        Database.open(tmp_path / "data" / "gateway.db")


def test_looking_into_a_store_that_is_not_there_makes_none(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store there"), read_only(tmp_path / "gateway.db"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_schema_file_that_fails_leaves_the_version_before_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = migrations.scripts()
    bad = good | {max(good) + 1: "CREATE TABLE half (x); CREATE TABLE half (x);"}
    monkeypatch.setattr(migrations, "scripts", lambda: bad)
    with pytest.raises(StoreError):
        Database.open(path)
    connection = connect(path, read_only=True)
    assert connection.execute("PRAGMA user_version").fetchone() == (max(good),)
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone() == (0,)
    connection.close()


FILL = """
import resource, signal, sys
from pathlib import Path
from gateway.errors import StoreError
from gateway.store.database import Database

database = Database.open(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
kept = 0
while True:
    rows = [(f"{kept + k:06}" + "x" * 5000,) for k in range(3)]
    jobs = [database.submit(lambda c, row=row: c.execute("INSERT INTO counter VALUES (?, 1)", row)) for row in rows]
    failed = [job.exception() for job in jobs]
    if any(failed):
        assert all(isinstance(error, StoreError) for error in failed), failed
        break
    kept += 3
try:
    database.write_blocking(lambda c: c.execute("INSERT INTO counter VALUES ('y', 1)") and [][1])
except (StoreError, IndexError):
    pass
read = database._reading.submit(lambda: database._reader.execute("SELECT count(*) FROM counter").fetchone()[0]).result()
print(kept, read, failed[0])
database.close()
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no RLIMIT_FSIZE on this system")
def test_a_full_disk_is_told_to_every_caller_of_the_commit_and_nothing_of_it_is_kept(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FILL, str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    kept, seen, message = done.stdout.split(maxsplit=2)
    assert int(kept) > 0
    assert kept == seen
    assert str(path) in message
    reopened = Database.open(path)
    reopened.write_blocking(count("afterwards"))
    reopened.close()
    assert len(names(path)) == int(kept) + 1
