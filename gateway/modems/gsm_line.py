"""A mobile line on a GSM or LTE modem: ``Line`` for every family of ``gsm_profiles``.

Calls are told and ended by signalling: the machine in ``protocols/gsm_calls`` reads it, this file acts on it. The line
is free again however a call ends: hanging up is shielded from cancellation, our call is ended by its number where
another one waits, and after an end that the far side made AT+CLCC is asked whether it is true.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway import clock
from gateway.line import Answer, CallEnded, IncomingCall, LineLost, Voice
from gateway.modems import gsm_setup
from gateway.modems.background import surely
from gateway.modems.commands import CommandChannel
from gateway.modems.gsm_modem import CALL_FINALS, GSM_FINALS, Library
from gateway.modems.gsm_profiles import GsmProfile
from gateway.modems.gsm_sound import OnLost, Sound
from gateway.modems.gsm_sound_choice import on_card, sound_of
from gateway.modems.gsm_voice import GsmVoice
from gateway.modems.gsm_watch import ANSWERS_WITHIN, FIRST_LOOKS, SOUND_LOOKS, keep_asking, miss_sound
from gateway.modems.line_on_modem import LineOnModem
from gateway.modems.losses import NoNetwork
from gateway.modems.recording import Recording
from gateway.modems.serial_port import Port
from gateway.modems.trace import Trace
from gateway.numbers import PhoneNumber
from gateway.protocols.at import Command, Event, Unsolicited
from gateway.protocols.gsm_calls import Ended, GsmCalls, GsmEvent, ListCalls, Phase, Talking, Waiting
from gateway.protocols.gsm_lines import CallRow, CallState, read_clcc, read_key
from gateway.protocols.gsm_signs import answer_of, read_cause
from gateway.protocols.incoming import Incoming, Masked, Stopped
from gateway.settings import LineSettings

log = logging.getLogger(__name__)

ANSWERING = 20.0
DIALLING = 190.0
"""Seconds for ATD's result; some modems give it only at the answer, for which networks wait 3 min (Q.931, T301)."""
HANGING_UP = 10.0
PROBE = 30.0
"""Seconds between two looks at an idle modem and its network."""
UNDER_WAY = (Phase.DIALLING, Phase.ALERTING, Phase.TALKING)
"""A call that somebody here must have dialled or answered."""
RESTARTED = ("RDY", "^SYSSTART", "*ATREADY", "+CPIN: NOT READY", "NORMAL POWER DOWN")
"""What a modem says that has restarted by itself and has forgotten all settings."""


class GsmLine(LineOnModem):
    """Fulfils ``Line``. ``open`` makes one; ``close`` gives its ports back, on hook."""

    def __init__(
        self, settings: LineSettings, profile: GsmProfile, port: Port, sound: Callable[[OnLost], Sound] | None = None
    ) -> None:
        """``sound`` takes the place of ``settings.audio`` (tests). Raises ``SettingsError`` where that is missing."""
        super().__init__(settings.name, port.name)
        self._settings = settings
        self._profile = profile
        self._sound = sound(self._lose_sound) if sound is not None else sound_of(settings, self._lose_sound)
        self._commands = profile.card if on_card(settings) else profile.serial
        self._channel = CommandChannel(port, Trace(settings.trace, port.name), self._hear, self.be_lost)
        self.library = Library(self._channel)
        self._calls = GsmCalls(settings.country, lists=profile.lists, ok_means_answer=profile.ok_means_answer)
        self._outcome: asyncio.Future[Ended | None] | None = None
        """Of answering or dialling: None once it talks."""
        self._voice: GsmVoice | None = None
        self._mute: LineLost | None = None
        """The sound is gone: what the line will be lost by, once its call has been ended."""
        self._watches: list[asyncio.Task[None]] = []
        """Over the call."""
        self._registered = True
        self._weak = ""

    async def open(self) -> None:
        """Set the modem up and have its network. Raises ``LineLost``; then the ports have been given back."""
        try:
            await self._initialise()
            await self._sound.open()
        except BaseException:
            self._shut()
            raise
        self._background.spawn(self._look_after)

    async def reject(self, call: IncomingCall) -> None:
        """Refuse without answering: nobody pays. No effect on a caller who has given up."""
        if call is self._call and self._calls.phase is Phase.RINGING:
            self._begin_use()
            await surely(self._refuse())

    @asynccontextmanager
    async def answered(self, call: IncomingCall) -> AsyncIterator[Voice]:
        """Answer; free again however the block ends. ``CallEnded`` when the caller gave up first."""
        if self._lost is None and call is not self._call:
            raise CallEnded("the caller gave up before we answered")
        self._begin_call()
        try:
            self._calls.answers(clock.now())
            if await self._until_talking("ATA", ANSWERING, self._calls.answered) is not None:
                raise CallEnded("the caller gave up before we answered")
            yield await self._speak(SOUND_LOOKS)
        finally:
            await surely(self._hang_up())

    @asynccontextmanager
    async def dialled(self, number: PhoneNumber) -> AsyncIterator[Voice | Answer]:
        """Dial; a ``Voice`` once the modem says that the call is active, else why not."""
        self._begin_call()
        try:
            digits = f"{self._settings.dial_prefix}{number.e164}"
            yield await self._dial(digits) or await self._speak(FIRST_LOOKS)
        finally:
            await surely(self._hang_up())

    def be_lost(self, lost: LineLost) -> None:
        """The modem is gone: tell everyone who waits."""
        if self._lost is None:
            self._note_loss(lost)
            self._channel.lose(lost)
            if self._outcome is not None and not self._outcome.done():
                self._outcome.set_exception(lost)
                self._outcome.exception()  # marked as seen: the command in hand may tell it first
            if self._voice is not None:
                self._voice.end(lost)

    def _lose_sound(self, lost: LineLost) -> None:
        """A call without sound is ended by command, as long as the modem hears one; then the line is lost."""
        if self._voice is None:
            self.be_lost(lost)
        else:
            self._mute = lost
            self._voice.end(lost)

    # --- setting up -------------------------------------------------------------------------------------------------

    async def _initialise(self) -> None:
        channel = self._channel
        await gsm_setup.wake(channel)
        identity = await gsm_setup.identify(self.library)
        await gsm_setup.unlock(channel, self.library, self._settings.pin)
        await gsm_setup.await_network(channel)
        if await gsm_setup.prepare(channel, self._profile, self._commands):
            self._calls.polls = False
        operator = await self.library.run(lambda modem: modem.networkName)
        signal = await self.library.run(lambda modem: modem.signalStrength)
        log.info("%s: %s on %s, signal %s", channel.name, identity, operator or "an unnamed network", signal)

    async def _look_after(self) -> None:
        """Notice a modem that has gone deaf, or lost its network or its sound, while nothing happens."""
        while True:
            await asyncio.sleep(PROBE)
            if self._in_use or self._calls.phase is not Phase.IDLE:
                continue
            try:
                await self._look()
            except LineLost as lost:
                self.be_lost(lost)

    async def _look(self) -> None:
        was, self._registered = self._registered, await gsm_setup.registered(self._channel)
        if not self._registered and not was:
            raise NoNetwork(f"{self._channel.name}: the network has been away for {PROBE:.0f} s; set up anew")
        if not self._registered:
            log.warning("%s: no network", self._channel.name)
        await self._sound.look()
        was_weak, self._weak = self._weak, await gsm_setup.weak_signal(self.library)
        if self._weak and not was_weak:
            log.warning("%s: %s", self._channel.name, self._weak)

    def _shut(self) -> None:
        super()._shut()
        self.library.shut()
        self._sound.close()

    # --- what the modem says ----------------------------------------------------------------------------------------

    def _hear(self, event: Event) -> None:
        if not isinstance(event, Unsolicited):
            return
        text = event.text
        if (told := self._calls.line(text, clock.now())) is not None:
            self._tell(told)
        elif (key := read_key(text)) is not None:
            if self._voice is not None and self._profile.keys_from_modem:
                self._voice.key(key)
        elif text.startswith(RESTARTED):
            self.be_lost(LineLost(f"{self._channel.name}: the modem has restarted by itself ({text}); set up anew"))
        else:
            self.library.hear(text)

    def _tell(self, told: list[GsmEvent]) -> None:
        for event in told:
            match event:
                case Incoming(caller):
                    self._call = IncomingCall(self.name, caller, clock.now())
                    self._rung.put_nowait(self._call)
                case Masked(caller) if self._call is not None:
                    self._call.caller = caller
                case Stopped():
                    self._call = None
                case Talking() | Ended():
                    self._progress(event)
                case Waiting(caller):
                    self._let_wait(str(caller))
                case ListCalls():
                    self._background.spawn(self._list_calls)
        self._wake_at(self._calls.deadline)
        if self._calls.phase in UNDER_WAY and not self._in_use:
            self._background.spawn(self._end_stray_call)

    async def _end_stray_call(self) -> None:
        """One that nobody here has dialled or answered, or that was taken for ended by an earlier one's last word."""
        if not self._in_use and self._calls.phase in UNDER_WAY:
            log.warning("line %s: a call that is nobody's; it is ended", self.name)
            self._calls.hangs_up()
            await self._ask("AT+CHUP", HANGING_UP)
            self._calls.hung_up()

    def _progress(self, event: Talking | Ended) -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(event if isinstance(event, Ended) else None)
        elif self._voice is not None and isinstance(event, Ended):
            self._voice.end(CallEnded("the far end has hung up"))

    def _let_wait(self, caller: str) -> None:
        """A second caller rings on until the first call is over; but not while we call somebody back."""
        log.info("line %s: another call waits, from %s", self.name, caller)
        if self._call is None:
            self._background.spawn(self._refuse_waiting)

    async def _refuse_waiting(self) -> None:
        await self._ask("AT+CHLD=0", HANGING_UP)

    async def _list_calls(self) -> None:
        rows = await self._rows(ANSWERS_WITHIN)
        if rows == [] and self._calls.phase in UNDER_WAY:  # once may be a row that came garbled
            rows = await self._rows(ANSWERS_WITHIN)
        self._tell(self._calls.rows(rows, clock.now()))

    async def _rows(self, within: float) -> list[CallRow] | None:
        reply = await self._channel.ask(Command("AT+CLCC", ("+CLCC:",), GSM_FINALS), within)
        if reply.result != "OK":
            return None
        read = (read_clcc(text, self._settings.country) for text in reply.information)
        return [row for row in read if row is not None]

    def _time_passes(self) -> None:
        told = self._calls.tick(clock.now())
        self._tell(told)
        if Stopped() in told:  # without a word: the caller has given up, or the modem
            self._background.spawn(self._ask_in_call)

    async def _ask_in_call(self) -> None:
        """Whether it still answers; of one that lists its calls, also whether ours is still there."""
        if self._profile.lists:
            await self._list_calls()
        else:
            await self._channel.ask("AT", ANSWERS_WITHIN)

    # --- calls ------------------------------------------------------------------------------------------------------

    def _begin_call(self) -> None:
        self._begin_use()
        self._watches.append(self._background.spawn(lambda: keep_asking(self._ask_in_call)))

    async def _dial(self, digits: str) -> Answer | None:
        self._calls.dials(clock.now())
        ended = await self._until_talking(f"ATD{digits};", DIALLING, self._calls.dialled)
        if ended is None:
            return None
        answer = ended.answer or await self._why()
        log.info("line %s: dialling: %s", self.name, answer.value)
        return answer

    async def _until_talking(
        self, text: str, within: float, told: Callable[[str, float], list[GsmEvent]]
    ) -> Ended | None:
        """ATA or ATD, until the call is active (None), or over."""
        outcome: asyncio.Future[Ended | None] = asyncio.get_running_loop().create_future()
        self._outcome = outcome
        try:
            reply = await self._channel.ask(Command(text, finals=CALL_FINALS), within, endings=(b"\r", b"\r"))
            self._tell(told(reply.result, clock.now()))
            ended = await outcome
        finally:
            self._outcome = None
            outcome.cancel()
        return ended

    async def _why(self) -> Answer:
        """The cause of a call that came to nothing without a word."""
        if self._profile.cause is not None:
            reply = await self._channel.ask(Command(self._profile.cause, ("+CEER",), GSM_FINALS))
            for text in reply.information:
                return answer_of(read_cause(text)) or Answer.NETWORK
        return Answer.NETWORK

    async def _speak(self, first_looks: int) -> GsmVoice:
        folder = self._settings.record
        self._voice = voice = GsmVoice(self._sound, Recording(folder, self.name) if folder else None)
        for text in self._commands.begin:
            await self._ask(text)
        await voice.open()
        self._watches.append(
            self._background.spawn(lambda: miss_sound(self._sound, self._channel.name, self._lose_sound, first_looks))
        )
        return voice

    async def _hang_up(self) -> None:
        """End our call, and no other; what belongs to its sound follows while others go on."""
        voice, self._voice = self._voice, None
        for watch in self._watches:
            watch.cancel()
        self._watches.clear()
        try:
            await self._channel.finish()
            await self._free_line()
        finally:
            self._in_use = False
            if voice is not None:
                voice.close()
        if self._mute is not None:
            self.be_lost(self._mute)
        elif voice is not None:
            self._background.spawn(self._end_sound)

    async def _end_sound(self) -> None:
        for text in self._commands.end:
            await self._ask(text)

    async def _free_line(self) -> None:
        if self._calls.phase is Phase.RINGING:  # the next call, which has come in meanwhile
            return
        self._call = None
        if self._calls.phase is not Phase.IDLE or await self._is_still_there():
            await self._release()

    async def _is_still_there(self) -> bool:
        """Whether a call is left that the modem has said to be over."""
        rows = await self._rows(HANGING_UP) if self._profile.lists else None
        return any(row.voice and row.state not in (CallState.INCOMING, CallState.WAITING) for row in rows or ())

    async def _release(self) -> None:
        named = self._calls.to_be_named
        self._calls.hangs_up()
        for text in ("AT+CHUP" if named is None else f"AT+CHLD=1{named}", "AT+CHUP", "ATH"):
            if await self._ask(text, HANGING_UP) == "OK":
                break
        else:
            raise self._channel.wedged("it does not hang up")
        self._calls.hung_up()
        self._tell([])

    async def _refuse(self) -> None:
        self._call = None
        try:
            await self._release()
        finally:
            self._in_use = False

    async def _ask(self, text: str, within: float = 2.0) -> str:
        return (await self._channel.ask(Command(text, finals=GSM_FINALS), within)).result
