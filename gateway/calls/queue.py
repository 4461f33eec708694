"""Hands due requests to free lines, each to one line only."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway import clock
from gateway.calls.panic import LOOK
from gateway.store.journal import Claimed, Overseas

LONGEST_WAIT = 60.0
"""Seconds until the store is asked again although nobody called ``changed`` (a belt beside the braces)."""


@dataclass
class CallQueue:
    """The overseas box's requests that wait to be dialled."""

    journal: Overseas
    stopped: Callable[[], bool] = lambda: False
    """The panic stop is pulled: nobody gets a request."""
    _waiting: set["asyncio.Event"] = field(default_factory=set)

    def changed(self) -> None:
        """A request came or became due earlier than expected."""
        for event in self._waiting:
            event.set()

    async def take(self, line: str) -> Claimed:
        """The next request to dial on ``line``, claimed for it; waits until there is one."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            while True:
                event.clear()
                if self.stopped():
                    await asyncio.sleep(LOOK)
                    continue
                if claimed := await self.journal.claim(line, clock.wall_clock()):
                    return claimed
                due = await self.journal.next_due()
                wait = LONGEST_WAIT if due is None else max(0.01, min(LONGEST_WAIT, due - clock.wall_clock()))
                try:
                    async with asyncio.timeout(wait):
                        await event.wait()
                except TimeoutError:
                    continue
        finally:
            self._waiting.discard(event)
