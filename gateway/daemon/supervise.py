"""Keeps lines served: opens each, serves it, and has it recovered when its modem was lost (``modems/recovery``).

A modem that goes away is weather, not an error: the other lines go on and this one comes back by itself. Only when no
line at all can be opened at start, or none has been served for ``UNSERVED``, does the box refuse to go on, and says
why.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from gateway import clock
from gateway.errors import StoreError
from gateway.line import LineLost
from gateway.modems.catalogue import ModemLine, profile_of
from gateway.modems.recovery import Help, Ladder, Rung, reset
from gateway.modems.usb import usb_place
from gateway.settings import LineSettings

log = logging.getLogger(__name__)

UNSERVED = 900.0
"""Seconds without any line that is served, until the box gives up and is started anew."""
SIGN_WITHIN = 120.0
"""Seconds in which each line's task gives a sign of life: an idle modem is asked every 30, recovery steps take less."""
LOOK = 15.0

OpenLine = Callable[[LineSettings], AbstractAsyncContextManager[ModemLine]]
Serve = Callable[[ModemLine, LineSettings], Awaitable[None]]


class Supervisor:
    """The lines of one box. ``serving`` tells which of them are served just now."""

    def __init__(
        self, lines: tuple[LineSettings, ...], open_line: OpenLine, serve: Serve, help_: Help | None = None
    ) -> None:
        self._lines = lines
        self._open = open_line
        self._serve = serve
        self._help = help_
        self._first: dict[str, asyncio.Future[Exception | None]] = {}
        self._opened: dict[str, ModemLine] = {}
        self._places: dict[str, str] = {}
        self._said: dict[str, str] = {}
        self._signs: dict[str, float] = {}
        self._served_at = 0.0
        self.ladders = {line.name: Ladder() for line in lines}

    @property
    def serving(self) -> dict[str, bool]:
        """By line."""
        return {line.name: line.name in self._opened for line in self._lines}

    @property
    def in_call(self) -> dict[str, bool]:
        """By line: whether it is off hook, or about to be."""
        return {
            line.name: (opened := self._opened.get(line.name)) is not None and opened.in_call for line in self._lines
        }

    @property
    def live(self) -> bool:
        """Whether every line's task still gets on: it serves a modem that speaks, or recovers it."""
        now = clock.now()
        return all(now - self._sign_of(line.name) <= SIGN_WITHIN for line in self._lines)

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until cancelled; ``ready`` is called once a line serves. ``LineLost`` where none can be served."""
        loop = asyncio.get_running_loop()
        self._served_at = clock.now()
        self._first = {line.name: loop.create_future() for line in self._lines}
        tasks = [asyncio.create_task(self._keep(line), name=f"line {line.name}") for line in self._lines]
        try:
            await self._expect_one_line()
            ready()
            tasks.append(asyncio.create_task(self._expect_service(), name="lines"))
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
            self._give_up()
            raise LineLost("; ".join(map(str, errors)))
        for error in errors:
            log.warning("%s", error)

    async def _expect_service(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            if self._opened:
                self._served_at = clock.now()
                if self._help is not None:
                    self._help.note_served()
            elif clock.now() - self._served_at > UNSERVED:
                self._give_up()
                raise LineLost(f"no line has been served for {UNSERVED / 60:.0f} minutes; the service starts anew")

    def _give_up(self) -> None:
        if self._help is not None:
            self._help.ask_for_restart()

    # --- one line ---------------------------------------------------------------------------------------------------

    async def _keep(self, line: LineSettings) -> None:
        while True:
            rung, wait = Rung.REOPEN, 1.0
            self._signs[line.name] = clock.now()
            try:
                async with self._open(line) as opened:
                    self._serves(line, opened)
                    await self._serve(opened, line)
            except LineLost as lost:
                rung, wait = self._lost(line, lost)
            except StoreError as error:
                log.error("line %s: %s; waiting for the store", line.name, error)
            except Exception as error:
                self._begun(line, error)
                raise
            finally:
                self._opened.pop(line.name, None)
            _heed_cancellation()
            self._signs[line.name] = clock.now()
            await asyncio.sleep(wait)
            await self._take(rung, line)

    def _serves(self, line: LineSettings, opened: ModemLine) -> None:
        log.info("line %s: %s on %s serves", line.name, line.model, line.port)
        self.ladders[line.name].serves(clock.now())
        self._opened[line.name] = opened
        self._said.pop(line.name, None)
        if (place := usb_place(line.port)) is not None:
            self._places[line.name] = place
        self._begun(line, None)

    def _lost(self, line: LineSettings, lost: LineLost) -> tuple[Rung, float]:
        ladder = self.ladders[line.name]
        rung, wait = ladder.lost(lost, clock.now())
        climbs = self._help is not None and ladder.climbing(lost) and not self._first[line.name].done()
        if climbs or not self._begun(line, lost):
            again = self._said.get(line.name) == str(lost)
            log.log(logging.DEBUG if again else logging.WARNING, "%s", lost)
            self._said[line.name] = str(lost)
        if rung is not Rung.REOPEN:
            log.warning("line %s: is %s", line.name, rung.value)
        return rung, wait

    async def _take(self, rung: Rung, line: LineSettings) -> None:
        """Anything but opening it again, which comes next in any case."""
        place = self._places.get(line.name) or usb_place(line.port)
        if rung is Rung.RESET:
            await reset(line, profile_of(line.model))
        elif rung in (Rung.REBIND, Rung.POWER) and self._help is not None and place is not None:
            in_call = [name for name, other in self._opened.items() if other.in_call]
            spare = {self._places[name] for name in in_call if name in self._places}
            await self._help.cycle(line.name, place, rung, spare)

    def _begun(self, line: LineSettings, error: Exception | None) -> bool:
        """Note how a line's first opening went; false if that is known already."""
        first = self._first[line.name]
        if first.done():
            return False
        first.set_result(error)
        return True

    def _sign_of(self, name: str) -> float:
        opened = self._opened.get(name)
        if opened is None:
            return self._signs[name]
        return clock.now() if opened.in_call else max(opened.heard_at, self._signs[name])


def _heed_cancellation() -> None:
    """A line that was to be given up, and whose modem was lost by being hung up, told of the latter only."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
