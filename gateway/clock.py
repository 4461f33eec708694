"""Time for the daemons and the bench: real, sped up, or jumping.

The event loop's own clock is the only clock that calls are timed by, so ``asyncio.sleep``, ``asyncio.timeout``
and ``loop.time()`` all follow it:

* a box runs at speed 1, where loop time is ``time.monotonic()``;
* the bench runs several processes at, say, speed 10: loop time is ``time.monotonic() * 10`` in each of them, so they
  agree about it without a word (the environment variable ``GATEWAY_SPEED`` hands the speed and its anchor on);
* a test runs on a virtual clock, which jumps to the next timer as soon as nothing is left to do.
"""

import asyncio
import os
import selectors
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

SPEED_VARIABLE = "GATEWAY_SPEED"


@dataclass(frozen=True)
class Pace:
    """How fast bench time runs, and the real moment at which bench time and real time agreed."""

    speed: float = 1.0
    monotonic: float = 0.0
    wall: float = 0.0

    @classmethod
    def begin(cls, speed: float) -> "Pace":
        """A pace that agrees with real time now."""
        return cls(speed, time.monotonic(), time.time())

    @classmethod
    def inherited(cls) -> "Pace":
        """The pace that the parent process set in the environment; speed 1 without one."""
        text = os.environ.get(SPEED_VARIABLE, "")
        return cls(*map(float, text.split("@"))) if text else cls()

    def environment(self) -> dict[str, str]:
        """What to put in a child's environment so that it keeps the same time."""
        return {SPEED_VARIABLE: f"{self.speed!r}@{self.monotonic!r}@{self.wall!r}"}

    def now(self) -> float:
        """Seconds that only ever grow, as ``loop.time()``."""
        return time.monotonic() * self.speed

    def wall_clock(self) -> float:
        """Unix time in seconds; runs ahead of the real one where the bench is sped up."""
        if self.speed == 1.0:
            return time.time()
        return self.wall + (time.monotonic() - self.monotonic) * self.speed


class _PacedSelector(selectors.DefaultSelector):
    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout / self._speed if timeout and timeout > 0 else timeout)


class PacedLoop(asyncio.SelectorEventLoop):
    """An event loop whose seconds are ``1 / speed`` real ones."""

    def __init__(self, pace: Pace) -> None:
        super().__init__(_PacedSelector(pace.speed))
        self.pace = pace

    def time(self) -> float:
        """Loop time, paced."""
        return self.pace.now()

    def wall_clock(self) -> float:
        """Unix time, paced."""
        return self.pace.wall_clock()


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for a timer, moves the clock to it; waits for real while work is under way elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.outside = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or (self.outside and timeout > 0):
            return super().select(0.05 if self.outside else timeout)
        ready = super().select(0)
        if not ready and timeout > 0:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a virtual clock that starts at 0 and jumps from timer to timer."""

    EPOCH = 1_800_000_000.0

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now

    def wall_clock(self) -> float:
        """Unix time, from a fixed epoch."""
        return self.EPOCH + self._jumping.now

    def hold(self, by: int) -> None:
        """Stop (+1) or let go (−1) the clock while another thread works for us."""
        self._jumping.outside += by


def now() -> float:
    """Loop time in seconds, for durations."""
    return asyncio.get_running_loop().time()


def wall_clock() -> float:
    """Unix time in seconds, for records."""
    loop = asyncio.get_running_loop()
    return loop.wall_clock() if isinstance(loop, PacedLoop | VirtualLoop) else time.time()


async def outside(future: "Future[T]") -> T:
    """Await what another thread does; a virtual clock stands still meanwhile."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        return await asyncio.wrap_future(future)
    loop.hold(+1)
    try:
        return await asyncio.wrap_future(future)
    finally:
        loop.hold(-1)


def run(main: Coroutine[Any, Any, T], pace: Pace | None = None) -> T:
    """Run to the end at the given or inherited pace."""
    chosen = pace or Pace.inherited()
    return _run(main, lambda: PacedLoop(chosen))


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a virtual clock (tests)."""
    return _run(main, VirtualLoop)


def _run(main: Coroutine[Any, Any, T], make_loop: Callable[[], asyncio.AbstractEventLoop]) -> T:
    with asyncio.Runner(loop_factory=make_loop) as runner:
        return runner.run(main)
