"""What names a person is dropped every day, at a quiet hour, once it is older than ``[retention]`` says.

Also ten minutes after the start, for a box that never runs at night. A clock that is set meanwhile (a box without a
battery for it, before it has the time from the network) begins those ten minutes anew: what a clock ahead of its time
would drop does not come back.
"""

import asyncio
import logging
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway import clock
from gateway.calls.least_cost import zone_of
from gateway.errors import StoreError
from gateway.settings import RetentionSettings, Settings
from gateway.store.database import Database
from gateway.store.retention import Limits, forget

log = logging.getLogger(__name__)

SETTLED = 600.0
SLICE = 600.0
STEP = 60.0
AGAIN = 3600.0
PAUSE = 0.2
"""Seconds: from the start, or the clock's being set, to the first time; between two looks at the clock; what it must
differ by to have been set; until another try, the store having failed; between two goes of ``AT_ONCE`` rows."""

AT_ONCE = 500
LOG_TRIES = 50
DAY = 86400.0


async def forget_daily(settings: Settings, database: Database) -> None:
    """Until cancelled. Raises ``SettingsError`` where the box's time zone is none."""
    zone = zone_of(settings)
    due = clock.wall_clock() + SETTLED
    while True:
        while (left := due - clock.wall_clock()) > 0:
            if not await _steady_for(min(left, SLICE)):
                due = clock.wall_clock() + SETTLED
        try:
            await _forget(settings.retention, database)
            due = next_time(clock.wall_clock(), settings.retention.at, zone)
        except StoreError as error:
            log.error("retention: %s", error)
            due = clock.wall_clock() + AGAIN


def next_time(now: float, at: str, zone: ZoneInfo) -> float:
    """The next Unix time after ``now`` at which clocks in ``zone`` show ``at`` ("03:30")."""
    here = datetime.fromtimestamp(now, zone)
    then = datetime.combine(here.date(), time.fromisoformat(at), zone)
    return (then if then > here else datetime.combine(here.date() + timedelta(days=1), then.timetz())).timestamp()


def limits(settings: RetentionSettings, now: float) -> Limits:
    """What is to go at ``now``."""

    def before(days: int) -> float:
        return now - days * DAY if days else float("-inf")

    return Limits(before(settings.calls), before(settings.recordings), before(settings.orders))


async def _forget(settings: RetentionSettings, database: Database) -> None:
    before, rows, recordings = limits(settings, clock.wall_clock()), 0, 0
    while True:
        done = await database.write(lambda connection: forget(connection, before, at_most=AT_ONCE))
        if not (done.rows or done.recordings or done.traces):
            break
        rows, recordings = rows + done.rows, recordings + done.recordings
        await asyncio.sleep(PAUSE)
    if rows or recordings:
        log.info("retention: %d rows no longer name anybody, %d recordings deleted", rows, recordings)
    for _ in range(LOG_TRIES):
        if await database.empty_log():
            break
        await asyncio.sleep(PAUSE)


async def _steady_for(seconds: float) -> bool:
    """Wait; false if the clock was set meanwhile."""
    began, showed = clock.now(), clock.wall_clock()
    await asyncio.sleep(seconds)
    return abs((clock.wall_clock() - showed) - (clock.now() - began)) < STEP
