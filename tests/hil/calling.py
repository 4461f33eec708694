"""Calls between the two lines of a lab, each end listened to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
from line_lab import LineLab

from gateway.cli.proof_far_end import WITHHOLD, WITHHOLD_MOBILE
from gateway.cli.proof_talk import Talk, talking
from gateway.line import Answer, CallEnded, IncomingCall, Line
from gateway.modems.catalogue import can_reject
from gateway.numbers import PhoneNumber
from gateway.settings import LineSettings

RINGS_WITHIN = 40.0
"""Seconds from dialling to a told call; mobile networks take their time."""
STANDS_WITHIN = 30.0


@dataclass
class Pair:
    """Both lines, open."""

    ours: Line
    theirs: Line
    our_number: PhoneNumber
    their_number: PhoneNumber
    country: str

    @asynccontextmanager
    async def rung(self) -> AsyncIterator[tuple[IncomingCall, "Dialled"]]:
        """They call us: the call as our line tells it, and their end of it."""
        async with self.calling_us() as there:
            yield await next_call(self.ours), there

    @asynccontextmanager
    async def calling_us(self) -> AsyncIterator["Dialled"]:
        """They dial our number."""
        there = Dialled(self.theirs, self.our_number, self.country)
        try:
            yield there
        finally:
            await there.hang_up()

    @asynccontextmanager
    async def talk(self) -> AsyncIterator[tuple[Talk, Talk, "Dialled"]]:
        """They call us and we answer: what we hear, what they hear, and their end."""
        async with (
            self.rung() as (call, there),
            self.ours.answered(call) as voice,
            talking(voice, self.country) as here,
        ):
            yield here, await there.talk(), there

    async def still_serves(self) -> bool:
        """Whether our line is free: it is rung, and tells who calls."""
        async with self.rung() as (call, _):
            return call.caller == self.their_number


class Dialled:
    """A call that a line places beside the test."""

    def __init__(self, line: Line, number: PhoneNumber, country: str) -> None:
        self._line = line
        self._number = number
        self._country = country
        self._result: asyncio.Future[Talk | Answer] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()
        self._task = asyncio.create_task(self._place(), name="far end")

    async def talk(self) -> Talk:
        """What is heard there, once the call stands."""
        result = await self.result()
        assert isinstance(result, Talk), result
        return result

    async def result(self) -> Talk | Answer:
        """What came of dialling."""
        async with asyncio.timeout(STANDS_WITHIN):
            return await asyncio.shield(self._result)

    async def hang_up(self) -> None:
        """On hook, if it is not yet."""
        self._over.set()
        if not self._result.done():
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _place(self) -> None:
        async with self._line.dialled(self._number) as result:
            if isinstance(result, Answer):
                self._result.set_result(result)
                return
            async with talking(result, self._country) as talk:
                self._result.set_result(talk)
                await self._over.wait()


@asynccontextmanager
async def pair(lab: LineLab, *, withheld: bool = False) -> AsyncIterator[Pair]:
    """Both lines of the lab, open; the far one keeping its number back if ``withheld``."""
    ours, theirs = lab.settings["a"], lab.settings["b"]
    far = _withholding(theirs) if withheld else theirs
    async with lab.open(ours) as line, lab.open(far) as other:
        yield Pair(line, other, PhoneNumber(ours.number), PhoneNumber(theirs.number), ours.country)


def _withholding(line: LineSettings) -> LineSettings:
    prefix = WITHHOLD_MOBILE if can_reject(line.model) else WITHHOLD[line.country]
    return msgspec.structs.replace(line, dial_prefix=line.dial_prefix + prefix)


async def next_call(line: Line, within: float = RINGS_WITHIN) -> IncomingCall:
    """The next call that the line tells of. Raises ``TimeoutError``."""
    async with asyncio.timeout(within):
        async for call in line.incoming():
            return call
    raise AssertionError("incoming() ended")


async def until_over(talk: Talk, within: float) -> None:
    """Until the modem or a tone tells that the far end has gone: raises ``CallEnded``, as a call's owner does."""
    ended = await talk.hears_end(within)
    assert ended is not None, f"nothing told within {within:.0f} s that the far end had gone"
    raise CallEnded(ended)
