"""A call's sound on an ALSA device: one thread that captures, one that plays, 8 kHz inside whatever the card's rate.

The card's capture is the clock: for each 20 ms that come in, 20 ms go out. The playing thread begins ``LEAD`` periods
ahead; it fills in silence only when the card is about to run dry, and after an underrun it takes that lead again, so
that nothing is lost. A card that has gone is ``LineLost``. Both run only while a call lasts.
"""

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import alsaaudio
import numpy as np

from gateway.audio.pcm import Resampler
from gateway.line import SAMPLE_RATE, LineLost, Samples
from gateway.modems.gsm_sound import FRAME, FRAME_TIME, Exchange

log = logging.getLogger(__name__)

PERIODS = 4
LEAD = 3
"""Periods of silence played first, so that a late turn of the loop is not heard."""
BACKLOG = 8
"""Frames waiting to be played, beyond which no more are made: two clocks drift apart."""
JOINING = 1.0
"""Seconds for a thread to come to its end; one that a dead driver holds is left behind, and what it holds."""
ASIDE = 5.0
"""Seconds for a card to be opened, or given back."""

T = TypeVar("T")


@dataclass
class _Stream:
    """One open pair of PCMs and the threads on it."""

    capture: "alsaaudio.PCM"
    playback: "alsaaudio.PCM"
    rate: int
    exchange: Exchange
    out: "queue.SimpleQueue[Samples]" = field(default_factory=queue.SimpleQueue)
    stopped: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)


class SoundCard:
    """Fulfils ``Sound`` for a device by ALSA's name for it (``hw:Android``, ``plughw:1``)."""

    latency = 0.1

    def __init__(self, device: str, line: str, on_lost: Callable[[LineLost], None]) -> None:
        self._device = device
        self._name = f'line "{line}": sound card {device}'
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._stream: _Stream | None = None
        self._ending: asyncio.Future[None] | None = None
        self._opening = asyncio.Lock()
        self.passed = 0
        self._held = np.zeros(0, np.int16)
        self._ear = self._mouth = Resampler(SAMPLE_RATE, SAMPLE_RATE)

    async def open(self) -> None:
        """See that it is there and fits. Raises ``LineLost`` with the remedy."""
        async with self._opening:
            for pcm in await self._aside(self._opened):
                pcm.close()

    async def look(self) -> None:
        """Between calls: see that it is still there. Raises ``LineLost``."""
        await self.open()

    async def start(self, exchange: Exchange) -> None:
        """A call's sound begins. Raises ``LineLost``."""
        if self._ending is not None:
            await self._ending
        async with self._opening:
            capture, playback = await self._aside(self._opened)
        rate = int(capture.info()["rate"])
        self._held = np.zeros(0, np.int16)
        self._ear, self._mouth = Resampler(rate, SAMPLE_RATE), Resampler(SAMPLE_RATE, rate)
        stream = self._stream = _Stream(capture, playback, rate, exchange)
        for work in (self._capture, self._play):
            thread = threading.Thread(target=work, args=(stream,), name=self._name, daemon=True)
            stream.threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """It is over: both threads end, and the card is given back, while others go on."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.stopped.set()
            self._ending = asyncio.ensure_future(self._aside(partial(_end, stream)))
            self._ending.add_done_callback(_look_at)

    def close(self) -> None:
        """Give the card back."""
        self.stop()

    async def _aside(self, work: Callable[[], T]) -> T:
        """What may block, in a thread of its own: a dead driver keeps that, and nobody else. Raises ``LineLost``."""
        done: asyncio.Future[T] = self._loop.create_future()

        def tell(how: Callable[..., None], what: T | BaseException) -> None:
            if not done.done():
                how(what)

        def run() -> None:
            try:
                told = done.set_result, work()
            except BaseException as error:
                told = done.set_exception, error  # type: ignore[assignment]
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(tell, *told)

        threading.Thread(target=run, name=self._name, daemon=True).start()
        try:
            async with asyncio.timeout(ASIDE):
                return await done
        except TimeoutError:
            raise LineLost(
                f"{self._name} does not answer within {ASIDE:.0f} s; unplug it and plug it in again"
            ) from None

    def _opened(self) -> "tuple[alsaaudio.PCM, alsaaudio.PCM]":
        form = {"channels": 1, "format": alsaaudio.PCM_FORMAT_S16_LE, "periods": PERIODS, "device": self._device}
        opened: list[alsaaudio.PCM] = []
        try:
            opened.append(alsaaudio.PCM(alsaaudio.PCM_CAPTURE, rate=SAMPLE_RATE, periodsize=FRAME, **form))
            rate = int(opened[0].info()["rate"])
            period = FRAME * rate // SAMPLE_RATE
            if rate != SAMPLE_RATE:  # its own rate has periods of its own
                opened.pop().close()
                opened.append(alsaaudio.PCM(alsaaudio.PCM_CAPTURE, rate=rate, periodsize=period, **form))
            opened.append(alsaaudio.PCM(alsaaudio.PCM_PLAYBACK, rate=rate, periodsize=period, **form))
            if int(opened[1].info()["rate"]) != rate or int(opened[0].info()["channels"]) != 1:
                raise alsaaudio.ALSAAudioError("it can't capture and play mono at one rate")
        except alsaaudio.ALSAAudioError as error:
            for pcm in opened:
                pcm.close()
            raise LineLost(f"{self._name} can't be used ({error}); correct line.audio (aplay -L lists names)") from None
        return opened[0], opened[1]

    def _capture(self, stream: _Stream) -> None:
        with self._losing(stream):
            while not stream.stopped.is_set():
                count, data = stream.capture.read()
                if count > 0:
                    sound = np.frombuffer(data, "<i2").astype(np.int16)
                    with contextlib.suppress(RuntimeError):  # the loop is closed
                        self._loop.call_soon_threadsafe(self._captured, stream, sound)
                elif count < 0:
                    log.debug("%s: overrun", self._name)

    def _play(self, stream: _Stream) -> None:
        period = FRAME * stream.rate // SAMPLE_RATE
        silence = np.zeros(period, np.int16)
        size = int(stream.playback.info()["buffer_size"])
        with self._losing(stream):
            for _ in range(LEAD):
                stream.playback.write(silence.tobytes())
            while not stream.stopped.is_set():
                try:
                    sound = stream.out.get(timeout=FRAME_TIME / 2)
                except queue.Empty:
                    if size - period >= stream.playback.avail() >= 0:
                        continue
                    sound = silence
                if stream.playback.write(sound.astype("<i2").tobytes()) < 0:
                    log.debug("%s: underrun", self._name)
                    for late in (*[silence] * LEAD, sound):
                        stream.playback.write(late.astype("<i2").tobytes())

    def _captured(self, stream: _Stream, sound: Samples) -> None:
        if stream is not self._stream:
            return
        self._held = np.concatenate((self._held, self._ear.feed(sound)))
        while len(self._held) >= FRAME:
            far, self._held = self._held[:FRAME], self._held[FRAME:]
            may_speak = stream.out.qsize() < BACKLOG
            self.passed += may_speak
            near = stream.exchange(far, may_speak)
            if may_speak:
                stream.out.put(self._mouth.feed(near))

    @contextlib.contextmanager
    def _losing(self, stream: _Stream) -> Iterator[None]:
        try:
            yield
        except alsaaudio.ALSAAudioError as error:
            if not stream.stopped.is_set():
                lost = LineLost(f"{self._name} is gone ({error}); plug it in again")
                with contextlib.suppress(RuntimeError):  # the loop is closed
                    self._loop.call_soon_threadsafe(self._on_lost, lost)


def _end(stream: _Stream) -> None:
    for thread, pcm in zip(stream.threads, (stream.capture, stream.playback), strict=True):
        thread.join(JOINING)
        if thread.is_alive():
            log.warning("%s: its driver answers no more; left behind", thread.name)
            continue
        with contextlib.suppress(alsaaudio.ALSAAudioError):
            pcm.close()


def _look_at(ending: "asyncio.Future[None]") -> None:
    """A card that could not be given back is told by the next call's beginning; nobody need be told again."""
    if not ending.cancelled():
        ending.exception()
