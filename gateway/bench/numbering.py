"""What a subscriber has dialled: number analysis as the exchange of his country does it."""

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

import phonenumbers

from gateway.bench.country import Country

LONGEST = 24
"""No number is longer: prefix of 5, international prefix of 3, 15 digits (ITU-T E.164) and a #."""


@dataclass(frozen=True)
class Dialled:
    """The digits so far, understood."""

    number: str | None
    """E.164; None while (or because) they make no number."""
    presentation: Literal["withhold", "send"] | None
    complete: bool
    """Nothing more is to come; otherwise the exchange waits for the next digit or its time-out."""


def analyse(digits: str, country: Country, directory: Container[str]) -> Dialled:
    """What ``digits`` mean on a line in ``country``; a number in ``directory`` (E.164) is complete at once."""
    ended = digits.endswith("#") and len(digits) > 1
    presentation, rest = _presentation(digits.removesuffix("#") if ended else digits, country)
    number = _e164(rest, country)
    complete = ended or len(digits) >= LONGEST or (number is not None and (number in directory or _is_valid(number)))
    return Dialled(number, presentation, complete)


def _presentation(digits: str, country: Country) -> tuple[Literal["withhold", "send"] | None, str]:
    for prefix in (*country.withhold, "#31#"):
        if digits.startswith(prefix):
            return "withhold", digits.removeprefix(prefix)
    for prefix in (*country.send, "*31#"):
        if digits.startswith(prefix):
            return "send", digits.removeprefix(prefix)
    return None, digits


def _e164(digits: str, country: Country) -> str | None:
    for prefix in country.international:
        if digits.startswith(prefix) and re.fullmatch(r"[1-9]\d{5,14}", digits.removeprefix(prefix)):
            return f"+{digits.removeprefix(prefix)}"
    if country.region == "US":
        national = re.fullmatch(r"1?([2-9]\d{9})", digits)
    else:
        national = re.fullmatch(rf"{country.trunk}([1-9]\d{{5,11}})", digits)
    return f"+{country.code}{national[1]}" if national else None


def _is_valid(e164: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return False
