"""Sound as numbers: G.711, 8-bit linear, WAV files, levels and sample rates.

``Samples`` is 16-bit linear mono (``gateway.line``). Whatever a modem or a file delivers is turned into it here.
"""

import functools
import math
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gateway.errors import GatewayError
from gateway.line import Samples

FULL_SCALE_DBM0 = 3.17
"""A sine that just reaches 32,767, in dBm0 (ITU-T G.711, µ-law)."""
SILENCE_DBM0 = -99.0
"""What ``level`` gives for digital silence."""


class SoundError(GatewayError):
    """A sound file or format can't be used; the message names it and what is accepted."""


def level(samples: Samples) -> float:
    """Mean power of the whole sound in dBm0; ``SILENCE_DBM0`` if there is none."""
    if not len(samples):
        return SILENCE_DBM0
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return max(SILENCE_DBM0, power_to_dbm0(power))


def power_to_dbm0(power: float) -> float:
    """Mean square of 16-bit samples to dBm0; a full-scale sine has the mean square 32767²/2."""
    return 10 * math.log10(max(power, 1e-12) / (32767.0**2 / 2)) + FULL_SCALE_DBM0


def amplitude(dbm0: float) -> float:
    """Peak of a sine at that level, in 16-bit units."""
    return float(32767.0 * 10 ** ((dbm0 - FULL_SCALE_DBM0) / 20))


def to_samples(sound: npt.ArrayLike) -> Samples:
    """Round and clip any real numbers, in 16-bit units, to ``Samples``."""
    return np.clip(np.rint(np.asarray(sound, dtype=np.float64)), -32768, 32767).astype(np.int16)


# --- G.711 and 8-bit linear ---------------------------------------------------------------------------------------


def ulaw_decode(data: bytes) -> Samples:
    """G.711 µ-law, one byte a sample."""
    return _ulaw_table()[np.frombuffer(data, np.uint8)]


def ulaw_encode(samples: Samples) -> bytes:
    """To G.711 µ-law, nearest level; +0 is sent as 0xFF."""
    return bytes(_nearest(_ulaw_table(), zero=0xFF)[samples.view(np.uint16)])


def alaw_decode(data: bytes) -> Samples:
    """G.711 A-law, one byte a sample."""
    return _alaw_table()[np.frombuffer(data, np.uint8)]


def alaw_encode(samples: Samples) -> bytes:
    """To G.711 A-law, nearest level; +0 is sent as 0xD5."""
    return bytes(_nearest(_alaw_table(), zero=0xD5)[samples.view(np.uint16)])


def linear8_decode(data: bytes) -> Samples:
    """Unsigned 8-bit linear, silence at 128, as V.253 modems send it."""
    return _LINEAR8[np.frombuffer(data, np.uint8)]


def linear8_encode(samples: Samples) -> bytes:
    """To unsigned 8-bit linear, rounded to the nearest of 256 steps."""
    return bytes((np.clip((samples.astype(np.int32) + 128) >> 8, -128, 127) + 128).astype(np.uint8))


_LINEAR8 = (np.arange(-128, 128) * 256).astype(np.int16)


@functools.cache
def _ulaw_table() -> Samples:
    """ITU-T G.711 table 2: 8 segments of 16 steps, all bits inverted on the line, scaled to 16 bits."""
    code = ~np.arange(256, dtype=np.uint8)
    segment, step = (code >> 4) & 7, code & 15
    size = ((step.astype(np.int32) * 2 + 33) << (segment + 2)) - 132
    return np.where(code & 0x80, -size, size).astype(np.int16)


@functools.cache
def _alaw_table() -> Samples:
    """ITU-T G.711 table 1: even bits inverted on the line, scaled to 16 bits."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    segment, step = (code >> 4) & 7, (code & 15).astype(np.int32)
    size = np.where(segment == 0, step * 16 + 8, (step * 16 + 264) << np.maximum(segment, 1) - 1)
    return np.where(code & 0x80, size, -size).astype(np.int16)


def _nearest(table: Samples, *, zero: int) -> npt.NDArray[np.uint8]:
    """For every 16-bit value, taken as unsigned index, the code whose level is nearest."""
    return _nearest_cached(table.tobytes(), zero)


@functools.cache
def _nearest_cached(table: bytes, zero: int) -> npt.NDArray[np.uint8]:
    levels = np.frombuffer(table, np.int16).astype(np.int32)
    order = np.argsort(levels, kind="stable")
    ascending = levels[order]
    values = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    right = np.clip(np.searchsorted(ascending, values), 1, 255)
    take_left = values - ascending[right - 1] < ascending[right] - values
    codes = order[np.where(take_left, right - 1, right)].astype(np.uint8)
    codes[values == 0] = zero
    return codes


# --- sample rates -------------------------------------------------------------------------------------------------

ZERO_CROSSINGS = 24
"""Half length of the interpolation filter, in periods of the lower of the two rates."""
KAISER_BETA = 7.0  # some 70 dB stop band


class Resampler:
    """From one sample rate to another, as a stream, in time with the input (no delay but waiting for what follows).

    ``feed`` takes and gives ``Samples`` of any length; ``flush`` gives what is due at the end of the sound. The filter
    is a Kaiser-windowed sinc, cut off at 0.47 of the lower rate. Any chunking gives the same samples.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        if from_rate <= 0 or to_rate <= 0:
            raise SoundError(f"sample rates {from_rate} → {to_rate}: both must be above zero")
        common = math.gcd(from_rate, to_rate)
        self._up, self._down = to_rate // common, from_rate // common
        self._filter = _polyphase(self._up, self._down)
        self._half = self._filter.shape[1] // 2
        self._held = np.zeros(self._half - 1)
        self._first = 1 - self._half  # number of the input sample that stands at the head of ``_held``
        self._next = 0  # number of the next output sample
        self._fed = 0

    def feed(self, samples: Samples) -> Samples:
        """The output that is certain by now."""
        if self._up == self._down:
            return samples
        self._fed += len(samples)
        return self._advance(samples.astype(np.float64), until=None)

    def flush(self) -> Samples:
        """The rest: as much output in all as the input was long. The stream is over then."""
        if self._up == self._down:
            return np.zeros(0, np.int16)
        return self._advance(np.zeros(self._half + 1), until=-(-self._fed * self._up // self._down))

    def _advance(self, more: npt.NDArray[np.float64], until: int | None) -> Samples:
        held = np.concatenate([self._held, more])
        ready = ((self._first + len(held) - self._half) * self._up + self._down - 1) // self._down
        stop = max(self._next, ready if until is None else min(ready, until))
        at = np.arange(self._next, stop, dtype=np.int64) * self._down
        base = at // self._up - self._first - self._half + 1
        self._next = stop
        if len(at):
            windows = np.lib.stride_tricks.sliding_window_view(held, 2 * self._half)[base]
            sound = np.einsum("ij,ij->i", windows, self._filter[at % self._up])
        else:
            sound = np.zeros(0)
        spent = min(len(held), max(0, stop * self._down // self._up - self._first - self._half + 1))
        self._held, self._first = held[spent:], self._first + spent
        return to_samples(sound)


@functools.cache
def _polyphase(up: int, down: int) -> npt.NDArray[np.float64]:
    """Filter rows, one for each position between two input samples: shape (up, 2 × half)."""
    cutoff = 0.94 * min(1.0, up / down)  # of the input's Nyquist frequency
    half = math.ceil(ZERO_CROSSINGS * max(1.0, down / up))
    offset = np.arange(1 - half, half + 1)[None, :] - (np.arange(up) / up)[:, None]
    window = np.i0(KAISER_BETA * np.sqrt(np.clip(1 - (offset / half) ** 2, 0, None))) / np.i0(KAISER_BETA)
    taps = cutoff * np.sinc(cutoff * offset) * window
    normalised: npt.NDArray[np.float64] = taps / taps.sum(axis=1, keepdims=True)
    return normalised


def resample(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """A whole sound at another rate, as long in time as before."""
    resampler = Resampler(from_rate, to_rate)
    seconds = [resampler.feed(samples[at : at + from_rate]) for at in range(0, len(samples), from_rate)]
    return np.concatenate([*seconds, resampler.flush()])


# --- WAV files ----------------------------------------------------------------------------------------------------


def read_wav(path: Path | str) -> tuple[Samples, int]:
    """A WAV file as (samples, rate); several channels are mixed. 8-, 16-, 24-, 32-bit PCM and G.711.

    Raises ``SoundError`` that names the file.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise SoundError(f"{path}: can't be read: {error.strerror}") from None
    return parse_wav(data, str(path))


def parse_wav(data: bytes, name: str) -> tuple[Samples, int]:
    """The bytes of a WAV file as (samples, rate); ``name`` is for messages. Raises ``SoundError``."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise SoundError(f"{name}: not a WAV file; convert it, or give raw 16-bit sound on standard input")
    header: bytes = b""
    place = 12
    while place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        body = data[place + 8 : place + 8 + size]
        if data[place : place + 4] == b"fmt ":
            header = body
        elif data[place : place + 4] == b"data":
            return _decode_wav(header, body, name)
        place += 8 + size + (size & 1)
    raise SoundError(f"{name}: the WAV file holds no sound; it may have been cut short")


def _decode_wav(header: bytes, body: bytes, name: str) -> tuple[Samples, int]:
    if len(header) < 16:
        raise SoundError(f"{name}: the WAV file does not say its format; convert it to 16-bit PCM")
    kind = int.from_bytes(header[0:2], "little")
    if kind == 0xFFFE and len(header) >= 26:  # WAVE_FORMAT_EXTENSIBLE: the real one stands in its sub-format
        kind = int.from_bytes(header[24:26], "little")
    channels, rate = int.from_bytes(header[2:4], "little"), int.from_bytes(header[4:8], "little")
    bits = int.from_bytes(header[14:16], "little")
    if not channels or not rate or (kind, bits) not in WAV_FORMATS:
        raise SoundError(f"{name}: WAV format {kind} with {bits} bits is not supported; convert it to 16-bit PCM")
    frame = channels * bits // 8
    sound = WAV_FORMATS[kind, bits](body[: len(body) // frame * frame])
    if channels > 1:
        sound = to_samples(sound.reshape(-1, channels).mean(axis=1))
    return sound, rate


def _linear24(data: bytes) -> Samples:
    return np.frombuffer(data, np.uint8).reshape(-1, 3)[:, 1:].copy().view("<i2").reshape(-1).astype(np.int16)


def _linear32(data: bytes) -> Samples:
    return (np.frombuffer(data, "<i4") >> 16).astype(np.int16)


WAV_FORMATS: dict[tuple[int, int], Callable[[bytes], Samples]] = {
    (1, 8): linear8_decode,
    (1, 16): lambda data: np.frombuffer(data, "<i2").astype(np.int16),
    (1, 24): _linear24,
    (1, 32): _linear32,
    (3, 32): lambda data: to_samples(np.nan_to_num(np.frombuffer(data, "<f4").astype(np.float64)) * 32768),
    (6, 8): alaw_decode,
    (7, 8): ulaw_decode,
}
"""(format tag, bits a sample) of RFC 2361 that we read."""


RAW_FORMATS: dict[str, tuple[int, Callable[[bytes], Samples]]] = {
    "s16": (2, WAV_FORMATS[1, 16]),
    "u8": (1, linear8_decode),
    "ulaw": (1, ulaw_decode),
    "alaw": (1, alaw_decode),
}
"""Streams without a header: bytes a sample, and how to read them."""


def write_wav(path: Path | str, samples: Samples, rate: int = 8000) -> None:
    """16-bit mono. Raises ``SoundError`` that names the file."""
    try:
        with Path(path).open("wb") as file, wave.open(file, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(rate)
            wav.writeframes(samples.astype("<i2").tobytes())
    except OSError as error:
        raise SoundError(f"{path}: can't be written: {error.strerror}") from None
