"""A close look at a suspected key: first a glance at the blocks' sums, then a fit to the raw sound."""

import functools

import numpy as np
import numpy.typing as npt

from gateway.audio.dtmf_bank import BLOCK, SPAN, TO_POWER, WINDOW, FilterBank
from gateway.audio.dtmf_evidence import CLEAR, OFFSET, Background, Evidence
from gateway.audio.dtmf_fit import LONGEST, fit, fit_without_breaks
from gateway.audio.dtmf_keys import HIGH, LOW
from gateway.line import SAMPLE_RATE

STEP = 4.0
DRIFTS = [STEP * step for step in range(-9, 10)]
"""Hz by which a tone may be off where it is first looked for: 2.1 % of the highest is 34."""
FAINT = 0.25
"""Share of all energy that both tones must have at a glance to be worth a fit."""
UNCLEAR = 25.0
"""Tones over what is left, as power, below which the fit is tried again without holes and clicks."""

JUMPY = 450
"""Samples, 56 ms, from which on a stretch is looked at in part where it is ``MUDDY``."""
MUDDY = 6.0  # dB
LATEST = 200  # samples, 25 ms

_PARTS = [np.array([low, 4 + high, 8 + low, 12 + high]) for low in range(4) for high in range(4)]
"""Of the bank's sums, for each key: low and high tone's cosine, low and high tone's sine."""


@functools.cache
def _turns(blocks: int) -> npt.NDArray[np.float64]:
    """Turns back each drift's phase, block by block, and adds up: shape (2 * drifts, 2 * blocks), real parts before
    imaginary ones, for a cosine and a sine of each block."""
    phase = np.multiply.outer(DRIFTS, np.arange(blocks)) * (2 * np.pi * BLOCK / SAMPLE_RATE)
    real = np.stack([np.cos(phase), np.sin(phase)], axis=2)
    imaginary = np.stack([-np.sin(phase), np.cos(phase)], axis=2)
    return np.stack([real, imaginary]).reshape(2 * len(DRIFTS), 2 * blocks)


def look(bank: FilterBank, line: int, row: int, key: int, length: int, *, whole: bool) -> Evidence | None:
    """The evidence for ``key`` in the ``length`` samples that end with buffer row ``row``; None if a glance says no.

    ``whole``: nothing that sticks out may be left out. Where a lost packet was papered over, the tones' phase jumps
    and no fit holds across it: what came last may do.
    """
    evidence = _evidence(bank, line, row, key, length, min(length - 8, LONGEST) // 8 * 8, whole=whole)
    if length < JUMPY or (evidence is not None and evidence.clarity > MUDDY):
        return evidence
    latest = _evidence(bank, line, row, key, length, LATEST, whole=False)
    return latest if latest is not None and latest.clarity > CLEAR else evidence


def _evidence(
    bank: FilterBank, line: int, row: int, key: int, length: int, used: int, *, whole: bool
) -> Evidence | None:
    end = (row + 1) * BLOCK
    found = _glance(bank, line, row, key, used // BLOCK)
    if found is None:
        return None
    sound = bank.sound[line, end - used : end].astype(np.float64)
    fitted = fit(sound, *found)
    if not whole and sum(fitted.power) < UNCLEAR * fitted.noise:
        fitted = fit_without_breaks(fitted)
    stream_end = (bank.hops - (bank.newest - 1 - row)) * BLOCK
    back = max(0, row - (length + BLOCK) // BLOCK)  # the window that ended some 5 ms before the onset
    low, high = bank.power[back, key >> 2, line], bank.power[back, 4 + (key & 3), line]
    energy, earlier = float(bank.energy[back, line]), float(bank.energy[max(0, back - SPAN), line])
    background = Background(float(low), float(high), energy, min(energy, earlier))
    return Evidence(key, stream_end - length, stream_end, fitted, background)


def _glance(bank: FilterBank, line: int, row: int, key: int, blocks: int) -> tuple[float, float] | None:
    """Where the two tones are, Hz to within ``STEP``; None if they are too far off or too faint to be a key's."""
    sums = bank.sums[row - blocks + 1 : row + 1, :, line].take(_PARTS[key], axis=1).reshape(2 * blocks, 2)
    parts = np.square(_turns(blocks) @ sums)
    strength = parts[: len(DRIFTS)] + parts[len(DRIFTS) :]
    at_low, at_high = strength.argmax(axis=0).tolist()
    drift_low, drift_high = DRIFTS[at_low], DRIFTS[at_high]
    low, high = LOW[key >> 2], HIGH[key & 3]
    if abs(drift_low) > low * OFFSET / 100 + STEP or abs(drift_high) > high * OFFSET / 100 + STEP:
        return None
    tones = float(strength[at_low, 0] + strength[at_high, 1]) * TO_POWER * (WINDOW / (blocks * BLOCK)) ** 2
    least = min(float(bank.energy[row, line]), float(bank.energy[row - blocks // 2, line]))
    if tones < FAINT * least:
        return None
    return low + drift_low, high + drift_high
