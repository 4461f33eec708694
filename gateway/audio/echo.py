"""Our own sound comes back from a two-wire line; it is known, so it can be taken away."""

import numpy as np
import numpy.typing as npt

from gateway.audio.pcm import to_samples
from gateway.line import Samples

LOUDEST_ECHO = 0.5
"""A hybrid returns 6 dB less than it got, at the loudest; what is louder is the far end (Geigel's rule)."""
HOLD = 4
"""Blocks for which the filter stays as it is after the far end was heard."""


class EchoCanceller:
    """Takes the echo of ``played`` out of ``heard``, 8 kHz, one object a call.

    A partitioned normalised LMS filter in blocks; finds the delay by its length of 256 ms.
    """

    BLOCK = 160
    TAPS = 2048

    def __init__(self) -> None:
        self._filter = np.zeros(self.TAPS)
        self._past = np.zeros(self.TAPS + self.BLOCK)
        self._hold = 0

    def process(self, heard: Samples, played: Samples) -> Samples:
        """``heard`` less the echo of ``played``; both of the same length and time."""
        out = np.zeros(len(heard))
        for at in range(0, len(heard), self.BLOCK):
            mine = played[at : at + self.BLOCK].astype(np.float64)
            far = heard[at : at + self.BLOCK].astype(np.float64)
            self._past = np.concatenate([self._past[len(mine) :], mine])
            out[at : at + len(far)] = self._block(far)
        return to_samples(out)

    def _block(self, far: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        history = self._past[-(self.TAPS + len(far) - 1) :]
        windows = np.lib.stride_tricks.sliding_window_view(history, self.TAPS)
        power = float(history @ history)
        if power < 1e4:
            return far
        error: npt.NDArray[np.float64] = far - windows @ self._filter
        if np.abs(far).max() > LOUDEST_ECHO * np.abs(history).max():
            self._hold = HOLD
        if self._hold:
            self._hold -= 1
        else:
            self._filter += 0.5 * (windows.T @ error) / (power + 1e6)
        return error if float(error @ error) < float(far @ far) else far
