"""Work beside a line's calls, and work that a cancellation must not cut short."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from gateway.line import LineLost

log = logging.getLogger(__name__)


class Background:
    """Tasks of one line, named so; ``cancel`` ends them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Run beside, until done or cancelled; its only failure, ``LineLost``, reaches everyone by itself."""

        async def run() -> None:
            try:
                await work()
            except LineLost as lost:
                log.debug("%s", lost)

        task = asyncio.create_task(run(), name=self._name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def cancel(self) -> None:
        """The line is closed."""
        for task in self._tasks:
            task.cancel()


async def surely(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end even when cancelled; the cancellation follows then."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled
