"""The bench's own sounds: progress tones, keys with human timing, noise, WAV files, levels.

Deliberately not shared with the gateway's ``audio``: two ends that share one codec hide its mistakes. Sound is int16,
mono, 8 kHz. Levels are dBm0 with a full-scale sine at +3.17 dBm0 (ITU-T G.711, µ-law).
"""

import math
import random
import struct
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gateway.bench.emulators.sound import MULAW
from gateway.bench.wire import FRAME, Samples

RATE = 8000
FULL_SCALE_DBM0 = 3.17
SILENT_DBM0 = -100.0

LINEAR, ULAW = 1, 7  # codings in a WAV file's format chunk

KEYS = "123A456B789C*0#D"
ROWS = (697.0, 770.0, 852.0, 941.0)  # ITU-T Q.23
COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)

Segment = tuple[float, tuple[float, ...]]
"""Seconds and the frequencies (Hz) that sound during them; no frequencies: silence."""


class BadSound(ValueError):
    """A sound file that can't be used; the message names it and says what is expected."""


def amplitude(dbm0: float) -> float:
    """Peak of a sine of that level, in int16 steps."""
    return float(32767 * 10 ** ((dbm0 - FULL_SCALE_DBM0) / 20))


def level(sound: npt.NDArray[np.int16] | npt.NDArray[np.float32]) -> float:
    """Level of any sound in dBm0; ``SILENT_DBM0`` for digital silence or nothing."""
    if not len(sound):
        return SILENT_DBM0
    values = sound.astype(np.float32)
    power = float(np.dot(values, values)) / len(values)
    return max(SILENT_DBM0, 10 * math.log10(power * 2 / 32767**2 + 1e-20) + FULL_SCALE_DBM0)


def silence(seconds: float) -> Samples:
    """Digital silence."""
    return np.zeros(round(seconds * RATE), np.int16)


def tone(frequencies: Sequence[float], seconds: float, dbm0: float = -13.0, modulation: float | None = None) -> Samples:
    """Sines together, each at ``dbm0``; ``modulation`` (Hz) raises and lowers the whole fully, as Japan's ringback."""
    times = np.arange(round(seconds * RATE)) / RATE
    total = np.zeros(len(times))
    for frequency in frequencies:
        total += np.sin(2 * np.pi * frequency * times)
    if modulation is not None:
        total *= (1 - np.cos(2 * np.pi * modulation * times)) / 2
    return np.clip(np.rint(total * amplitude(dbm0)), -32768, 32767).astype(np.int16)


def cadence(segments: Sequence[Segment], dbm0: float, modulation: float | None = None) -> Samples:
    """One endless loop's worth of a progress tone, repeated until it is a whole number of frames long."""
    period = np.concatenate([tone(frequencies, seconds, dbm0, modulation) for seconds, frequencies in segments])
    repeats = FRAME // int(np.gcd(len(period), FRAME))
    return np.tile(period, repeats)


def noise(seconds: float, dbm0: float, seed: int) -> npt.NDArray[np.float32]:
    """White Gaussian noise of that level, as floats in int16 steps."""
    rms = np.float32(amplitude(dbm0) / math.sqrt(2))
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE), np.float32) * rms


@dataclass(frozen=True)
class Finger:
    """How somebody presses keys: seconds on and between (from, to), level of the low tone and twist in dB."""

    on: tuple[float, float] = (0.08, 0.2)
    gap: tuple[float, float] = (0.08, 0.4)
    dbm0: tuple[float, float] = (-12.0, -7.0)
    twist: tuple[float, float] = (0.0, 3.0)
    """The high tone above the low one."""

    def press(self, key: str, rng: random.Random) -> Samples:
        """One key and the gap after it. Raises ``ValueError`` for what is not a key."""
        place = KEYS.index(key)
        seconds = rng.uniform(*self.on)
        low_level = rng.uniform(*self.dbm0)
        high_level = low_level + rng.uniform(*self.twist)
        low = tone((ROWS[place // 4],), seconds, low_level).astype(np.int32)
        high = tone((COLUMNS[place % 4],), seconds, high_level).astype(np.int32)
        sound = np.clip(low + high, -32768, 32767).astype(np.int16)
        return np.concatenate([sound, silence(rng.uniform(*self.gap))])


def read_wav(path: Path) -> Samples:
    """A WAV file, mono, 8 kHz, 16-bit linear or 8-bit µ-law. Raises ``BadSound`` that names the file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadSound(f"{path}: no such sound file") from None
    except OSError as error:
        raise BadSound(f"{path}: can't be read: {error.strerror}") from None
    chunks = _chunks(data)
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE" or len(chunks.get(b"fmt ", b"")) < 16 or b"data" not in chunks:
        raise BadSound(f"{path}: not a WAV file")
    coding, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunks[b"fmt "][:16])
    if (coding, channels, rate, bits) == (LINEAR, 1, RATE, 16):
        return np.frombuffer(chunks[b"data"][: len(chunks[b"data"]) // 2 * 2], "<i2").astype(np.int16)
    if (coding, channels, rate, bits) == (ULAW, 1, RATE, 8):
        return MULAW.decode(chunks[b"data"])
    raise BadSound(
        f"{path}: has coding {coding}, {channels} channel(s), {bits} bit, {rate} Hz; make it mono, 8000 Hz, 16-bit"
    )


def _chunks(data: bytes) -> dict[bytes, bytes]:
    found, at = {}, 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        found[data[at : at + 4]] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def write_wav(path: Path, sound: Samples) -> None:
    """Write 16-bit mono 8 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(sound.astype("<i2").tobytes())


class StereoRecording:
    """Two sides of a call into one WAV, left and right, as it goes; a second of sound is held back at most."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.seconds = 0.0
        """Recorded so far."""
        self._disk = path.open("wb")
        self._file = wave.open(self._disk, "wb")  # noqa: SIM115 - closed by close()
        self._file.setnchannels(2)
        self._file.setsampwidth(2)
        self._file.setframerate(RATE)
        self._left: list[Samples] = []
        self._right: list[Samples] = []

    def add(self, left: Samples, right: Samples) -> None:
        """One frame of each side."""
        self.seconds += len(left) / RATE
        self._left.append(left)
        self._right.append(right)
        if len(self._left) >= RATE // FRAME:
            self._flush()

    def close(self) -> None:
        """Write the rest and the header."""
        self._flush()
        self._file.close()
        self._disk.close()

    def _flush(self) -> None:
        if self._left:
            both = np.column_stack([np.concatenate(self._left), np.concatenate(self._right)])
            self._file.writeframes(both.astype("<i2").tobytes())
            self._disk.flush()
        self._left, self._right = [], []
