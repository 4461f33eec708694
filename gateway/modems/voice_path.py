"""An open voice path: what we say is paced by the modem's own clock, and what comes in is cut into frames.

Full duplex: the modem sends as many samples as it plays, so what has come in says how far it has played; we stay
``LEAD`` ahead of that and never more, so that a hush is quick and ``Heard.played`` is in line with what was heard.
"""

import asyncio
from abc import ABC, abstractmethod
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
LEAD = 960
"""Samples (120 ms) that the modem holds of what it is still to play: but for the 40 ms that are read at once, as long
as we may be held up unheard."""
STALLED = 2.0
"""Seconds without sound from the modem, for one who waits for it, or without its taking ours: it is wedged."""
UNHEARD = 125
"""Pieces kept for a listener who does not listen; older ones are dropped."""
PLAY_ENDS = b"\x10\x03"

CODINGS: dict[str, tuple[Callable[[Samples], bytes], Callable[[bytes], Samples]]] = {
    "linear8": (linear8_encode, linear8_decode),
    "ulaw": (ulaw_encode, ulaw_decode),
}

_SILENCE = np.zeros(FRAME, np.int16)


class VoicePath(ABC):
    """What full and half duplex share: reports, frames, and the far end's going."""

    answer_told = False
    """Analogue lines tell nothing: the path opens as soon as the digits are out."""

    def __init__(self, profile: ModemProfile, channel: CommandChannel, recording: Recording | None) -> None:
        self._profile = profile
        self._channel = channel
        self._recording = recording
        self._encode, self._decode = CODINGS[profile.coding]
        self._frames: deque[tuple[Samples, Samples]] = deque(maxlen=UNHEARD)
        self._strokes = Keys()
        self._keys = ""
        self._over: Exception | None = None
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._stirred = False
        self._watch: asyncio.TimerHandle | None = None

    @abstractmethod
    async def open(self) -> None:
        """Begin. Raises ``Refused``, ``LineLost``."""

    async def close(self) -> None:
        """Say and hear no more; the stream itself is ended by whoever hangs up."""
        self.end(CallEnded("the call is over"))
        if self._watch is not None:
            self._watch.cancel()
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
            case Unsolicited("NO CARRIER"):
                self.end(CallEnded("NO CARRIER: the far end has hung up"))

    def end(self, why: Exception) -> None:
        """From now on every method raises this."""
        self._over = self._over or why
        self._stir()

    async def hear(self) -> Heard:
        """The next piece from the far end, 20 ms or a few times that."""
        await self._until(lambda: bool(self._frames))
        far, near = self._frames.popleft()
        keys, self._keys = self._keys, ""
        return Heard(far, near, keys)

    @abstractmethod
    def _sound(self, data: bytes) -> None:
        """Sound came from the modem."""

    def _frame(self, far: Samples, near: Samples) -> None:
        self._frames.append((far, near))
        if self._recording is not None:
            self._recording.add(far, near)

    def _stir(self) -> None:
        """Something has changed: wake those who have waited for it."""
        self._stirred = True
        for ready, woken in self._waiting:
            if not woken.done() and (self._over is not None or ready()):
                woken.set_result(None)

    async def _until(self, ready: Callable[[], bool]) -> None:
        self._check()
        while not ready():
            if self._watch is None:
                self._stirred = True
                self._look(0)
            waiting = (ready, asyncio.get_running_loop().create_future())
            self._waiting.append(waiting)
            try:
                await waiting[1]
            finally:
                self._waiting.remove(waiting)
            self._check()

    def _look(self, missed: int) -> None:
        """Every half of ``STALLED``: once may be a process that was held up, the sound lies in the port unread."""
        silent, stuck = bool(self._waiting) and not self._stirred, self._channel.unsent > 0
        missed = missed + 1 if silent or stuck else 0
        self._stirred = False
        if missed > 2:
            self.end(self._channel.wedged("it takes no sound" if stuck else "no sound comes from it"))
        elif self._over is None:
            self._watch = asyncio.get_running_loop().call_later(STALLED / 2, self._look, missed)

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
        self._stir()

    def _sound(self, data: bytes) -> None:
        self._received += len(data)
        self._far += data
        self._feed()
        if whole := len(self._far) // FRAME * FRAME:
            far, near = bytes(self._far[:whole]), bytes(self._near[:whole])
            del self._far[:whole], self._near[:whole]
            self._frame(self._decode(far), self._decode(near))
        self._stir()

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
        self._stir()

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
        self._stir()

    def _say(self, mouth: Resampler) -> None:
        near, self._queue = self._queue[:FRAME], self._queue[FRAME:]
        self._channel.write_sound(shield(self._encode(mouth.feed(near))))
        self._frame(_SILENCE, np.pad(near, (0, FRAME - len(near))))
        self._stir()

    def _sound(self, data: bytes) -> None:
        if not self._listening:
            return
        self._heard = np.concatenate((self._heard, self._ear.feed(self._decode(data))))
        if whole := len(self._heard) // FRAME * FRAME:
            self._frame(self._heard[:whole], np.zeros(whole, np.int16))
            self._heard = self._heard[whole:]
        self._stir()
