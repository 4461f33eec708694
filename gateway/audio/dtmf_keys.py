"""The sixteen keys: their tones, what a detector says of them, and their sound."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gateway.audio.pcm import FULL_SCALE_DBM0, SoundError, amplitude, to_samples
from gateway.line import SAMPLE_RATE, Samples

LOW = (697.0, 770.0, 852.0, 941.0)
HIGH = (1209.0, 1336.0, 1477.0, 1633.0)
KEYS = "123A456B789C*0#D"
"""Row by row: key ``4 * low + high`` (ITU-T Q.23)."""
_LIMITS = {
    "tone": (0.001, 60.0, "s"),
    "pause": (0.0, 60.0, "s"),
    "level": (-60.0, FULL_SCALE_DBM0, "dBm0"),
    "twist": (-30.0, 30.0, "dB"),
    "offset": (-20.0, 20.0, "%"),
}
"""What a key can be made with."""


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
    """How far the tones are off their frequencies, per cent: the larger of the two, with its sign."""
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
    frequencies. Raises ``SoundError`` for what is no key and for what can't be made.
    """
    given = {"tone": tone, "pause": pause, "level": level, "twist": twist, "offset": offset}
    for name, (least, most, unit) in _LIMITS.items():
        if not least <= given[name] <= most:
            raise SoundError(f"{name} is {given[name]:g} {unit}; it may be from {least:g} to {most:g} {unit}")
    silence = np.zeros(round(pause * SAMPLE_RATE))
    time = np.arange(round(tone * SAMPLE_RATE)) / SAMPLE_RATE
    ramp = np.minimum(1.0, np.minimum(time, time[::-1]) / 0.002 + 0.05) if len(time) else time
    parts = []
    for key in keys:
        if len(key) != 1 or key not in KEYS:
            raise SoundError(f'"{key}" is not a DTMF key; the keys are 0-9 * # A-D')
        low, high = LOW[KEYS.index(key) // 4], HIGH[KEYS.index(key) % 4]
        turn = 2 * math.pi * (1 + offset / 100) * time
        sound = amplitude(level) * np.sin(low * turn) + amplitude(level + twist) * np.sin(high * turn)
        parts += [sound * ramp, silence]
    return to_samples(np.concatenate(parts)) if parts else np.zeros(0, np.int16)
