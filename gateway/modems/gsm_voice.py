"""An open voice path on a mobile line: 20 ms in and 20 ms out at a time, paced by whatever brings the sound."""

import asyncio
from collections import deque
from collections.abc import Callable

import numpy as np

from gateway.line import Heard, Samples
from gateway.modems.gsm_sound import FRAME, FRAME_TIME, Sound
from gateway.modems.recording import Recording

AT_ONCE = 2
"""Frames for which a listener is woken: what a call costs a small machine is the waking up."""
UNHEARD = 250
"""Frames kept for a listener who does not listen; older ones are dropped."""

_SILENCE = np.zeros(FRAME, np.int16)


class GsmVoice:
    """Fulfils ``Voice``."""

    answer_told = True
    """A call of ours is given out only once the modem says that it is active."""

    def __init__(self, sound: Sound, recording: Recording | None) -> None:
        self._sound = sound
        self._recording = recording
        self._queue: deque[Samples] = deque()
        self._quiet = 0
        """Frames since the last that was no filling."""
        self._frames: deque[tuple[Samples, Samples]] = deque(maxlen=UNHEARD)
        self._keys = ""
        self._over: Exception | None = None
        self._changed = asyncio.Event()

    async def open(self) -> None:
        """Begin, with silence. Raises ``LineLost``."""
        await self._sound.start(self._exchange)

    def close(self) -> None:
        """End it, whatever its state."""
        self._sound.stop()
        if self._recording is not None:
            self._recording.close()
            self._recording = None

    def end(self, why: Exception) -> None:
        """From now on every method raises this."""
        self._over = self._over or why
        self._changed.set()

    def key(self, key: str) -> None:
        """The modem has heard a key."""
        self._keys += key

    def play(self, sound: Samples) -> None:
        """Queue sound behind what still plays."""
        self._check()
        self._queue += [sound[at : at + FRAME] for at in range(0, len(sound), FRAME)]
        self._quiet = 0 if len(sound) else self._quiet

    async def played(self) -> None:
        """Until all that was queued has been sent."""
        waiting = self._sound.latency / FRAME_TIME
        await self._until(lambda: not self._queue and self._quiet >= waiting)

    def hush(self) -> None:
        """Drop what is queued; what the modem or card holds (``latency``) still sounds."""
        self._check()
        self._queue.clear()

    async def hear(self) -> Heard:
        """The next 40 ms from the far end, or more if nobody listened meanwhile."""
        await self._until(lambda: len(self._frames) >= AT_ONCE)
        far, near = map(np.concatenate, zip(*self._frames, strict=True))
        self._frames.clear()
        keys, self._keys = self._keys, ""
        return Heard(far, near, keys)

    def _exchange(self, far: Samples, may_speak: bool) -> Samples:
        if self._queue and may_speak:
            near, self._quiet = self._queue.popleft(), 0
            if len(near) < FRAME:
                near = np.concatenate((near, _SILENCE[len(near) :]))
        else:
            near = _SILENCE
            self._quiet += 1
        self._frames.append((far, near))
        if self._recording is not None:
            self._recording.add(far, near)
        self._changed.set()
        return near

    async def _until(self, ready: Callable[[], bool]) -> None:
        while True:
            self._check()
            if ready():
                return
            self._changed.clear()
            await self._changed.wait()

    def _check(self) -> None:
        if self._over is not None:
            raise self._over
