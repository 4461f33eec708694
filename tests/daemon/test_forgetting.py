"""Every day at a quiet hour what is old no longer names anybody."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway import clock
from gateway.daemon.forgetting import DAY, SETTLED, forget_daily, limits, next_time
from gateway.numbers import PhoneNumber
from gateway.settings import RetentionSettings, Settings, load
from gateway.store.database import Database
from gateway.store.journal import Domestic

TOKYO = ZoneInfo("Asia/Tokyo")
CUSTOMER = PhoneNumber("+819012345678")

BOX = """
role = "domestic"
name = "osaka"
data = "data"
[[line]]
name = "a"
port = "p"
model = "usr5637"
number = "+81612345678"
[retention]
calls = 30
[link]
peer = "seattle"
[[link.route]]
name = "n"
connect = "tcp://127.0.0.1:1"
"""


def settings_in(folder: Path) -> Settings:
    (folder / "gateway.toml").write_text(BOX, encoding="utf-8")
    return load(folder / "gateway.toml")


@contextlib.asynccontextmanager
async def forgetting(folder: Path) -> AsyncIterator[Domestic]:
    settings = settings_in(folder)
    with contextlib.closing(Database.open(settings.store)) as database:
        task = asyncio.create_task(forget_daily(settings, database))
        try:
            yield Domestic(database, "seattle")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def refused(journal: Domestic, days_ago: float) -> None:
    at = clock.wall_clock() - days_ago * DAY
    await journal.record_refused(line="a", caller=CUSTOMER, reason="region", at=at)


async def numbers(journal: Domestic) -> int:
    return await journal.database.read(
        lambda c: int(c.execute("SELECT count(*) FROM call WHERE number IS NOT NULL").fetchone()[0])
    )


async def test_what_is_old_is_forgotten_soon_after_the_start_and_the_log_holds_nothing_of_it(tmp_path: Path) -> None:
    async with forgetting(tmp_path) as journal:
        await refused(journal, 31)
        await refused(journal, 29)
        await asyncio.sleep(SETTLED - 1)
        assert await numbers(journal) == 2
        await asyncio.sleep(5)
        assert await numbers(journal) == 1
        assert journal.database.path.with_name("gateway.db-wal").stat().st_size == 0


async def test_what_gets_old_is_forgotten_the_next_night_at_half_past_three(tmp_path: Path) -> None:
    async with forgetting(tmp_path) as journal:
        await asyncio.sleep(SETTLED + 5)
        await refused(journal, 30)
        night = next_time(clock.wall_clock(), "03:30", TOKYO)
        await asyncio.sleep(night - clock.wall_clock() - 1)
        assert await numbers(journal) == 1
        await asyncio.sleep(10)
        assert await numbers(journal) == 0


async def test_a_clock_that_was_ahead_of_its_time_makes_nobody_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = clock.wall_clock
    ahead = 10_000 * DAY
    monkeypatch.setattr(clock, "wall_clock", lambda: true() + ahead)
    async with forgetting(tmp_path) as journal:
        await journal.record_refused(line="a", caller=CUSTOMER, reason="region", at=true())
        await asyncio.sleep(SETTLED / 2)
        assert await numbers(journal) == 1
        monkeypatch.setattr(clock, "wall_clock", true)
        await refused(journal, 31)
        await asyncio.sleep(SETTLED / 2 + 10)
        assert await numbers(journal) == 2, "the ten minutes begin anew"
        await asyncio.sleep(SETTLED)
        assert await numbers(journal) == 1, "and after them what is really old goes"


async def test_a_store_that_fails_is_asked_again_within_the_hour(tmp_path: Path) -> None:
    async with forgetting(tmp_path) as journal:
        await refused(journal, 31)
        journal.database._writer.execute("PRAGMA query_only = ON")  # as a file system that went read-only
        await asyncio.sleep(SETTLED + 5)
        journal.database._writer.execute("PRAGMA query_only = OFF")
        assert await numbers(journal) == 1
        await asyncio.sleep(3600)
        assert await numbers(journal) == 0


@pytest.mark.parametrize(
    "now, then",
    [
        ("2026-11-03 03:29", "2026-11-03 03:30"),
        ("2026-11-03 03:30", "2026-11-04 03:30"),
        ("2026-12-31 23:00", "2027-01-01 03:30"),
    ],
)
def test_the_quiet_hour_is_that_of_the_box(now: str, then: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=TOKYO).timestamp()
    assert datetime.fromtimestamp(next_time(moment, "03:30", TOKYO), TOKYO).strftime("%Y-%m-%d %H:%M") == then


def test_the_night_of_summer_time_has_its_quiet_hour_too() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    moment = datetime(2026, 3, 28, 12, tzinfo=berlin).timestamp()
    assert datetime.fromtimestamp(next_time(moment, "03:30", berlin), berlin).isoformat() == "2026-03-29T03:30:00+02:00"


def test_zero_days_are_for_ever() -> None:
    kept = limits(RetentionSettings(calls=0, recordings=1, orders=0), 1_000_000.0)
    assert (kept.calls, kept.recordings, kept.orders) == (float("-inf"), 1_000_000.0 - DAY, float("-inf"))
