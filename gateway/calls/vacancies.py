"""How many lines an overseas box has to offer, and what it does with requests that none of them comes free for."""

import asyncio
import logging
from dataclasses import dataclass

from gateway import clock
from gateway.calls.queue import CallQueue
from gateway.errors import StoreError
from gateway.store.journal import Overseas

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks at the queue."""


@dataclass
class Vacancies:
    """``free_lines`` is told to the domestic boxes: lines that could dial now, less requests that wait for one."""

    queue: CallQueue
    journal: Overseas
    give_back: float | None = None
    """Seconds after which a request that was never dialled goes back; None: never."""
    free_lines: int = 0

    async def watch(self) -> None:
        """Until cancelled. A box that has just started has as long as any to serve what it finds."""
        began = clock.now()
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self._look(clock.now() - began)
            except StoreError as error:
                log.error("the queue can't be looked at: %s", error)
            except Exception:
                log.exception("this should not happen; going on, since customers wait")

    async def _look(self, lived: float) -> None:
        if self.queue.stopped():
            self.free_lines = 0
            return
        now, free = clock.wall_clock(), self.queue.free_lines
        waiting = 0 if free else await self.journal.due_count(now)
        self.free_lines = free - waiting
        if waiting and self.give_back is not None and lived > self.give_back:
            for request in await self.journal.give_back(now - self.give_back, now):
                log.warning("request %s: no line was free for it in %.0f s; given back", request, self.give_back)
