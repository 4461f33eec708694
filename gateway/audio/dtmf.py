"""DTMF keys: heard in a stream, and made.

Limits are those of ITU-T Q.24 and ETSI ES 201 235-3: 40 ms and more is a key, 23 ms and less is none.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gateway.audio.pcm import amplitude, power_to_dbm0, to_samples
from gateway.line import SAMPLE_RATE, Samples

LOW = (697.0, 770.0, 852.0, 941.0)
HIGH = (1209.0, 1336.0, 1477.0, 1633.0)
KEYS = "123A456B789C*0#D"
"""Row by row: key ``4 * low + high`` (ITU-T Q.23)."""


@dataclass(frozen=True)
class KeyDown:
    """A key is being pressed. Times are seconds of sound since the stream began."""

    key: str
    at: float
    """When it was certain."""
    onset: float
    """When the tone began."""
    level: float
    """Of the stronger tone, dBm0."""
    twist: float
    """High tone over low tone, dB."""
    offset: float
    """How far the tones are off their frequencies, per cent, the larger of the two."""
    confidence: float
    """0 to 1."""


@dataclass(frozen=True)
class KeyUp:
    """The key was released. Times are seconds of sound since the stream began."""

    key: str
    at: float
    """When it was certain."""
    ended: float
    """When the tone ended."""


KeyEvent = KeyDown | KeyUp


def encode(
    keys: Iterable[str],
    *,
    tone: float = 0.1,
    pause: float = 0.1,
    level: float = -9.0,
    twist: float = 0.0,
    offset: float = 0.0,
) -> Samples:
    """The sound of keys, 8 kHz: each ``tone`` seconds long and followed by ``pause`` seconds of silence.

    ``level`` is the low tone's in dBm0, the high tone is ``twist`` dB above it; both are ``offset`` per cent off their
    frequencies. Raises ``ValueError`` for what is no key.
    """
    silence = np.zeros(round(pause * SAMPLE_RATE))
    time = np.arange(round(tone * SAMPLE_RATE)) / SAMPLE_RATE
    ramp = np.minimum(1.0, np.minimum(time, time[::-1]) / 0.002 + 0.05) if len(time) else time
    parts = []
    for key in keys:
        if len(key) != 1 or key not in KEYS:
            raise ValueError(f'"{key}" is not a DTMF key; keys are {KEYS}')
        low, high = LOW[KEYS.index(key) // 4], HIGH[KEYS.index(key) % 4]
        turn = 2 * math.pi * (1 + offset / 100) * time
        sound = amplitude(level) * np.sin(low * turn) + amplitude(level + twist) * np.sin(high * turn)
        parts += [sound * ramp, silence]
    return to_samples(np.concatenate(parts)) if parts else np.zeros(0, np.int16)


HOP = 20  # samples, 2.5 ms
SPAN = 8  # hops in a window
_TURN = 2j * np.pi * np.arange(HOP)[:, None] * np.array([*LOW, *HIGH])[None, :] / SAMPLE_RATE
_PROJECTION = np.exp(-_TURN)
_ROTATION = np.exp(-2j * np.pi * np.arange(400)[:, None] * np.array([*LOW, *HIGH])[None, :] / 400)


class DtmfDetector:
    """Keys in a stream of 8 kHz sound; one object a line. Any chunking gives the same events."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.int16)
        self._hops = 0
        self._tones = np.zeros((SPAN - 1, 8), np.complex128)
        self._power = np.zeros(SPAN - 1)
        self._candidate = ""
        self._run = 0
        self._gap = 0
        self._down = ""

    def feed(self, samples: Samples) -> list[KeyEvent]:
        """The keys that went down or up, as of the end of these samples."""
        sound = np.concatenate([self._rest, samples])
        count = len(sound) // HOP
        self._rest = sound[count * HOP :]
        if not count:
            return []
        blocks = sound[: count * HOP].reshape(count, HOP).astype(np.float64)
        turns = _ROTATION[(self._hops + np.arange(count)) % 400]
        tones = np.concatenate([self._tones, (blocks @ _PROJECTION) * turns])
        power = np.concatenate([self._power, (blocks * blocks).sum(axis=1)])
        self._tones, self._power = tones[1 - SPAN :], power[1 - SPAN :]
        window = np.lib.stride_tricks.sliding_window_view(tones, SPAN, axis=0).sum(axis=2)
        energy = np.lib.stride_tricks.sliding_window_view(power, SPAN).sum(axis=1) / (SPAN * HOP)
        parts = 2 * np.abs(window / (SPAN * HOP)) ** 2
        events: list[KeyEvent] = []
        for row, total in zip(parts.tolist(), energy.tolist(), strict=True):
            self._hops += 1
            events += self._hop(row, total)
        return events

    def flush(self) -> list[KeyEvent]:
        """The stream is over: a key still down goes up."""
        if not self._down:
            return []
        key, self._down = self._down, ""
        now = self._hops * HOP / SAMPLE_RATE
        return [KeyUp(key, now, now)]

    def _hop(self, parts: list[float], total: float) -> list[KeyEvent]:
        low, high = max(range(4), key=lambda i: parts[i]), max(range(4, 8), key=lambda i: parts[i])
        both = parts[low] + parts[high]
        twist = 10 * math.log10(max(parts[high], 1e-9) / max(parts[low], 1e-9))
        good = min(parts[low], parts[high]) > 400.0 and -11 < twist < 9 and both > 0.65 * total
        key = KEYS[low * 4 + high - 4] if good else ""
        now = self._hops * HOP / SAMPLE_RATE
        events: list[KeyEvent] = []
        self._run = self._run + 1 if key and key == self._candidate else 1 if key else 0
        self._candidate = key
        if self._down:
            self._gap = 0 if key == self._down else self._gap + 1
            if self._gap >= 9 or (self._run >= 5 and key != self._down):
                events.append(KeyUp(self._down, now, now - self._gap * HOP / SAMPLE_RATE))
                self._down = ""
        if not self._down and self._run >= 6:
            self._down, self._gap = key, 0
            onset = now - (self._run + 4) * HOP / SAMPLE_RATE
            level = power_to_dbm0(max(parts[low], parts[high]))
            events.append(KeyDown(key, now, onset, level, twist, 0.0, min(1.0, both / max(total, 1e-9))))
        return events
