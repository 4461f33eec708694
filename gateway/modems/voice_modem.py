"""An analogue line on a voice modem: ``Line`` for every model of ``profiles``.

It waits in data class (where caller ID works everywhere), answers and dials in voice class, and is on hook again
however a call ends: hanging up is shielded from cancellation, and a modem that does not confirm it is given up
(``LineLost``; its port is closed, on which it hangs up).
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway import clock
from gateway.line import Answer, CallEnded, IncomingCall, LineLost, Voice
from gateway.modems.background import surely
from gateway.modems.commands import CommandChannel, Refused
from gateway.modems.line_on_modem import LineOnModem
from gateway.modems.profiles import ESCAPE, ModemProfile
from gateway.modems.recording import Recording
from gateway.modems.serial_port import Port
from gateway.modems.trace import Trace
from gateway.modems.voice_path import FullDuplex, HalfDuplex, VoicePath
from gateway.numbers import PhoneNumber, dial_string
from gateway.protocols.at import DIALLED, Command, Event, Unsolicited
from gateway.protocols.dle import Shielded
from gateway.protocols.incoming import CallEvent, Incoming, IncomingCalls, Masked, Stopped
from gateway.settings import LineSettings

log = logging.getLogger(__name__)

LETTING_PASS = 0.2
"""Seconds for whatever a predecessor left under way to come to its end."""
RESET = 5.0
DIALLING = 75.0
"""Seconds for digits, dial tone, and models that wait for the end of ringback in spite of being told not to."""
RING_BURST = 0.05
"""Seconds until off hook is tried again, where a model refuses it during a ring burst."""
REFUSED_FOR_LONG = 5.0
PROBE = 30.0
"""Seconds between two looks at an idle modem, for one that has gone deaf rings no more."""

FAILURES = {
    "BUSY": Answer.BUSY,
    "NO ANSWER": Answer.NO_ANSWER,
    "NO DIALTONE": Answer.NO_DIAL_TONE,
    "NO DIAL TONE": Answer.NO_DIAL_TONE,
}
"""Every other result but OK and VCON is ``Answer.NETWORK``."""
OFF_HOOK = ("OK", "VCON")


class VoiceModem(LineOnModem):
    """Fulfils ``Line``. ``open`` makes one; ``close`` gives its port back, on hook."""

    def __init__(self, settings: LineSettings, profile: ModemProfile, port: Port) -> None:
        super().__init__(settings.name, port.name)
        self._settings = settings
        self._profile = profile
        self._channel = CommandChannel(port, Trace(settings.trace, port.name), self._hear, self._be_lost)
        self._calls = IncomingCalls(settings.country)
        self._voice: VoicePath | None = None

    async def open(self) -> None:
        """Reset, identify and set the modem up. Raises ``LineLost``; then the port has been given back."""
        try:
            await self._initialise()
        except Refused as refused:
            self._channel.close()
            raise LineLost(f'{self._channel.name}: {refused}; is model = "{self._profile.name}" right?') from None
        except BaseException:
            self._channel.close()
            raise
        self._background.spawn(self._look_after)

    async def reject(self, call: IncomingCall) -> None:
        """An analogue line can't refuse: let it ring out."""

    @asynccontextmanager
    async def answered(self, call: IncomingCall) -> AsyncIterator[Voice]:
        """Off hook; on hook again however the block ends. ``CallEnded`` when the caller gave up first."""
        self._begin_use()
        try:
            await self._lift(call)
            self._calls.answered()
            yield await self._speak()
        finally:
            await surely(self._hang_up())

    @asynccontextmanager
    async def dialled(self, number: PhoneNumber) -> AsyncIterator[Voice | Answer]:
        """Dial; a ``Voice`` once the digits are out, for only ears know what follows; else why not."""
        line = self._settings
        digits = line.dial_prefix + dial_string(number, line.country, line.international_prefix)
        self._begin_use()
        try:
            yield await self._dial(digits) or await self._speak()
        finally:
            await surely(self._hang_up())

    @asynccontextmanager
    async def seized(self) -> AsyncIterator[Voice]:
        """Off hook without a call, to hear what the line itself says (dial tone); on hook again at the end."""
        self._begin_use()
        try:
            await self._lift(None)
            yield await self._speak()
        finally:
            await surely(self._hang_up())

    # --- setting up -------------------------------------------------------------------------------------------------

    async def _initialise(self) -> None:
        ask, profile = self._demand, self._profile
        await self._channel.flush(ESCAPE, LETTING_PASS)
        await self._wake()
        await ask("ATZ", RESET)
        await ask("ATE0")
        await ask("ATV1")
        await ask(profile.hang_up)
        said = await self._channel.ask(Command(profile.identify, information=("",)))
        log.info("%s: %s", self._channel.name, ", ".join(said.information) or "it does not say what it is")
        for text in (*profile.country.get(self._settings.country, ()), *profile.caller_id, "ATS0=0"):
            await ask(text)

    async def _wake(self) -> None:
        """A first AT may be lost on a modem that was busy, or that has yet to find our speed."""
        for late, within in enumerate((0.5, 1.0)):  # noqa: B007 - used after the loop
            if await self._channel.answers("AT", within):
                break
        else:
            await self._channel.ask("AT")
        if late:  # its replies to the first ones may still come, and each later command would take another's
            await self._channel.flush(b"", LETTING_PASS)

    async def _demand(self, text: str, within: float = 2.0) -> None:
        reply = await self._channel.ask(text, within)
        if reply.result != "OK":
            raise Refused(f"the modem says {reply.result} to {text}")

    async def _look_after(self) -> None:
        """Notice a modem that has gone deaf while nothing happens."""
        while True:
            await asyncio.sleep(PROBE)
            if not self._in_use and self._calls.deadline is None:
                await self._channel.ask("AT")

    # --- what the modem says ----------------------------------------------------------------------------------------

    def _hear(self, event: Event) -> None:
        now = clock.now()
        told: list[CallEvent] | None = None
        match event:
            case Unsolicited(text):
                told = self._calls.line(text, now)
            case Shielded("R"):
                told = self._calls.ring(now)
        if told is not None:
            self._tell(told)
        elif self._voice is not None:
            self._voice.take(event)

    def _tell(self, told: list[CallEvent]) -> None:
        for event in told:
            match event:
                case Incoming(caller):
                    self._call = IncomingCall(self.name, caller, clock.now())
                    self._rung.put_nowait(self._call)
                case Masked(caller) if self._call is not None:
                    self._call.caller = caller
                case Stopped():
                    self._call = None
        self._wake_at(self._calls.deadline)

    def _time_passes(self) -> None:
        self._tell(self._calls.tick(clock.now()))

    def _be_lost(self, lost: LineLost) -> None:
        self._note_loss(lost)
        if self._voice is not None:
            self._voice.end(lost)

    # --- calls ------------------------------------------------------------------------------------------------------

    async def _lift(self, call: IncomingCall | None) -> None:
        began = clock.now()
        while True:
            if call is not None and call is not self._call:
                raise CallEnded("the caller gave up before we answered")
            reply = await self._channel.ask(Command(self._profile.answer, finals=DIALLED))
            if reply.result in OFF_HOOK:
                return
            if clock.now() - began > REFUSED_FOR_LONG:
                raise self._channel.wedged(f"{reply.result} to {self._profile.answer}")
            await asyncio.sleep(RING_BURST)

    async def _dial(self, digits: str) -> Answer | None:
        command = Command(self._profile.dial + digits, finals=DIALLED)
        reply = await self._channel.ask(command, DIALLING, endings=(b"\r", b"\r"))
        if reply.result in OFF_HOOK:
            return None
        log.info("line %s: dialling: %s", self.name, reply.result)
        return FAILURES.get(reply.result, Answer.NETWORK)

    async def _speak(self) -> FullDuplex | HalfDuplex:
        profile, folder = self._profile, self._settings.record
        recording = Recording(folder, self.name) if folder else None
        voice = (FullDuplex if profile.both else HalfDuplex)(profile, self._channel, recording)
        self._voice = voice
        try:
            for text in profile.sound:
                await self._channel.demand(text)
            await voice.open()
        except Refused as refused:
            raise self._channel.wedged(f"{refused} when asked for a voice path") from None
        return voice

    async def _hang_up(self) -> None:
        """End whatever is under way and go on hook; the way back to data class is gone meanwhile others go on."""
        voice, self._voice, self._call = self._voice, None, None
        try:
            if voice is not None:
                await voice.close()
            await self._channel.finish()
            if (reply := await self._channel.ask(self._profile.hang_up)).result != "OK":
                raise self._channel.wedged(f"{reply.result} to {self._profile.hang_up}")
        finally:
            self._in_use = False
            self._calls.reset()
            self._tell([])
        self._background.spawn(self._return_to_data)

    async def _return_to_data(self) -> None:
        await self._channel.ask(self._profile.idle)
