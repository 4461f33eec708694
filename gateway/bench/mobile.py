"""A mobile subscriber: no loop, no dial tone, no hybrid; calls are signalled, and a second one may wait.

Towards ``Call`` it is a ``Subscriber`` like any other; towards its terminal, an emulated GSM or LTE modem, it says in
words what a loop says by ringing current and tones.
"""

from functools import partial
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from gateway.bench.country import Country, ToneName
from gateway.bench.subscriber import InCall, Office, Subscriber
from gateway.bench.twowire import TwoWire
from gateway.bench.wire import FRAME, CallerIdData, Terminal

Cause = Literal[1, 16, 17, 19, 34]
"""ITU-T Q.850: unallocated, ordinary, busy, no answer, no channel."""

CAUSES: dict[ToneName, Cause] = {"busy": 17, "congestion": 34, "unobtainable": 1}
NO_ANSWER: Cause = 19
ACCESS = 1.5
"""Seconds from ATD until the network has given us a channel; more where LTE falls back to 3G for a call."""

_SILENCE = np.zeros(FRAME, np.int16)


@runtime_checkable
class MobileTerminal(Terminal, Protocol):
    """What the network tells a mobile."""

    def paged(self, data: CallerIdData, *, waiting: bool) -> None:
        """A call comes in; ``waiting``: a further one, while another lasts."""

    def page_over(self, *, waiting: bool) -> None:
        """That caller has given up."""

    def far_end_rings(self) -> None:
        """The call that was dialled has reached a telephone, which rings."""

    def connected(self) -> None:
        """The call stands."""

    def released(self, cause: Cause) -> None:
        """The network has cleared the call."""


class MobileSubscriber(Subscriber):
    """One SIM. ``off`` means: a call is being dialled or stands."""

    def __init__(self, office: Office, number: str, country: Country, wire: TwoWire) -> None:
        super().__init__(office, number, country, wire)
        self.registered = True
        """Without it nobody is paged and nothing can be dialled."""
        self.call_waiting = True
        self._second: tuple[InCall, CallerIdData] | None = None
        self._mobile: MobileTerminal | None = None

    def attach(self, terminal: Terminal | None) -> None:
        """Plug a terminal in; with None, out: its calls end."""
        if terminal is None:
            self.on_hook()
        super().attach(terminal)
        self._mobile = terminal if isinstance(terminal, MobileTerminal) else None

    @property
    def engaged(self) -> bool:
        """No room for one more call."""
        full = self._second is not None or not self.call_waiting
        return not self.registered or self._mobile is None or (self.call is not None and full)

    # --- what the terminal does ---------------------------------------------------------------------------------

    def off_hook(self) -> None:
        """Answer the call that comes in. No effect without one."""
        if self.off or self.call is None:
            return
        self.off = True
        self.log("off_hook")
        self._office.lifted(self)
        self.call.answer()

    def on_hook(self) -> None:
        """End the call, or refuse the one that comes in; one that waits comes in then."""
        call, self.call = self.call, None
        was_off, self.off = self.off, False
        if was_off:
            self._office.journal.record("on_hook", self.number, call.id if call else None)
            self._office.hung_up(self)
        self._stop_waiting()
        self._fall_silent()
        if call is not None and was_off:
            call.hang_up(self)
        elif call is not None:
            call.reject()
        self._let_in()

    def refuse_waiting(self) -> None:
        """Refuse the call that waits. No effect without one."""
        second, self._second = self._second, None
        if second is not None:
            second[0].reject()

    def dial(self, digits: str) -> None:
        """A whole number, with or without its +."""
        self.log("dial", digits=digits)
        if self.off or not self.registered:
            return
        self.off = True
        self.log("off_hook")
        self._office.lifted(self)
        self._wait(ACCESS, partial(self._route, self._dialled_form(digits)))

    # --- what a call does ----------------------------------------------------------------------------------------

    def alert(self, call: InCall, data: CallerIdData) -> None:
        """A call arrives: page."""
        waiting = self.call is not None
        self._office.journal.record(
            "caller_id", self.number, call.id, caller=data.number, reason=data.reason, called=data.called
        )
        if waiting:
            self._second = (call, data)
        else:
            self.call = call
        if self._mobile is not None:
            self._mobile.paged(data, waiting=waiting)

    def unring(self, call: InCall) -> None:
        """That caller has given up."""
        waiting = self._second is not None and self._second[0] is call
        if waiting:
            self._second = None
        elif self.call is call:
            self.call = None
        else:
            return  # it was we who refused
        if self._mobile is not None:
            self._mobile.page_over(waiting=waiting)
        if not waiting:
            self._let_in()

    def quiet(self) -> None:
        """There is no bell."""

    def tone(self, name: ToneName | None, country: Country | None = None) -> None:
        """In-band tones are sent besides the signalling."""
        super().tone(name, country)
        if name == "ringback" and self._mobile is not None:
            self._mobile.far_end_rings()

    def talk(self) -> None:
        """Through to the other end."""
        super().talk()
        if self._mobile is not None:
            self._mobile.connected()

    def far_end_gone(self) -> None:
        """The network clears this end, too."""
        self._cleared(16)

    def refused(self, name: ToneName) -> None:
        """The call has come to nothing."""
        self._cleared(NO_ANSWER if name == "congestion" and self._rang else CAUSES[name])

    def hear_tick(self, t: float) -> None:
        """Four wires all the way: no hybrid sends anything back."""
        sent, self.sent = self.sent, _SILENCE
        super().hear_tick(t)
        self.sent = sent

    # --- within ----------------------------------------------------------------------------------------------------

    @property
    def _rang(self) -> bool:
        return self._tone is not None

    def _cleared(self, cause: Cause) -> None:
        call, self.call = self.call, None
        self.off = False
        self._office.journal.record("on_hook", self.number, call.id if call else None, by="network", cause=cause)
        self._office.hung_up(self)
        self._stop_waiting()
        self._fall_silent()
        if self._mobile is not None:
            self._mobile.released(cause)
        self._let_in()

    def _route(self, digits: str) -> None:
        self._office.dialled(self, digits, timed_out=True)

    def _let_in(self) -> None:
        """What waited comes in now."""
        second, self._second = self._second, None
        if second is not None and self.call is None:
            self.call = second[0]
            if self._mobile is not None:
                self._mobile.paged(second[1], waiting=False)

    def _dialled_form(self, digits: str) -> str:
        for prefix in ("#31#", "*31#"):
            if digits.startswith(prefix):
                return prefix + self.country.dial_form(digits.removeprefix(prefix))
        return self.country.dial_form(digits)

    def _fall_silent(self) -> None:
        super()._fall_silent()
        self.sent = _SILENCE
