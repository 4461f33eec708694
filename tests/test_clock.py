"""Loop time is the only clock, whether real, sped up or jumping."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway import clock
from gateway.clock import Pace, VirtualLoop


async def test_virtual_hours_pass_at_once() -> None:
    real = time.monotonic()
    begun, wall = clock.now(), clock.wall_clock()
    await asyncio.sleep(3600)
    assert clock.now() - begun == 3600
    assert clock.wall_clock() - wall == 3600
    assert time.monotonic() - real < 5


async def test_virtual_time_stands_still_while_another_thread_works() -> None:
    with ThreadPoolExecutor(1) as pool:
        ticks = asyncio.create_task(asyncio.sleep(1000))
        begun = clock.now()
        await clock.outside(pool.submit(time.sleep, 0.05))
        assert clock.now() == begun
        ticks.cancel()


async def test_timers_fire_in_order() -> None:
    fired: list[float] = []
    loop = asyncio.get_running_loop()
    for delay in (3.0, 1.0, 2.0):
        loop.call_later(delay, fired.append, delay)
    await asyncio.sleep(5)
    assert fired == [1.0, 2.0, 3.0]


def test_at_speed_a_hundred_a_minute_passes_within_a_second() -> None:
    async def minute() -> float:
        begun = clock.wall_clock()
        await asyncio.sleep(60)
        return clock.wall_clock() - begun

    assert clock.run(minute(), Pace.begin(100)) >= 60


def test_a_child_process_keeps_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pace = Pace.begin(10, tmp_path / "lag")
    for name, value in pace.environment().items():
        monkeypatch.setenv(name, value)
    child = Pace.inherited()
    assert child == pace
    assert abs(child.wall_clock() - pace.wall_clock()) < 0.5
    pace.hold_back(100.0)
    assert abs(child.now() - pace.now()) < 0.5


def test_who_is_late_holds_bench_time_back_for_all(tmp_path: Path) -> None:
    pace = Pace.begin(100, tmp_path / "lag")
    other = Pace(pace.speed, pace.monotonic, pace.wall, pace.lag)

    async def slow() -> list[float]:
        ticks = []
        for _ in range(5):
            await asyncio.sleep(0.02)
            ticks.append(clock.now())
            time.sleep(0.01)  # noqa: ASYNC251  a second of bench time in which nothing could be done
        return ticks

    ticks = clock.run(slow(), pace)
    assert ticks == sorted(ticks)
    assert time.monotonic() * 100 - other.now() > 3, "of the five seconds that nobody could use"


def test_each_virtual_loop_begins_at_nought() -> None:
    for _ in range(2):
        loop = VirtualLoop()
        assert loop.time() == 0
        loop.close()
