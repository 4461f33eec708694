"""One line's ears: from the tones' power, hop by hop, to keys that go down and up."""

import cmath
import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.audio.dtmf_bank import BLOCK, HISTORY, WINDOW, FilterBank
from gateway.audio.dtmf_evidence import Background, Evidence, weigh
from gateway.audio.dtmf_fit import fit, fit_without_breaks
from gateway.audio.dtmf_keys import HIGH, KEYS, LOW, KeyDown, KeyEvent, KeyUp
from gateway.audio.pcm import FULL_SCALE_DBM0
from gateway.line import SAMPLE_RATE

FLOOR = 32767.0**2 / 2 * 10 ** ((-44 - FULL_SCALE_DBM0) / 10)
"""Power (mean square) below which a tone is not looked at: some dB under the -40 dBm0 from which a key counts."""
SHARE = 0.12
"""Both tones' least share of all energy in a window before anything is looked at."""
SHORTEST = 0.036 * SAMPLE_RATE
"""Samples from onset to decision: 23 ms is no key, 40 ms is one (ITU-T Q.24)."""
LEAST_HOPS = 5
LONGEST_FIT = 640  # samples, 80 ms
MISSES = 5  # hops without the key, 25 ms, before a suspicion is dropped
HOLD = 0.12
"""Share of its power to which a tone may fall without being gone."""
GAP = 4
"""Hops below ``HOLD`` that part two presses: 20 ms of lost sound show as 14 ms, a pause of 30 ms as 24 ms."""
RELEASE = 13
"""Hops below ``HOLD`` after which the key is up: two lost packets, 40 ms, may still be bridged."""
COHERENT = 0.45  # radians


@dataclass
class _Press:
    """The key that is down."""

    key: int
    hold: tuple[float, float]
    """Least power of its tones."""
    evidence: Evidence
    gap: int = 0


DRIFTS = np.arange(-36.0, 37.0, 4.0)
"""Hz by which a tone may be off where it is first looked for: 2.1 % of the highest is 34."""


@functools.cache
def _drifts(blocks: int) -> npt.NDArray[np.complex128]:
    """Turns back each drift's phase, block by block: shape (drifts, blocks)."""
    turns: npt.NDArray[np.complex128] = np.exp(
        -2j * np.pi * DRIFTS[:, None] * np.arange(blocks)[None, :] * BLOCK / SAMPLE_RATE
    )
    return turns


class LineEars:
    """Keys on one line of a filter bank. ``hop`` is to be called for every hop from the first suspicious one."""

    def __init__(self, bank: FilterBank, line: int) -> None:
        self._bank = bank
        self._line = line
        self._press: _Press | None = None
        self._past: list[Evidence] = []
        self._forget()

    def _forget(self) -> None:
        self._key = -1
        self._run: list[tuple[float, float]] = []
        self._misses = 0
        self._other = -1
        self._others = 0

    @property
    def busy(self) -> bool:
        """Whether the next hops matter even if nothing is suspicious in them."""
        return self._press is not None or self._key >= 0

    def listen(self, count: int) -> list[KeyEvent]:
        """Go through the bank's last ``count`` hops."""
        bank = self._bank
        rows = range(bank.newest - count, bank.newest)
        power = bank.power[rows.start : rows.stop, self._line].tolist()
        energy = bank.energy[rows.start : rows.stop, self._line].tolist()
        events: list[KeyEvent] = []
        for row, tones, total in zip(rows, power, energy, strict=True):
            self._hop(row, tones, total, events)
        return events

    def close(self) -> list[KeyEvent]:
        """The stream is over: a key still down goes up."""
        return [self._release()] if self._press else []

    def _hop(self, row: int, tones: list[float], total: float, events: list[KeyEvent]) -> None:
        press = self._press
        if press is not None:
            low, high = press.key >> 2, 4 + (press.key & 3)
            if tones[low] >= press.hold[0] and tones[high] >= press.hold[1] and press.gap < GAP:
                press.gap = 0
                self._forget()
                return
            press.gap += 1
            if press.gap >= RELEASE and self._key != press.key:
                events.append(self._release(row))
        self._suspect(tones, total)
        if self._key >= 0 and not self._misses:
            self._consider(row, events)

    def _suspect(self, tones: list[float], total: float) -> None:
        """Follow the strongest pair of tones: the same for long enough is worth a closer look."""
        low, high = max(tones[:4]), max(tones[4:])
        key = -1
        if low > FLOOR and high > FLOOR and low + high > SHARE * total and 0.04 < high / low < 25:
            key = tones.index(low) * 4 + tones.index(high, 4) - 4
        if self._key < 0:
            if key >= 0:
                self._key, self._run = key, [(low, high)]
            return
        self._run.append((tones[self._key >> 2], tones[4 + (self._key & 3)]))
        if key == self._key:
            self._misses = self._others = 0
            return
        self._misses += 1
        if key >= 0:
            self._others = self._others + 1 if key == self._other else 1
            self._other = key
            if self._others >= 2:
                self._forget()
                self._key, self._run = key, [(low, high)] * 2
                return
        if self._misses > MISSES:
            self._forget()

    def _consider(self, row: int, events: list[KeyEvent]) -> None:
        """Where the suspicion has lasted long enough, look closely; a key that goes down ends up in ``events``."""
        run = self._run[-HISTORY // 2 :]
        if len(run) < LEAST_HOPS:
            return
        low_peak = max(low for low, _ in run[-3:])
        high_peak = max(high for _, high in run[-3:])
        on = [low >= 0.25 * low_peak and high >= 0.25 * high_peak for low, high in run]
        held = on.count(True)
        if held < LEAST_HOPS or not on[-1] or (held > 12 and held % 2):
            return
        first = on.index(True)
        rise = min(1.0, math.sqrt(min(run[first][0] / low_peak, run[first][1] / high_peak)))
        length = round((len(run) - 1 - first) * BLOCK + rise * WINDOW)
        if length < SHORTEST:
            return
        evidence = self._look(row, length, held)
        if evidence is not None and weigh(evidence, self._past):
            self._accept(row, evidence, run[-1], events)

    def _look(self, row: int, length: int, held: int) -> Evidence | None:
        """Fit the two tones to the raw sound since the onset, or the last 80 ms of it."""
        bank, line, key = self._bank, self._line, self._key
        end = (row + 1) * BLOCK
        used = min(length - 8, LONGEST_FIT) // 8 * 8
        sound = bank.sound[line, end - used : end]
        nominal = LOW[key >> 2], HIGH[key & 3]
        low, high = (
            tone + self._drift(row, used // BLOCK, index)
            for tone, index in zip(nominal, (key >> 2, 4 + (key & 3)), strict=True)
        )
        found = fit(sound, low, high)
        if sum(found.power) < 25 * found.noise:
            found = fit_without_breaks(sound, found)
        stream_end = (bank.hops - (bank.newest - 1 - row)) * BLOCK
        return Evidence(key, stream_end - length, stream_end, found, self._background(row, length, key))

    def _drift(self, row: int, blocks: int, tone: int) -> float:
        """How far off its frequency a tone is, Hz: the strongest of ``DRIFTS`` in the last ``blocks`` hops."""
        sums = self._bank.sums[row - blocks + 1 : row + 1, self._line]
        strength = np.abs(_drifts(blocks) @ (sums[:, tone] + 1j * sums[:, tone + 8]))
        return float(DRIFTS[strength.argmax()])

    def _background(self, row: int, length: int, key: int) -> Background:
        """The window that ended some 5 ms before the onset."""
        bank, line = self._bank, self._line
        back = max(0, row - (length + BLOCK) // BLOCK)
        power = bank.power[back, line]
        return Background(float(power[key >> 2]), float(power[4 + (key & 3)]), float(bank.energy[back, line]))

    def _accept(self, row: int, evidence: Evidence, power: tuple[float, float], events: list[KeyEvent]) -> None:
        press = self._press
        if press is not None and press.key == evidence.key and self._same_press(press, evidence):
            press.gap = 0
            self._forget()
            return
        if press is not None:
            events.append(self._release(row))
        self._press = _Press(evidence.key, (HOLD * power[0], HOLD * power[1]), evidence)
        self._past = [*self._past[-7:], evidence]
        self._forget()
        events.append(_key_down(evidence))

    def _same_press(self, press: _Press, evidence: Evidence) -> bool:
        """Whether a tone that was away for a moment is the press that is still down: what lies between is lost sound
        (nothing but zeros), and the tones' phases run on as if it had not been lost."""
        if press.gap < GAP:
            return True
        row = self._bank.newest - 1 - (self._bank.hops - evidence.end // BLOCK)
        onset = (row + 1) * BLOCK - (evidence.end - evidence.onset)
        if self._bank.sound[self._line, onset - WINDOW // 2 : onset - 8].any():
            return False
        apart = evidence.centre - press.evidence.centre
        for tone in (0, 1):
            old, new = press.evidence.fit, evidence.fit
            turn = math.pi * (old.frequency[tone] + new.frequency[tone]) * apart / SAMPLE_RATE
            if abs(cmath.phase(new.phase[tone] * (old.phase[tone] * cmath.rect(1, turn)).conjugate())) > COHERENT:
                return False
        return True

    def _release(self, row: int | None = None) -> KeyUp:
        press = self._press
        assert press is not None
        self._press = None
        bank = self._bank
        now = (bank.hops if row is None else bank.hops - (bank.newest - 1 - row)) * BLOCK
        ended = now - press.gap * BLOCK + BLOCK // 2 - round(0.65 * WINDOW) if press.gap else now
        return KeyUp(KEYS[press.key], now / SAMPLE_RATE, ended / SAMPLE_RATE)


def _key_down(evidence: Evidence) -> KeyDown:
    low, high = evidence.levels
    return KeyDown(
        key=KEYS[evidence.key],
        at=evidence.end / SAMPLE_RATE,
        onset=evidence.onset / SAMPLE_RATE,
        level=max(low, high),
        twist=high - low,
        offset=max(evidence.offsets, key=abs),
        confidence=1 - 10 ** (-max(0.0, evidence.clarity) / 10),
    )
