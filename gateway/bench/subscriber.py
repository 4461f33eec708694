"""An analogue subscriber: the exchange's end of one line. It implements ``Wire`` for the terminal at the other end.

Hook events are stamped when they happen, not at the next tick. Another kind of subscriber (a mobile) has the same
methods towards ``Call``: ``engaged``, ``alert``, ``unring``, ``quiet``, ``tone``, ``talk``, ``refused`` and
``far_end_gone``.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np

from gateway.bench.country import Country, ToneName
from gateway.bench.dtmf import KeyEar
from gateway.bench.journal import Journal
from gateway.bench.ringing import Ringing
from gateway.bench.settings import Form, Reason
from gateway.bench.twowire import TwoWire
from gateway.bench.wire import FRAME, CallerIdData, Samples, Terminal

DIAL_TONE_LIMIT = 20.0
"""Seconds off hook without a digit until the exchange loses patience (congestion tone)."""
BETWEEN_DIGITS = 4.0
"""Seconds after a digit until what has been dialled must do."""
BREAK_AFTER = 0.35
"""Seconds from the far end's hang-up to the interruption of the loop current, where the line has one."""

_SILENCE = np.zeros(FRAME, np.int16)


class InCall(Protocol):
    """A call, as a subscriber in it sees it."""

    id: int

    def answer(self) -> None:
        """The called subscriber has lifted."""

    def reject(self) -> None:
        """The called subscriber refuses it while it rings."""

    def hang_up(self, subscriber: "Subscriber") -> None:
        """This one has gone."""

    def far_end(self, subscriber: "Subscriber") -> "Subscriber":
        """The other one."""


class Office(Protocol):
    """What a subscriber needs of its exchange."""

    journal: Journal
    loop_break: bool

    def lifted(self, subscriber: "Subscriber") -> None:
        """Sound is to flow from the next tick on."""

    def hung_up(self, subscriber: "Subscriber") -> None:
        """No more sound."""

    def dialled(self, subscriber: "Subscriber", digits: str, *, timed_out: bool) -> bool:
        """Route these digits; False while more are needed."""


class Subscriber:
    """One line. ``terminal`` is attached once it exists; until then the line rings unheard."""

    def __init__(self, office: Office, number: str, country: Country, wire: TwoWire) -> None:
        self.number = number
        self.country = country
        self.withheld: Reason | None = None
        """Standing reason why its calls show no number."""
        self.form: Form = "mdmf"
        self.name = "BENCH CALLER"
        """For caller-ID messages that have room for it."""
        self.dead = False
        """A fault: the wire is cut. No ringing, no dial tone, nothing answered; set it while the line is idle."""
        self.mute = False
        """A fault: nothing that the terminal sends arrives."""
        self.deaf = False
        """A fault: nothing reaches the terminal but noise."""
        self.off = False
        self.call: InCall | None = None
        self.talking = False
        self.sent: Samples = _SILENCE
        """The frame that the terminal sends in this tick."""
        self._office = office
        self._wire = wire
        self._terminal: Terminal | None = None
        self._digits: str | None = None
        """Dialled so far; None while the exchange expects no digits."""
        self._timer: asyncio.TimerHandle | None = None
        self._ringing: Ringing | None = None
        self._tone: Samples | None = None
        self._tone_at = 0
        self._keys: KeyEar | None = None

    def attach(self, terminal: Terminal | None) -> None:
        """Plug a terminal in (or, with None, out: a line whose plug is pulled is on hook)."""
        if terminal is None:
            self.on_hook()
        self._terminal = terminal

    @property
    def engaged(self) -> bool:
        """Off hook, or already rung by somebody."""
        return self.off or self.call is not None

    # --- Wire: what the terminal does ---------------------------------------------------------------------------

    def off_hook(self) -> None:
        """Lift: answers a ringing call, else gives dial tone."""
        if self.off:
            return
        self.off = True
        self.log("off_hook")
        self._wire.quiet()
        self._office.lifted(self)
        if self.dead:
            return
        if self.call is not None:
            self.call.answer()
        else:
            self._digits = ""
            self.tone("dial")
            self._wait(DIAL_TONE_LIMIT, self._out_of_patience)

    def on_hook(self) -> None:
        """Hang up: ends the call, or what is being dialled. No effect when on hook."""
        if not self.off:
            return
        self.off = False
        self.log("on_hook")
        self._office.hung_up(self)
        self._stop_waiting()
        self._digits = None
        call, self.call = self.call, None
        self._fall_silent()
        if call is not None:
            call.hang_up(self)

    def dial(self, digits: str) -> None:
        """Digits after off hook; heeded by the exchange only while it waits for digits, else logged as ignored."""
        expected = self._digits is not None
        self.log("dial", digits=digits, **({} if expected else {"ignored": True}))
        if self._digits is None:
            return
        self._digits += digits
        self.tone(None)
        if self._office.dialled(self, self._digits, timed_out=False):
            self._digits = None
            self._stop_waiting()
        else:
            self._wait(BETWEEN_DIGITS, self._enough_dialled)

    def log(self, event: str, **fields: object) -> None:
        """Put an event in the exchange's log, with this line's number and call."""
        self._office.journal.record(event, self.number, self.call.id if self.call else None, **fields)

    # --- what a call does ----------------------------------------------------------------------------------------

    def alert(self, call: InCall, data: CallerIdData) -> None:
        """A call arrives: ring."""
        self.call = call
        record = partial(self._office.journal.record, number=self.number, call=call.id)
        self._ringing = Ringing(lambda: None if self.dead else self._terminal, self.country, data, record)
        self._ringing.start()

    def unring(self, call: InCall) -> None:
        """That call is over, unanswered."""
        self.call = None
        self.quiet()  # after that, since the bell's end may make the terminal do anything

    def quiet(self) -> None:
        """Stop ringing."""
        ringing, self._ringing = self._ringing, None
        if ringing is not None:
            ringing.stop()

    def tone(self, name: ToneName | None, country: Country | None = None) -> None:
        """Send a progress tone (the far country's, where one is given) down the line, or silence."""
        self._tone = (country or self.country).tones[name].samples if name is not None else None
        self._tone_at = 0

    def talk(self) -> None:
        """Through to the other end."""
        self._stop_waiting()
        self.tone(None)
        self.talking = True
        self._keys = KeyEar()

    def far_end_gone(self) -> None:
        """The call is over and this end is still off hook: silence, perhaps a break, then the country's tone."""
        self._fall_silent()
        self.call = None
        self._wait(self.country.release_silence, lambda: self.tone(self.country.release_tone))
        if self._office.loop_break:
            asyncio.get_running_loop().call_later(BREAK_AFTER, self._break)

    def refused(self, name: ToneName) -> None:
        """The call has come to nothing: hear why."""
        self.call = None
        self._stop_waiting()
        self.tone(name)

    # --- every 20 ms while off hook -------------------------------------------------------------------------------

    def speak_tick(self, t: float) -> None:
        """Take the terminal's next frame; ``t`` is the bench time at which the frame begins."""
        self.sent = self._terminal.speak() if self._terminal is not None else _SILENCE
        if len(self.sent) != FRAME:
            raise ValueError(f"{len(self.sent)} samples instead of {FRAME}")
        if self.mute:
            self.sent = _SILENCE
        if self.talking and self._keys is not None:
            for key in self._keys.hear(self.sent, t):
                self.log("keyed", key=key.key, onset=round(key.onset, 6), ms=round(key.seconds * 1000))

    def hear_tick(self, _t: float) -> None:
        """Give the terminal what arrives in the tick."""
        tone = far = None
        if self._tone is not None:
            tone = self._tone[self._tone_at : self._tone_at + FRAME]
            self._tone_at = (self._tone_at + FRAME) % len(self._tone)
        if self.talking and self.call is not None:
            far = self.call.far_end(self).sent
        sound = self._wire.heard(self.sent, *((None, None) if self.deaf else (tone, far)))
        if self._terminal is not None:
            self._terminal.hear(sound)

    # --- within ----------------------------------------------------------------------------------------------------

    def _fall_silent(self) -> None:
        self.talking = False
        self._keys = None
        self.tone(None)

    def _out_of_patience(self) -> None:
        self._digits = None
        self.log("dial_tone_timeout")
        self.tone("congestion")

    def _enough_dialled(self) -> None:
        digits, self._digits = self._digits or "", None
        self._office.dialled(self, digits, timed_out=True)

    def _break(self) -> None:
        if self.off and self.call is None and self._terminal is not None:
            self.log("line_break")
            self._terminal.line_break()

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._stop_waiting()
        self._timer = asyncio.get_running_loop().call_later(seconds, then)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
