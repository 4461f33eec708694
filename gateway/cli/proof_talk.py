"""One end of a call while a proof lasts: everything that is heard is kept, by the ears that calls are served with."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np

from gateway import clock
from gateway.audio.envelope import Likeness, find
from gateway.audio.tones import ToneEvent
from gateway.calls.conversation import HUNG_UP, Conversation
from gateway.line import SAMPLE_RATE, CallEnded, LineLost, Samples, Voice

BEHIND = 2.0
"""Seconds by which what was said may come later at the other end (satellites, codecs, echo of a call abroad)."""


class Talk:
    """What has passed so far. Made by ``talking``."""

    def __init__(self, voice: Voice, country: str) -> None:
        self.keys = ""
        self.tones: list[ToneEvent] = []
        self.over: str | None = None
        """Why the call has ended."""
        self.lost: LineLost | None = None
        self._conversation = Conversation(voice, country)
        self._heard: list[Samples] = []
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Listen to the end of the call."""
        try:
            while True:
                moment = await self._conversation.listen()
                self._heard.append(moment.sound)
                self.keys += moment.keys
                self.tones += moment.tones
                self._changed.set()
        except CallEnded as ended:
            self.over = str(ended)
        except LineLost as lost:
            self.lost, self.over = lost, str(lost)
        finally:
            self._changed.set()
            self._conversation.close()

    @property
    def samples(self) -> int:
        """How much has been heard."""
        return sum(map(len, self._heard))

    def sound(self, since: int = 0) -> Samples:
        """What was heard from that sample on."""
        return np.concatenate([np.zeros(0, np.int16), *self._heard])[since:]

    def named(self, *names: str) -> bool:
        """Whether one of these tones was heard."""
        return any(tone.name in names for tone in self.tones)

    async def until(self, come: Callable[[], bool], within: float) -> bool:
        """Whether it came true in time, or before the call ended. Raises ``LineLost``."""
        until = clock.now() + within
        while not come():
            if self.lost is not None:
                raise self.lost
            if self.over is not None or clock.now() >= until:
                return False
            self._changed.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._changed.wait()
            except TimeoutError:
                continue
        return True

    async def say(self, sound: Samples) -> None:
        """Say it to the end, or to the end of the call."""
        self._conversation.say(sound, bargeable=False)
        said = len(sound) / SAMPLE_RATE
        await self.until(lambda: not self._conversation.speaking, said + BEHIND)

    async def hears(self, phrase: Samples, since: int = 0) -> Likeness:
        """Look for a phrase that has just been said in what came from that sample on, and what still comes."""
        found = find(self.sound(since), phrase)
        until = clock.now() + BEHIND
        while not found.sure and self.over is None and clock.now() < until:
            enough = self.samples + SAMPLE_RATE // 2
            await self.until(lambda: self.samples >= enough, BEHIND)  # noqa: B023 - awaited in the same turn
            found = find(self.sound(since), phrase)
        return found

    async def hears_end(self, within: float) -> str | None:
        """How it was noticed that the far end has gone: the modem's word, or a tone; None: not in time."""
        self._conversation.answered = True
        since = len(self.tones)

        def gone() -> bool:
            return self.over is not None or any(tone.name in HUNG_UP for tone in self.tones[since:])

        await self.until(gone, within)
        if self.over is not None:
            return self.over
        return next((f"{tone.name} tone" for tone in self.tones[since:] if tone.name in HUNG_UP), None)


@asynccontextmanager
async def talking(voice: Voice, country: str) -> AsyncIterator[Talk]:
    """Listen on ``voice`` beside the block."""
    talk = Talk(voice, country)
    task = asyncio.create_task(talk.run(), name="talk")
    try:
        yield talk
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
