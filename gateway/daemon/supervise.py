"""Keeps lines served: opens each, serves it, and opens it again when its modem was lost.

A modem that goes away is weather, not an error: the other lines go on and this one comes back by itself. Only when no
line at all can be opened at start does the box refuse to run, and says why for each of them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from gateway.errors import StoreError
from gateway.line import Line, LineLost
from gateway.settings import LineSettings

log = logging.getLogger(__name__)

BACK_OFF = (0.5, 1.0, 2.0, 4.0)
"""Seconds before the next try at a lost line; the last one repeats, so a replugged modem serves within 10 s."""

OpenLine = Callable[[LineSettings], AbstractAsyncContextManager[Line]]
Serve = Callable[[Line, LineSettings], Awaitable[None]]


class Supervisor:
    """The lines of one box. ``serving`` tells which of them are served just now."""

    def __init__(self, lines: tuple[LineSettings, ...], open_line: OpenLine, serve: Serve) -> None:
        self._lines = lines
        self._open = open_line
        self._serve = serve
        self._first: dict[str, asyncio.Future[Exception | None]] = {}
        self.serving: dict[str, bool] = {line.name: False for line in lines}

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until cancelled; ``ready`` is called once a line serves. ``LineLost`` where none can be opened."""
        loop = asyncio.get_running_loop()
        self._first = {line.name: loop.create_future() for line in self._lines}
        tasks = [asyncio.create_task(self._keep(line), name=f"line {line.name}") for line in self._lines]
        try:
            await self._expect_one_line()
            ready()
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _expect_one_line(self) -> None:
        errors = [error for error in await asyncio.gather(*self._first.values()) if error is not None]
        for error in errors:
            if not isinstance(error, LineLost):
                raise error
        if len(errors) == len(self._lines):
            raise LineLost("; ".join(map(str, errors)))
        for error in errors:
            log.warning("%s", error)

    async def _keep(self, line: LineSettings) -> None:
        failures = 0
        while True:
            try:
                async with self._open(line) as opened:
                    failures = 0
                    self._opened(line)
                    await self._serve(opened, line)
            except LineLost as lost:
                if not self._begun(line, lost):
                    log.warning("%s", lost)
            except StoreError as error:
                log.error("line %s: %s; waiting for the store", line.name, error)
            except Exception as error:
                self._begun(line, error)
                raise
            finally:
                self.serving[line.name] = False
            await asyncio.sleep(BACK_OFF[min(failures, len(BACK_OFF) - 1)])
            failures += 1

    def _opened(self, line: LineSettings) -> None:
        log.info("line %s: %s on %s serves", line.name, line.model, line.port)
        self.serving[line.name] = True
        self._begun(line, None)

    def _begun(self, line: LineSettings, error: Exception | None) -> bool:
        """Note how a line's first opening went; false if that is known already."""
        first = self._first[line.name]
        if first.done():
            return False
        first.set_result(error)
        return True
