"""A rig on the clock of its bench: what the machine could not keep up with is tried slower; a fault is not hidden."""

import asyncio
import time
from pathlib import Path

import pytest
from pacing import braked, run_at_a_speed_that_holds

from gateway import clock
from gateway.clock import Pace

pytestmark = pytest.mark.usefixtures("bench_only")


def bench(folder: Path, speed: float = 20.0) -> Pace:
    return Pace.begin(speed, folder / "lag")


@pytest.mark.parametrize("slower", [1.0, 4.0])
def test_the_brake_slows_bench_time_so_many_times(tmp_path: Path, slower: float) -> None:
    pace = bench(tmp_path)
    began, real = pace.now(), time.monotonic()
    with braked(pace, slower):
        time.sleep(0.3)
        passed = (pace.now() - began) / (time.monotonic() - real)
    assert passed == pytest.approx(pace.speed / slower, rel=0.2)


def test_what_fails_of_the_speed_alone_passes_slower(tmp_path: Path) -> None:
    tried: list[float] = []

    async def held_up() -> None:
        real = time.monotonic()
        await asyncio.sleep(2.0)
        tried.append(time.monotonic() - real)
        assert tried[-1] > 0.3, "too fast for this machine"

    with pytest.warns(UserWarning, match="times slower: .*too fast"):
        run_at_a_speed_that_holds(held_up, bench(tmp_path))
    assert len(tried) == 3


def test_a_fault_fails_at_every_speed(tmp_path: Path) -> None:
    tried: list[float] = []

    async def faulty() -> None:
        tried.append(clock.now())
        raise AssertionError("torn")

    with pytest.raises(AssertionError, match="torn"), pytest.warns(UserWarning):
        run_at_a_speed_that_holds(faulty, bench(tmp_path, 6.0))
    assert len(tried) == 3


def test_on_real_lines_a_failure_stands_at_once() -> None:
    tried: list[float] = []

    async def faulty() -> None:
        tried.append(clock.now())
        raise TimeoutError

    with pytest.raises(TimeoutError):
        run_at_a_speed_that_holds(faulty, Pace())
    assert len(tried) == 1
