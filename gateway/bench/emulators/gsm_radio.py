"""The calls of an emulated GSM modem, and the lines in which each model tells of them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from gateway.bench.country import Country
from gateway.bench.emulators.gsm_faults import GsmFaults
from gateway.bench.emulators.gsm_models import GsmModel
from gateway.bench.wire import CallerIdData

ACTIVE, DIALLING, ALERTING, INCOMING, WAITING, ENDED = 0, 2, 3, 4, 5, 6
"""<stat> of +CLCC; the last only in rows that come unasked."""

VALIDITY = {"P": "1", "O": "2", "C": "3", "S": "4"}


@dataclass
class RadioCall:
    """One call in the modem."""

    index: int
    incoming: bool
    state: int
    number: str
    kind: int
    reason: str | None = None
    answered_at: float | None = None

    @property
    def row(self) -> str:
        """As +CLCC lists it."""
        return f'{self.index},{int(self.incoming)},{self.state},0,0,"{self.number}",{self.kind},""'


class Mouth(Protocol):
    """Where lines go. ``on`` tells whether a parameter has that value."""

    def say(self, text: str) -> None:
        """A line to the program."""

    def on(self, parameter: str, value: str) -> bool:
        """Whether the program has set this."""

    def presented(self) -> None:
        """The caller ID has been written."""


class Calls:
    """Up to two of them. ``ring`` goes on until the call is answered or over."""

    def __init__(self, model: GsmModel, faults: GsmFaults, country: Country, mouth: Mouth) -> None:
        self.list: list[RadioCall] = []
        self._model = model
        self._faults = faults
        self._country = country
        self._mouth = mouth
        self._loop = asyncio.get_running_loop()
        self._timers: set[asyncio.TimerHandle] = set()

    @property
    def current(self) -> RadioCall | None:
        """The one that isn't waiting."""
        return next((call for call in self.list if call.state != WAITING), None)

    @property
    def waiting(self) -> RadioCall | None:
        """The one that is."""
        return next((call for call in self.list if call.state == WAITING), None)

    def comes_in(self, data: CallerIdData, *, waiting: bool) -> None:
        """A call is paged; one that waited may come in for good now."""
        known = self.waiting
        if known is not None and not waiting:
            known.state = INCOMING
            call = known
        else:
            number, kind = self._presented(data.number)
            call = RadioCall(self._index(), True, WAITING if waiting else INCOMING, number, kind, data.reason)
            self.list.append(call)
        self._tell(call)
        if not waiting:
            self._ring(call)
        elif self._mouth.on("+CCWA", "1"):
            validity = f",,{VALIDITY[call.reason]}" if call.reason else ""
            self._mouth.say(f'+CCWA: "{call.number}",{call.kind},1{validity}')

    def goes_out(self, number: str) -> RadioCall:
        """A call is dialled."""
        call = RadioCall(self._index(), False, DIALLING, number, 145 if number.startswith("+") else 129)
        self.list.append(call)
        self._tell(call)
        if self._model.progress == "huawei":
            self._mouth.say(f"^ORIG:{call.index},0")
        return call

    def rings_there(self, call: RadioCall) -> None:
        """The far end of a call that was dialled rings."""
        if self._faults.early_media:
            self.stands(call)
            return
        call.state = ALERTING
        self._tell(call)
        if self._model.progress == "huawei":
            self._mouth.say(f"^CONF:{call.index}")

    def stands(self, call: RadioCall) -> None:
        """The call is active."""
        if call.state == ACTIVE:
            return
        call.state, call.answered_at = ACTIVE, self._loop.time()
        self._tell(call)
        if self._model.progress == "huawei":
            self._mouth.say(f"^CONN:{call.index},0")
        if self._model.begin:
            self._mouth.say(self._model.begin)

    def over(self, call: RadioCall, cause: int, *, ours: bool) -> None:
        """The call is over; ``ours``: we ended it, and the final result says so."""
        self.list.remove(call)
        missed = call.state == INCOMING and not ours
        if missed and self._faults.silent_give_up:
            return
        call.state = ENDED
        self._tell(call)
        seconds = round(self._loop.time() - call.answered_at) if call.answered_at is not None else 0
        if self._model.progress == "huawei":
            self._mouth.say(f"^CEND:{call.index},{seconds},{104 if call.answered_at is not None else 29},{cause}")
        if self._model.end and call.answered_at is not None:
            self._mouth.say(self._model.end.format(seconds=seconds, call=call.index))
        if ours:
            return
        last = self._model.missed if missed else self.result(cause)
        if last:
            self._mouth.say(last.format(number=call.number, call=call.index))

    def result(self, cause: int) -> str | None:
        """What a call that ended from afar is reported with."""
        return {17: self._model.busy, 19: self._model.no_answer}.get(cause, self._model.carrier_lost)

    def forget(self) -> None:
        """The modem is gone, and every call with it."""
        self.list.clear()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _ring(self, call: RadioCall) -> None:
        if call not in self.list or call.state != INCOMING:
            return
        if self._model.ring and not self._faults.clip_without_ring:
            self._mouth.say("+CRING: VOICE" if self._mouth.on("+CRC", "1") else self._model.ring)
        after = self._model.clip_after if self._faults.clip_after is None else self._faults.clip_after
        for place, line in enumerate(self._faults.chatter, 1):
            self._later(after * place / (len(self._faults.chatter) + 1), partial(self._mouth.say, line))
        self._later(after, lambda: self._present(call))
        self._later(self._model.ring_every, lambda: self._ring(call))

    def _present(self, call: RadioCall) -> None:
        if call not in self.list or not self._mouth.on("+CLIP", "1") or self._faults.ring_without_clip:
            return
        if self._faults.clip_form is not None:
            shown = self._faults.clip_form
        elif call.reason is None:
            shown = self._model.clip.format(number=call.number, kind=call.kind)
        else:
            shown = self._model.clip_withheld.format(validity=VALIDITY[call.reason])
        self._mouth.say(f"+CLIP: {shown}")
        self._mouth.presented()

    def _tell(self, call: RadioCall) -> None:
        switch = self._model.progress_switch
        if switch is not None and not self._mouth.on(*switch):
            return
        if self._model.progress == "rows":
            self._mouth.say(f"+CLCC: {call.row}")
        elif self._model.progress == "ccinfo":
            state = -1 if call.state == ENDED else call.state
            self._mouth.say(
                f'+QIND: "ccinfo",{call.index},{int(call.incoming)},{state},0,0,"{call.number}",{call.kind}'
            )

    def _presented(self, number: str | None) -> tuple[str, int]:
        if number is None:
            return "", 128
        for prefix in self._country.international:
            if number.startswith(prefix):
                return f"+{number.removeprefix(prefix)}", 145
        return number, 129

    def _index(self) -> int:
        return 2 if any(call.index == 1 for call in self.list) else 1

    def _later(self, delay: float, what: Callable[[], None]) -> None:
        def run() -> None:
            self._timers.discard(timer)
            what()

        timer = self._loop.call_later(delay, run)
        self._timers.add(timer)
