"""An emulated voice modem: AT commands on a port, a telephone line on a wire, and faults on demand."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from gateway.bench.emulators import caller_id, dle
from gateway.bench.emulators.at import AtInterpreter, Refused
from gateway.bench.emulators.commands import Commands
from gateway.bench.emulators.line_side import LineSide
from gateway.bench.emulators.models import ModemModel
from gateway.bench.emulators.port import Port
from gateway.bench.emulators.uplink import Trace, Uplink
from gateway.bench.emulators.voice import VoicePath
from gateway.bench.wire import CallerIdData, Samples, Wire

RINGING_OVER = 8.0  # seconds without ringing after which S1 counts anew (V.250, 6.3.8)
CALLER_ID_DELAY = 0.02  # from the message's end to its lines
JAPAN = "+81"


class EmulatedModem:
    """Fulfils ``Terminal`` for the exchange, and a modem's part on ``port``. Made on a running loop."""

    def __init__(self, model: ModemModel, wire: Wire, port: Port, trace: Path | None = None) -> None:
        self.model = model
        self._wire = wire
        self._port = port
        self._trace = Trace(trace)
        self._uplink = Uplink(port, self._trace)
        self._voice = VoicePath(model, port, self._uplink, self._trace)
        self._line = LineSide(wire, model, self._voice, self._event)
        self._commands = Commands(model, wire, self._line, self._voice)
        self._at = AtInterpreter(
            self._commands.actions(),
            self._uplink.write,
            registers=model.registers,
            results=model.results,
            latency=model.latency,
            on_line=lambda text: wire.log("at", text=text),
        )
        self._commands.attach(self._at)
        self._loop = asyncio.get_running_loop()
        self._timers: set[asyncio.TimerHandle] = set()
        self._answering: asyncio.Task[None] | None = None
        self._rang_at = -RINGING_OVER
        self._spoiled = False
        self._plugged = True
        port.on_data = self._receive
        port.on_drop = self._dtr_dropped

    # What the exchange does (Terminal).

    def ringing(self, on: bool) -> None:
        """A burst of ringing current begins or ends."""
        self._line.ringing = on
        if on and not self._line.off_hook:
            self._after(self.model.ring_delay, self._report_ring)
        elif not on and self._answers_itself():
            self._answer_by_itself()

    def caller_id(self, data: CallerIdData) -> None:
        """Print the caller ID, where the program asked for it and this modem can hear it."""
        wanted = self._commands.caller_id
        spoiled, self._spoiled = self._spoiled, False
        if wanted == "0" or spoiled or not self._hears_caller_id():
            return
        if wanted == "2":
            messages = [[line] for line in caller_id.raw(data)]
        else:
            messages = caller_id.formatted(data, self.model.caller_id)
        self._after(CALLER_ID_DELAY, lambda: self._print(messages))

    def line_break(self) -> None:
        """Loop current was interrupted."""
        if self.model.reports_loop_break:
            self._event("l")

    def speak(self) -> Samples:
        """The next 20 ms towards the line."""
        return self._line.speak()

    def hear(self, sound: Samples) -> None:
        """20 ms from the line."""
        self._line.hear(sound)

    # Faults on demand.

    def send_garbage(self, data: bytes) -> None:
        """Bytes that no program asked for."""
        self._uplink.write(data)

    def split_writes(self, size: int, every: float) -> None:
        """Send at most ``size`` bytes each ``every`` seconds from now on; size 0 ends it."""
        self._uplink.split(size, every)

    def wedge(self) -> None:
        """Answer nothing more, hook and all left as they are, until unplugged and plugged in again."""
        self._uplink.wedged = True
        self._trace.note("wedged")

    def spoil_caller_id(self) -> None:
        """The next caller-ID message arrives with a wrong checksum: nothing is printed."""
        self._spoiled = True

    def one_way(self, *, mute: bool = False, deaf: bool = False) -> None:
        """Lose the sound towards the line (``mute``) or from it (``deaf``) until called again."""
        self._line.mute, self._line.deaf = mute, deaf

    def unplug(self) -> None:
        """Pull the modem out: on hook, gone from the bus."""
        if not self._plugged:
            return
        self._plugged = False
        self._power_down()
        self._trace.note("unplugged")
        self._port.unplug()

    def replug(self) -> None:
        """Plug it in again: all settings are lost."""
        if self._plugged:
            return
        self._plugged = True
        self._uplink.wedged = False
        self._port.replug()
        self._trace.note("plugged in")

    def close(self) -> None:
        """Take the modem off wire and port for good."""
        self.unplug()
        self._trace.close()

    # Inside.

    def _receive(self, data: bytes) -> None:
        if self._uplink.wedged:
            return
        if self._voice.mode is not None:
            self._voice.receive(data)
        else:
            self._trace.text(">", data)
            self._at.receive(data)

    def _event(self, code: str) -> None:
        answered_by_result = code in "bd" and self._commands.judging
        if self._commands.in_voice_class and self._line.off_hook and not answered_by_result:
            self._uplink.write(dle.event(code))

    def _dtr_dropped(self) -> None:
        self._trace.note("closed by the program")
        if self._commands.parameters["&D"] != "0":
            restore = self._commands.parameters["&D"] == "3"
            self._quiet_down()
            if restore:
                self._commands.restore()
                self._at.reset()
            self._commands.parameters[self.model.names.service_class] = "0"

    def _power_down(self) -> None:
        self._quiet_down()
        self._uplink.drop()
        self._commands.restore()
        self._at.reset()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _quiet_down(self) -> None:
        """Whatever goes on is broken off, and the line is free."""
        if self._answering is not None:
            self._answering.cancel()
        self._at.drop()
        self._line.hang_up()
        self._line.stop()

    def _report_ring(self) -> None:
        if not self._line.ringing or self._line.off_hook or not self._plugged:
            return
        now = self._loop.time()
        self._at.s[1] = self._at.s[1] + 1 if now - self._rang_at < RINGING_OVER else 1
        self._rang_at = now
        streaming = self._voice.mode is not None  # a local device's: there is no room for words between voice bytes
        if streaming or (self._commands.in_voice_class and self.model.ring_in_voice == "DLE R"):
            self._uplink.write(dle.event("R"))
        else:
            self._at.result("RING")
        if self._answers_itself() and self.model.off_hook_while_ringing:
            self._answer_by_itself()

    def _answers_itself(self) -> bool:
        rings = self._at.s[0]
        return bool(rings) and self._at.s[1] >= rings and self._plugged and not self._line.off_hook

    def _answer_by_itself(self) -> None:
        if self._answering is None or self._answering.done():
            self._answering = self._loop.create_task(self._answer())

    async def _answer(self) -> None:
        try:
            outcome = await self._commands.pick_up()
        except Refused:
            return
        if outcome is not None:
            self._at.result(outcome)

    def _hears_caller_id(self) -> bool:
        if self._line.off_hook or not self._plugged:
            return False
        if not self._wire.number.startswith(JAPAN) or self.model.ntt_needs is None:
            return True
        name, value = self.model.ntt_needs
        return self._commands.parameters[name] == value

    def _print(self, messages: list[list[str]]) -> None:
        frame = "\r\n"
        for lines in messages:
            if self.model.caller_id.block:
                self._at.say(frame.join(lines))
            else:
                for line in lines:
                    self._at.say(line)
        self._uplink.write(b"", then=lambda: self._wire.log("caller_id_sent"))

    def _after(self, delay: float, what: Callable[[], None]) -> None:
        def run() -> None:
            self._timers.discard(timer)
            what()

        timer = self._loop.call_later(delay, run)
        self._timers.add(timer)
