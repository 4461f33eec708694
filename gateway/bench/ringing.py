"""Ringing current and caller-ID data on a called line, in the country's order and cadence."""

import asyncio
from collections.abc import Callable

from gateway.bench.country import Country
from gateway.bench.wire import CallerIdData, Terminal


class Ringing:
    """From the arrival of a call until somebody lifts or the caller gives up. Every moment counts from the start.

    ``terminal`` tells what is plugged in at the moment, if anything.
    """

    def __init__(
        self,
        terminal: Callable[[], Terminal | None],
        country: Country,
        data: CallerIdData,
        record: Callable[..., object],
    ) -> None:
        self._terminal = terminal
        self._country = country
        self._data = data
        self._record = record
        self._loop = asyncio.get_running_loop()
        self._timers: set[asyncio.TimerHandle] = set()
        self._on = False
        self._burst = 0

    def start(self) -> None:
        """The call is there; with the caller ID after the first burst it rings at once."""
        start, country = self._loop.time(), self._country
        if country.caller_id == "before ring":
            self._at(start + country.caller_id_after, self._caller_id)
            self._at(start + country.caller_id_after + country.ring_after_id, self._burst_on)
        else:
            self._burst_on(start)

    def stop(self) -> None:
        """No more ringing current."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        if self._on:
            self._current(False)

    def _at(self, when: float, do: Callable[[float], None]) -> None:
        handle: asyncio.TimerHandle

        def fire() -> None:
            self._timers.discard(handle)
            do(when)

        handle = self._loop.call_at(when, fire)
        self._timers.add(handle)

    def _burst_on(self, when: float) -> None:
        on, off = self._shape()
        self._burst += 1
        self._at(when + on, self._burst_off)
        self._at(when + on + off, self._burst_on)
        self._current(True)

    def _burst_off(self, when: float) -> None:
        if self._burst == 1 and self._country.caller_id == "after first burst":
            self._at(when + self._country.caller_id_after, self._caller_id)
        self._current(False)

    def _shape(self) -> tuple[float, float]:
        place = self._burst * 2 % len(self._country.ring)
        return self._country.ring[place], self._country.ring[place + 1]

    def _current(self, on: bool) -> None:
        self._on = on
        self._record("ring", on=on, burst=self._burst)
        terminal = self._terminal()
        if terminal is not None:
            terminal.ringing(on)

    def _caller_id(self, _when: float) -> None:
        data = self._data
        self._record("caller_id", caller=data.number, reason=data.reason, form=data.form, called=data.called)
        terminal = self._terminal()
        if terminal is not None:
            terminal.caller_id(data)
