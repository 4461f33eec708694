"""Whether a known phrase is in what was heard, by the rise and fall of its loudness.

Codecs, hybrids and level controls change a phrase's wave beyond recognition, but hardly its envelope.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.audio.pcm import amplitude, level
from gateway.line import SAMPLE_RATE, Samples

FRAME = 160
FLOOR_DBM0 = -50.0
"""What is weaker counts as silence, so that line noise has no shape of its own."""
SURE = 0.7
"""Likeness above which it is that phrase; other phrases and noise stay below 0.5."""


@dataclass(frozen=True)
class Likeness:
    """How well the best place fits: ``score`` 1 is the very phrase.

    It begins ``delay`` seconds into the sound there, and is ``gain`` dB louder than the original.
    """

    score: float
    delay: float
    gain: float

    @property
    def sure(self) -> bool:
        """Whether the phrase was heard."""
        return self.score >= SURE


def find(sound: Samples, phrase: Samples) -> Likeness:
    """Look for ``phrase`` (at least half a second) in ``sound``, both 8 kHz; it may be cut off at the end."""
    wanted = _envelope(phrase)
    heard = np.pad(_envelope(sound), (0, len(wanted)), constant_values=FLOOR_DBM0)
    places = np.lib.stride_tricks.sliding_window_view(heard, len(wanted))
    shapes = places - places.mean(axis=1, keepdims=True)
    shape = wanted - wanted.mean()
    norms = np.sqrt((shapes**2).sum(axis=1) * (shape**2).sum())
    scores = np.where(norms > 0, shapes @ shape / np.maximum(norms, 1e-9), 0.0)
    best = int(np.argmax(scores))
    there = sound[best * FRAME : best * FRAME + len(phrase)]
    gain = level(there) - level(phrase) if len(there) and there.any() else -np.inf
    return Likeness(float(scores[best]), best * FRAME / SAMPLE_RATE, float(gain))


def _envelope(sound: Samples) -> npt.NDArray[np.float64]:
    """Levels of each 20 ms, dBm0."""
    whole = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    rms = np.sqrt((whole**2).mean(axis=1))
    quietest = amplitude(FLOOR_DBM0) / np.sqrt(2)
    levels: npt.NDArray[np.float64] = FLOOR_DBM0 + 20 * np.log10(np.maximum(rms, quietest) / quietest)
    return levels
