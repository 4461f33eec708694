"""The side of a modem that hangs on the telephone line: hook, ringing, ears and mouth."""

import asyncio
from collections.abc import Callable

import numpy as np

from gateway.bench.emulators.at import Refused
from gateway.bench.emulators.ears import Ears, Heard
from gateway.bench.emulators.models import ModemModel
from gateway.bench.emulators.voice import VoicePath
from gateway.bench.wire import FRAME, Samples, Wire

FRAME_TIME = 0.02
KEY_REPEAT = 0.07  # seconds between reports of a key that is held
_SILENCE = np.zeros(FRAME, np.int16)


class LineSide:
    """Hook and sound. ``on_event`` is called with the letter of each event that the modem notices (V.253's)."""

    def __init__(self, wire: Wire, model: ModemModel, voice: VoicePath, on_event: Callable[[str], None]) -> None:
        self.off_hook = False
        self.ringing = False
        self.ears = Ears()
        self.silence_after: Callable[[], float] = lambda: 0.0
        self.mute = False
        self.deaf = False
        self._wire = wire
        self._model = model
        self._voice = voice
        self._on_event = on_event
        self._tone = np.zeros(0, np.int16)
        self._tone_over: asyncio.Future[None] | None = None
        self._key_told = 0.0
        self._silence_from = 0.0
        self._silence_told = False
        self._clock: asyncio.TimerHandle | None = None

    def lift(self) -> None:
        """Go off hook. Raises ``Refused`` where this model doesn't while it is being rung."""
        if self.off_hook:
            return
        if self.ringing and not self._model.off_hook_while_ringing:
            raise Refused
        self.off_hook = True
        self.ears.reset()
        self.watch_silence()
        self._wire.off_hook()
        if self._model.reports_own_off_hook:
            self._on_event("H")

    def hang_up(self) -> None:
        """Go on hook; a tone being played goes silent."""
        self._tone = self._tone[:0]
        if self._tone_over is not None and not self._tone_over.done():
            self._tone_over.set_result(None)
        if self.off_hook:
            self.off_hook = False
            self._wire.on_hook()
        self.keep_time()

    async def play(self, sound: Samples) -> None:
        """Play a tone of the modem's own, to its end."""
        self._tone = sound
        self._tone_over = asyncio.get_running_loop().create_future()
        self.keep_time()
        try:
            await self._tone_over
        finally:
            self._tone = self._tone[:0]

    def watch_silence(self) -> None:
        """Count silence from now."""
        self._silence_from = self.ears.time
        self.ears.spoke = False
        self._silence_told = False

    def speak(self) -> Samples:
        """The frame that goes out."""
        frame = self._tone_frame()
        if frame is None:
            frame = self._voice.speak()
        return _SILENCE if frame is None or self.mute else frame

    def hear(self, sound: Samples) -> None:
        """The frame that comes in."""
        if self.deaf:
            sound = _SILENCE
        self._voice.hear(sound)
        heard = self.ears.hear(_SILENCE if self._tone_over is not None else sound)  # deaf to its own tones
        self._tell_digit(heard)
        for event in heard.events:
            self._on_event(event)
        self._tell_silence()

    def keep_time(self) -> None:
        """On hook no line paces the sound of a local device, so that the modem's own clock does."""
        if self._clock is None and not self.off_hook and self._local():
            self._tick_at(asyncio.get_running_loop().time() + FRAME_TIME)

    def stop(self) -> None:
        """The modem is gone: no more ticking."""
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _local(self) -> bool:
        return self._voice.mode is not None or self._tone_over is not None

    def _tick_at(self, due: float) -> None:
        self._clock = asyncio.get_running_loop().call_at(due, self._tick, due)

    def _tick(self, due: float) -> None:
        self._clock = None
        if not self.off_hook and self._local():
            self.speak()
            self._voice.hear(_SILENCE)
            self._tick_at(due + FRAME_TIME)

    def _tone_frame(self) -> Samples | None:
        if self._tone_over is None:
            return None
        if not len(self._tone):
            if not self._tone_over.done():
                self._tone_over.set_result(None)
            self._tone_over = None
            return None
        frame, self._tone = self._tone[:FRAME], self._tone[FRAME:]
        return np.pad(frame, (0, FRAME - len(frame)))

    def _tell_digit(self, heard: Heard) -> None:
        shielded = self._model.digits == "shielded"
        if heard.digit_off and shielded:
            self._on_event("~")
        if heard.digit_on:
            if shielded:
                self._on_event("/")
            self._on_event(heard.digit_on)
            self._key_told = self.ears.time
        elif shielded and self.ears.digit and self.ears.time - self._key_told >= KEY_REPEAT - 1e-6:
            self._on_event(self.ears.digit)
            self._key_told = self.ears.time

    def _tell_silence(self) -> None:
        limit = self.silence_after()
        quiet = self.ears.time - max(self.ears.loud_at, self._silence_from)
        if quiet < FRAME_TIME:
            self._silence_told = False
        elif limit and quiet >= limit and not self._silence_told and self._model.reports_silence:
            self._silence_told = True
            self._on_event("q" if self.ears.spoke else "s")
