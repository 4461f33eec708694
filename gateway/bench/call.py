"""One call between two subscribers, from the last digit dialled to the meter's last word."""

import asyncio
import time
from pathlib import Path
from typing import Literal, Protocol

from gateway import clock
from gateway.bench import metering
from gateway.bench.country import ToneName
from gateway.bench.journal import Journal
from gateway.bench.settings import ExchangeSettings, Form, Reason
from gateway.bench.sound import StereoRecording
from gateway.bench.subscriber import Subscriber
from gateway.bench.wire import CallerIdData

RING_LIMIT = 180.0
"""Seconds of ringing until the network gives up for the caller."""

State = Literal["setup", "ringing", "talking", "over"]


class Switch(Protocol):
    """What a call needs of the exchange."""

    journal: Journal
    settings: ExchangeSettings

    def answered(self, call: "Call") -> None:
        """It stands."""

    def over(self, call: "Call") -> None:
        """It has ended, however."""


class Call:
    """setup → ringing → talking → over; each of the first three may go straight to over."""

    def __init__(
        self,
        number: int,
        caller: Subscriber,
        called: Subscriber | None,
        dialled: str,
        presented: tuple[Reason | None, Form],
        switch: Switch,
    ) -> None:
        self.id = number
        self.caller = caller
        self.called = called
        self.dialled = dialled
        """E.164 as far as it could be understood, else the digits."""
        self.state: State = "setup"
        self.recording: StereoRecording | None = None
        self._presented = presented
        self._switch = switch
        self._journal = switch.journal
        self._answered_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def set_up(self, seconds: float) -> None:
        """Reach the called line in so many seconds."""
        self._timer = asyncio.get_running_loop().call_later(seconds, self._arrive)
        reason, form = self._presented
        self.caller.call = self
        self._record("call", self.caller, to=self.dialled, withheld=reason, form=form)

    def answer(self) -> None:
        """The called subscriber has lifted."""
        if self.state != "ringing" or self.called is None:
            return
        self._stop_timer()
        self.state = "talking"
        self._answered_at = self._journal.now()
        self._record("answer", self.called, caller=self.caller.number)
        self.caller.talk()
        self.called.talk()
        self._switch.answered(self)
        self.called.quiet()  # last, since the bell's end may make the terminal do anything

    def hang_up(self, subscriber: Subscriber) -> None:
        """One end has gone; the other is told by its line, and never by us."""
        if self.state == "over":
            return
        was, self.state = self.state, "over"
        self._stop_timer()
        by = "caller" if subscriber is self.caller else "called"
        self._record("release", subscriber, by=by, cause="normal" if was == "talking" else "abandoned")
        self._end()
        if was == "talking":
            self._meter()
            self.far_end(subscriber).far_end_gone()
        elif was == "ringing" and self.called is not None:
            self.called.unring(self)

    def reject(self) -> None:
        """The called subscriber refuses while it rings (a mobile can): the caller hears the busy tone."""
        if self.state == "ringing" and self.called is not None:
            self._fail("rejected", "busy", by=self.called)

    def far_end(self, subscriber: Subscriber) -> Subscriber:
        """The other one, in a call that was answered."""
        assert self.called is not None
        return self.called if subscriber is self.caller else self.caller

    def record_to(self, folder: Path) -> None:
        """Keep the sound of both sides from now on."""
        self._path = folder / f"call-{self.id:04d}.wav"
        self.recording = StereoRecording(self._path)

    def record_tick(self, t: float) -> None:
        """Both sides of the tick that begins at ``t``, where the call is recorded."""
        if self.recording is None or self.called is None:
            return
        if not self.recording.seconds:
            self._record("recording", self.caller, file=str(self._path), begins=round(t, 6))
        self.recording.add(self.caller.sent, self.called.sent)

    def _arrive(self) -> None:
        called = self.called
        if called is None:
            self._fail("unobtainable", "unobtainable")
        elif called.engaged:
            self._record("busy", called, caller=self.caller.number)
            self._fail("busy", "busy")
        else:
            self.state = "ringing"
            self._timer = asyncio.get_running_loop().call_later(RING_LIMIT, self._fail, "no answer", "congestion")
            self.caller.tone("ringback", called.country)
            called.alert(self, self._caller_id(called))

    def _fail(self, cause: str, tone: ToneName, by: Subscriber | None = None) -> None:
        was, self.state = self.state, "over"
        self._stop_timer()
        self._record("release", by or self.caller, by="called" if by else "network", cause=cause)
        self._end()
        if was == "ringing" and self.called is not None:
            self.called.unring(self)
        self.caller.refused(tone)

    def _caller_id(self, called: Subscriber) -> CallerIdData:
        reason, form = self._presented
        number = called.country.caller_form(self.caller.number)
        local = time.gmtime(clock.wall_clock() + called.country.utc_offset * 3600)
        masked = form == "masked"
        return CallerIdData(
            number=number if reason is None or masked else None,
            reason=(reason or "O") if masked else reason,
            name=self.caller.name if form == "mdmf" and reason is None else None,
            month=local.tm_mon,
            day=local.tm_mday,
            hour=local.tm_hour,
            minute=local.tm_min,
            form=form,
            called=self.dialled,
        )

    def _meter(self) -> None:
        assert self.called is not None
        seconds = self._journal.now() - self._answered_at
        kind = metering.kind_of(self.dialled)
        legs = metering.charges(
            seconds, self.caller.country.region, self.called.country.region, kind, self._switch.settings.tariffs
        )
        for leg, subscriber, charge in zip(("caller", "called"), (self.caller, self.called), legs, strict=True):
            self._record(
                "meter",
                subscriber,
                leg=leg,
                pays=charge.pays,
                seconds=round(seconds, 6),
                cost=charge.cost,
                currency=charge.currency,
            )

    def _record(self, event: str, subscriber: Subscriber, **fields: object) -> None:
        self._journal.record(event, subscriber.number, self.id, **fields)

    def _end(self) -> None:
        if self.recording is not None:
            self.recording.close()
            self.recording = None
        self._switch.over(self)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
