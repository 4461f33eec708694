"""What a person at a handset makes of the sound: speech, silence, progress tones, a beep, a sound known beforehand.

Blocks of 40 ms are named (``silence``, ``sound``, ``hum <Hz>`` or a progress tone), runs of one name make a ``Run``,
and judgements are made on the latest runs. Nothing here is shared with the gateway's own ears.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from gateway.bench import sound
from gateway.bench.wire import FRAME, Samples

Judgement = Literal["speech", "sound", "silence", "dial", "ringback", "busy", "beep", "unobtainable"]

BLOCK = 2 * FRAME
BLOCK_SECONDS = BLOCK / sound.RATE
QUIET_DBM0 = -45.0
"""Below this a person hears nothing: line noise is at −65, speech after 6 dB of loss at −20 to −30."""
NOISY_DBM0 = -32.0
"""On a noisy line it is as much as this, if the quietest block of the last three seconds was within 6 dB of it."""
RECENT = 75
PURE = 0.9
"""Share of a block's energy that must lie in a tone for the block to be that tone."""

RINGBACK = {"440+480", "400+450", "400~", "425"}
DIAL = {"400", "350+440", "425"}
BUSY = {"400", "480+620", "425"}

_TONES: dict[str, tuple[float, ...]] = {
    # fewest frequencies first: more of them always fit at least as well
    "400": (400.0,),
    "425": (425.0,),
    "350+440": (350.0, 440.0),
    "440+480": (440.0, 480.0),
    "480+620": (480.0, 620.0),
    "400+450": (400.0, 450.0),
    "400~": (384.0, 400.0, 416.0),
}
_NAMES = tuple(_TONES)
_QUIET, _NOISY = (sound.amplitude(dbm0) ** 2 / 2 * BLOCK for dbm0 in (QUIET_DBM0, NOISY_DBM0))
_WINDOW = np.hanning(BLOCK).astype(np.float32)


def _basis() -> tuple[npt.NDArray[np.float32], list[int]]:
    """Orthonormal columns for each tone, side by side, and where each begins."""
    times = np.arange(BLOCK) / sound.RATE
    columns, starts = [], [0]
    for frequencies in _TONES.values():
        angles = 2 * np.pi * np.outer(times, frequencies)
        orthonormal, _ = np.linalg.qr(np.hstack([np.cos(angles), np.sin(angles)]))
        columns.append(orthonormal)
        starts.append(starts[-1] + orthonormal.shape[1])
    return np.hstack(columns).astype(np.float32), starts[:-1]


_COLUMNS, _STARTS = _basis()


@dataclass
class Run:
    """A stretch of one kind of sound; seconds on the listener's clock."""

    name: str
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length so far."""
        return self.end - self.begin


class Ears:
    """Fed 20 ms at a time, with the time at which each frame begins."""

    def __init__(self) -> None:
        self.runs: deque[Run] = deque(maxlen=400)
        self._half: Samples | None = None
        self._energies: deque[float] = deque(maxlen=RECENT)

    def hear(self, frame: Samples, t: float) -> bool:
        """Take a frame; True if a judgement may have changed (every other frame)."""
        if self._half is None:
            self._half = frame
            return False
        block = np.concatenate([self._half, frame]).astype(np.float32)
        self._half = None
        energy = float(np.dot(block, block))
        self._energies.append(energy)
        quiet = min(max(4 * min(self._energies), _QUIET), _NOISY)
        self._add("silence" if energy < quiet else _name(block, energy), t - FRAME / sound.RATE)
        return True

    def skip(self) -> None:
        """The listener makes a noise himself: what comes in now is not judged, and no run goes on through it."""
        self._half = None

    def judge(self, what: Judgement, since: float) -> bool:
        """Whether it is to be heard now; ``speech``, ``sound`` and ``beep`` count from ``since`` on."""
        if not self.runs:
            return False
        return _JUDGES[what](self, since)

    def silence(self) -> float:
        """Seconds of silence up to now."""
        return self.runs[-1].seconds if self.runs and self.runs[-1].name == "silence" else 0.0

    def paused(self, seconds: float, since: float) -> bool:
        """Speech (or any sound of a prompt) has been heard since, and now so many seconds of silence."""
        return self.silence() >= seconds and _audible(self, since) >= 0.2

    def describe(self) -> str:
        """The last second in words, for whoever waited for something else."""
        last = [run.name for run in self.runs if run.end > self.runs[-1].end - 1.0]
        return " ".join(dict.fromkeys(last)) if last else "nothing"

    def _add(self, name: str, begin: float) -> None:
        end = begin + BLOCK_SECONDS
        last = self.runs[-1] if self.runs else None
        if last is None or begin - last.end > BLOCK_SECONDS / 2:
            self.runs.append(Run(name, begin, end))
            return
        if last.name == "sound" and name != "sound" and last.seconds < 1.5 * BLOCK_SECONDS:
            self._settle_edge(last, name)
        if self.runs and self.runs[-1].name == name:
            self.runs[-1].end = end
        else:
            self.runs.append(Run(name, last.end, end))

    def _settle_edge(self, edge: Run, name: str) -> None:
        """A block in which a tone begins or ends looks like sound: give it to the tone."""
        before = self.runs[-2] if len(self.runs) > 1 else None
        if before is not None and before.name not in ("silence", "sound") and before.end == edge.begin:
            before.end = edge.end
            self.runs.pop()
        elif name not in ("silence", "sound"):
            edge.name = name


def _name(block: npt.NDArray[np.float32], energy: float) -> str:
    shares = np.add.reduceat((block @ _COLUMNS) ** 2, _STARTS) / energy
    for place, share in enumerate(shares.tolist()):
        if share > PURE:
            return _NAMES[place]
    spectrum = np.abs(np.fft.rfft(block * _WINDOW)) ** 2
    peak = int(np.argmax(spectrum))
    if peak >= 20 and float(spectrum[peak - 2 : peak + 3].sum()) > PURE * float(spectrum.sum()):
        return f"hum {peak * sound.RATE // BLOCK}"
    return "sound"


def _audible(ears: Ears, since: float, *, only: str | None = None) -> float:
    """Seconds of anything but silence and progress tones since then."""
    total = 0.0
    for run in reversed(ears.runs):
        if run.end <= since:
            break
        if run.name != "silence" and run.name not in _TONES and (only is None or run.name == only):
            total += run.end - max(run.begin, since)
    return total


def _speech(ears: Ears, since: float) -> bool:
    now = ears.runs[-1].end
    return _audible(ears, max(since, now - 0.8), only="sound") >= 0.3


def _sound(ears: Ears, since: float) -> bool:
    return _audible(ears, since) >= 0.2


def _silence(ears: Ears, since: float) -> bool:
    return ears.silence() >= 1.0


def _dial(ears: Ears, since: float) -> bool:
    run = ears.runs[-1]
    return run.name in DIAL and run.seconds >= 0.75


def _ringback(ears: Ears, since: float) -> bool:
    """A burst of the last second; Japan's, being modulated, is now and then taken for the bare 400 Hz."""
    now = ears.runs[-1].end
    burst = clear = 0.0
    for run in reversed(ears.runs):
        if run.end < now - 1.0:
            break
        if run.name not in RINGBACK | {"400"}:
            burst = clear = 0.0
            continue
        burst += run.seconds
        clear += run.seconds if run.name in RINGBACK else 0.0
        if burst >= 0.3 and clear >= 0.15 and not _dial(ears, since):
            return True
    return False


def _busy(ears: Ears, since: float) -> bool:
    """Two bursts of the same tone, each 0.15 to 0.75 s, with such a gap between and after."""
    last = [run for run in ears.runs if run.seconds > 1.5 * BLOCK_SECONDS or run.name == "silence"][-4:]
    if len(last) < 4 or last[0].name != last[2].name or last[0].name not in BUSY:
        return False
    silent = last[1].name == last[3].name == "silence"
    return silent and all(0.15 <= run.seconds <= 0.75 for run in last[:3]) and last[3].seconds >= 0.15


def _beep(ears: Ears, since: float) -> bool:
    runs = list(ears.runs)[-2:]
    if len(runs) < 2 or runs[0].end <= since:
        return False
    return runs[0].name.startswith("hum") and 0.15 <= runs[0].seconds <= 1.5 and runs[1].name in ("silence", "sound")


def _unobtainable(ears: Ears, since: float) -> bool:
    names = [run.name for run in ears.runs if run.seconds > 0.15][-4:]
    return any(names[at : at + 3] == ["hum 950", "hum 1400", "hum 1800"] for at in (0, 1))


_JUDGES = {
    "speech": _speech,
    "sound": _sound,
    "silence": _silence,
    "dial": _dial,
    "ringback": _ringback,
    "busy": _busy,
    "beep": _beep,
    "unobtainable": _unobtainable,
}


# --- a sound known beforehand ---------------------------------------------------------------------------------------

ALIKE = 0.85
"""Correlation from which two sounds are the same: a clip through a noisy line keeps 0.96, others have 0.5."""
COMPARED = 3.0
"""Seconds of the reference that are compared."""
_BANDS = np.linspace(200, 3400, 17)
_FFT = 256


def _features(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Log energy in 16 bands, every 20 ms; shape (frames, 16)."""
    count = (len(samples) - _FFT) // FRAME + 1
    windows = np.lib.stride_tricks.sliding_window_view(samples, _FFT)[::FRAME][:count] * np.hanning(_FFT)
    power = np.abs(np.fft.rfft(windows, axis=1)) ** 2
    edges = np.round(_BANDS / sound.RATE * _FFT).astype(int)
    bands = np.add.reduceat(power, edges, axis=1)[:, :16]
    floor = (sound.amplitude(-55.0) * _FFT / 4) ** 2
    return np.log(bands + floor).astype(np.float32)


def _normal(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    centred = features - features.mean(axis=0)
    return np.asarray(centred / (np.linalg.norm(centred) + 1e-6), np.float32)


class Recogniser:
    """Listens for the beginning of a given sound by the correlation of band energies over time."""

    def __init__(self, reference: Samples) -> None:
        if len(reference) < sound.RATE // 2:
            raise ValueError("a sound to be recognised must last half a second at least")
        self._length = min(len(reference), round(COMPARED * sound.RATE)) // FRAME * FRAME
        self._wanted = _normal(_features(reference[: self._length].astype(np.float32)))
        self._recent = np.zeros(self._length + sound.RATE // 5, np.float32)
        self._fresh = 0

    def hear(self, frame: Samples) -> bool:
        """Take 20 ms; True when the sound has just been heard (looked at every 100 ms)."""
        self._recent[:-FRAME] = self._recent[FRAME:]
        self._recent[-FRAME:] = frame
        self._fresh += FRAME
        if self._fresh < sound.RATE // 10:
            return False
        self._fresh = 0
        return self.likeness() >= ALIKE

    def likeness(self) -> float:
        """Best correlation over the alignments of the last fifth of a second, 10 ms apart; −1 to 1."""
        best = -1.0
        for shift in (0, FRAME // 2):
            heard = _features(self._recent[shift:])
            for start in range(len(heard) - len(self._wanted) + 1):
                piece = _normal(heard[start : start + len(self._wanted)])
                best = max(best, float(np.sum(piece * self._wanted)))
        return best


def alternatives() -> Sequence[str]:
    """What can be waited for by name."""
    return tuple(_JUDGES)
