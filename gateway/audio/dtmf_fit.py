"""Two tones fitted to a stretch of sound: how well, how far off, how steady.

The model is two sines whose amplitude may change linearly, plus DC. What multiplies the linear term's quadrature is a
frequency error, so one set of normal equations gives level, frequency, slope and what is left over.
"""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.line import SAMPLE_RATE

Floats = npt.NDArray[np.float64]
PIECE = 20
"""Samples in a piece that is kept or left out as a whole."""
TRUST = 0.4
"""Phase error, in radians at the ends of the stretch, up to which one step finds the frequency well enough."""


@dataclass(frozen=True)
class Fit:
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
    left_out: float
    """Share of the stretch that does not belong (holes, clicks)."""


@functools.lru_cache(maxsize=256)
def _times(length: int) -> tuple[Floats, Floats]:
    """Sample times about the middle, and the same from -1 to 1."""
    time: Floats = np.arange(length, dtype=np.float64) - (length - 1) / 2
    ramp: Floats = time / (length / 2)
    return time, ramp


def fit(sound: Floats, low: float, high: float) -> Fit:
    """Fit tones near ``low`` and ``high`` (Hz, within some 10 Hz) to ``sound``, 160 samples and more."""
    found, drift = _solve(sound, low, high, None)
    if TRUST < drift < 4:
        found, _ = _solve(sound, *found.frequency, None)
    return found


def fit_without_breaks(sound: Floats, first: Fit) -> Fit:
    """Fit again without those pieces that stick out of the residual: holes of lost packets, clicks."""
    count = len(sound) // PIECE
    start = len(sound) - count * PIECE
    best = first
    for _ in range(2):
        pieces = np.square(best.residual[start:]).reshape(count, PIECE).mean(axis=1)
        bad = pieces > 4 * np.sort(pieces)[count // 2] + 1
        if not bad.any() or bad.sum() > 0.4 * count:
            break
        kept = np.ones(len(sound), dtype=bool)
        kept[start:] = np.repeat(~bad, PIECE)
        best, _ = _solve(sound, *best.frequency, kept)
    return best


def _solve(sound: Floats, low: float, high: float, kept: npt.NDArray[np.bool_] | None) -> tuple[Fit, float]:
    """The fit, and how far (radians at the ends) the tones turned out to be from where they were looked for."""
    length = len(sound)
    time, ramp = _times(length)
    radians = 2 * np.pi / SAMPLE_RATE
    angle = np.multiply.outer((low * radians, high * radians), time)
    model = np.ones((9, length))
    np.cos(angle, out=model[0:2])
    np.sin(angle, out=model[2:4])
    np.multiply(model[0:4], ramp, out=model[4:8])
    used, heard = (model, sound) if kept is None else (model[:, kept], sound[kept])
    solution = np.linalg.solve(used @ used.T, used @ heard)
    residual = sound - solution @ model
    counted = residual if kept is None else residual[kept]
    cl, ch, sl, sh, dcl, dch, dsl, dsh, _ = solution.tolist()
    first, second = complex(cl, -sl), complex(ch, -sh)
    change = (complex(dcl, -dsl) / first if first else 0j, complex(dch, -dsh) / second if second else 0j)
    to_hertz = 2 / length / radians
    return Fit(
        frequency=(low + change[0].imag * to_hertz, high + change[1].imag * to_hertz),
        power=(abs(first) ** 2 / 2, abs(second) ** 2 / 2),
        phase=(first, second),
        slope=max(abs(change[0].real), abs(change[1].real)),
        residual=residual,
        noise=float(counted @ counted) / len(counted),
        left_out=1 - len(counted) / length,
    ), max(abs(change[0].imag), abs(change[1].imag))
