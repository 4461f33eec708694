"""A modem's ears: digits, call-progress tones, fax tones and silence in the sound of the line, 20 ms at a time.

The powers at a few frequencies of two overlapping 20 ms windows come from one matrix product (ten milliseconds
apart). They are meant to be as good as a modem's, no better: call progress is energy in the band of 350 to 650 Hz with
its rhythm, whatever the country, as in Conexant's and Rockwell's data books.
"""

from dataclasses import dataclass, field

import numpy as np

from gateway.bench.emulators.sound import DTMF, LINE_RATE
from gateway.bench.wire import FRAME, Samples

STEP = 0.01  # seconds between windows
LISTENING = 400.0  # rms below which nothing is heard: -35 dBm0
PURE = 0.55  # share of the energy in a digit's two tones, at 1.5 % off frequency in a window of 20 ms
DIGIT_STEPS = 3  # windows in a row that show a digit before it counts: a tone of 40 ms
DIGIT_GONE = 2
BUSY_CYCLES = 3
BUSY_SPAN = (0.18, 0.75)  # of its on and off times, in every country
RINGBACK_ON = (0.3, 3.2)
RINGBACK_OFF = 0.9  # longer than any busy tone's pause
STEADY = 4.0  # of tone: longer than any ringback, so this is dial tone
MARK_TIME = 0.3  # of a fax, modem or special information tone

_ROWS = (697, 770, 852, 941)
_COLUMNS = (1209, 1336, 1477, 1633)
_PROGRESS = (350, 400, 450, 500, 550, 600, 650)
_MARKS = {1100: "c", 2100: "a", 1300: "e", 2225: "f", 950: "1", 1400: "2", 1800: "3"}
_SIT = ("1", "2", "3")
_KEYS = {(_ROWS.index(low), _COLUMNS.index(high)): key for key, (low, high) in DTMF.items()}


def _kernel() -> np.ndarray:
    frequencies = np.array([*_ROWS, *_COLUMNS, *_PROGRESS, *_MARKS])
    phase = 2 * np.pi * np.arange(FRAME)[:, None] * frequencies / LINE_RATE
    return np.hstack([np.cos(phase), np.sin(phase)]).astype(np.float32)


_KERNEL = _kernel()
_BINS = _KERNEL.shape[1] // 2
_FULL = FRAME / 2  # energy of a pure tone over its power in this transform: sum(x²) = |X|² / (FRAME / 2)


@dataclass
class Heard:
    """What a frame brought: ``digit_on``/``digit_off`` when a key began or ended, and event letters of V.253."""

    digit_on: str | None = None
    digit_off: bool = False
    events: list[str] = field(default_factory=list)


class Ears:
    """Fed with every frame while off hook; times are seconds of sound since ``reset``."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """As at off hook."""
        self.time = 0.0
        self.digit: str | None = None
        self.tone_since: float | None = None
        self.tone_ended: float | None = None
        self.loud_at = 0.0
        self.spoke = False
        self.busy = False
        self._previous = np.zeros(FRAME, np.float32)
        self._candidate: tuple[str | None, int] = (None, 0)
        self._quiet_steps = 0
        self._loud_steps = 0
        self._cycles: list[float] = []
        self._told_steady = False
        self._told_ringback = True
        self._mark: tuple[str, float] = ("", 0.0)
        self._sit: tuple[str, ...] = ()

    @property
    def steady_for(self) -> float:
        """How long a call-progress tone has lasted, 0 in silence."""
        return self.time - self.tone_since if self.tone_since is not None else 0.0

    @property
    def quiet_for(self) -> float:
        """How long nothing at all has been heard."""
        return self.time - self.loud_at

    def hear(self, sound: Samples) -> Heard:
        """One frame of ``FRAME`` samples."""
        now = sound.astype(np.float32)
        half = FRAME // 2
        windows = np.stack([np.concatenate([self._previous[half:], now[:half]]), now])
        self._previous = now
        energies = np.einsum("ij,ij->i", windows, windows).tolist()
        heard = Heard()
        floor = LISTENING**2 * FRAME
        if max(energies) < floor:
            for _ in energies:
                self._step(heard, None, 0.0)
            return heard
        spectrum = windows @ _KERNEL
        powers = (spectrum[:, :_BINS] ** 2 + spectrum[:, _BINS:] ** 2) / _FULL
        for power, energy in zip(powers.tolist(), energies, strict=True):
            self._step(heard, power if energy >= floor else None, energy)
        return heard

    def _step(self, heard: Heard, power: list[float] | None, energy: float) -> None:
        self.time += STEP
        if power is None:
            self._digit(heard, None)
            self._progress(heard, False)
            self._marks(heard, "")
            return
        self.loud_at = self.time
        key = _key(power, energy)
        progress = key is None and sum(power[8:15]) > 0.75 * energy
        self.spoke = self.spoke or not (progress or key)
        self._digit(heard, key)
        self._progress(heard, progress)
        strongest = max(range(len(_MARKS)), key=lambda index: power[15 + index])
        self._marks(heard, list(_MARKS.values())[strongest] if power[15 + strongest] > 0.8 * energy else "")

    def _digit(self, heard: Heard, key: str | None) -> None:
        seen, count = self._candidate
        self._candidate = (key, count + 1 if key == seen else 1)
        if key is not None and key != self.digit and self._candidate[1] >= DIGIT_STEPS:
            heard.digit_off = heard.digit_off or self.digit is not None
            self.digit = heard.digit_on = key
        elif self.digit is not None and key is None and self._candidate[1] >= DIGIT_GONE:
            self.digit = None
            heard.digit_off = True

    def _progress(self, heard: Heard, tone: bool) -> None:
        """Debounce by 40 ms, then judge each stretch of tone by its length and the silence around it."""
        self._loud_steps = self._loud_steps + 1 if tone else 0
        self._quiet_steps = 0 if tone else self._quiet_steps + 1
        if self.tone_since is None and self._loud_steps >= 4:
            self.tone_since = self.time - 4 * STEP
            self._judge_gap()
        elif self.tone_since is not None and self._quiet_steps >= 4:
            self._tone_over(heard)
        elif self.tone_since is not None and self.steady_for >= STEADY and not self._told_steady:
            self._told_steady = True
            heard.events.append("d")
        elif not self._told_ringback and self.tone_ended is not None and self.time - self.tone_ended >= RINGBACK_OFF:
            self._told_ringback = True
            heard.events.append("r")

    def _judge_gap(self) -> None:
        self._told_ringback = True
        if self.tone_ended is None:
            return
        gap = self.time - 4 * STEP - self.tone_ended
        if not BUSY_SPAN[0] <= gap <= BUSY_SPAN[1]:
            self._cycles.clear()
            self.busy = False

    def _tone_over(self, heard: Heard) -> None:
        assert self.tone_since is not None
        length = self.steady_for - 4 * STEP
        self.tone_since, self._told_steady = None, False
        self.tone_ended = self.time - 4 * STEP
        self._told_ringback = not RINGBACK_ON[0] <= length <= RINGBACK_ON[1]
        if BUSY_SPAN[0] <= length <= BUSY_SPAN[1]:
            self._cycles.append(length)
        else:
            self._cycles.clear()
        if len(self._cycles) >= BUSY_CYCLES:
            self.busy = self._told_ringback = True
            heard.events.append("b")

    def _marks(self, heard: Heard, mark: str) -> None:
        """Single tones: fax and modem after ``MARK_TIME``, a special information tone after its third."""
        seen, since = self._mark
        if mark != seen:
            self._mark = (mark, self.time)
            return
        if not mark or not since or self.time - since < MARK_TIME - 3 * STEP:
            return
        self._mark = (mark, 0.0)  # told
        if mark in _SIT:
            self._sit = (*self._sit, mark)[-3:]
            if self._sit == _SIT:
                heard.events.append("J")
        else:
            heard.events.append(mark)


def _key(power: list[float], energy: float) -> str | None:
    """The digit in a window's powers: two strong tones, little else, and not too unequal."""
    row = max(range(4), key=lambda index: power[index])
    column = max(range(4), key=lambda index: power[4 + index])
    low, high = power[row], power[4 + column]
    if low + high < PURE * energy or not 1 / 10 < high / (low + 1e-9) < 10:
        return None
    return _KEYS[row, column]
