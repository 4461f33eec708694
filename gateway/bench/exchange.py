"""The virtual telephone exchange: subscribers, calls between them, and the 20 ms beat of their sound.

One task on loop time drives all sound; when it is late it catches up frame by frame, so sound neither drifts nor drops.
While nobody is off hook it sleeps.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from gateway import clock
from gateway.bench.call import Call
from gateway.bench.country import COUNTRIES, country_of
from gateway.bench.journal import Journal
from gateway.bench.numbering import analyse
from gateway.bench.settings import ExchangeSettings, Form, Reason
from gateway.bench.subscriber import Subscriber
from gateway.bench.twowire import TwoWire, line_noise
from gateway.errors import SettingsError

TICK = 0.02
LATE = 0.25
"""Bench seconds of delay that are worth an event in the log: measurements of that moment are doubtful."""
ABROAD = 3.0
"""A call abroad takes so many times longer to set up."""

S = TypeVar("S", bound=Subscriber)

_log = logging.getLogger(__name__)


class Exchange:
    """``async with Exchange(settings) as exchange:`` then ``subscribe`` lines and attach terminals."""

    def __init__(self, settings: ExchangeSettings | None = None) -> None:
        self.settings = settings or ExchangeSettings()
        self.loop_break = self.settings.wire.loop_break
        self.lines: dict[str, Subscriber] = {}
        """By number, further numbers of a line included."""
        self.journal: Journal
        self._off_hook: dict[Subscriber, None] = {}
        self._calls: dict[int, Call] = {}
        self._made = 0
        self._next: dict[str, tuple[Reason | None, Form | None]] = {}
        self._noise = line_noise(self.settings.wire, self.settings.seed)

    async def __aenter__(self) -> "Exchange":
        self.journal = Journal(Path(self.settings.log) if self.settings.log else None)
        self._start = clock.now()
        self._work = asyncio.Event()
        self._beat = asyncio.get_running_loop().create_task(self._run(), name="exchange")
        self.journal.record("up")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in dict.fromkeys(self.lines.values()):
            line.attach(None)
        self._beat.cancel()
        await asyncio.gather(self._beat, return_exceptions=True)
        self.journal.record("down")
        self.journal.close()

    @property
    def calls(self) -> tuple[Call, ...]:
        """Those that are not over."""
        return tuple(self._calls.values())

    def subscribe(
        self, number: str, country: str | None = None, *, also: Iterable[str] = (), withheld: Reason | None = None
    ) -> Subscriber:
        """A new two-wire line (E.164), in its number's own country if none is given: the ``Wire`` for a terminal.

        Raises ``SettingsError`` where the number is taken or its country unknown.
        """
        return self.enrol(Subscriber, number, country, also=also, withheld=withheld)

    def enrol(
        self,
        kind: type[S],
        number: str,
        country: str | None = None,
        *,
        also: Iterable[str] = (),
        withheld: Reason | None = None,
    ) -> S:
        """The same for any kind of subscriber."""
        numbers = (number, *also)
        for taken in numbers:
            if taken in self.lines:
                raise SettingsError(f"number {taken}: there is such a line already; each number has one line")
        profile = COUNTRIES[country] if country else country_of(number)
        seed = self.settings.seed * 1_000_003 + len(self.lines)
        line = kind(self, number, profile, TwoWire(self.settings.wire, self._noise, seed))
        line.withheld = withheld
        self.lines.update((each, line) for each in numbers)
        return line

    def unsubscribe(self, line: Subscriber) -> None:
        """Take a line out of service; a call on it ends."""
        line.attach(None)
        for number in [number for number, owner in self.lines.items() if owner is line]:
            del self.lines[number]

    def present(self, number: str, *, withheld: Reason | None = None, form: Form | None = None) -> None:
        """How the network shows the number of this line's next call: withheld, and in which form of message."""
        self._next[number] = (withheld, form)

    # --- Office: what a subscriber needs ----------------------------------------------------------------------------

    def lifted(self, subscriber: Subscriber) -> None:
        """Sound is to flow from the next tick on."""
        self._off_hook[subscriber] = None
        self._work.set()

    def hung_up(self, subscriber: Subscriber) -> None:
        """No more sound."""
        self._off_hook.pop(subscriber, None)

    def dialled(self, subscriber: Subscriber, digits: str, *, timed_out: bool) -> bool:
        """Route these digits; False while more are needed."""
        dialled = analyse(digits, subscriber.country, self.lines)
        if not (dialled.complete or timed_out):
            return False
        reason, form = self._next.pop(subscriber.number, (None, None))
        standing = None if dialled.presentation == "send" and subscriber.withheld == "P" else subscriber.withheld
        by_prefix: Reason | None = "P" if dialled.presentation == "withhold" else None
        called = self.lines.get(dialled.number or "")
        self._made += 1
        call = Call(
            self._made,
            subscriber,
            called,
            dialled.number or digits,
            (reason or standing or by_prefix, form or subscriber.form),
            self,
        )
        self._calls[call.id] = call
        abroad = called is not None and called.country.code != subscriber.country.code
        call.set_up(self.settings.setup_s * (ABROAD if abroad else 1.0))
        return True

    def answered(self, call: Call) -> None:
        """A call has been answered: record it where that is wanted."""
        if self.settings.recordings:
            call.record_to(Path(self.settings.recordings))

    def over(self, call: Call) -> None:
        """A call has ended."""
        self._calls.pop(call.id, None)

    # --- the beat ---------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await self._work.wait()
            tick = math.ceil((clock.now() - self._start) / TICK)
            warned = 0
            while self._off_hook:
                late = clock.now() - self._start - tick * TICK
                await asyncio.sleep(max(0.0, -late))
                if late > LATE and tick - warned > 1 / TICK:
                    self.journal.record("late", seconds=round(late, 3))
                    warned = tick
                self._tick(tick * TICK)
                tick += 1
            self._work.clear()

    def _tick(self, t: float) -> None:
        lines = tuple(self._off_hook)
        for line in lines:
            self._guarded(line, line.speak_tick, t)
        for call in self._calls.values():
            call.record_tick(t)
        for line in lines:
            self._guarded(line, line.hear_tick, t)

    def _guarded(self, line: Subscriber, do: Callable[[float], None], t: float) -> None:
        """A terminal that fails must not stop the others' sound; one that hung up a moment ago has no more of it."""
        if not line.off:
            return
        try:
            do(t)
        except Exception as error:
            _log.exception("the terminal on *%s failed; its line is hung up", line.number[-4:])
            line.log("terminal_failed", error=repr(error))
            line.on_hook()
