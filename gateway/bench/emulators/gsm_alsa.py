"""The modem's end of an ALSA device: what a USB sound function is to the box. In real time only."""

import contextlib
import queue
import threading
from collections import deque

import alsaaudio
import numpy as np

from gateway.bench.wire import FRAME, Samples
from gateway.errors import GatewayError

PERIODS = 4
LEAD = 3
"""Periods of silence played first, and whenever it has run dry, so that a late turn of ours is not heard."""
HELD = 25
"""Frames in either direction that wait; what comes beyond is lost."""
BEHIND = 3
"""Frames from the program that may wait; of more, silent ones are left out, so as to catch up after a stall."""
RATE = 8000

_SILENCE = np.zeros(FRAME, np.int16)


class AlsaEnd:
    """Fulfils ``SoundEnd``: captures what the box plays, plays what it is to hear. The device runs all the time."""

    is_card = True

    def __init__(self, device: str) -> None:
        """Raises ``GatewayError`` where the device can't be opened."""
        self.open = False
        self.stalled = False
        self._device = device
        self._heard: deque[Samples] = deque(maxlen=HELD)
        self._said: queue.Queue[Samples] = queue.Queue(HELD)
        self._plug()

    def begin(self) -> None:
        """A call's sound begins to pass."""
        self.open = True
        self._heard.clear()

    def end(self) -> None:
        """It passes no more."""
        self.open = False

    def speak(self) -> Samples:
        """The next 20 ms from the program."""
        while len(self._heard) > BEHIND and not self._heard[0].any():
            self._heard.popleft()
        return self._heard.popleft() if self.open and self._heard else _SILENCE

    def hear(self, sound: Samples) -> None:
        """20 ms for the program."""
        if self.open and not self.stalled:
            with contextlib.suppress(queue.Full):
                self._said.put_nowait(sound)

    def unplug(self) -> None:
        """Go from the bus with the modem: the device is given back."""
        self.end()
        if not self._closed.is_set():
            self._closed.set()
            for thread in self._threads:
                thread.join(1.0)
            for pcm in (self._in, self._out):
                with contextlib.suppress(alsaaudio.ALSAAudioError):
                    pcm.close()

    def replug(self) -> None:
        """Have the device again. Raises ``GatewayError`` where it is not there."""
        self._plug()

    def _plug(self) -> None:
        try:
            self._in, self._out = (
                alsaaudio.PCM(
                    kind,
                    rate=RATE,
                    channels=1,
                    format=alsaaudio.PCM_FORMAT_S16_LE,
                    periodsize=FRAME,
                    periods=PERIODS,
                    device=self._device,
                )
                for kind in (alsaaudio.PCM_CAPTURE, alsaaudio.PCM_PLAYBACK)
            )
        except alsaaudio.ALSAAudioError as error:
            raise GatewayError(
                f"sound card {self._device}: can't be used: {error}; correct the modem's audio"
            ) from None
        self._closed = threading.Event()
        self._threads = [
            threading.Thread(target=work, args=(self._closed,), daemon=True) for work in (self._capture, self._play)
        ]
        for thread in self._threads:
            thread.start()

    def _capture(self, closed: threading.Event) -> None:
        with contextlib.suppress(alsaaudio.ALSAAudioError):
            while not closed.is_set():
                count, data = self._in.read()
                sound = np.frombuffer(data, "<i2").astype(np.int16)
                if count > 0:
                    self._heard.extend(sound[at : at + FRAME] for at in range(0, len(sound) - FRAME + 1, FRAME))

    def _play(self, closed: threading.Event) -> None:
        size = int(self._out.info()["buffer_size"])
        with contextlib.suppress(alsaaudio.ALSAAudioError):
            self._lead()
            while not closed.is_set():
                try:
                    sound = self._said.get(timeout=FRAME / RATE / 2)
                except queue.Empty:
                    if size - FRAME >= self._out.avail() >= 0:
                        continue  # it has something left
                    sound = _SILENCE
                data = sound.astype("<i2").tobytes()
                if self._out.write(data) < 0:  # it had run dry, and begins anew
                    self._lead()
                    self._out.write(data)

    def _lead(self) -> None:
        for _ in range(LEAD):
            self._out.write(_SILENCE.tobytes())
