"""One line's ears: from the tones' power, hop by hop, to keys that go down and up."""

import cmath
import itertools
import math
from dataclasses import dataclass

from gateway.audio.dtmf_bank import BLOCK, HISTORY, SPAN, WINDOW, FilterBank
from gateway.audio.dtmf_evidence import CLEAR, Evidence, weigh
from gateway.audio.dtmf_keys import KEYS, KeyDown, KeyEvent, KeyUp
from gateway.audio.dtmf_look import look
from gateway.audio.pcm import FULL_SCALE_DBM0
from gateway.line import SAMPLE_RATE

FLOOR = 32767.0**2 / 2 * 10 ** ((-44 - FULL_SCALE_DBM0) / 10)
"""Power (mean square) below which a tone is not looked at: some dB under the -40 dBm0 from which a key counts."""
SHARE = 0.12
"""Both tones' least share of all energy in a window before anything is looked at."""
SHORTEST = 0.036 * SAMPLE_RATE
"""Samples from onset to decision: 23 ms is no key, 40 ms is one (ITU-T Q.24)."""
EARLIEST = 0.030 * SAMPLE_RATE
"""The same where there is nothing to doubt: had the tones ended after 23 ms, a quarter of the stretch would be left
unexplained, and they could not be clear."""
LEAST_HOPS = 5
EAGER_HOPS = 12
"""Hops of a run up to which each one is looked at; then every second."""
LONGEST_RUN = 32  # hops of a run that are remembered, 160 ms
MISSES = 5  # hops without the key, 25 ms, before a suspicion is dropped
HOLD = 0.12
"""Share of its power to which a tone may fall without being gone."""
GAP = 4
"""Hops below ``HOLD`` that part two presses: 20 ms of lost sound show as 14 ms, a pause of 30 ms as 24 ms."""
PAUSE = 5
"""The same in windows of 10 ms: 20 ms of lost sound show as 17 ms, a pause of 30 ms as 27 ms."""
RELEASE = 13
"""Hops below ``HOLD`` after which the key is up: two lost packets, 40 ms, may still be bridged."""
COHERENT = (0.15, 0.45)
"""Radians by which phases may be apart after a hole in a press: where the fits are clear, and where they are not."""
NOTHING = -1


@dataclass
class Press:
    """The key that is down."""

    low: int
    """Number of its low tone in the bank, as ``high``'s."""
    high: int
    hold: tuple[float, float]
    """Least power of its tones."""
    evidence: Evidence
    gap: int = 0


class LineEars:
    """Keys on one line of a filter bank. ``listen`` is to be called for every hop that is suspicious or ``busy``."""

    def __init__(self, bank: FilterBank, line: int) -> None:
        self.press: Press | None = None
        self._bank = bank
        self._line = line
        self._past: list[Evidence] = []
        self._run: list[tuple[float, float]] = []
        self._forget()

    def _forget(self) -> None:
        self._key = self._other = NOTHING
        self._misses = self._others = 0
        self._run = []
        self._ripe = LEAST_HOPS

    @property
    def busy(self) -> bool:
        """Whether the next hops matter even if nothing is suspicious in them."""
        return self.press is not None or self._key != NOTHING

    @property
    def held(self) -> bool:
        """Whether a key is down and sounds, and nothing else is going on."""
        return self.press is not None and not self.press.gap and self._key == NOTHING

    def listen(self, count: int, *, quiet: bool = False) -> list[KeyEvent]:
        """Go through the bank's last ``count`` hops; ``quiet`` if nothing is suspicious in them."""
        bank = self._bank
        first = bank.newest - count
        events: list[KeyEvent] = []
        power = bank.power[first : bank.newest, :, self._line].tolist()
        energy = bank.energy[first : bank.newest, self._line].tolist()
        for row, (tones, total) in enumerate(zip(power, energy, strict=True), first):
            if self.press is not None and self._still_down(self.press, row, tones, events):
                continue
            key = NOTHING if quiet else _strongest_pair(tones, total)
            if self._key != NOTHING or (key != NOTHING and not self._fades(key)):
                self._suspect(key, tones)
                if not self._misses and len(self._run) >= self._ripe:
                    self._consider(row, events)
        return events

    def close(self) -> list[KeyEvent]:
        """The stream is over: a key still down goes up."""
        return [self._release(self.press, self._bank.newest - 1)] if self.press else []

    def _still_down(self, press: Press, row: int, tones: list[float], events: list[KeyEvent]) -> bool:
        if tones[press.low] >= press.hold[0] and tones[press.high] >= press.hold[1] and press.gap < GAP:
            press.gap = 0
            if self._key != NOTHING:
                self._forget()
            return True
        press.gap += 1
        if press.gap >= RELEASE and self._key != press.evidence.key:
            events.append(self._release(press, row))
        return False

    def _fades(self, key: int) -> bool:
        """Whether that is no suspicion, but what is left in the window of the key that has just ended."""
        press = self.press
        return press is not None and press.evidence.key == key and press.gap <= SPAN

    def _suspect(self, key: int, tones: list[float]) -> None:
        """Follow the strongest pair of tones: the same for long enough is worth a closer look."""
        if self._key == NOTHING:
            self._key, self._run = key, [(tones[key >> 2], tones[4 + (key & 3)])]
            return
        self._run.append((tones[self._key >> 2], tones[4 + (self._key & 3)]))
        if key == self._key:
            self._misses = self._others = 0
            return
        self._misses += 1
        if key != NOTHING:
            self._others = self._others + 1 if key == self._other else 1
            self._other = key
            if self._others >= 2:
                self._forget()
                self._key, self._run = key, [(tones[key >> 2], tones[4 + (key & 3)])] * 2
        if self._misses > MISSES:
            self._forget()

    def _consider(self, row: int, events: list[KeyEvent]) -> None:
        """Where the suspicion has lasted long enough, look closely; a key that goes down ends up in ``events``."""
        del self._run[:-LONGEST_RUN]
        run = self._run
        low_least = 0.25 * max(run[-1][0], run[-2][0], run[-3][0])
        high_least = 0.25 * max(run[-1][1], run[-2][1], run[-3][1])
        on = [low >= low_least and high >= high_least for low, high in run]
        held = on.count(True)
        if held < LEAST_HOPS:
            self._ripe = len(run) + LEAST_HOPS - held
            return
        if not on[-1] or (held > EAGER_HOPS and held % 2):
            return
        first = on.index(True)
        rise = min(1.0, math.sqrt(min(run[first][0] / low_least, run[first][1] / high_least) / 4))
        length = round((len(run) - 1 - first) * BLOCK + rise * WINDOW)
        if length < EARLIEST:
            self._ripe = len(run) + math.ceil((EARLIEST - length) / BLOCK)
            return
        early = length < SHORTEST
        evidence = look(self._bank, self._line, row, self._key, length, whole=early)
        if evidence is None or (early and evidence.clarity <= CLEAR):
            return
        if weigh(evidence, self._past):
            self._accept(row, evidence, events)

    def _accept(self, row: int, evidence: Evidence, events: list[KeyEvent]) -> None:
        press = self.press
        power = self._run[-1]
        self._forget()
        if press is not None and press.evidence.key == evidence.key and self._same(press, evidence, row):
            press.gap = 0
            return
        if press is not None:
            events.append(self._release(press, row))
        hold = (HOLD * power[0], HOLD * power[1])
        self.press = Press(evidence.key >> 2, 4 + (evidence.key & 3), hold, evidence)
        self._past = [*self._past[-7:], evidence]
        events.append(_key_down(evidence))

    def _same(self, press: Press, evidence: Evidence, row: int) -> bool:
        """Whether a tone that was away for a moment is the press that is still down.

        It is if there was no pause to speak of, only a phase that a papered-over loss had broken; and if what lies
        between is lost sound (nothing but zeros), and the tones' phases run on as if it had not been lost.
        """
        length = evidence.end - evidence.onset
        if press.gap < GAP or self._longest_pause(press, row, length // BLOCK + RELEASE) < PAUSE:
            return True
        onset = (row + 1) * BLOCK - length
        if self._bank.sound[self._line, onset - WINDOW // 2 : onset - 8].any():
            return False
        old, new = press.evidence.fit, evidence.fit
        apart = evidence.centre - press.evidence.centre
        clarity = min(evidence.clarity, press.evidence.clarity)
        most = max(COHERENT[0], COHERENT[1] * min(1.0, 10 ** ((CLEAR - clarity) / 20)))
        for tone in (0, 1):
            turn = math.pi * (old.frequency[tone] + new.frequency[tone]) * apart / SAMPLE_RATE
            if abs(cmath.phase(new.phase[tone] * (old.phase[tone] * cmath.rect(1, turn)).conjugate())) > most:
                return False
        return True

    def _longest_pause(self, press: Press, row: int, hops: int) -> int:
        """The most hops on end in which a tone of the key was away, judged in windows of 10 ms."""
        power = self._bank.power_in_10_ms(row, self._line, min(hops, HISTORY - 2))
        away = (power[:, press.low] < press.hold[0]) | (power[:, press.high] < press.hold[1])
        return max((len(list(hop)) for gone, hop in itertools.groupby(away.tolist()) if gone), default=0)

    def _release(self, press: Press, row: int) -> KeyUp:
        self.press = None
        now = (self._bank.hops - (self._bank.newest - 1 - row)) * BLOCK
        ended = now - press.gap * BLOCK + BLOCK // 2 - round(0.65 * WINDOW) if press.gap else now
        return KeyUp(KEYS[press.evidence.key], now / SAMPLE_RATE, ended / SAMPLE_RATE)


def _strongest_pair(tones: list[float], total: float) -> int:
    """The key whose tones are the strongest of their groups, if they are strong enough beside all that there is."""
    if 2 * total < FLOOR:  # no tone's power can exceed that
        return NOTHING
    low = max(tones[0], tones[1], tones[2], tones[3])
    if low <= FLOOR:
        return NOTHING
    high = max(tones[4], tones[5], tones[6], tones[7])
    if high > FLOOR and low + high > SHARE * total and 0.04 < high / low < 25:
        return tones.index(low) * 4 + tones.index(high, 4) - 4
    return NOTHING


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
