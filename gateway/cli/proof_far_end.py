"""The other end of a proof's calls: a second line of ours (``--loop``), with nobody needed.

``FarEnd`` and ``FarCall`` are what a proof asks of it; a person at a telephone does the same (``proof_person``).
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import msgspec

from gateway.audio.dtmf import encode
from gateway.cli.proof_modem import Ways
from gateway.cli.proof_talk import Talk, talking
from gateway.line import Answer, CallEnded, LineLost, Samples, Voice
from gateway.modems.catalogue import profile_of
from gateway.modems.gsm_profiles import GsmProfile
from gateway.numbers import PhoneNumber
from gateway.settings import LineSettings

WITHHOLD: dict[str, str] = {"JP": "184", "US": "*67", "CA": "*67", "GB": "141", "FR": "3651", "DE": "*31#"}
"""Dialled before a number to keep one's own back, on an analogue line."""
WITHHOLD_MOBILE = "#31#"
"""3GPP TS 22.030: the same everywhere."""
CONNECTED_WITHIN = 60.0


class FarCall(Protocol):
    """One call, seen from the far end."""

    problem: str
    """Why it came to nothing, so far as the far end knows; "" otherwise."""

    async def in_trouble(self) -> None:
        """Wait until it has a problem; for ever where it has none."""

    async def connected(self) -> bool:
        """Wait until it can hear and speak; whether it can."""

    async def rang(self, within: float) -> bool:
        """Whether it rings there in time."""

    def may_answer(self) -> None:
        """It has rung long enough."""

    async def says(self) -> Samples | None:
        """Say something to the end; what that was, where that is known."""

    async def heard(self, phrase: Samples) -> str | None:
        """How well the phrase that we have just said arrived there; None: not at all."""

    async def presses(self, keys: str) -> None:
        """Press keys."""

    async def keys(self, expected: str) -> str:
        """The keys of ours that arrived there."""

    async def hang_up(self) -> None:
        """Go away."""

    async def left_alone(self, within: float) -> str | None:
        """How it noticed that we have hung up; None: not in time."""


class FarEnd(Protocol):
    """Somebody to call and to be called by."""

    number: PhoneNumber | None
    """What its calls show; None where that is not known beforehand."""
    patience: float
    """Seconds until it has surely done what it was asked to do."""

    def calls_us(self, *, withheld: bool) -> AbstractAsyncContextManager[FarCall]:
        """It calls our line. Raises ``CannotWithhold``."""

    def awaits_us(self) -> AbstractAsyncContextManager[FarCall]:
        """It answers our call."""


class CannotWithhold(Exception):
    """Nobody knows how to keep the number back there."""


class LoopLine:
    """A second line with a modem of ours, on the same box."""

    patience = 40.0

    def __init__(self, ours: LineSettings, other: LineSettings, ways: Ways, phrase: Samples) -> None:
        """``phrase`` is what it says."""
        self.number: PhoneNumber | None = PhoneNumber(other.number)
        self._phrase = phrase
        self._ours = ours
        self._other = other
        self._ways = ways

    @asynccontextmanager
    async def calls_us(self, *, withheld: bool) -> AsyncIterator["LoopCall"]:
        """Dial our number from there."""
        other = self._withholding() if withheld else self._other
        call = LoopCall(other, self._ours, self._phrase)
        async with call.running(self._dial(other, call)):
            yield call

    @asynccontextmanager
    async def awaits_us(self) -> AsyncIterator["LoopCall"]:
        """Answer there, once told to."""
        call = LoopCall(self._other, self._ours, self._phrase)
        async with call.running(self._answer(call)):
            await call.ready.wait()
            yield call

    def _withholding(self) -> LineSettings:
        mobile = isinstance(profile_of(self._other.model), GsmProfile)
        prefix = WITHHOLD_MOBILE if mobile else WITHHOLD.get(self._other.country)
        if prefix is None:
            raise CannotWithhold(f"how to withhold a number in {self._other.country} is not known here")
        return msgspec.structs.replace(self._other, dial_prefix=self._other.dial_prefix + prefix)

    async def _dial(self, other: LineSettings, call: "LoopCall") -> None:
        async with self._ways.open(other) as line:
            call.ready.set()
            async with line.dialled(PhoneNumber(self._ours.number)) as result:
                if isinstance(result, Answer):
                    call.fail(f'the call from line "{other.name}" came to nothing: {result.value}')
                    return
                await call.talk_on(result)

    async def _answer(self, call: "LoopCall") -> None:
        async with self._ways.open(self._other) as line:
            call.ready.set()
            async for incoming in line.incoming():
                call.rings.set()
                await call.answer.wait()
                async with line.answered(incoming) as voice:
                    await call.talk_on(voice)
                return


class LoopCall:
    """Fulfils ``FarCall`` on a line of ours."""

    def __init__(self, other: LineSettings, ours: LineSettings, phrase: Samples) -> None:
        self.problem = ""
        self.ready = asyncio.Event()
        self.rings = asyncio.Event()
        self.answer = asyncio.Event()
        self._other = other
        self._ours = ours
        self._phrase = phrase
        self._talk: asyncio.Future[Talk] = asyncio.get_running_loop().create_future()
        self._done = asyncio.Event()
        self._trouble = asyncio.Event()
        self._own = 0
        """Keys that it has heard itself press: some modems report their own."""
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self, work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """Do its part beside the block."""
        self._task = asyncio.create_task(self._watched(work), name=f"far end, line {self._other.name}")
        try:
            yield
        finally:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watched(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (LineLost, CallEnded) as error:
            self.fail(str(error))
        finally:
            self.ready.set()
            self._talk.cancel()

    def fail(self, problem: str) -> None:
        """It comes to nothing, and this is why."""
        self.problem = problem
        self._trouble.set()

    async def in_trouble(self) -> None:
        """Wait for a lost modem, or for a call that comes to nothing."""
        await self._trouble.wait()

    async def talk_on(self, voice: Voice) -> None:
        """The call stands, until ``hang_up``."""
        async with talking(voice, self._ours.country) as talk:
            self._talk.set_result(talk)
            await self._done.wait()

    async def connected(self) -> bool:
        """Wait until it can hear and speak; whether it can."""
        return await self._connected() is not None

    async def rang(self, within: float) -> bool:
        """Whether it rings there in time."""
        assert self._task is not None
        ringing = asyncio.create_task(self.rings.wait())
        await asyncio.wait((ringing, self._task), timeout=within, return_when=asyncio.FIRST_COMPLETED)
        ringing.cancel()
        return self.rings.is_set()

    def may_answer(self) -> None:
        """It has rung long enough."""
        self.answer.set()

    async def says(self) -> Samples | None:
        """The phrase that it was made with."""
        if (talk := await self._connected()) is None:
            return None
        await talk.say(self._phrase)
        return self._phrase

    async def heard(self, phrase: Samples) -> str | None:
        """How well the phrase that we have just said arrived there."""
        talk = await self._connected()
        if talk is None:
            return None
        found = await talk.hears(phrase)
        return f"{found.gain:+.0f} dB" if found.sure else None

    async def presses(self, keys: str) -> None:
        """Press keys."""
        if (talk := await self._connected()) is not None:
            await talk.say(encode(keys))
            self._own = len(talk.keys)

    async def keys(self, expected: str) -> str:
        """The keys of ours that arrived there."""
        talk = await self._connected()
        if talk is None:
            return ""
        await talk.until(lambda: len(talk.keys) - self._own >= len(expected), 4.0)
        return talk.keys[self._own :]

    async def hang_up(self) -> None:
        """Go on hook; returns when that is done."""
        self._done.set()
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=10.0)

    async def left_alone(self, within: float) -> str | None:
        """How it noticed that we have hung up."""
        talk = await self._connected()
        return None if talk is None else await talk.hears_end(within)

    async def _connected(self) -> Talk | None:
        await asyncio.wait((self._talk,), timeout=CONNECTED_WITHIN)
        return self._talk.result() if self._talk.done() and not self._talk.cancelled() else None
