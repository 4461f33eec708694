"""What the AT commands of an emulated GSM modem do (3GPP TS 27.007 and the makers' own)."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

from gateway.bench.emulators.at import Action, AtInterpreter, Command, Handler, Kind, Outcome, Refused
from gateway.bench.emulators.gsm_faults import GsmFaults
from gateway.bench.emulators.gsm_models import LISTINGS, GsmModel
from gateway.bench.emulators.gsm_radio import ACTIVE, INCOMING, Calls
from gateway.bench.mobile import MobileSubscriber

ANSWERING = 0.1
"""Seconds from ATA to the call."""
USSD_ANSWER = 0.5
CTRL_Z = 0x1A
CAUSE_TEXTS = {1: "Unassigned number", 16: "Normal call clearing", 17: "User busy", 19: "User alerting, no answer"}


@dataclass
class Sim:
    """The SIM card. ``state``: what +CPIN? answers, "" without a card."""

    state: str = "READY"
    pin: str = "1234"
    tries: int = 3

    def unlock(self, pin: str) -> bool:
        """Whether that was the PIN; the third wrong one blocks the card."""
        if pin == self.pin:
            self.state, self.tries = "READY", 3
            return True
        self.tries -= 1
        if not self.tries:
            self.state = "SIM PUK"
        return False


class GsmCommands:
    """The command table. ``attach`` gives it the interpreter that it answers through."""

    def __init__(self, model: GsmModel, wire: MobileSubscriber, calls: Calls, faults: GsmFaults) -> None:
        self.sim = Sim()
        self.signal = 21
        self.operator = "BENCH MOBILE"
        self.cause = 16
        self.dialling: asyncio.Future[str] | None = None
        """Where ATD is answered late: what it will be."""
        self.text: bytearray | None = None
        """A short message being typed."""
        self.kept: list[str] = []
        """Short messages that have come, as PDUs (``gsm_pdu``)."""
        self.ussd = '+CUSD: 0,"Balance: 12.34",15'
        """What the network answers to any code."""
        self._model = model
        self._wire = wire
        self._calls = calls
        self._faults = faults
        self._at: AtInterpreter
        self._sent: asyncio.Future[None] | None = None
        self.restore()

    def attach(self, at: AtInterpreter) -> None:
        """From now on replies go through ``at``."""
        self._at = at

    def restore(self) -> None:
        """Parameters as after power-up."""
        self.parameters = dict(self._model.parameters)

    def actions(self) -> Mapping[str, Action]:
        """For the interpreter."""
        table = {
            "A": Action(self._answer),
            "D": Action(self._dial, abortable=True),
            "H": Action(self._hook),
            "Z": Action(self._reset),
            "&F": Action(self._reset),
            "I": Action(self._identify),
            "+CHUP": Action(self._hang_up),
            "+CHLD": Action(self._hold),
            "+CLCC": Action(self._list),
            "+CPIN": Action(self._pin),
            "+CPINR": Action(lambda _: self._say(f"+CPINR: SIM PIN,{self.sim.tries},3")),
            "+CSQ": Action(lambda _: self._say(f"+CSQ: {self.signal},99")),
            "+CREG": Action(self._registration),
            "+CEREG": Action(self._registration),
            "+COPS": Action(self._network),
            "+CGSN": Action(lambda _: self._say("350000000000006")),
            "+CIMI": Action(lambda _: self._say("001010123456789")),
            "+CEER": Action(self._last_cause),
            self._model.dtmf: Action(lambda _: "OK"),
            "+CUSD": Action(self._ussd),
            "+CMGS": Action(self._short_message),
            "+CMGL": Action(self._list_messages),
        }
        table |= {name: Action(self._parameter) for name in self._model.parameters if name not in table}
        table |= {name: Action(self._identify) for name in self._model.identification if name != "I"}
        if self._model.cause_in == "none":
            del table["+CEER"]
        return {name: Action(self._unless_refused(action), action.abortable) for name, action in table.items()}

    def error(self, number: int) -> str:
        """+CME ERROR where the program wants to know."""
        return f"+CME ERROR: {number}" if self.parameters["+CMEE"] != "0" else "ERROR"

    def typed(self, data: bytes) -> None:
        """Bytes of a short message."""
        assert self.text is not None
        self.text += data
        if CTRL_Z in self.text and self._sent is not None:
            self.text = None
            self._sent.set_result(None)

    def _unless_refused(self, action: Action) -> Handler:
        def run(command: Command) -> Outcome | Awaitable[Outcome]:
            return self.error(100) if command.name in self._faults.refused else action.run(command)

        return run

    def _say(self, text: str) -> Outcome:
        self._at.say(text)
        return "OK"

    def _parameter(self, command: Command) -> Outcome:
        if command.kind is Kind.READ:
            self._at.say(f"{command.name}: {self.parameters[command.name]}")
        elif command.kind is Kind.TEST:
            if command.name in LISTINGS:
                self._at.say(f"{command.name}: {LISTINGS[command.name]}")
        else:
            if self._too_early(command):
                return self.error(3)
            self.parameters[command.name] = command.value
        return "OK"

    def _too_early(self, command: Command) -> bool:
        switch = self._model.sound_switch
        current = self._calls.current
        stands = current is not None and current.state == ACTIVE
        return self._model.sound_after_begin and (command.name, command.value) == switch and not stands

    def _identify(self, command: Command) -> Outcome:
        for line in self._model.identification[command.name].splitlines():
            self._at.say(line)
        return "OK"

    def _reset(self, _: Command) -> Outcome:
        self.restore()
        self._at.reset()
        return "OK"

    async def _answer(self, _: Command) -> Outcome:
        call = self._calls.current
        if call is None or call.state != INCOMING:
            return "NO CARRIER"
        await asyncio.sleep(ANSWERING)
        if call not in self._calls.list:
            return "NO CARRIER"
        self._wire.off_hook()
        return "OK"

    async def _dial(self, command: Command) -> Outcome:
        number = command.value.removesuffix(";").removeprefix("T").removeprefix("P")
        self._wire.log("atd", digits=number)
        if not command.value.endswith(";"):
            return "NO CARRIER"  # a data call, which nobody takes
        if self._faults.dial_result is not None:
            return self._faults.dial_result
        if self.sim.state != "READY":
            return self.error(11)
        if not self._wire.registered:
            return self.error(30)
        if self._calls.list:
            return self.error(3)
        self._calls.goes_out(number)
        if not (self._faults.answers_ok_late or self._model.ok_at_answer):
            self._wire.dial(number)
            return "OK"
        self.dialling = asyncio.get_running_loop().create_future()
        self._wire.dial(number)
        try:
            return await self.dialling
        finally:
            self.dialling = None
            if self._calls.current is not None and self._calls.current.state != ACTIVE:
                self._clear()

    def _hook(self, command: Command) -> Outcome:
        needs = self._model.hook_needs
        if command.number == 0 and (needs is None or self.parameters[needs[0]] == needs[1]):
            self._clear()
        return "OK"

    def _hang_up(self, _: Command) -> Outcome:
        if self._faults.chup_ends_all:
            self._refuse_waiting()
        self._clear()
        return "OK"

    def _hold(self, command: Command) -> Outcome:
        if command.value == "0":
            self._refuse_waiting()
        elif command.value.startswith("1"):
            self._clear()
        return "OK"

    def _refuse_waiting(self) -> None:
        if self._calls.waiting is not None:
            self._calls.over(self._calls.waiting, 16, ours=True)
            self._wire.refuse_waiting()

    def _clear(self) -> None:
        call = self._calls.current
        if call is not None:
            self._calls.over(call, 16, ours=True)
            self._wire.on_hook()

    def _list(self, command: Command) -> Outcome:
        if command.kind is not Kind.DO:
            if command.name not in self.parameters:
                raise Refused
            return self._parameter(command)
        if self._model.listing_drops:
            self._clear()
        for call in self._calls.list:
            self._at.say(f"+CLCC: {call.row}")
        if self._faults.phantom_row is not None:
            self._at.say(f"+CLCC: {self._faults.phantom_row}")
        return "OK"

    def _pin(self, command: Command) -> Outcome:
        if not self.sim.state:
            return self.error(10)
        if command.kind is Kind.READ:
            return self._say(f"+CPIN: {self.sim.state}")
        if self.sim.state != "SIM PIN":
            return self.error(3)
        return "OK" if self.sim.unlock(command.value.strip('"')) else self.error(16)

    def _registration(self, command: Command) -> Outcome:
        if command.kind is not Kind.READ:
            return self._parameter(command)
        known = self._wire.registered and self.sim.state == "READY"
        return self._say(f"{command.name}: {self.parameters[command.name]},{1 if known else 2}")

    def _network(self, command: Command) -> Outcome:
        if command.kind is not Kind.READ:
            return "OK"
        return self._say(f'+COPS: 0,0,"{self.operator}",7' if self._wire.registered else "+COPS: 0")

    def _last_cause(self, _: Command) -> Outcome:
        return self._say(f"+CEER: {CAUSE_TEXTS.get(self.cause, 'Network')},{self.cause}")

    def _ussd(self, _: Command) -> Outcome:
        asyncio.get_running_loop().call_later(USSD_ANSWER, self._at.say, self.ussd)
        return "OK"

    async def _short_message(self, _: Command) -> Outcome:
        self.text, self._sent = bytearray(), asyncio.get_running_loop().create_future()
        self._at.prompt("> ")
        await self._sent
        return self._say("+CMGS: 1")

    def _list_messages(self, _: Command) -> Outcome:
        for place, pdu in enumerate(self.kept, 1):
            self._at.say(f"+CMGL: {place},1,,{len(pdu) // 2 - 1}")
            self._at.say(pdu)
        return "OK"
