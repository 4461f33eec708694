"""Two tones fitted to a stretch of sound: how well, how far off, how steady.

The model is two sines whose amplitude may change linearly, plus DC. What multiplies the linear term's quadrature is a
frequency error, so one set of normal equations gives level, frequency, slope and what is left over.
"""

import functools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.line import SAMPLE_RATE

LONGEST = 640
"""Samples of sound, 80 ms, that are looked at at most: an even number, as all lengths."""
RAMP = 160
"""Samples from the middle of a stretch at which the components that grow linearly are 1."""

Floats = npt.NDArray[np.float64]
PIECE = 20
"""Samples in a piece that is kept or left out as a whole."""
TRUST = 0.4
"""Phase error, in radians at the ends of the stretch, up to which one step finds the frequency well enough."""
DOUBT = 4.0
"""And from which on there is no tone where it was looked for."""
ENOUGH = 80.0
"""Tones over what is left, as power, with which there is nothing more to leave out."""
RADIANS = 2 * np.pi / SAMPLE_RATE
"""Hz to radians a sample."""


class Fit(NamedTuple):
    """Two tones in a stretch of sound. The pairs are low tone, high tone."""

    frequency: tuple[float, float]
    """Hz."""
    power: tuple[float, float]
    """Mean square."""
    phase: tuple[complex, complex]
    """Amplitude and phase in the middle of the stretch."""
    slope: float
    """The larger relative change of amplitude over half the stretch."""
    noise: float
    """Mean square, where the fit holds, of what the tones do not explain."""
    near: tuple[float, float]
    """Hz that the model was made for."""
    solution: Floats
    """How much there is of each of the model's components."""
    sound: Floats
    """The stretch itself."""

    def residual(self) -> Floats:
        """What the tones do not explain, sample by sample."""
        return self.sound - self.solution @ _model(*self.near, len(self.sound))


def fit(sound: Floats, low: float, high: float) -> Fit:
    """Fit tones near ``low`` and ``high`` (Hz, within some 10 Hz) to ``sound``: an even number of samples, 160 and
    more, ``LONGEST`` at most."""
    products = _model(low, high, len(sound)) @ sound
    solution = _solver(low, high, len(sound)) @ products
    found = _read(solution, (low, high), sound, float(sound @ sound - products @ solution) / len(sound))
    drift = max(abs(a - b) for a, b in zip(found.frequency, (low, high), strict=True)) * len(sound) / 2 * RADIANS
    if not TRUST < drift < DOUBT:
        return found
    return _refit(sound, found.frequency, _model(*found.frequency, len(sound)), np.ones(len(sound)))


@functools.lru_cache(maxsize=256)
def _waves(frequency: float) -> Floats:
    """Cosine, sine, and the same times a ramp: (4, LONGEST); time counts from the middle, between two samples.

    A close look begins at one of some 150 frequencies, so that they need not be made anew.
    """
    time = np.arange(LONGEST) - (LONGEST - 1) / 2
    waves = np.empty((4, LONGEST))
    np.cos(frequency * RADIANS * time, out=waves[0])
    np.sin(frequency * RADIANS * time, out=waves[1])
    np.multiply(waves[0:2], time / RAMP, out=waves[2:4])
    return waves


def _model(low: float, high: float, length: int) -> Floats:
    """The nine components of the model, (9, length): two tones' ``_waves``, and 1."""
    middle = slice((LONGEST - length) // 2, (LONGEST + length) // 2)
    model = np.ones((9, length))
    model[0:4] = _waves(low)[:, middle]
    model[4:8] = _waves(high)[:, middle]
    return model


@functools.lru_cache(maxsize=4096)
def _solver(low: float, high: float, length: int) -> Floats:
    """What turns products with a model into the solution, (9, 9): a telephone's keys need the same few all the time."""
    model = _model(low, high, length)
    return np.asarray(np.linalg.inv(model @ model.T), dtype=np.float64)


def fit_without_breaks(first: Fit) -> Fit:
    """Fit again without those pieces that stick out of the residual: holes of lost packets, clicks."""
    sound, model = first.sound, _model(*first.near, len(first.sound))
    count = len(sound) // PIECE
    start = len(sound) - count * PIECE
    best, known = first, [True] * count
    for _ in range(2):
        pieces = (sound - best.solution @ model)[start:].reshape(count, PIECE)
        left = np.einsum("ij,ij->i", pieces, pieces).tolist()
        most = 4 * sorted(left)[count // 2] + PIECE
        good = [energy <= most for energy in left]
        if good == known or good.count(False) > 0.4 * count:
            break
        known = good
        kept = np.ones(len(sound))
        kept[start:] = np.repeat(good, PIECE)
        best = _refit(sound, first.near, model, kept)
        if sum(best.power) > ENOUGH * best.noise:
            break
    return best


def _refit(sound: Floats, near: tuple[float, float], model: Floats, kept: Floats) -> Fit:
    """Fit the model for ``near`` to those samples where ``kept`` is 1 and not 0."""
    used = model * kept
    products = used @ sound
    solution = np.asarray(np.linalg.solve(used @ model.T, products), dtype=np.float64)
    return _read(solution, near, sound, float(sound @ (sound * kept) - products @ solution) / float(kept.sum()))


def _read(solution: Floats, near: tuple[float, float], sound: Floats, noise: float) -> Fit:
    """What the nine numbers of a solution mean."""
    cos_low, sin_low, grow_cos_low, grow_sin_low, cos_high, sin_high, grow_cos_high, grow_sin_high, _ = (
        solution.tolist()
    )
    low, high = complex(cos_low, -sin_low), complex(cos_high, -sin_high)
    change_low = complex(grow_cos_low, -grow_sin_low) / low if low else 0j
    change_high = complex(grow_cos_high, -grow_sin_high) / high if high else 0j
    to_hertz = 1 / RAMP / RADIANS
    return Fit(
        frequency=(near[0] + change_low.imag * to_hertz, near[1] + change_high.imag * to_hertz),
        power=(abs(low) ** 2 / 2, abs(high) ** 2 / 2),
        phase=(low, high),
        slope=max(abs(change_low.real), abs(change_high.real)) * len(sound) / 2 / RAMP,
        noise=max(0.0, noise),
        near=near,
        solution=solution,
        sound=sound,
    )
