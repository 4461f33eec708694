"""DTMF keys: heard in a stream, on one line or many, and made.

Limits are those of ITU-T Q.24 and ETSI ES 201 235-3: 40 ms and more is a key, 23 ms and less is none.
"""

import numpy as np

from gateway.audio.dtmf_bank import FilterBank
from gateway.audio.dtmf_keys import HIGH, KEYS, LOW, KeyDown, KeyEvent, KeyUp, encode
from gateway.audio.dtmf_line import FLOOR, SHARE, LineEars, Press
from gateway.line import Samples

__all__ = ["HIGH", "KEYS", "LOW", "DtmfDetector", "DtmfDetectors", "KeyDown", "KeyEvent", "KeyUp", "encode"]


class DtmfDetectors:
    """Keys on many lines at once, 8 kHz sound. Any chunking gives the same events."""

    def __init__(self, lines: int) -> None:
        self._bank = FilterBank(lines)
        self._ears = [LineEars(self._bank, line) for line in range(lines)]
        self._busy = np.zeros(lines, dtype=bool)
        self._hold = np.full((8, lines), np.inf)
        self._held: list[Press | None] = [None] * lines

    def feed(self, samples: Samples) -> list[list[KeyEvent]]:
        """For sound of shape (lines, n): each line's keys that went down or up, as of its end."""
        events: list[list[KeyEvent]] = [[] for _ in self._ears]
        for piece in self._bank.take(samples):
            count = self._bank.advance(piece)
            for line, quiet in self._worth_listening(count):
                ears = self._ears[line]
                events[line] += ears.listen(count, quiet=quiet)
                self._busy[line] = ears.busy
                self._note_hold(line, ears)
        return events

    def flush(self) -> list[list[KeyEvent]]:
        """The streams are over: keys still down go up."""
        return [ears.close() for ears in self._ears]

    def _note_hold(self, line: int, ears: LineEars) -> None:
        """Keep in ``_hold`` the least powers with which a key that is down just goes on."""
        held = ears.press if ears.held else None
        if held is self._held[line]:
            return
        self._held[line] = held
        self._hold[:, line] = np.inf
        if held is not None:
            self._hold[:, line] = 0.0
            self._hold[held.low, line], self._hold[held.high, line] = held.hold

    def _worth_listening(self, count: int) -> list[tuple[int, bool]]:
        """The lines whose last ``count`` hops could change anything: not those where a key just goes on sounding.

        With each whether nothing is suspicious in them.
        """
        if len(self._ears) == 1:
            return [(0, False)]
        suspects = self._bank.suspects(count, FLOOR, SHARE)
        wanted = (suspects | self._busy) & ~self._bank.all_above(count, self._hold)
        lines = wanted.nonzero()[0]
        return list(zip(lines.tolist(), (~suspects[lines]).tolist(), strict=True))


class DtmfDetector:
    """Keys in a stream of 8 kHz sound; one object a line. Any chunking gives the same events."""

    def __init__(self) -> None:
        self._detectors = DtmfDetectors(1)

    def feed(self, samples: Samples) -> list[KeyEvent]:
        """The keys that went down or up, as of the end of these samples."""
        return self._detectors.feed(np.asarray(samples)[None, :])[0]

    def flush(self) -> list[KeyEvent]:
        """The stream is over: a key still down goes up."""
        return self._detectors.flush()[0]
