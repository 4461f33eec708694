"""A rig whose ports are the bench's runs faster than life, as fast as the machine carries; real lines at real speed.

The exchange and the test are two programs on one clock. Where one of them is held up for longer than a modem's buffer
lasts (120 ms: 20 real ones at speed 6), sound is torn, and no line is to blame. So a test that fails there is run again
at half the speed and at a quarter: a fault of a line shows at each of them. On real lines each test runs once.
"""

import threading
import time
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from gateway import clock
from gateway.clock import Pace

SLOWEST = 1.5
"""Times real speed; what fails there has failed."""
LOOK = 0.002
"""Real seconds between two touches of the brake: some 10 ms of a fast bench."""

Test = Callable[[], Coroutine[Any, Any, None]]


def run_at_a_speed_that_holds(test: Test, pace: Pace | None = None) -> None:
    """Run ``test``, and again, ever slower, while it fails and the bench is still faster than ``SLOWEST``."""
    pace = pace or Pace.inherited()
    slower = 1.0
    while True:
        try:
            with braked(pace, slower):
                clock.run(test(), pace)
            return
        except (AssertionError, TimeoutError) as error:
            if pace.speed / slower <= SLOWEST or not pace.lag:
                raise
            slower *= 2
            warnings.warn(f"failed at speed, run again {slower:g} times slower: {error!r:.200}", stacklevel=2)


@contextmanager
def braked(pace: Pace, slower: float) -> Iterator[None]:
    """Bench time passes so many times slower, for every program on it.

    A thread does it, for the brake must not let go while the event loop is held up.
    """
    released = threading.Event()

    def hold() -> None:
        seen = time.monotonic()
        while not released.wait(LOOK):
            now = time.monotonic()
            pace.hold_back((now - seen) * pace.speed * (1 - 1 / slower))
            seen = now

    thread = threading.Thread(target=hold, name="brake", daemon=True)
    if slower > 1.0:
        thread.start()
    try:
        yield
    finally:
        released.set()
        if thread.is_alive():
            thread.join()
