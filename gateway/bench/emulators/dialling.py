"""What ATD and ATA do on an analogue line: dial tone, digits, and what the modem makes of what it hears."""

import asyncio
from collections.abc import Awaitable, Callable

from gateway.bench.emulators.at import Outcome, Refused
from gateway.bench.emulators.line_side import LineSide
from gateway.bench.emulators.sound import tone
from gateway.bench.wire import Wire

LOOK = 0.02
DIAL_TONE = 0.6  # seconds of steady tone that count as dial tone right after off hook
DIAL_TONE_WAIT = 5.0
QUIET_ANSWER = 5.0  # "@" waits for this much silence (V.250, 6.3.1.5)
FLASH = 0.5
BUSY_TONE_KNOWN = "34567"  # X values at which busy tone is recognised ...
DIAL_TONE_AWAITED = "24567"  # ... and at which dial tone is awaited (V.250, 6.3.6)
ANSWER_TONE = (2100, 3.3)  # V.25


class Dialler:
    """Dials on a line that ``LineSide`` holds. ``s``: the S registers; ``x``: the X setting."""

    def __init__(self, wire: Wire, line: LineSide, s: Callable[[int], int], x: Callable[[], str]) -> None:
        self._wire = wire
        self._line = line
        self._s = s
        self._x = x
        self.judging = False
        """Whether what is heard ends in a result code, so that BUSY isn't told twice."""

    async def dial(self, text: str, judge: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Dial, then let ``judge`` say what came of it; on hook again after a failure, and when cancelled."""
        self._wire.log("atd", digits=text)
        answered, self.judging = False, True
        try:
            failure = await self._lift() or await self._send(text.rstrip(";"))
            outcome = failure or ("OK" if text.endswith(";") else await judge())
            answered = outcome in ("OK", "VCON")
            return outcome
        finally:
            self.judging = False
            if not answered:
                self._line.hang_up()

    async def answer_data(self) -> Outcome:
        """Answer as a data modem: answer tone, then no carrier from a human."""
        self._line.lift()
        try:
            frequency, seconds = ANSWER_TONE
            await self._line.play(tone((frequency,), seconds))
            await asyncio.sleep(self._s(7))
            return "NO CARRIER"
        finally:
            self._line.hang_up()

    async def by_ear(self, gone: float, never: float, answered: str) -> Outcome:
        """Answered when ringback has stopped for ``gone`` seconds, or never came for ``never`` (V.253, +VRA, +VRN)."""
        ears = self._line.ears
        begun = ears.time
        while ears.time - begun < self._s(7) + gone:
            if self._busy():
                return "BUSY"
            ended = ears.tone_ended if ears.tone_ended is not None and ears.tone_ended > begun else None
            if ears.tone_since is None and ended is not None and ears.time - ended >= gone:
                return answered
            if ears.tone_since is None and ended is None and ears.time - begun >= never:
                return answered
            if ears.time - begun >= self._s(7) and (ears.tone_since is not None or ended is not None):
                return "NO ANSWER"
            await asyncio.sleep(LOOK)
        return "NO ANSWER"

    async def for_carrier(self) -> Outcome:
        """In data class a human is no answer: BUSY, NO ANSWER while it still rings, else NO CARRIER."""
        ears = self._line.ears
        begun = ears.time
        while ears.time - begun < self._s(7):
            if self._busy():
                return "BUSY"
            await asyncio.sleep(LOOK)
        rang_lately = ears.tone_ended is not None and ears.time - ears.tone_ended < QUIET_ANSWER
        return "NO ANSWER" if rang_lately or ears.tone_since is not None else "NO CARRIER"

    async def _lift(self) -> Outcome:
        if self._line.off_hook:
            return None
        self._line.lift()
        if self._x() in DIAL_TONE_AWAITED:
            return await self._dial_tone()
        await asyncio.sleep(self._s(6))
        return None

    async def _dial_tone(self) -> Outcome:
        if await self._until(lambda: self._line.ears.steady_for >= DIAL_TONE, DIAL_TONE_WAIT):
            return None
        return "NO DIALTONE"

    async def _send(self, text: str) -> Outcome:
        for character in text:
            if character in "0123456789*#ABCD":
                await asyncio.sleep(2 * self._s(11) / 1000)
                self._wire.dial(character)
            elif character == ",":
                await asyncio.sleep(self._s(8))
            elif character == "W":
                if failure := await self._dial_tone():
                    return failure
            elif character == "@":
                if not await self._until(lambda: self._line.ears.quiet_for >= QUIET_ANSWER, self._s(7)):
                    return "NO ANSWER"
            elif character == "!":
                self._line.hang_up()
                await asyncio.sleep(FLASH)
                self._line.lift()
            elif character not in "TPR-()./":
                raise Refused
        return None

    async def _until(self, true: Callable[[], bool], within: float) -> bool:
        deadline = self._line.ears.time + within
        while self._line.ears.time < deadline:
            if true():
                return True
            await asyncio.sleep(LOOK)
        return False

    def _busy(self) -> bool:
        return self._line.ears.busy and self._x() in BUSY_TONE_KNOWN
