"""Twenty milliseconds at a time: how loud, how much of it in a tone and where, and whether it is a voice."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.line import SAMPLE_RATE, Samples

HOP = 160
WINDOW = 2 * HOP
HOP_TIME = HOP / SAMPLE_RATE
BIN = SAMPLE_RATE / WINDOW
"""Hz, 25."""

AUDIBLE = slice(7, 140)
"""Bins that count, 175 to 3475 Hz: neither hum nor an offset."""
PROGRESS = slice(12, 29)
"""300 to 700 Hz, where every country's progress tones lie."""
FULL_SCALE = 32767.0**2 / 2
"""Mean square of a full-scale sine."""
IN_BAND = 0.65
"""Share of all power that a hop's progress tone must have; 0.97 with noise 15 dB below it."""
IN_TONE = 0.9
"""Share within 50 Hz of the strongest frequency that a single tone has: a key's stronger tone stays below."""
FLOOR = 10 ** ((-47 - 3.17) / 10)
"""Power, of a full-scale sine's, below which nothing is looked at."""

VOICED = 0.5
"""Autocorrelation at the pitch of what the two strongest tones leave: noise hardly reaches 0.4, voices stay above."""
PITCH = slice(20, 110)
"""Samples: 73 to 400 Hz."""
TONAL = 0.15
"""Most that they leave of a key's."""
LEFT = 0.03
"""Least share of power that the two strongest tones leave of a voice."""

Powers = npt.NDArray[np.floating]

_HANN = np.hanning(WINDOW + 2)[1:-1].astype(np.float32)
_SCALE = float(WINDOW / 2 * np.square(_HANN).sum() * FULL_SCALE)
"""Sum of the powers of a full-scale sine."""


def _pitches() -> Powers:
    """Rows, a lag of ``PITCH`` each, whose products with audible powers are above zero where a pitch is: the
    autocorrelation there less ``VOICED`` of what the window's own would make of all the power."""
    spectrum = np.abs(np.fft.rfft(_HANN)) ** 2
    own = np.fft.irfft(spectrum)
    lags = np.arange(PITCH.start, PITCH.stop)[:, None]
    bins = np.arange(AUDIBLE.start, AUDIBLE.stop)
    return np.asarray(np.cos(2 * np.pi * bins * lags / WINDOW) - VOICED * own[PITCH, None] / own[0], np.float32)


def _sums() -> Powers:
    """Rows whose products with audible powers are: all of them; those in the progress band, and its first moment about
    300 Hz."""
    bins = np.arange(AUDIBLE.start, AUDIBLE.stop, dtype=np.float32) - PROGRESS.start
    band = ((bins >= 0) & (bins < PROGRESS.stop - PROGRESS.start)).astype(np.float32)
    return np.stack((np.ones_like(bins), band, band * bins))


_PITCHES = _pitches()
_SUMS = _sums()
_ALL = _SUMS[0]
_IN_PROGRESS = slice(PROGRESS.start - AUDIBLE.start, PROGRESS.stop - AUDIBLE.start)


@dataclass(slots=True)
class Hop:
    """What 20 ms sound like, with the 20 ms before them. Powers are shares of a full-scale sine's."""

    power: float
    """Of all that is audible."""
    band: float = 0.0
    """In the progress band; ..."""
    centre: float = 0.0
    """... and where it lies there, bins above 300 Hz."""
    bins: Powers | None = None
    """In each of the band's bins."""
    in_band: bool = False
    """All but noise is in the progress band."""
    frequency: float = 0.0
    """Of a single tone, Hz; 0 if there is none."""
    tonal: bool = False
    """Next to all of it is in two frequencies, as a key's."""
    voiced: bool = False


class Spectrum:
    """Makes ``Hop``s of frames of ``HOP`` samples."""

    def __init__(self) -> None:
        self._sound = np.zeros(WINDOW, np.float32)

    def hop(self, frame: Samples) -> Hop:
        """What the next 20 ms sound like."""
        sound = self._sound
        sound[:HOP] = sound[HOP:]
        sound[HOP:] = frame
        windowed = sound * _HANN
        most = WINDOW / 2 * float(windowed.dot(windowed))  # by Parseval's theorem
        if most < FLOOR * _SCALE:
            return Hop(most / _SCALE)
        power: Powers = np.abs(np.fft.rfft(windowed)[AUDIBLE])
        power *= power
        total, band, moment = _SUMS.dot(power).tolist()
        if total < FLOOR * _SCALE:
            return Hop(total / _SCALE)
        bins = power[_IN_PROGRESS] / _SCALE
        hop = Hop(total / _SCALE, band / _SCALE, moment / max(band, 1e-9), bins, in_band=band > IN_BAND * total)
        peak = int(power.argmax())
        begin = max(peak - 2, 0)
        strongest = power[begin : peak + 3].tolist()
        in_peak = sum(strongest)
        if in_peak > IN_TONE * total:
            moment = sum(offset * part for offset, part in enumerate(strongest, begin))
            hop.frequency = BIN * (AUDIBLE.start + moment / in_peak)
        hop.tonal, hop.voiced = _besides(power, total, peak)
        return hop


def _besides(power: Powers, total: float, peak: int) -> tuple[bool, bool]:
    """Whether the two strongest tones leave next to nothing; and whether there is a pitch in what they leave."""
    power[max(peak - 2, 0) : peak + 3] = 0
    second = int(power.argmax())
    power[max(second - 2, 0) : second + 3] = 0
    left = float(_ALL.dot(power))
    if left < LEFT * total or left < FLOOR * _SCALE:
        return left < TONAL * total, False
    pitches = _PITCHES.dot(power)
    return left < TONAL * total, bool(pitches[pitches.argmax()] > 0)
