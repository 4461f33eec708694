"""A customer's telephone, and the customer: lifts, dials, listens, presses keys, speaks, hangs up.

He knows only what a person knows: that it rings, what the display shows, and what he hears. All of it goes into
``notes`` and into the exchange's log (event ``handset``).
"""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gateway import clock
from gateway.bench import sound
from gateway.bench.ears import Ears, Judgement, Recogniser
from gateway.bench.exchange import Exchange
from gateway.bench.settings import Form, Reason
from gateway.bench.subscriber import Subscriber
from gateway.bench.wire import FRAME, CallerIdData, Samples

RINGING_STOPPED = 7.0
"""Seconds without a burst after which it no longer rings: longer than any country's gap."""
PERIOD = FRAME / sound.RATE
DEAF_AFTER_OWN_SOUND = 0.06
"""Seconds for which he takes the line's echo of his own keys for what it is."""
_DROPPED: tuple[Judgement, ...] = ("busy", "unobtainable")
SCENES: tuple[Judgement, ...] = ("busy", "unobtainable", "ringback", "dial", "speech", "silence")
_SILENCE = np.zeros(FRAME, np.int16)


class Handset:
    """A telephone on a line of the exchange. Everything random about its owner comes from ``seed``."""

    def __init__(
        self, exchange: Exchange, line: Subscriber, *, seed: int = 0, finger: sound.Finger | None = None
    ) -> None:
        self.line = line
        self.notes: list[dict[str, Any]] = []
        """What he did and heard, in order: ``{"t": bench seconds, "did" or "heard": ..., ...}``."""
        self.listener: Callable[[dict[str, Any]], None] | None = None
        """Told of each note as it is made."""
        self.shown: CallerIdData | None = None
        """The caller ID of the last call that came in."""
        self.rings = 0
        self._exchange = exchange
        self._rng = random.Random(f"{seed} {line.number}")
        self._finger = finger or sound.Finger()
        self._ears = Ears()
        self._mouth: Samples = _SILENCE[:0]
        self._spoke_at = -1.0
        self._heard_to = 0.0
        self._last_burst = -RINGING_STOPPED
        self._scene = ""
        self._scenes: set[str] = set()
        self._blocks = 0
        self._recognisers: list[Recogniser] = []
        self._recognised: Recogniser | None = None
        self._waiting: tuple[Callable[[], bool], asyncio.Future[None]] | None = None
        line.attach(self)

    # --- Terminal ---------------------------------------------------------------------------------------------------

    def ringing(self, on: bool) -> None:
        """The bell."""
        if not on:
            return
        now = clock.now()
        if now - self._last_burst > RINGING_STOPPED:
            self.rings = 0
        self._last_burst = now
        self.rings += 1
        if self.rings == 1:
            self.note("heard", "bell")
        self._look()

    def caller_id(self, data: CallerIdData) -> None:
        """The display."""
        self.shown = data
        self.note("seen", data.number or f"withheld {data.reason}")

    def line_break(self) -> None:
        """A telephone does not notice."""

    def speak(self) -> Samples:
        """The next frame of what he sends."""
        if not len(self._mouth):
            return _SILENCE
        frame, self._mouth = self._mouth[:FRAME], self._mouth[FRAME:]
        self._spoke_at = self._heard_to
        if len(frame) < FRAME:
            frame = np.concatenate([frame, _SILENCE[len(frame) :]])
        self._look()
        return frame

    def hear(self, sound: Samples) -> None:
        """A frame of what he hears."""
        t, self._heard_to = self._heard_to, self._heard_to + PERIOD
        for recogniser in self._recognisers:
            if recogniser.hear(sound):
                self._recognised = recogniser
        if t - self._spoke_at < DEAF_AFTER_OWN_SOUND:
            self._ears.skip()
        elif self._ears.hear(sound, t):
            self._blocks += 1
            if self._blocks % 5 == 0:
                self._take_in_scene()
            self._look()

    # --- what he can do -----------------------------------------------------------------------------------------------

    @property
    def off_hook(self) -> bool:
        """Whether the receiver is off."""
        return self.line.off

    def lift(self) -> None:
        """Take the receiver off: answers, or gives dial tone."""
        self._ears = Ears()
        self._scene = ""
        self._scenes.clear()
        self._heard_to = clock.now()
        self._spoke_at = self._heard_to - 1
        self.note("did", "lift")
        self.line.off_hook()

    def hang_up(self) -> None:
        """Receiver on."""
        self._mouth = _SILENCE[:0]
        if self.line.off:
            self.note("did", "hang up")
            self.line.on_hook()
        self.rings = 0
        self._last_burst = clock.now() - RINGING_STOPPED - 1

    async def call(
        self, number: str, *, withheld: Reason | None = None, prefix: str = "", form: Form | None = None
    ) -> bool:
        """Lift, wait for dial tone, dial (E.164, or digits as they stand). False where no dial tone comes.

        ``withheld="P"`` is done with the country's prefix (184 in Japan); the other reasons, and the form of the
        caller-ID message, are the network's doing.
        """
        country = self.line.country
        if withheld == "P":
            prefix = country.withhold[0]
        if form is not None or withheld not in (None, "P"):
            self._exchange.present(self.line.number, withheld=None if withheld == "P" else withheld, form=form)
        self.lift()
        if not await self.hears("dial", within=5.0):
            return False
        digits = prefix + country.dial_form(number)
        self.note("did", "dial", digits=digits)
        for digit in digits:
            self.line.dial(digit)
            await asyncio.sleep(self._rng.uniform(0.12, 0.25))
        return True

    async def hears(self, what: Judgement, *, within: float) -> bool:
        """Whether it is heard in time; ``speech``, ``sound`` and ``beep`` count from now on."""
        since = self._heard_to
        return await self.until(lambda: self._ears.judge(what, since), within=within)

    async def pause(self, seconds: float, *, within: float) -> bool:
        """Whether a prompt is heard from now on, and then so many seconds of silence."""
        since = self._heard_to
        return await self.until(lambda: self._ears.paused(seconds, since), within=within)

    async def prompt(self, seconds: float, *, within: float) -> str:
        """Listen to what comes: ``pause`` after a prompt, ``busy`` or ``unobtainable`` at such a tone, "" in vain."""
        since = self._heard_to

        def ended() -> str:
            for tone in _DROPPED:
                if self._ears.judge(tone, 0.0):
                    return tone
            return "pause" if self._ears.paused(seconds, since) else ""

        await self.until(lambda: ended() != "", within=within)
        self._take_in_scene()
        return ended()

    def was_spoken_to(self) -> bool:
        """Whether anything but progress tones has been heard since the receiver was lifted."""
        return self._ears.judge("sound", 0.0)

    def heard_ringback(self) -> bool:
        """Whether it has rung at the other end since the receiver was lifted."""
        return "ringback" in self._scenes

    async def recognises(self, reference: Samples, *, within: float) -> bool:
        """Whether that very sound is heard from now on (its first three seconds at most)."""
        recogniser = Recogniser(reference)
        self._recognisers.append(recogniser)
        try:
            found = await self.until(lambda: self._recognised is recogniser, within=within)
        finally:
            self._recognisers.remove(recogniser)
        if found:
            self.note("heard", "reference")
        return found

    async def answer(self, *, rings: int = 1, within: float = 60.0, after: float = 0.6) -> bool:
        """Let it ring so often, then so many seconds, and lift. False where that does not happen in time."""
        if not await self.until(lambda: self.rings >= rings and self._is_ringing(), within=within):
            return False
        await asyncio.sleep(after)
        if not self._is_ringing():
            return False
        self.lift()
        return True

    async def press(self, keys: str) -> None:
        """Press keys one after the other, at a person's pace; returns when the last has been let go."""
        for key in keys:
            self.note("did", "press", key=key)
            await self._utter(self._finger.press(key, self._rng))

    async def speak_wav(self, path: Path) -> None:
        """Say what is in the file. Raises ``sound.BadSound``."""
        spoken = sound.read_wav(path)
        self.note("did", "speak", file=path.name)
        await self._utter(spoken)

    async def until(self, condition: Callable[[], bool], *, within: float) -> bool:
        """Whether the condition came true in time; looked at whenever something is heard."""
        if condition():
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting = (condition, future)
        try:
            async with asyncio.timeout(within):
                await future
        except TimeoutError:
            return False
        finally:
            self._waiting = None
        return True

    def hearing(self) -> str:
        """The last second in words."""
        return self._ears.describe() if self.line.off else ("ringing" if self._is_ringing() else "on hook")

    def note(self, kind: str, what: str, **fields: object) -> None:
        """Remember, and write into the exchange's log."""
        t = round(self._exchange.journal.now(), 6)
        self.notes.append({"t": t, kind: what, **fields})
        if self.listener is not None:
            self.listener(self.notes[-1])
        self.line.log("handset", **{kind: what, **fields})

    # --- within ------------------------------------------------------------------------------------------------------

    async def _utter(self, spoken: Samples) -> None:
        self._mouth = np.concatenate([self._mouth, spoken])
        await self.until(lambda: not len(self._mouth), within=len(spoken) / sound.RATE + 5.0)

    def _is_ringing(self) -> bool:
        return clock.now() - self._last_burst <= RINGING_STOPPED

    def _take_in_scene(self) -> None:
        for scene in SCENES:
            if self._ears.judge(scene, 0.0):
                if scene != self._scene:
                    self._scene = scene
                    self._scenes.add(scene)
                    self.note("heard", scene)
                return

    def _look(self) -> None:
        if self._waiting is not None:
            condition, future = self._waiting
            if not future.done() and condition():
                future.set_result(None)
