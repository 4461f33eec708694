"""What a two-wire line does to sound: the hybrid's echo of one's own voice, loss, line noise."""

import random

import numpy as np
import numpy.typing as npt

from gateway.bench import sound
from gateway.bench.settings import WireSettings
from gateway.bench.wire import FRAME, Samples

NO_ECHO_DB = 100.0
NOISE_SECONDS = 5.0


class TwoWire:
    """One subscriber's line, listened to at the terminal's end, 20 ms at a time."""

    def __init__(self, settings: WireSettings, noise: npt.NDArray[np.float32], seed: int) -> None:
        self._noise = noise
        self._rng = random.Random(seed)
        self._gain = np.float32(10 ** (-settings.loss_db / 20))
        self._echo = np.float32(10 ** (-settings.echo_db / 20) if settings.echo_db < NO_ECHO_DB else 0)
        self._delay = round(settings.echo_ms / 1000 * sound.RATE)
        self._sent = np.zeros(self._delay + FRAME, np.float32)

    def quiet(self) -> None:
        """Forget what was said: the line has been hung up."""
        self._sent[:] = 0

    def heard(self, sent: Samples, tone: Samples | None, far: Samples | None) -> Samples:
        """What the terminal hears while it sends ``sent``: a tone or the far terminal, echo, noise."""
        start = self._rng.randrange(len(self._noise) - FRAME)
        total = self._noise[start : start + FRAME].copy()
        if self._echo:
            delay = self._delay
            self._sent[:delay] = self._sent[FRAME : FRAME + delay]
            self._sent[delay:] = sent
            total += self._sent[:FRAME] * self._echo
        if tone is not None:
            total += tone
        if far is not None:
            total += far * self._gain
        return total.clip(-32768, 32767, out=total).astype(np.int16)


def line_noise(settings: WireSettings, seed: int) -> npt.NDArray[np.float32]:
    """Noise that all lines draw their pieces from."""
    quiet = settings.noise_dbm <= sound.SILENT_DBM0
    made = sound.noise(NOISE_SECONDS, settings.noise_dbm, seed)
    return np.zeros_like(made) if quiet else made
