"""DTMF keys: heard in a stream, on one line or many, and made.

Limits are those of ITU-T Q.24 and ETSI ES 201 235-3: 40 ms and more is a key, 23 ms and less is none.
"""

import numpy as np

from gateway.audio.dtmf_bank import FilterBank
from gateway.audio.dtmf_keys import HIGH, KEYS, LOW, KeyDown, KeyEvent, KeyUp, encode
from gateway.audio.dtmf_line import FLOOR, SHARE, LineEars
from gateway.line import Samples

__all__ = ["HIGH", "KEYS", "LOW", "DtmfDetector", "DtmfDetectors", "KeyDown", "KeyEvent", "KeyUp", "encode"]


class DtmfDetectors:
    """Keys on many lines at once, 8 kHz sound. Any chunking gives the same events."""

    def __init__(self, lines: int) -> None:
        self._bank = FilterBank(lines)
        self._ears = [LineEars(self._bank, line) for line in range(lines)]

    def feed(self, samples: Samples) -> list[list[KeyEvent]]:
        """For sound of shape (lines, n): each line's keys that went down or up, as of its end."""
        events: list[list[KeyEvent]] = [[] for _ in self._ears]
        for piece in self._bank.take(samples):
            count = self._bank.advance(piece)
            suspects = self._bank.suspects(count, FLOOR, SHARE).tolist()
            for ears, heard, suspicious in zip(self._ears, events, suspects, strict=True):
                if suspicious or ears.busy:
                    heard += ears.listen(count)
        return events

    def flush(self) -> list[list[KeyEvent]]:
        """The streams are over: keys still down go up."""
        return [ears.close() for ears in self._ears]


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
