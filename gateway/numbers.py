"""Telephone numbers: E.164 inside, masked wherever they are printed.

A modem gives a number in the national form of its own line, sometimes with a prefix that is not part of it
(184/186 in Japan, ``*31#``/``#31#`` on mobiles), sometimes with a ``+`` put wrongly before it. ``phonenumbers``
(libphonenumber) knows the plans; it does not strip those prefixes, so that is done first.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

Reason = Literal["P", "O", "C", "S", "?"]
"""Why there is no number: P by the caller's wish, O unavailable, C public telephone, S service conflict, ? unknown."""

_CLIR_PREFIX = re.compile(r"^(?:[*#]31#)")
_NTT_PREFIX = re.compile(r"^18[46](?=0)")


class NotANumber(ValueError):
    """The text is not a telephone number that can be called."""


@dataclass(frozen=True)
class PhoneNumber:
    """A number in E.164 (``+819012345678``). ``str()`` masks it: ``+81*****5678``."""

    e164: str

    @classmethod
    def parse(cls, text: str, region: str) -> "PhoneNumber":
        """A number as a modem on a line in ``region`` (ISO 3166, ``"JP"``) gives it. Raises ``NotANumber``."""
        digits = _CLIR_PREFIX.sub("", re.sub(r"[\s()./-]", "", text))
        if region == "JP":
            digits = _NTT_PREFIX.sub("", digits)
        if not re.fullmatch(r"\+?\d{3,17}", digits):
            raise NotANumber("not a telephone number")
        for candidate in (digits, digits.lstrip("+")):  # a modem may put "+" before a national number
            try:
                parsed = phonenumbers.parse(candidate, region)
            except NumberParseException:
                continue
            if phonenumbers.is_valid_number(parsed):
                return cls(phonenumbers.format_number(parsed, PhoneNumberFormat.E164))
        raise NotANumber(f"not a valid number in {region}")

    @cached_property
    def parsed(self) -> phonenumbers.PhoneNumber:
        """The number as ``phonenumbers`` sees it."""
        return phonenumbers.parse(self.e164)

    @cached_property
    def region(self) -> str:
        """ISO 3166 region, ``"001"`` for satellite and other world-wide codes, ``""`` if unknown."""
        return phonenumbers.region_code_for_number(self.parsed) or ""

    @cached_property
    def kind(self) -> str:
        """Number type in ``phonenumbers``' words, lower case: ``mobile``, ``fixed_line``, ``premium_rate``, …"""
        return str(phonenumbers.PhoneNumberType.to_string(phonenumbers.number_type(self.parsed))).lower()

    @cached_property
    def time_zones(self) -> tuple[str, ...]:
        """Where the number may be, as IANA names; several for a mobile of a wide country, none if unknown.

        By its digits whatever its kind: asked by kind, a Jamaican mobile would be anywhere in country code 1.
        """
        from phonenumbers import timezone  # its tables take 80 ms to load, and few need them

        return tuple(zone for zone in timezone.time_zones_for_geographical_number(self.parsed) if zone != "Etc/Unknown")

    def masked(self) -> str:
        """Country code and the last four digits only."""
        code = f"+{self.parsed.country_code}"
        return f"{code}*****{self.e164[-4:]}"

    def __str__(self) -> str:
        return self.masked()

    def __repr__(self) -> str:
        return f"PhoneNumber({self.masked()})"


@dataclass(frozen=True)
class Withheld:
    """A call without a number that may be used, and why."""

    reason: Reason


CallerId = PhoneNumber | Withheld


def dial_string(number: PhoneNumber, region: str, international_prefix: str | None = None) -> str:
    """Digits to dial ``number`` on an analogue line in ``region``: national inside it, else ``011`` (or so) + E.164.

    ``international_prefix`` overrides the country's own, which libphonenumber does not know everywhere (SG, KR, …).
    Raises ``NotANumber`` where the line's country has no known prefix and none is set.
    """
    if number.region == region:
        return _digits(phonenumbers.format_number(number.parsed, PhoneNumberFormat.NATIONAL))
    if international_prefix is not None:
        return international_prefix + number.e164[1:]
    text = phonenumbers.format_out_of_country_calling_number(number.parsed, region)
    if text.startswith("+"):
        raise NotANumber(f"no international prefix is known for {region}; set line.international_prefix")
    return _digits(text.replace("~", "W"))


def _digits(text: str) -> str:
    return re.sub(r"[^0-9W*#]", "", text)


_SPOKEN_REASONS: dict[str, Reason] = {"P": "P", "O": "O", "C": "C", "S": "S"}


def reason_of(letter: str) -> Reason:
    """The reason for a single letter as a modem or exchange gives it; ``?`` for one that nobody defined."""
    return _SPOKEN_REASONS.get(letter.upper(), "?")
