"""The forms that a setting's value may have; who writes another is told in words what to write."""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from gateway.settings_file import form

Positive = Annotated[float, msgspec.Meta(gt=0, le=31_536_000)]
NotNegative = Annotated[float, msgspec.Meta(ge=0, le=31_536_000)]
"""Seconds, a year at most: TOML knows ``inf``, and a cap of that is none."""
Country = Annotated[str, form("^[A-Z]{2}$", "a country in two capital letters, like JP")]
Name = Annotated[str, form("^[a-z0-9][a-z0-9_-]{0,31}$", "a name of small letters, digits, - and _, 32 at most")]
Count = Annotated[int, msgspec.Meta(ge=0)]
Amount = Decimal
"""Money: a number or, to the last digit as written, a string."""
Address = Annotated[
    str, form(r"^tcp://([^\s:/]+|\[[0-9a-fA-F:.%]+\]):(\*|[0-9]{1,5})$", "an address like tcp://192.0.2.1:5810")
]
Kind = Literal[
    "fixed_line",
    "mobile",
    "fixed_line_or_mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
    "unknown",
]
"""A number's type in libphonenumber's words."""
Prefix = Annotated[str, form(r"^\+[1-9][0-9]{0,14}$", "the beginning of a number in E.164, like +8190")]
E164 = Annotated[str, form(r"^\+[1-9][0-9]{6,14}$", "a number in E.164, like +819012345678")]
