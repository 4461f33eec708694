"""What exchanges sound like, country by country: ITU-T E.180 and its supplement 2, with the national rules.

Japan, the US, the UK and Germany (CEPT) stand here; others in ``tones.toml``, which has the same four columns.
"""

import functools
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import GatewayError

SINGLE_SPREAD = 14.4
"""Hz: standard deviation about its frequency of one tone's power, in a Hann window of 40 ms."""
FREQUENCY = 0.015
"""Deviation that is accepted, of the frequency."""
TILT = 0.22
"""Of two tones' distance, how far the centre of power may be off because a line favours one: 4 dB."""
APART = 100.0
"""Hz between two tones that stand apart in a spectrum of 40 ms; a voice as broad as they has others, ..."""
BLUR = 8.0
"""... by more than so many Hz, which a word beneath them shifts them."""
STEADY = 1.6
"""Standard deviation of a steady tone's level, dB; 440 and 480 Hz beat by 1.1."""
RIPPLE = 2.5
"""The least of a modulated one's."""
WAVES = (12.0, 23.0)
SHORTEST, LONGEST = 0.15, 5.5
"""Seconds that a part of a cadence may last: shorter ones are too few hops to be sure of, longer ones are forgotten."""
NAMES = ("dial", "ringback", "busy", "congestion")


class ToneTableError(GatewayError):
    """A table of tones can't be used; the message names file, country and remedy."""


@dataclass(frozen=True)
class Signature:
    """A burst: ``centre`` and ``spread`` of its power, Hz; ``ripple`` of its level, dB; ``waves`` a second.

    ``peaks``: frequencies that stand apart in its spectrum, Hz.
    """

    centre: float
    spread: float
    ripple: float
    waves: float
    peaks: tuple[float, ...]

    @property
    def modulated(self) -> bool:
        """It swells and ebbs about 15 to 20 times a second."""
        return self.ripple > RIPPLE and WAVES[0] < self.waves < WAVES[1]


@dataclass(frozen=True)
class ProgressTone:
    """One row: ``frequencies`` in Hz; ``cadence`` in seconds on, off, on, off (empty: continuous)."""

    name: str
    frequencies: tuple[float, ...]
    cadence: tuple[float, ...] = ()
    modulated: bool = False
    """Swells and ebbs 15 to 20 times a second, as Japan's ringback."""

    @functools.cached_property
    def centre(self) -> float:
        """Of its power, Hz."""
        return sum(self.frequencies) / len(self.frequencies)

    @functools.cached_property
    def distance(self) -> float:
        """Between its frequencies, Hz."""
        return max(self.frequencies) - min(self.frequencies)

    @functools.cached_property
    def spread(self) -> float:
        """Of its power, Hz."""
        return math.hypot(SINGLE_SPREAD, self.distance / 2)

    def centred(self, heard: Signature) -> bool:
        """Whether a burst's centre is this tone's."""
        return abs(heard.centre - self.centre) < FREQUENCY * self.centre + TILT * self.distance

    def fits(self, heard: Signature) -> bool:
        """Whether a burst may be this tone, by all but its cadence."""
        if not self.centred(heard) or not 0.87 * self.spread < heard.spread < self.spread + 8:
            return False
        if self.distance > APART and not self._peaks_at(heard.peaks):
            return False
        return heard.ripple < STEADY or (self.modulated and heard.modulated)

    def _peaks_at(self, peaks: tuple[float, ...]) -> bool:
        """Whether a spectrum has its frequencies and no other."""
        near = (
            abs(peak - hertz) < FREQUENCY * hertz + BLUR
            for peak, hertz in zip(peaks, sorted(self.frequencies), strict=False)
        )
        return len(peaks) == len(self.frequencies) and all(near)


def _rows(rows: Mapping[str, tuple[Any, ...]]) -> tuple[ProgressTone, ...]:
    return tuple(ProgressTone(name, *row) for name, row in rows.items())


PROFILES: dict[str, tuple[ProgressTone, ...]] = {
    "JP": _rows(
        {
            "dial": ((400.0,),),
            "ringback": ((400.0,), (1.0, 2.0), True),
            "busy": ((400.0,), (0.5, 0.5)),
        }
    ),
    "US": _rows(
        {
            "dial": ((350.0, 440.0),),
            "ringback": ((440.0, 480.0), (2.0, 4.0)),
            "busy": ((480.0, 620.0), (0.5, 0.5)),
            "congestion": ((480.0, 620.0), (0.25, 0.25)),
        }
    ),
    "GB": _rows(
        {
            "dial": ((350.0, 440.0),),
            "ringback": ((400.0, 450.0), (0.4, 0.2, 0.4, 2.0)),
            "busy": ((400.0,), (0.375, 0.375)),
            "congestion": ((400.0,), (0.4, 0.35, 0.225, 0.525)),
        }
    ),
    "DE": _rows(
        {
            "dial": ((425.0,),),
            "ringback": ((425.0,), (1.0, 4.0)),
            "busy": ((425.0,), (0.48, 0.48)),
            "congestion": ((425.0,), (0.24, 0.24)),
        }
    ),
}
"""Japan has one tone for busy and for congestion."""
ALIASES = {"UK": "GB", "CEPT": "DE", "CA": "US"}


Table = Mapping[str, tuple[ProgressTone, ...]]
"""Countries (ISO 3166) and their tones."""


def tones_heard_in(country: str, further: Table | None = None) -> tuple[ProgressTone, ...]:
    """The tones to listen for on a call that has to do with a country (ISO 3166): its own first, then all of
    ``PROFILES``, because an exchange at either end or between may be the one that sends them.

    ``further``: a table that comes before ours.
    """
    own = ALIASES.get(country, country)
    rows = _own_tones(country, further)
    return rows + tuple(row for name, profile in PROFILES.items() if name != own for row in profile)


def dial_tone_of(country: str) -> ProgressTone | None:
    """A country's own; None where nobody knows it."""
    return next((row for row in _own_tones(country) if row.name == "dial"), None)


def _own_tones(country: str, further: Table | None = None) -> tuple[ProgressTone, ...]:
    known = PROFILES | _others() | dict(further or {})
    return known.get(country, known.get(ALIASES.get(country, country), ()))


@functools.cache
def _others() -> dict[str, tuple[ProgressTone, ...]]:
    return read_table(Path(__file__).with_name("tones.toml"))


def read_table(path: Path) -> dict[str, tuple[ProgressTone, ...]]:
    """Countries and their tones from a TOML file as ``tones.toml``. Raises ``ToneTableError``."""
    try:
        countries = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ToneTableError(f"{path}: the table of tones can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ToneTableError(f"{path}: the table of tones is not UTF-8; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ToneTableError(f"{path}: not valid TOML: {error}") from None
    return {country: _country(path, country, tones) for country, tones in countries.items()}


def _country(path: Path, country: str, tones: object) -> tuple[ProgressTone, ...]:
    if not re.fullmatch("[A-Z]{2}", country):
        raise ToneTableError(f"{path}: {country} is no country; give its two letters of ISO 3166, as in [FR]")
    if not isinstance(tones, dict):
        raise ToneTableError(f"{path}: {country} is no table; begin it with [{country}]")
    return tuple(_tone(f"{path}: {country}.{name}", name, row) for name, row in tones.items())


def _tone(where: str, name: str, row: object) -> ProgressTone:
    if name not in NAMES:
        raise ToneTableError(f"{where}: no such tone; there are {', '.join(NAMES)}")
    if not isinstance(row, dict) or not row.keys() <= {"hz", "seconds", "modulated"}:
        raise ToneTableError(f"{where}: give hz, seconds and, if it swells and ebbs, modulated = true")
    frequencies = _numbers(where, "hz = [350, 440]", row.get("hz"))
    cadence = _numbers(where, "seconds = [0.5, 0.5]", row.get("seconds", []))
    modulated = row.get("modulated", False)
    if not isinstance(modulated, bool):
        raise ToneTableError(f"{where}: modulated has to be true or false")
    if not 1 <= len(frequencies) <= 2 or not all(300 <= hz <= 700 for hz in frequencies):
        raise ToneTableError(f"{where}: hz has to be one or two frequencies between 300 and 700")
    _check_cadence(where, name, cadence)
    return ProgressTone(name, frequencies, cadence, modulated)


def _check_cadence(where: str, name: str, cadence: tuple[float, ...]) -> None:
    if len(cadence) not in (0, 2, 4):
        raise ToneTableError(f"{where}: seconds has to be on, off or on, off, on, off; none if the tone is continuous")
    if not cadence and name != "dial":
        raise ToneTableError(f"{where}: a continuous tone is a dial tone to our ears; give seconds = [on, off]")
    if cadence and (min(cadence) < SHORTEST or max(cadence) > LONGEST):
        raise ToneTableError(f"{where}: seconds have to be {SHORTEST} to {LONGEST} each")


def _numbers(where: str, example: str, values: object) -> tuple[float, ...]:
    right = isinstance(values, list) and all(type(value) in (int, float) and value > 0 for value in values)
    if not isinstance(values, list) or not right:
        raise ToneTableError(f"{where}: expected a list of numbers above zero, as {example}")
    return tuple(float(value) for value in values)
