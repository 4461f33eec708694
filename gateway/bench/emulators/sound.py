"""Sound in a modem's own formats: one byte a sample, at 8,000 or 7,200 a second; and the tones that a modem makes.

Line sound is int16, mono, 8 kHz. These codecs are the bench's own, so that a mistake of the gateway's shows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.bench.wire import FRAME, Samples

LINE_RATE = 8000


def _mulaw_table() -> npt.NDArray[np.int16]:
    """ITU-T G.711, table 2a: code → 14-bit value, here times 4."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = (((2 * mantissa + 33) << exponent) - 33) * 4
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


_MULAW = _mulaw_table()


def _mulaw_codes() -> npt.NDArray[np.uint8]:
    """For each 14-bit value from -8192 on, the code whose value is nearest; 0 is 0xFF, as the standard says."""
    order = np.argsort(_MULAW, kind="stable")
    values = _MULAW[order].astype(np.int32)
    nearest = np.searchsorted((values[1:] + values[:-1]) / 2, np.arange(-8192, 8192) * 4)
    codes = order[nearest].astype(np.uint8)
    codes[8192:][codes[8192:] == 0x7F] = 0xFF
    return codes


_TO_MULAW = _mulaw_codes()


@dataclass(frozen=True)
class Encoding:
    """How a sample is written: ``decode`` and ``encode`` between bytes and int16; ``silence`` is one byte."""

    name: str
    silence: bytes
    decode: Callable[[bytes], Samples]
    encode: Callable[[Samples], bytes]


def _decode_unsigned(data: bytes) -> Samples:
    return ((np.frombuffer(data, np.uint8).astype(np.int16) - 128) << 8).astype(np.int16)


def _encode_unsigned(sound: Samples) -> bytes:
    rounded: npt.NDArray[np.int32] = np.minimum(sound.astype(np.int32) + 128, 32767) >> 8
    shifted: npt.NDArray[np.uint8] = (rounded + 128).astype(np.uint8)
    return shifted.tobytes()


def _decode_signed(data: bytes) -> Samples:
    return (np.frombuffer(data, np.int8).astype(np.int16) << 8).astype(np.int16)


def _encode_signed(sound: Samples) -> bytes:
    rounded: npt.NDArray[np.int32] = np.minimum(sound.astype(np.int32) + 128, 32767) >> 8
    return rounded.astype(np.int8).tobytes()


def _decode_mulaw(data: bytes) -> Samples:
    return _MULAW[np.frombuffer(data, np.uint8)]


def _encode_mulaw(sound: Samples) -> bytes:
    codes: npt.NDArray[np.uint8] = _TO_MULAW[(sound.astype(np.int32) >> 2) + 8192]
    return codes.tobytes()


UNSIGNED = Encoding("8-bit unsigned linear", b"\x80", _decode_unsigned, _encode_unsigned)
SIGNED = Encoding("8-bit signed linear", b"\x00", _decode_signed, _encode_signed)
MULAW = Encoding("G.711 mu-law", b"\xff", _decode_mulaw, _encode_mulaw)


class Resampler:
    """Line frames of 160 samples to or from a modem's frames at another rate, by a windowed sinc; keeps its history."""

    HALF = 12  # taps on either side, in samples of the input

    def __init__(self, taken: int, given: int) -> None:
        """``taken`` samples in a frame come in, ``given`` go out."""
        cutoff = min(1.0, given / taken)
        positions = (np.arange(given) + 0.5) * taken / given - 0.5 + self.HALF
        first = np.floor(positions).astype(int) - self.HALF + 1
        self._index = first[:, None] + np.arange(2 * self.HALF)
        distance = self._index - positions[:, None]
        window = np.cos(np.pi * distance / (2 * self.HALF + 1)) ** 2
        kernel = cutoff * np.sinc(cutoff * distance) * window
        self._kernel = (kernel / kernel.sum(1, keepdims=True)).astype(np.float32)
        self._history = np.zeros(2 * self.HALF, np.int16)

    def __call__(self, sound: Samples) -> Samples:
        """One frame in, one frame out, late by ``HALF`` samples."""
        joined = np.concatenate([self._history, sound])
        self._history = joined[-2 * self.HALF :]
        filtered = np.einsum("ij,ij->i", joined[self._index].astype(np.float32), self._kernel)
        clipped: Samples = np.clip(filtered, -32768, 32767).astype(np.int16)
        return clipped


@dataclass(frozen=True)
class VoiceFormat:
    """An encoding at a rate (samples, that is bytes, a second)."""

    encoding: Encoding
    rate: int = LINE_RATE

    @property
    def frame(self) -> int:
        """Bytes in 20 ms."""
        return FRAME * self.rate // LINE_RATE


class Codec:
    """One voice connection's sound: line frames to bytes and back, in one format."""

    def __init__(self, format_: VoiceFormat) -> None:
        self.format = format_
        other = format_.rate != LINE_RATE
        self._down = Resampler(FRAME, format_.frame) if other else None
        self._up = Resampler(format_.frame, FRAME) if other else None

    def to_program(self, sound: Samples) -> bytes:
        """A line frame as voice bytes (not yet shielded)."""
        return self.format.encoding.encode(self._down(sound) if self._down else sound)

    def to_line(self, data: bytes) -> Samples:
        """``format.frame`` voice bytes, or fewer, as a line frame; what is missing is silence."""
        data = data.ljust(self.format.frame, self.format.encoding.silence)
        sound = self.format.encoding.decode(data)
        return self._up(sound) if self._up else sound


DTMF = {
    key: (row, column)
    for row, keys in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"), strict=True)
    for column, key in zip((1209, 1336, 1477, 1633), keys, strict=True)
}
"""ITU-T Q.23: key → Hz of its two tones."""

TONE_LEVEL = 5000  # peak of each tone; two of them are about -10 dBm0


def tone(frequencies: tuple[int, ...], seconds: float) -> Samples:
    """A tone of one or more frequencies in Hz (0 and repeats are left out); silence without any."""
    count = round(seconds * LINE_RATE)
    time = np.arange(count) / LINE_RATE
    sound = np.zeros(count)
    for frequency in {frequency for frequency in frequencies if frequency}:
        sound += TONE_LEVEL * np.sin(2 * np.pi * frequency * time)
    return sound.astype(np.int16)
