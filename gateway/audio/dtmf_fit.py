"""Two tones fitted to a stretch of sound: how well, how far off, how steady.

The model is two sines whose amplitude may change linearly, plus DC. What multiplies the linear term's quadrature is a
frequency error, so one set of normal equations gives level, frequency, slope and what is left over.
"""

import functools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.line import SAMPLE_RATE

Floats = npt.NDArray[np.float64]
PIECE = 20
"""Samples in a piece that is kept or left out as a whole."""
TRUST = 0.4
"""Phase error, in radians at the ends of the stretch, up to which one step finds the frequency well enough."""
DOUBT = 4.0
"""And from which on there is no tone where it was looked for."""
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
    residual: Floats
    """What the tones do not explain, sample by sample."""
    noise: float
    """Mean square of the residual where the fit holds."""
    model: Floats
    """The nine components that were fitted, for another try."""
    near: tuple[float, float]
    """Hz that they are made for."""


@functools.lru_cache(maxsize=256)
def _model(low: float, high: float, length: int) -> tuple[Floats, Floats]:
    """The nine components of the model, (9, length), and what turns products with them into a solution, (9, 9).

    A telephone's keys are fitted over and over at the same few frequencies and lengths: the cache saves most of it.
    """
    model = _components(low, high, length)
    return model, np.asarray(np.linalg.inv(model @ model.T), dtype=np.float64)


def _components(low: float, high: float, length: int) -> Floats:
    """Cosines, sines (low, high), the same times a ramp from -1 to 1, and 1; time counts from the middle."""
    time = np.arange(length) - (length - 1) / 2
    angle = np.multiply.outer((low * RADIANS, high * RADIANS), time)
    model = np.ones((9, length))
    np.cos(angle, out=model[0:2])
    np.sin(angle, out=model[2:4])
    np.multiply(model[0:4], time * (2 / length), out=model[4:8])
    return model


def fit(sound: Floats, low: float, high: float) -> Fit:
    """Fit tones near ``low`` and ``high`` (Hz, within some 10 Hz) to ``sound``, 160 samples and more."""
    model, solver = _model(low, high, len(sound))
    solution = solver @ (model @ sound)
    found = _read(solution, (low, high), model, sound, None)
    drift = max(abs(a - b) for a, b in zip(found.frequency, (low, high), strict=True)) * len(sound) / 2 * RADIANS
    return _refit(sound, found.frequency) if TRUST < drift < DOUBT else found


def fit_without_breaks(sound: Floats, first: Fit) -> Fit:
    """Fit again without those pieces that stick out of the residual: holes of lost packets, clicks."""
    count = len(sound) // PIECE
    start = len(sound) - count * PIECE
    best = first
    for _ in range(2):
        pieces = np.square(best.residual[start:]).reshape(count, PIECE).sum(axis=1)
        bad = pieces > 4 * np.sort(pieces)[count // 2] + PIECE
        if not bad.any() or bad.sum() > 0.4 * count:
            break
        kept = np.ones(len(sound))
        kept[start:] = np.repeat(~bad, PIECE)
        model = first.model
        used = model * kept
        best = _read(_solve(used @ model.T, used @ sound), first.near, model, sound, kept)
    return best


def _refit(sound: Floats, near: tuple[float, float]) -> Fit:
    """Fit once, at any frequencies."""
    model = _components(*near, len(sound))
    return _read(_solve(model @ model.T, model @ sound), near, model, sound, None)


def _solve(matrix: Floats, right: Floats) -> Floats:
    return np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)


def _read(solution: Floats, near: tuple[float, float], model: Floats, sound: Floats, kept: Floats | None) -> Fit:
    """What the nine numbers of a solution mean; ``kept`` is 1 for each sample that counts, else 0."""
    residual = sound - solution @ model
    counted, samples = (residual, float(len(sound))) if kept is None else (residual * kept, float(kept.sum()))
    cos_low, cos_high, sin_low, sin_high, *more = solution.tolist()
    low, high = complex(cos_low, -sin_low), complex(cos_high, -sin_high)
    change_low = complex(more[0], -more[2]) / low if low else 0j
    change_high = complex(more[1], -more[3]) / high if high else 0j
    to_hertz = 2 / len(sound) / RADIANS
    return Fit(
        frequency=(near[0] + change_low.imag * to_hertz, near[1] + change_high.imag * to_hertz),
        power=(abs(low) ** 2 / 2, abs(high) ** 2 / 2),
        phase=(low, high),
        slope=max(abs(change_low.real), abs(change_high.real)),
        residual=residual,
        noise=float(counted @ counted) / samples,
        model=model,
        near=near,
    )
