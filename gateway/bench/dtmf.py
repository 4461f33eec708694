"""The bench's own key ears. Not the gateway's: two ends sharing one decoder would hide its mistakes.

Windows of 20 ms every 10 ms are projected on the eight frequencies (ITU-T Q.23). A key is one row and one column that
hold nearly all the energy, for two windows running; it has ended after three windows without it.
"""

from dataclasses import dataclass

import numpy as np

from gateway.bench import sound
from gateway.bench.wire import FRAME, Samples

HOP = FRAME // 2
LOUD_ENOUGH = sound.amplitude(-34.0) ** 2 / 2 * FRAME
"""Energy of a window below which nothing is a key."""
SHARE = 0.6
"""Of the window's energy that the pair of tones must hold: leaves room for noise, echo and a tone 1.5 % off."""
TWIST = 10 ** (10 / 10)
CLEAR = 10 ** (6 / 10)
"""The second strongest tone of a group must be so much weaker: a rectangular window leaks 13 dB at 73 Hz."""
ENDED = 3
"""Windows without the key that end it: a hole of 10 ms (ITU-T Q.24) empties two."""

_TIMES = np.arange(FRAME) / sound.RATE
_ANGLES = 2 * np.pi * np.outer(_TIMES, (*sound.ROWS, *sound.COLUMNS))
_BASIS = np.hstack([np.cos(_ANGLES), np.sin(_ANGLES)]).astype(np.float32)


@dataclass(frozen=True)
class HeardKey:
    """A key as heard: ``onset`` on the caller's clock, and how long it lasted."""

    key: str
    onset: float
    seconds: float


class KeyEar:
    """Fed 20 ms at a time; gives keys as they end."""

    def __init__(self) -> None:
        self._buffer = np.zeros(2 * FRAME, np.float32)
        self._windows_of = np.lib.stride_tricks.sliding_window_view(self._buffer, FRAME)[HOP : FRAME + 1 : HOP]
        """Two views of the buffer: the windows that a new frame completes."""
        self._candidate = ""
        self._windows = 0
        self._gap = 0
        self._onset = 0.0

    def hear(self, frame: Samples, t: float) -> list[HeardKey]:
        """``FRAME`` samples whose first is at ``t`` seconds. Returns the keys that ended in them."""
        self._buffer[:FRAME] = self._buffer[FRAME:]
        self._buffer[FRAME:] = frame
        if not self._candidate and float(np.dot(self._buffer, self._buffer)) < LOUD_ENOUGH / 2:
            return []
        windows = self._windows_of
        tones = windows @ _BASIS
        power = (tones[:, :8] ** 2 + tones[:, 8:] ** 2) * (2 / FRAME)
        energies = np.einsum("ij,ij->i", windows, windows)
        ended = []
        for place in (0, 1):
            began = t + (place * HOP - HOP) / sound.RATE
            heard = self._step(_key(power[place], float(energies[place])), began)
            if heard is not None:
                ended.append(heard)
        return ended

    def _step(self, key: str, began: float) -> HeardKey | None:
        if key and key == self._candidate:
            self._windows += 1 + self._gap
            self._gap = 0
            return None
        self._gap += 1
        if self._candidate and self._gap < ENDED and not key:
            return None
        heard = None
        if self._candidate and self._windows >= 2:
            heard = HeardKey(self._candidate, self._onset, (self._windows + 1) * HOP / sound.RATE)
        self._candidate, self._windows, self._gap, self._onset = key, 1 if key else 0, 0, began
        return heard


def _key(power: np.ndarray, energy: float) -> str:
    if energy < LOUD_ENOUGH:
        return ""
    row, column = int(power[:4].argmax()), int(power[4:].argmax())
    low, high = float(power[row]), float(power[4 + column])
    if low + high < SHARE * energy or not 1 / TWIST < low / max(high, 1e-9) < TWIST:
        return ""
    rest = power.copy()
    rest[[row, 4 + column]] = 0
    if float(rest[:4].max()) * CLEAR > low or float(rest[4:].max()) * CLEAR > high:
        return ""
    return sound.KEYS[row * 4 + column]
