"""How telephone networks differ, as data: ringing, caller ID, tones, prefixes.

Tones and ringing: ITU-T E.180 and the national rules, levels of the usual order. When the caller ID comes: Bellcore
GR-30 (US, after the first burst), BT SIN 227 (UK, before ringing), NTT "Number Display" (JP, before ringing).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import phonenumbers

from gateway.bench import sound
from gateway.bench.sound import Segment
from gateway.bench.wire import Samples
from gateway.errors import SettingsError

ToneName = Literal["dial", "ringback", "busy", "congestion", "unobtainable"]


@dataclass(frozen=True)
class Tone:
    """A progress tone: what sounds for how long, then again from the start."""

    segments: tuple[Segment, ...]
    dbm0: float
    """Level of each frequency."""
    modulation: float | None = None

    @cached_property
    def samples(self) -> Samples:
        """A loop of whole frames."""
        return sound.cadence(self.segments, self.dbm0, self.modulation)


@dataclass(frozen=True)
class Country:
    """One network. Seconds everywhere."""

    region: str
    """ISO 3166."""
    code: str
    """Country calling code."""
    ring: tuple[float, ...]
    """Ringing current on, off, on, off, ..."""
    caller_id: Literal["before ring", "after first burst"]
    caller_id_after: float
    """From the start of the call (before ring), or from the end of the first burst, to the last bit of the data."""
    ring_after_id: float
    """From there to the first burst, where the ID comes before it."""
    tones: dict[ToneName, Tone]
    international: tuple[str, ...]
    """Prefixes before a foreign number; the first is the one that a caller ID from abroad begins with."""
    trunk: str
    """Before a national number; in the US it may be left out."""
    withhold: tuple[str, ...]
    """Dialled before a number to keep the own number back."""
    send: tuple[str, ...]
    """Dialled before a number to send the own number in spite of a standing wish."""
    utc_offset: float
    """Hours; a caller-ID message carries local time."""
    release_silence: float
    """From the far end's hang-up to the busy tone."""
    release_tone: ToneName

    def caller_form(self, e164: str) -> str:
        """A caller's number as caller-ID data on a line here gives it: national, or with the prefix from here."""
        parsed = phonenumbers.parse(e164)
        if f"{parsed.country_code}" == self.code:
            text = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
            return "".join(character for character in text if character.isdigit())
        return self.international[0] + e164[1:]

    def dial_form(self, number: str) -> str:
        """What somebody here dials for an E.164 number; anything else is dialled as it stands."""
        if not number.startswith("+"):
            return number
        if number.startswith(f"+{self.code}"):
            return self.trunk + number.removeprefix(f"+{self.code}")
        return self.international[0] + number[1:]


def _steady(*frequencies: float, dbm0: float) -> Tone:
    return Tone(((1.0, frequencies),), dbm0)


_SIT = Tone(((0.33, (950.0,)), (0.33, (1400.0,)), (0.33, (1800.0,)), (1.01, ())), -14.0)

_JP_BUSY = Tone(((0.5, (400.0,)), (0.5, ())), -15.0)

COUNTRIES: dict[str, Country] = {
    "JP": Country(
        region="JP",
        code="81",
        ring=(1.0, 2.0),
        caller_id="before ring",
        caller_id_after=1.8,  # reversal, short ring, the terminal answers, V.23 message, on hook
        ring_after_id=0.4,
        tones={
            "dial": _steady(400.0, dbm0=-15.0),
            "ringback": Tone(((1.0, (400.0,)), (2.0, ())), -15.0, modulation=16.0),
            "busy": _JP_BUSY,
            "congestion": _JP_BUSY,
            "unobtainable": _SIT,
        },
        international=("010",),
        trunk="0",
        withhold=("184",),
        send=("186",),
        utc_offset=9.0,
        release_silence=0.3,
        release_tone="busy",
    ),
    "US": Country(
        region="US",
        code="1",
        ring=(2.0, 4.0),
        caller_id="after first burst",
        caller_id_after=1.0,
        ring_after_id=0.0,
        tones={
            "dial": _steady(350.0, 440.0, dbm0=-13.0),
            "ringback": Tone(((2.0, (440.0, 480.0)), (4.0, ())), -19.0),
            "busy": Tone(((0.5, (480.0, 620.0)), (0.5, ())), -24.0),
            "congestion": Tone(((0.25, (480.0, 620.0)), (0.25, ())), -24.0),
            "unobtainable": _SIT,
        },
        international=("011",),
        trunk="1",
        withhold=("*67", "1167"),
        send=("*82", "1182"),
        utc_offset=-5.0,
        release_silence=4.0,
        release_tone="congestion",
    ),
    "GB": Country(
        region="GB",
        code="44",
        ring=(0.4, 0.2, 0.4, 2.0),
        caller_id="before ring",
        caller_id_after=0.9,  # polarity reversal, idle state tone alert, mark, data
        ring_after_id=0.3,
        tones={
            "dial": _steady(350.0, 440.0, dbm0=-16.0),
            "ringback": Tone(((0.4, (400.0, 450.0)), (0.2, ()), (0.4, (400.0, 450.0)), (2.0, ())), -16.0),
            "busy": Tone(((0.375, (400.0,)), (0.375, ())), -16.0),
            "congestion": Tone(((0.4, (400.0,)), (0.35, ()), (0.225, (400.0,)), (0.525, ())), -16.0),
            "unobtainable": _SIT,
        },
        international=("00",),
        trunk="0",
        withhold=("141",),
        send=("1470",),
        utc_offset=0.0,
        release_silence=1.0,
        release_tone="busy",
    ),
}
COUNTRIES["UK"] = COUNTRIES["GB"]


def country_of(e164: str) -> Country:
    """The network that a number belongs to. Raises ``SettingsError`` where there is no profile for it."""
    region = phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    if region not in COUNTRIES:
        known = ", ".join(sorted(COUNTRIES))
        raise SettingsError(f"number {e164}: no country profile for it; set country to one of {known}")
    return COUNTRIES[region]
