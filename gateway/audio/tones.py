"""Call progress by ear: what the exchange, a machine or a person at the far end says, in a stream."""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from gateway.audio.pcm import SILENCE_DBM0, level
from gateway.line import SAMPLE_RATE, Samples

FRAME = 160
WINDOW = 320
FRAME_TIME = FRAME / SAMPLE_RATE
SPEECH_DBM0 = -40.0
TONE_BAND = slice(12, 28)
"""FFT bins of 25 Hz: 300 to 675 Hz, where every country's progress tones lie."""
PURE = 0.85
"""Share of the energy that a tone's strongest few bins have; speech stays far below for so long."""


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
        self._before = np.zeros(FRAME, np.int16)
        self._window = np.hanning(WINDOW)
        self._frames = 0
        self._state = "silence"
        self._held = 0.0
        self._candidate, self._candidate_for = "silence", 0
        self._bursts: list[tuple[float, float]] = []  # seconds on, seconds off before it
        self._off = 9.0
        self._named = ""

    def feed(self, samples: Samples) -> list[ToneEvent]:
        """What was recognised in these samples; any chunking gives the same."""
        sound = np.concatenate([self._rest, samples])
        events: list[ToneEvent] = []
        while len(sound) >= FRAME:
            frame, sound = sound[:FRAME], sound[FRAME:]
            self._frames += 1
            events += self._hear(frame)
        self._rest = sound
        return events

    def _hear(self, frame: Samples) -> list[ToneEvent]:
        loud = level(frame) if frame.any() else SILENCE_DBM0
        state = self._judge(frame, loud)
        if state != self._candidate:
            self._candidate, self._candidate_for = state, 0
        self._candidate_for += 1
        if self._candidate != self._state and self._candidate_for >= (6 if state == "speech" else 2):
            return self._change(self._candidate, loud)
        self._held += FRAME_TIME
        return self._cadence(loud)

    def _judge(self, frame: Samples, loud: float) -> str:
        pair = np.concatenate((self._before, frame)) * self._window
        self._before = frame
        if loud <= SPEECH_DBM0:
            return "silence"
        power = np.abs(np.fft.rfft(pair)) ** 2
        strongest = np.sort(power[TONE_BAND])[-9:].sum()
        return "tone" if strongest >= PURE * power[4:].sum() else "speech"

    def _change(self, state: str, loud: float) -> list[ToneEvent]:
        now = self._frames * FRAME_TIME
        if self._state == "tone":
            self._bursts = [*self._bursts[-3:], (self._held, self._off)]
        if state == "tone":
            self._off = self._held if self._state == "silence" else 9.0
        if state == "speech":
            self._bursts.clear()
        self._state, self._held = state, 0.0
        if state == "tone":
            return []
        self._named = "" if state == "speech" else self._named
        return [ToneEvent(state, now, now, loud), *self._cadence(loud)]

    def _cadence(self, loud: float) -> list[ToneEvent]:
        """A long burst is ringback; three short ones in a row are busy or congestion."""
        now = self._frames * FRAME_TIME
        if self._state == "tone" and abs(self._held - 0.75) < FRAME_TIME / 2:
            return [ToneEvent("ringback", now, now - self._held, loud)]
        short = [on for on, off in self._bursts[-3:] if 0.18 <= on <= 0.62 and (off <= 0.65 or off == 9.0)]
        if len(short) < 3 or self._held > FRAME_TIME / 2 or self._state != "silence":
            return []
        name = "congestion" if sum(short) / 3 < 0.31 else "busy"
        return [ToneEvent(name, now, now - 2.0, loud)]


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
