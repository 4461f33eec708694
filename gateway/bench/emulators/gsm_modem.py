"""An emulated GSM or LTE modem: AT commands on one port, raw sound on another, and a SIM in the exchange's network."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from gateway.bench.dtmf import KeyEar
from gateway.bench.emulators.at import V250_RESULTS, AtInterpreter, ResultCode
from gateway.bench.emulators.gsm_codec import Codec
from gateway.bench.emulators.gsm_commands import GsmCommands
from gateway.bench.emulators.gsm_faults import GsmFaults
from gateway.bench.emulators.gsm_models import GsmModel
from gateway.bench.emulators.gsm_radio import ACTIVE, ALERTING, DIALLING, Calls
from gateway.bench.emulators.gsm_sound import SoundEnd
from gateway.bench.emulators.models import S_REGISTERS
from gateway.bench.emulators.port import Port
from gateway.bench.emulators.uplink import Trace, Uplink
from gateway.bench.mobile import Cause, MobileSubscriber
from gateway.bench.wire import CallerIdData, Samples

FINDS_NETWORK = 1.5
"""Seconds from power-up to registration."""


class _Results(dict[str, ResultCode]):
    """Result codes in words; ``+CME ERROR: n`` has no digit."""

    def __missing__(self, name: str) -> ResultCode:
        return ResultCode(name, name)


class EmulatedGsmModem:
    """Fulfils ``MobileTerminal`` for the exchange, and a modem's part on both ports. Made on a running loop."""

    def __init__(
        self,
        model: GsmModel,
        wire: MobileSubscriber,
        port: Port,
        sound: SoundEnd,
        *,
        trace: Path | None = None,
        codec: Callable[[], Codec] | None = None,
    ) -> None:
        self.model = model
        self.faults = GsmFaults()
        self.sound = sound
        self._wire = wire
        self._port = port
        self._codec = codec
        self._up: Codec | None = None
        self._down: Codec | None = None
        self._trace = Trace(trace)
        self._uplink = Uplink(port, self._trace)
        self._calls = Calls(model, self.faults, wire.country, self)
        self.commands = GsmCommands(model, wire, self._calls, self.faults)
        self._at = AtInterpreter(
            self.commands.actions(),
            self._send,
            registers=S_REGISTERS,
            results=_Results(V250_RESULTS),
            latency=model.latency,
            on_line=lambda text: wire.log("at", text=text),
        )
        self.commands.attach(self._at)
        self._loop = asyncio.get_running_loop()
        self._finds_network: asyncio.TimerHandle | None = None
        self._ears = KeyEar()
        self._plugged = True
        port.on_data = self._receive
        port.on_drop = self._at.drop

    # What the network does (MobileTerminal).

    def paged(self, data: CallerIdData, *, waiting: bool) -> None:
        """A call comes in."""
        self._calls.comes_in(data, waiting=waiting)

    def page_over(self, *, waiting: bool) -> None:
        """That caller has given up."""
        call = self._calls.waiting if waiting else self._calls.current
        if call is not None:
            self._calls.over(call, 16, ours=False)

    def far_end_rings(self) -> None:
        """The call that was dialled has reached a telephone."""
        if self._calls.current is not None:
            self._calls.rings_there(self._calls.current)

    def connected(self) -> None:
        """The call stands."""
        if self._calls.current is not None:
            self._calls.stands(self._calls.current)
        self._answer_dialling("OK")

    def released(self, cause: Cause) -> None:
        """The network has cleared the call."""
        self.commands.cause = cause
        late = self.commands.dialling is not None
        if self._calls.current is not None:
            self._calls.over(self._calls.current, cause, ours=late)
        self._answer_dialling(self._calls.result(cause) or "NO CARRIER")
        self._quiet_sound()

    def ringing(self, on: bool) -> None:
        """There is no bell on a mobile."""

    def caller_id(self, data: CallerIdData) -> None:
        """It comes with the page."""

    def line_break(self) -> None:
        """There is no loop on a mobile."""

    def speak(self) -> Samples:
        """The next 20 ms towards the network."""
        self._open_sound()
        sound = self.sound.speak()
        return sound if self._up is None else self._up(sound)

    def hear(self, sound: Samples) -> None:
        """20 ms from the network."""
        sound = sound if self._down is None else self._down(sound)
        self.sound.hear(sound)
        keys = self.model.keys
        if keys is None or not self.on(*keys[:2]) or not self._stands():
            return
        for heard in self._ears.hear(sound, 0.0):
            self.say(keys[2].format(key=heard.key, code=ord(heard.key)))

    # What its calls need (Mouth).

    def say(self, text: str) -> None:
        """A line to the program."""
        self._at.say(text)

    def on(self, parameter: str, value: str) -> bool:
        """Whether the program has set this."""
        return self.commands.parameters.get(parameter) == value

    def presented(self) -> None:
        """The caller ID has been written: note when its last byte went out."""
        self._uplink.write(b"", then=lambda: self._wire.log("caller_id_sent"))

    # Faults on demand, besides ``faults``.

    def send_garbage(self, data: bytes) -> None:
        """Bytes that no program asked for."""
        self._uplink.write(data)

    def split_writes(self, size: int, every: float) -> None:
        """Send at most ``size`` bytes each ``every`` seconds from now on; size 0 ends it."""
        self._uplink.split(size, every)

    def wedge(self) -> None:
        """Answer nothing more, calls and all left as they are, until unplugged and plugged in again."""
        self._uplink.wedged = True

    def lock_sim(self) -> None:
        """From now on the SIM wants its PIN."""
        self.commands.sim.state = "SIM PIN"

    def coverage(self, there: bool) -> None:
        """Lose the network, calls and all, or find it again."""
        self._wire.registered = there
        if not there and self._wire.off:
            self._wire.on_hook()
            self.released(34)
        if self.on("+CREG", "1"):
            self.say(f"+CREG: {1 if there else 2}")

    def change_signal(self, level: int) -> None:
        """0 to 31, or 99; Huawei tells of it unasked."""
        self.commands.signal = level
        if self.model.progress == "huawei":
            self.say(f"^RSSI:{level}")

    def unplug(self) -> None:
        """Pull the modem out: both ports gone from the bus, its call cleared by the network."""
        if not self._plugged:
            return
        self._plugged = False
        self._stop_searching()
        self._calls.forget()
        self._at.drop()
        self._at.reset()
        self.commands.restore()
        self._uplink.drop()
        self._wire.on_hook()
        self._wire.registered = False
        self._quiet_sound()
        self._trace.note("unplugged")
        self._port.unplug()
        self.sound.unplug()

    def replug(self) -> None:
        """Plug it in again: settings are lost, and the network is to be found first."""
        if self._plugged:
            return
        self._plugged = True
        self._uplink.wedged = False
        self._port.replug()
        self.sound.replug()
        self._trace.note("plugged in")
        self._finds_network = self._loop.call_later(FINDS_NETWORK, self.coverage, True)

    def close(self) -> None:
        """Take the modem off network and ports for good."""
        self.unplug()
        self._trace.close()

    # Inside.

    def _send(self, data: bytes) -> None:
        self._uplink.write(data.replace(b"\r\n", self.model.line_end))

    def _receive(self, data: bytes) -> None:
        if self._uplink.wedged:
            return
        self._trace.text(">", data)
        if self.commands.text is not None:
            self.commands.typed(data)
        else:
            self._at.receive(data)

    def _answer_dialling(self, result: str) -> None:
        if self.commands.dialling is not None and not self.commands.dialling.done():
            self.commands.dialling.set_result(result)

    def _stands(self) -> bool:
        call = self._calls.current
        return call is not None and call.state == ACTIVE

    def _open_sound(self) -> None:
        """Sound passes while a call stands (or rings there) and the program has switched it on."""
        call = self._calls.current
        switch = self.model.card_switch if self.sound.is_card else self.model.sound_switch
        passes = (
            call is not None and call.state in (ACTIVE, DIALLING, ALERTING) and (switch is None or self.on(*switch))
        )
        if passes and not self.sound.open:
            self.sound.begin()
            if self._codec is not None:
                self._up, self._down = self._codec(), self._codec()
        elif not passes and self.sound.open:
            self.sound.end()

    def _quiet_sound(self) -> None:
        self.sound.end()
        if self.model.sound_after_begin and self.model.sound_switch is not None:
            self.commands.parameters[self.model.sound_switch[0]] = "0"

    def _stop_searching(self) -> None:
        if self._finds_network is not None:
            self._finds_network.cancel()
            self._finds_network = None
