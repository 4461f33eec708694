"""Hands due requests to free lines, each to one line only.

It goes to the line that serves the number cheapest now; where the request names a route of the rate deck, to one of
that route, for which it waits a moment.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from gateway import clock
from gateway.calls.panic import LOOK
from gateway.numbers import PhoneNumber
from gateway.store.journal import Claimed, Overseas

LONGEST_WAIT = 60.0
"""Seconds until the store is asked again although nobody called ``changed`` (a belt beside the braces)."""

FOR_ITS_ROUTE = 2.0
"""Seconds that a request waits for a line of the route that it names, while others are free."""

Choose = Callable[[PhoneNumber, Collection[str]], str]
"""``choose(number, lines)``: which of the free lines is to dial it."""


@dataclass
class CallQueue:
    """The overseas box's requests that wait to be dialled."""

    journal: Overseas
    stopped: Callable[[], bool] = lambda: False
    """The panic stop is pulled: nobody gets a request."""
    choose: Choose | None = None
    """Left out: whichever line asks first."""
    max_calls: int | None = None
    routes: Mapping[str, str | None] = field(default_factory=dict)
    """Line → route of the rate deck."""
    _waiting: dict[str, asyncio.Event] = field(default_factory=dict)
    _busy: int = 0

    def changed(self) -> None:
        """A request came or became due earlier than expected, or a line is free."""
        for event in self._waiting.values():
            event.set()

    async def take(self, line: str, serves: Callable[[], None] = lambda: None) -> Claimed:
        """The next request to dial on ``line``, claimed for it; waits until there is one. Then ``done``.

        ``serves`` raises once the line does no more; it is called whenever something has ``changed``.
        """
        event = self._waiting[line] = asyncio.Event()
        try:
            while True:
                event.clear()
                serves()
                if self.stopped():
                    await asyncio.sleep(LOOK)
                    continue
                if claimed := await self._claim(line):
                    return claimed
                await self._wait(event)
        finally:
            del self._waiting[line]
            self.changed()

    @property
    def free_lines(self) -> int:
        """Lines that wait for a request and may call."""
        free = len(self._waiting)
        return free if self.max_calls is None else max(0, min(free, self.max_calls - self._busy))

    def done(self) -> None:
        """The call that was taken is over, or was not made."""
        self._busy -= 1
        self.changed()

    async def _claim(self, line: str) -> Claimed | None:
        if self.max_calls is not None and self._busy >= self.max_calls:
            return None
        self._busy += 1
        claimed = None
        try:
            if await self._is_ours(line):
                claimed = await self.journal.claim(line, clock.wall_clock())
        finally:
            self._busy -= claimed is None
        return claimed

    async def _is_ours(self, line: str) -> bool:
        if not self.routes and (self.choose is None or len(self._waiting) < 2):
            return True
        now = clock.wall_clock()
        due = await self.journal.next_due_request(now)
        if due is None:
            return False
        free = [each for each in self._waiting if due.route in ("", self.routes.get(each))]
        if not free and due.route in self.routes.values() and now - due.at < FOR_ITS_ROUTE:
            return False
        free = free or list(self._waiting)
        return line in free and (self.choose is None or self.choose(due.number, free) == line)

    async def _wait(self, event: asyncio.Event) -> None:
        due = await self.journal.next_due()
        wait = LONGEST_WAIT
        if due is not None:
            gap = due - clock.wall_clock()
            wait = LOOK if gap <= 0 else max(0.01, min(gap, LONGEST_WAIT))
        try:
            async with asyncio.timeout(wait):
                await event.wait()
        except TimeoutError:
            return
