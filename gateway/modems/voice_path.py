"""An open voice path: what we say is paced by the modem's own clock, and what comes in is cut into frames.

Full duplex: the modem sends as many samples as it plays, so what has come in says how far it has played; we stay
``LEAD`` ahead of that and never more, so that a hush is quick and ``Heard.played`` is in line with what was heard.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import numpy as np

from gateway.audio.pcm import Resampler, linear8_decode, linear8_encode, ulaw_decode, ulaw_encode
from gateway.line import SAMPLE_RATE, CallEnded, Heard, Samples
from gateway.modems.commands import CommandChannel, Refused
from gateway.modems.profiles import ModemProfile
from gateway.modems.recording import Recording
from gateway.protocols.at import Event, Unsolicited
from gateway.protocols.dle import Keys, Shielded, Sound, shield

FRAME = 160
"""Samples at 8 kHz in 20 ms."""
FRAME_TIME = FRAME / SAMPLE_RATE
LEAD = 800
"""Samples (100 ms) that the modem holds of what it is still to play: as long as we may be held up unheard."""
STALLED = 2.0
"""Seconds without sound from the modem that mean it is wedged."""
UNHEARD = 250
"""Frames kept for a listener who does not listen; older ones are dropped."""
PLAY_ENDS = b"\x10\x03"

CODINGS: dict[str, tuple[Callable[[Samples], bytes], Callable[[bytes], Samples]]] = {
    "linear8": (linear8_encode, linear8_decode),
    "ulaw": (ulaw_encode, ulaw_decode),
}

_SILENCE = np.zeros(FRAME, np.int16)


class VoicePath:
    """What full and half duplex share: reports, frames, and the far end's going."""

    def __init__(self, profile: ModemProfile, channel: CommandChannel, recording: Recording | None) -> None:
        self._profile = profile
        self._channel = channel
        self._recording = recording
        self._encode, self._decode = CODINGS[profile.coding]
        self._frames: deque[tuple[Samples, Samples]] = deque(maxlen=UNHEARD)
        self._strokes = Keys()
        self._keys = ""
        self._over: Exception | None = None
        self._changed = asyncio.Event()

    async def open(self) -> None:
        """Begin. Raises ``Refused``, ``LineLost``."""
        raise NotImplementedError

    async def close(self) -> None:
        """Say and hear no more; the stream itself is ended by whoever hangs up."""
        self.end(CallEnded("the call is over"))  # who still waits for sound is not to take the modem for wedged
        if self._recording is not None:
            self._recording.close()

    def take(self, event: Event) -> None:
        """What the modem said that was no reply."""
        match event:
            case Sound(data):
                self._sound(data)
            case Shielded(code) if code in self._profile.ended_by:
                self.end(CallEnded("the modem reports that the far end has hung up"))
            case Shielded(code):
                key = self._strokes.report(code)
                if key and self._profile.keys_from_modem:
                    self._keys += key
                    self._changed.set()
            case Unsolicited("NO CARRIER"):
                self.end(CallEnded("NO CARRIER: the far end has hung up"))

    def end(self, why: Exception) -> None:
        """From now on every method raises this."""
        self._over = self._over or why
        self._changed.set()

    async def hear(self) -> Heard:
        """The next 20 ms from the far end."""
        await self._until(lambda: bool(self._frames))
        far, near = self._frames.popleft()
        keys, self._keys = self._keys, ""
        return Heard(far, near, keys)

    def _sound(self, data: bytes) -> None:
        raise NotImplementedError

    def _frame(self, far: Samples, near: Samples) -> None:
        self._frames.append((far, near))
        if self._recording is not None:
            self._recording.add(far, near)
        self._changed.set()

    async def _until(self, ready: Callable[[], bool]) -> None:
        missed = 0
        while True:
            self._check()
            if ready():
                return
            self._changed.clear()
            try:
                async with asyncio.timeout(STALLED / 2):
                    await self._changed.wait()
                missed = 0
            except TimeoutError:  # once may be a process that was held up: the sound lies in the port unread
                missed += 1
                if missed == 2:
                    raise self._channel.wedged("no sound comes from it") from None

    def _check(self) -> None:
        if self._over is not None:
            raise self._over


class FullDuplex(VoicePath):
    """Sound both ways at once, 8 kHz, one byte a sample."""

    def __init__(self, profile: ModemProfile, channel: CommandChannel, recording: Recording | None) -> None:
        super().__init__(profile, channel, recording)
        self._silence = self._encode(np.zeros(1, np.int16))
        self._queue = bytearray()
        self._sent = self._received = self._spoken = 0  # samples since CONNECT; end of the last that was no filling
        self._far = bytearray()
        self._near = bytearray()

    async def open(self) -> None:
        """Begin, with silence. Raises ``Refused``, ``LineLost``."""
        assert self._profile.both is not None
        await self._channel.begin_voice(self._profile.both.command, self._profile.both.endings)
        self._feed()

    def play(self, sound: Samples) -> None:
        """Queue sound behind what still plays."""
        self._check()
        self._queue += self._encode(sound)

    async def played(self) -> None:
        """Until the modem has played all that was queued."""
        await self._until(lambda: not self._queue and self._received >= self._spoken)

    def hush(self) -> None:
        """Drop what is queued; the lead in the modem still sounds."""
        self._check()
        self._queue.clear()
        self._spoken = self._received
        self._changed.set()

    def _sound(self, data: bytes) -> None:
        self._received += len(data)
        self._far += data
        self._feed()
        while len(self._far) >= FRAME:
            far, near = bytes(self._far[:FRAME]), bytes(self._near[:FRAME])
            del self._far[:FRAME], self._near[:FRAME]
            self._frame(self._decode(far), self._decode(near))
        self._changed.set()

    def _feed(self) -> None:
        """Keep the modem ``LEAD`` ahead of what it has played."""
        if self._channel.unsent:
            return
        late = self._received - self._sent
        if late > 0:  # it ran dry and has played silence meanwhile
            self._near += self._silence * late
            self._sent = self._received
        room = self._received + LEAD - self._sent
        if room <= 0:
            return
        piece = bytes(self._queue[:room])
        del self._queue[:room]
        if piece:
            self._spoken = self._sent + len(piece)
        piece += self._silence * (room - len(piece))
        self._near += piece
        self._sent += room
        self._channel.write_sound(shield(piece))


class HalfDuplex(VoicePath):
    """Sound one way at a time: recording, but while there is something to say."""

    def __init__(self, profile: ModemProfile, channel: CommandChannel, recording: Recording | None) -> None:
        super().__init__(profile, channel, recording)
        self._queue = np.zeros(0, np.int16)
        self._speaking = self._in_stream = self._dropping = False
        self._wanted = asyncio.Event()
        self._listening = False
        self._heard = np.zeros(0, np.int16)
        self._ear = Resampler(profile.rate, SAMPLE_RATE)
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin; whether to speak or to listen first is known by then."""
        self._task = asyncio.create_task(self._alternate(), name=f"{self._channel.name} half duplex")

    async def close(self) -> None:
        """Say and hear no more; the stream itself is ended by whoever hangs up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await super().close()

    def play(self, sound: Samples) -> None:
        """Queue sound behind what still plays; nothing is heard until it has been played."""
        self._check()
        if len(sound):
            self._queue = np.concatenate((self._queue, sound))
            self._speaking = True
            self._wanted.set()

    async def played(self) -> None:
        """Until the modem has played all that was queued."""
        await self._until(lambda: not self._speaking)

    def hush(self) -> None:
        """Drop what is queued, and what the modem holds."""
        self._check()
        self._queue = self._queue[:0]
        self._speaking, self._dropping = False, self._in_stream
        self._changed.set()

    async def _alternate(self) -> None:
        try:
            while True:
                if len(self._queue):
                    await self._speak()
                else:
                    await self._listen()
        except Refused as refused:
            self.end(self._channel.wedged(f"{refused} to a voice command"))
        except Exception as error:
            self.end(error)

    async def _listen(self) -> None:
        record = self._profile.record
        self._wanted.clear()
        await self._channel.begin_voice(record.command, record.endings)
        self._ear, self._heard = Resampler(self._profile.rate, SAMPLE_RATE), self._heard[:0]
        self._listening = True
        try:
            await self._wanted.wait()
        finally:
            self._listening = False
        await self._channel.finish()

    async def _speak(self) -> None:
        play, loop = self._profile.play, asyncio.get_running_loop()
        await self._channel.begin_voice(play.command, play.endings)
        mouth = Resampler(SAMPLE_RATE, self._profile.rate)
        self._in_stream = True
        begun, frames = loop.time(), 0
        while not self._dropping and (len(self._queue) or loop.time() < begun + frames * FRAME_TIME):
            if len(self._queue) and frames * FRAME_TIME - (loop.time() - begun) <= LEAD / SAMPLE_RATE:
                frames += 1
                self._say(mouth)
            else:
                await asyncio.sleep(FRAME_TIME)
        if self._dropping:
            await self._channel.finish()
        else:
            self._channel.write_sound(shield(self._encode(mouth.flush())))
            await self._channel.finish(gently=PLAY_ENDS)
        self._in_stream = self._dropping = False
        self._speaking = bool(len(self._queue))
        self._changed.set()

    def _say(self, mouth: Resampler) -> None:
        near, self._queue = self._queue[:FRAME], self._queue[FRAME:]
        self._channel.write_sound(shield(self._encode(mouth.feed(near))))
        self._frame(_SILENCE, np.pad(near, (0, FRAME - len(near))))

    def _sound(self, data: bytes) -> None:
        if not self._listening:
            return
        self._heard = np.concatenate((self._heard, self._ear.feed(self._decode(data))))
        while len(self._heard) >= FRAME:
            self._frame(self._heard[:FRAME], _SILENCE)
            self._heard = self._heard[FRAME:]
