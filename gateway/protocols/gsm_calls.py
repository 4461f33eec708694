"""The calls on a GSM or LTE line: ringing, answering, dialling, talking, ending, in one table for every dialect.

==========  =================================================================================================
phase       what happens
==========  =================================================================================================
idle        a sign of an incoming call: ringing; of an outgoing one: dialling
ringing     +CLIP settles the caller ID at once (without a clock: the next RING or the end of the call does).
            RING without +CLIP: AT+CLCC is asked after ``ASK_AFTER``, and after ``NO_NUMBER`` there is none.
            An end of any kind, or no RING any more and no row in AT+CLCC: the caller gave up
answering   ATA is under way: an active call, or its result
dialling    ATD is under way, or the network looks for the far end
alerting    the far end rings
talking     "active"; with early media it may still be ringing, which only ears can tell
ending      we hang up: what the modem still says about that call is of no interest
==========  =================================================================================================

A second call never touches the first: it is ``Waiting``, known by its number (id), its direction, or its sign. An end
that does not say whose it is is looked up by AT+CLCC while another call waits.
"""

from dataclasses import dataclass
from enum import Enum

from gateway.line import Answer
from gateway.numbers import CallerId
from gateway.protocols.gsm_caller import CallerSought
from gateway.protocols.gsm_lines import CallRow, CallState
from gateway.protocols.gsm_signs import RESULTS, Said, Sign, read_sign, said_by_row
from gateway.protocols.incoming import Incoming, Masked, Rang, Stopped

ASK_AFTER = 0.6
"""Seconds from RING to AT+CLCC where no +CLIP has come; units were seen with half a second between the two."""
NO_NUMBER = 1.0
"""Seconds from RING until there is no number."""
RINGING_STOPPED = 7.0
"""Seconds without RING: one ring period of 6 s, the longest in use, was missed."""
POLL_EVERY = 0.5
"""Seconds between two AT+CLCC while a call lasts, where the modem doesn't tell by itself."""
NEVER_LISTED = 3.0
"""Seconds after which a call that AT+CLCC has never listed counts as ended."""


class Phase(Enum):
    """Where the call in hand stands."""

    IDLE = "idle"
    RINGING = "ringing"
    ANSWERING = "answering"
    DIALLING = "dialling"
    ALERTING = "alerting"
    TALKING = "talking"
    ENDING = "ending"


@dataclass(frozen=True)
class Dialling:
    """A call is being set up."""


@dataclass(frozen=True)
class Alerting:
    """The far end rings."""


@dataclass(frozen=True)
class Talking:
    """The call is active."""


@dataclass(frozen=True)
class Ended:
    """A call that was dialled or answered is over. ``answer``: why it came to nothing, if the modem says so."""

    answer: Answer | None


@dataclass(frozen=True)
class Waiting:
    """A further call waits while we have one."""

    caller: CallerId | None


@dataclass(frozen=True)
class ListCalls:
    """AT+CLCC is to be asked, and its rows given to ``rows``."""


GsmEvent = Rang | Incoming | Masked | Stopped | Dialling | Alerting | Talking | Ended | Waiting | ListCalls

_PHASES: dict[Phase, dict[Sign, Phase]] = {
    Phase.IDLE: {
        Sign.RINGS: Phase.RINGING,
        Sign.NUMBER: Phase.RINGING,
        Sign.ARRIVES: Phase.RINGING,
        Sign.DIALS: Phase.DIALLING,
        Sign.ALERTS: Phase.ALERTING,
    },
    Phase.RINGING: {Sign.TALKS: Phase.TALKING, Sign.ENDS: Phase.IDLE, Sign.MISSED: Phase.IDLE},
    Phase.ANSWERING: {Sign.TALKS: Phase.TALKING, Sign.ENDS: Phase.IDLE, Sign.MISSED: Phase.IDLE},
    Phase.DIALLING: {Sign.ALERTS: Phase.ALERTING, Sign.TALKS: Phase.TALKING, Sign.ENDS: Phase.IDLE},
    Phase.ALERTING: {Sign.TALKS: Phase.TALKING, Sign.ENDS: Phase.IDLE},
    Phase.TALKING: {Sign.ENDS: Phase.IDLE},
    Phase.ENDING: {Sign.ENDS: Phase.IDLE, Sign.MISSED: Phase.IDLE},
}
"""A sign that is not named here changes nothing."""

_PROGRESS: dict[Phase, GsmEvent] = {
    Phase.DIALLING: Dialling(),
    Phase.ALERTING: Alerting(),
    Phase.TALKING: Talking(),
}
_INBOUND = (Phase.RINGING, Phase.ANSWERING)
_OF_AN_INCOMING_CALL = (Sign.RINGS, Sign.NUMBER, Sign.ARRIVES, Sign.WAITS, Sign.MISSED)


class GsmCalls:
    """One line in ``region``. Time is loop time; without a clock (a recorded stream) give 0 and ``clocked=False``.

    ``lists``: AT+CLCC may be asked. ``polls``: it is asked for progress, too, which the modem does not tell by itself.
    ``ok_means_answer``: ATD's OK comes at the answer, not at once.
    """

    def __init__(self, region: str, *, lists: bool = True, ok_means_answer: bool = False, clocked: bool = True) -> None:
        self._region = region
        self._lists = self.polls = lists
        self._ok_means_answer = ok_means_answer
        self._clocked = clocked
        self._forget()

    def _forget(self) -> None:
        self.phase = Phase.IDLE
        self._call: int | None = None
        self._incoming = False
        self._since = 0.0
        self._listed = False
        """AT+CLCC has shown this call."""
        self._waiting: CallerId | None = None
        self._someone_waits = self._had_second = False
        self._sought = CallerSought()
        self._ask_at: float | None = None
        self._none_at: float | None = None
        self._stopped_at: float | None = None
        self._checking = False

    @property
    def deadline(self) -> float | None:
        """When ``tick`` is due, unless something comes before."""
        due = [at for at in (self._ask_at, self._none_at, self._stopped_at) if at is not None]
        return min(due, default=None)

    @property
    def to_be_named(self) -> int | None:
        """The modem's number of our call, by which it is to be ended while another one waits; None: end any.

        Where nothing has told it ours is 1: it came first (3GPP TS 22.030, 6.5.5.1).
        """
        return (self._call or 1) if self._someone_waits else None

    # --- what we do -----------------------------------------------------------------------------------------------

    def dials(self, now: float) -> None:
        """ATD is being sent."""
        self._forget()
        self.phase, self._since = Phase.DIALLING, now

    def dialled(self, result: str, now: float) -> list[GsmEvent]:
        """ATD's final result. Most modems say OK at once; CONNECT means the far end has answered."""
        if self.phase not in (Phase.DIALLING, Phase.ALERTING):
            return []
        if result.startswith("CONNECT") or (result == "OK" and self._ok_means_answer):
            return self._hear(Said(Sign.TALKS), now)
        if result == "OK":
            self._poll(now)
            return []
        return self._hear(Said(Sign.ENDS, answer=RESULTS.get(result, Answer.NETWORK)), now)

    def answers(self, now: float) -> None:
        """ATA is being sent for the call that rings."""
        self.phase, self._since = Phase.ANSWERING, now
        self._ask_at = self._none_at = self._stopped_at = None

    def answered(self, result: str, now: float) -> list[GsmEvent]:
        """ATA's final result."""
        if result == "OK" or result.startswith("CONNECT"):  # perhaps another caller's, who took this one's place
            return self._hear(Said(Sign.TALKS), now) if self.phase in _INBOUND else []
        return self._hear(Said(Sign.ENDS), now) if self.phase is Phase.ANSWERING else []

    def hangs_up(self) -> None:
        """AT+CHUP is being sent."""
        if self.phase is not Phase.IDLE:
            self.phase = Phase.ENDING
        self._ask_at = self._none_at = self._stopped_at = None

    def hung_up(self) -> None:
        """AT+CHUP was answered."""
        if self.phase is Phase.ENDING:
            self._forget()

    # --- what the modem says --------------------------------------------------------------------------------------

    def line(self, text: str, now: float) -> list[GsmEvent] | None:
        """An unsolicited line; None if it says nothing about calls."""
        said = read_sign(text, self._region)
        return None if said is None else self.tick(now) + self._hear(said, now)

    def rows(self, rows: list[CallRow] | None, now: float) -> list[GsmEvent]:
        """The answer to AT+CLCC: all calls there are; None: the modem refused to list them."""
        if rows is None:
            return self._not_listed(now)
        voice = [row for row in rows if row.voice]
        ours = next((row for row in voice if self._is_ours(row.call, row.incoming, row.state)), None)
        events: list[GsmEvent] = []
        for row in voice:
            said = said_by_row(row)
            if said is not None and (row is ours or row.state in (CallState.INCOMING, CallState.WAITING)):
                events += self._hear(said, now)
        if self.phase is Phase.RINGING:
            events += self._looked_up(ours, now)
        elif self.phase not in (Phase.IDLE, Phase.ENDING):
            events += self._look_after(ours, voice, now)
        return events

    def tick(self, now: float) -> list[GsmEvent]:
        """Time has passed."""
        events: list[GsmEvent] = []
        if self._none_at is not None and now >= self._none_at:
            events += self._settle(now)
        if self._ask_at is not None and now >= self._ask_at:
            self._ask_at = None
            events.append(ListCalls())
        if self._stopped_at is not None and now >= self._stopped_at:
            self._stopped_at = None
            if self._lists:
                self._checking = True
                events.append(ListCalls())
            else:
                events += self._hear(Said(Sign.ENDS), now)
        return events

    def end(self) -> list[GsmEvent]:
        """No more input: settle the call that is open, if any."""
        return self._settle(0.0) if self.phase is Phase.RINGING else []

    # --- one sign after another -----------------------------------------------------------------------------------

    def _hear(self, said: Said, now: float) -> list[GsmEvent]:
        if self.phase is Phase.ENDING:
            next_caller = said.sign is Sign.NUMBER and self._sought.is_other(said.caller)
            if next_caller or (said.sign in _PHASES[Phase.ENDING] and not self._of_another(said)):
                self._forget()
            if not next_caller:
                return []
        if self._of_another(said):
            return self._second_call(said, now)
        if said.sign is Sign.RINGS and self.phase is Phase.TALKING and not self._clocked:
            self._forget()  # our own hang-up leaves no trace in a recorded stream
        before, self.phase = self.phase, _PHASES[self.phase].get(said.sign, self.phase)
        self._call = said.call if said.call is not None else self._call
        if before is Phase.IDLE and self.phase is not Phase.IDLE:
            self._since, self._incoming = now, self.phase is Phase.RINGING
        if self.phase is Phase.RINGING:
            return self._while_ringing(said, now)
        if said.sign is Sign.NUMBER and self.phase is Phase.ANSWERING:
            return self._clip_while_answering(said, now)
        return [] if before is self.phase else self._changed(before, said, now)

    def _changed(self, before: Phase, said: Said, now: float) -> list[GsmEvent]:
        if self.phase is not Phase.IDLE:
            events = self._settle(now) if before is Phase.RINGING else []
            self._ask_at = self._none_at = self._stopped_at = None
            self._poll(now)
            return [*events, _PROGRESS[self.phase]]
        events = [*self._settle(now), Stopped()] if before is Phase.RINGING else [Ended(said.answer)]
        self._forget()
        return events

    def _while_ringing(self, said: Said, now: float) -> list[GsmEvent]:
        self._wait_for_more(said, now)
        match said:
            case Said(Sign.RINGS):
                self._sought.rang()
                known = self._sought.caller is not None or self._sought.rings > 1
                return [Rang(), *(self._settle(now) if known and not self._clocked else ())]
            case Said(Sign.NUMBER, caller=caller) if caller is not None:
                return self._clip(caller, now)
        self._sought.row(said.caller)
        return []

    def _clip_while_answering(self, said: Said, now: float) -> list[GsmEvent]:
        if self._sought.is_other(said.caller):  # the caller gave up meanwhile, and another one rings
            self._forget()
            return [Ended(None), *self._hear(said, now)]
        masked = self._sought.clip(said.caller) if said.caller is not None else None
        return [] if masked is None else [Masked(masked)]

    def _wait_for_more(self, said: Said, now: float) -> None:
        if not self._clocked:
            return
        self._stopped_at = now + RINGING_STOPPED
        first_ring = said.sign is Sign.RINGS and not self._sought.rings
        if not self._sought.settled and (self._none_at is None or first_ring):
            self._none_at = now + NO_NUMBER
            self._ask_at = now + ASK_AFTER if self._lists else None

    def _clip(self, caller: CallerId, now: float) -> list[GsmEvent]:
        if self._sought.replaced_by(caller):
            self._forget()
            self.phase, self._since, self._incoming = Phase.RINGING, now, True
            return [Stopped(), *self._while_ringing(Said(Sign.NUMBER, caller=caller), now)]
        if (masked := self._sought.clip(caller)) is not None:
            return [Masked(masked)]
        return self._settle(now) if self._clocked else []

    def _settle(self, now: float) -> list[GsmEvent]:
        self._ask_at = self._none_at = None
        return [] if self._sought.settled else [Incoming(self._sought.settle(), now)]

    # --- a second call, and AT+CLCC -------------------------------------------------------------------------------

    def _of_another(self, said: Said) -> bool:
        if said.sign is Sign.WAITS and self.phase is not Phase.IDLE:
            return said.call is None or said.call != self._call
        if self.phase in (Phase.IDLE, Phase.RINGING) and said.call is None:
            return False
        if said.call is not None and self._call is not None:
            return said.call != self._call
        if said.sign is Sign.ENDS and said.call is None and self._had_second:
            return self._lists or self._someone_waits
        if said.sign is Sign.NUMBER and self.phase is Phase.TALKING:
            return said.caller != self._sought.caller
        return said.sign in _OF_AN_INCOMING_CALL and self.phase in (Phase.DIALLING, Phase.ALERTING)

    def _second_call(self, said: Said, now: float) -> list[GsmEvent]:
        if said.sign is Sign.ENDS and said.call is None:
            self._ask_at = now if self._lists else None
            return [] if self._lists else self._end_of_ours(said, now)
        if said.sign in (Sign.ENDS, Sign.MISSED):
            self._someone_waits, self._waiting = False, None
            return []
        if said.sign not in (Sign.WAITS, Sign.ARRIVES, Sign.NUMBER):
            return []
        if self._someone_waits and (said.caller is None or said.caller == self._waiting):
            return []
        self._someone_waits = self._had_second = True
        self._waiting = said.caller
        return [Waiting(said.caller)]

    def _end_of_ours(self, said: Said, now: float) -> list[GsmEvent]:
        self._someone_waits = self._had_second = False
        return self._hear(said, now)

    def _is_ours(self, call: int, incoming: bool, state: CallState) -> bool:
        if self._call is not None:
            return call == self._call
        return incoming == (self._incoming or self.phase in _INBOUND) and state is not CallState.WAITING

    def _not_listed(self, now: float) -> list[GsmEvent]:
        self._lists = self._listed  # one that has listed calls before is asked again
        self.polls = self.polls and self._lists
        if self.phase is Phase.RINGING:
            return self._looked_up(None, now)
        if self.phase not in (Phase.IDLE, Phase.ENDING):
            self._poll(now)
        return []

    def _looked_up(self, ours: CallRow | None, now: float) -> list[GsmEvent]:
        checking, self._checking = self._checking, False
        if ours is None and checking:
            return self._hear(Said(Sign.ENDS), now)
        if ours is not None:
            self._listed = True
            self._stopped_at = now + RINGING_STOPPED
        return self._settle(now) if self._sought.listed is not None else []

    def _look_after(self, ours: CallRow | None, voice: list[CallRow], now: float) -> list[GsmEvent]:
        if ours is not None:
            self._listed = True
        elif self._listed or (self.polls and now - self._since > NEVER_LISTED):
            return self._end_of_ours(Said(Sign.ENDS), now)
        self._someone_waits = self._someone_waits and len(voice) > 1
        self._poll(now)
        return []

    def _poll(self, now: float) -> None:
        self._ask_at = now + POLL_EVERY if self.polls else None
