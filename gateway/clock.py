"""Time for the daemons and the bench: real, sped up, or jumping.

The event loop's own clock is the only clock that calls are timed by, so ``asyncio.sleep``, ``asyncio.timeout``
and ``loop.time()`` all follow it:

* a box runs at speed 1, where loop time is ``time.monotonic()``;
* the bench runs several processes at, say, speed 10: loop time is ``time.monotonic() * 10`` in each of them, so they
  agree about it without a word (the environment variable ``GATEWAY_SPEED`` hands the speed and its anchor on), and
  which of them is too slow holds time back for all;
* a test runs on a virtual clock, which jumps to the next timer as soon as nothing is left to do.
"""

import asyncio
import math
import mmap
import os
import selectors
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

SPEED_VARIABLE = "GATEWAY_SPEED"


class Lag:
    """Seconds by which bench time has been held back, shared through a small file by every process of a bench."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._seconds = memoryview(mmap.mmap(file.fileno(), 8)).cast("d")

    @property
    def seconds(self) -> float:
        """All of it so far."""
        return self._seconds[0]

    def grow(self, seconds: float) -> None:
        """Hold bench time back. Should two processes do so at once, one of them is heard: both were late together."""
        self._seconds[0] += seconds


@dataclass(frozen=True)
class Pace:
    """How fast bench time runs, and the real moment at which bench time and real time agreed.

    With a ``lag`` file it is as fast as the machine allows: a process that comes too late for its own timers holds
    bench time back for all of them, as if nothing had happened meanwhile.
    """

    speed: float = 1.0
    monotonic: float = 0.0
    wall: float = 0.0
    lag: str = ""

    @classmethod
    def begin(cls, speed: float, lag: Path | None = None) -> "Pace":
        """A pace that agrees with real time now."""
        return cls(speed, time.monotonic(), time.time(), "" if lag is None else str(lag))

    @classmethod
    def inherited(cls) -> "Pace":
        """The pace that the parent process set in the environment; speed 1 without one."""
        text = os.environ.get(SPEED_VARIABLE, "")
        if not text:
            return cls()
        speed, monotonic, wall, lag = text.split("@", 3)
        return cls(float(speed), float(monotonic), float(wall), lag)

    def environment(self) -> dict[str, str]:
        """What to put in a child's environment so that it keeps the same time."""
        return {SPEED_VARIABLE: f"{self.speed!r}@{self.monotonic!r}@{self.wall!r}@{self.lag}"}

    def now(self) -> float:
        """Bench seconds, as ``loop.time()``."""
        held_back = self._lag.seconds if self._lag is not None else 0.0
        return time.monotonic() * self.speed - held_back

    def wall_clock(self) -> float:
        """Unix time in seconds; runs ahead of the real one where the bench is sped up."""
        if self.speed == 1.0:
            return time.time()
        return self.wall + self.now() - self.monotonic * self.speed

    def hold_back(self, seconds: float) -> None:
        """We are so late: let bench time stand still for as long. At real speed nothing can be held back."""
        if self._lag is not None:
            self._lag.grow(seconds)

    @cached_property
    def _lag(self) -> Lag | None:
        return Lag(Path(self.lag)) if self.lag and self.speed != 1.0 else None


class _PacedSelector(selectors.DefaultSelector):
    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout / self._speed if timeout and timeout > 0 else timeout)


class PacedLoop(asyncio.SelectorEventLoop):
    """An event loop whose seconds are ``1 / speed`` real ones, or longer where the machine is too slow."""

    BEAT = 0.02
    """Bench seconds between two looks at how late we are."""
    TOLERANCE = 0.03
    """Bench seconds that may be late without anybody's being harmed."""

    def __init__(self, pace: Pace) -> None:
        super().__init__(_PacedSelector(pace.speed))
        self.pace = pace
        self._latest = -math.inf
        if pace.lag:
            self.call_soon(self._beat, pace.now())

    def time(self) -> float:
        """Loop time, paced; it stands still rather than going back when somebody holds bench time back."""
        self._latest = max(self._latest, self.pace.now())
        return self._latest

    def wall_clock(self) -> float:
        """Unix time, paced."""
        return self.pace.wall_clock()

    def _beat(self, due: float) -> None:
        late = self.pace.now() - due
        if late > self.TOLERANCE:
            self.pace.hold_back(late)
        due = self.time() + self.BEAT
        self.call_at(due, self._beat, due)


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
