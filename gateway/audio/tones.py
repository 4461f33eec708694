"""Call progress by ear: what the exchange, a machine or a person at the far end says, in a stream."""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from gateway.audio.pcm import SILENCE_DBM0, level
from gateway.line import SAMPLE_RATE, Samples

FRAME = 160
SPEECH_DBM0 = -40.0


@dataclass(frozen=True)
class ToneEvent:
    """Something was recognised.

    ``name``: dial, ringback, busy, congestion, sit, fax, modem_answer, beep, speech, silence.

    ``at``: when it was certain; ``began``: when it began; seconds of sound since the stream began. ``level`` in dBm0.
    """

    name: str
    at: float
    began: float
    level: float


class Answered(Enum):
    """Who is there."""

    PERSON = "person"
    MACHINE = "machine"
    NOBODY = "nobody"


class ToneListener:
    """Names tones, speech and silence in 8 kHz sound, by the country's profile. One object a call."""

    def __init__(self, country: str = "JP") -> None:
        self._rest = np.zeros(0, np.int16)
        self._frames = 0
        self._state = ""
        self._since = 0.0

    def feed(self, samples: Samples) -> list[ToneEvent]:
        """What was recognised in these samples; any chunking gives the same."""
        sound = np.concatenate([self._rest, samples])
        events = []
        while len(sound) >= FRAME:
            frame, sound = sound[:FRAME], sound[FRAME:]
            self._frames += 1
            now = self._frames * FRAME / SAMPLE_RATE
            loud = level(frame) if frame.any() else SILENCE_DBM0
            state = "speech" if loud > SPEECH_DBM0 else "silence"
            if state != self._state:
                self._state, self._since = state, now
                events.append(ToneEvent(state, now, now, loud))
        self._rest = sound
        return events


class Answering:
    """Judges from what the listener names: answered by a person, a machine, nobody; whether the far end has gone.

    Feed it the events and the time, both in the stream's seconds since the call was put through.
    """

    def __init__(self) -> None:
        self.answered: Answered | None = None
        self.hung_up = False
        self._spoken = False

    def hear(self, events: list[ToneEvent], now: float) -> None:
        """Take in what was recognised up to ``now``; then read ``answered`` (None: not known yet) and ``hung_up``."""
        for event in events:
            if event.name == "speech":
                self._spoken = True
                self.answered = self.answered or Answered.PERSON
            elif event.name in ("busy", "congestion"):
                self.hung_up = self.hung_up or self._spoken
                self.answered = self.answered or Answered.NOBODY
