"""Rate decks and exchange rates as CSV files: read row by row, checked, every fault named with its line.

    route,prefix,name,currency,connect_fee,rate_per_min,first_s,increment_s,min_s,valid_from,valid_to,days,hours,blocked

``route``, ``prefix``, ``currency``, ``rate_per_min`` and the increments are needed; an ``increments`` column, or
``first_s`` alone, may say ``60/60`` in their place. Lines that begin with ``#`` are passed over. The rest is in
``docs/tariffs.md``.
"""

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypeVar

from gateway.calls.money import ExchangeRate
from gateway.calls.tariff import EVERY_DAY, Band, Rate, TariffError

COLUMNS = (
    "route", "prefix", "name", "currency", "connect_fee", "rate_per_min", "first_s", "increment_s", "min_s",
    "valid_from", "valid_to", "days", "hours", "blocked", "increments",
)  # fmt: skip
NEEDED = ("route", "prefix", "currency", "rate_per_min")
EXCHANGE_COLUMNS = ("date", "of", "currency", "rate")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_FAULTS = 10
"""Faults listed before the rest is only counted."""

_ROUTE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_PREFIX = re.compile(r"[1-9][0-9]{0,14}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")
_YES = {"": False, "0": False, "no": False, "false": False, "1": True, "yes": True, "true": True}

T = TypeVar("T")
Row = dict[str, str]


class _Fault(ValueError):
    """What is wrong with one cell."""


def read_rates(path: Path) -> Iterator[Rate]:
    """The rows of a rate deck. Raises ``TariffError`` after the last row if any of them is wrong."""
    for _, rate in _rows(path, COLUMNS, NEEDED, _Reader().rate):
        yield rate


def check_rates(path: Path) -> list[Rate]:
    """A whole deck by prefix, each route for itself. Raises ``TariffError`` for what ``read_rates`` would let pass too:
    two rates between which nothing decides, or no rates at all.
    """
    seen: dict[tuple[str, str], list[tuple[int, Rate]]] = {}
    faults: list[str] = []
    for line, rate in _rows(path, COLUMNS, NEEDED, _Reader().rate):
        others = seen.setdefault((rate.route, rate.prefix), [])
        if clash := next((other for other, each in others if _clash(each, rate)), None):
            faults.append(f"line {line}: the same route, prefix and time as line {clash}; keep one of them")
        others.append((line, rate))
    _raise_faults(path, faults)
    if not seen:
        raise TariffError(f"{path}: no rates in it; nothing was imported")
    return [rate for key in sorted(seen) for _, rate in seen[key]]


def write_rates(path: Path, rates: Iterable[Rate]) -> None:
    """A deck that ``read_rates`` reads back as the same rates, on disk when this returns. Raises ``OSError``."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(name for name in COLUMNS if name != "increments")
        for rate in rates:
            writer.writerow(_cells(rate))
        file.flush()
        os.fsync(file.fileno())


def _cells(rate: Rate) -> list[str]:
    band = rate.band
    days = "" if band is None else ",".join(DAYS[day] for day in range(7) if band.days >> day & 1)
    hours = "" if band is None else f"{_clock(band.begin)}-{_clock(band.end)}"
    price = str(rate.price) if rate.per == 60 else f"{rate.price}/{rate.per}"
    return [
        rate.route, rate.prefix, rate.name, rate.currency, str(rate.connect_fee), price, str(rate.first),
        str(rate.increment), str(rate.minimum), str(rate.valid_from or ""), str(rate.valid_to or ""), days, hours,
        "yes" if rate.blocked else "",
    ]  # fmt: skip


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def read_exchange(path: Path) -> list[ExchangeRate]:
    """A file of exchange rates: ``date,of,currency,rate``: one ``of`` is ``rate`` of ``currency``."""

    def rate(row: Row) -> ExchangeRate:
        value = _amount(row, "rate")
        if value <= 0:
            raise _Fault(f'rate: "{row["rate"]}" must be more than 0')
        day = _date(row, "date")
        if day is None:
            raise _Fault("date is missing")
        return ExchangeRate(day, _currency(row, "of"), _currency(row, "currency"), value)

    return [each for _, each in _rows(path, EXCHANGE_COLUMNS, EXCHANGE_COLUMNS, rate)]


def _rows(
    path: Path, columns: Iterable[str], needed: Iterable[str], convert: Callable[[Row], T]
) -> Iterator[tuple[int, T]]:
    """(Line, converted row). Raises ``TariffError`` for the file at once, for its rows after the last."""
    faults: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(line if not line.startswith("#") else "\n" for line in file)
            names = [name.strip().lower() for name in next((row for row in reader if row), [])]
            _check_header(path, names, columns, needed)
            for cells in reader:
                if not cells:
                    continue
                try:
                    if len(cells) != len(names):
                        raise _Fault(f"{len(cells)} cells, the header has {len(names)}")
                    yield reader.line_num, convert(dict(zip(names, map(str.strip, cells), strict=True)))
                except _Fault as fault:
                    faults.append(f"line {reader.line_num}: {fault}")
    except FileNotFoundError:
        raise TariffError(f"{path}: no such file") from None
    except (UnicodeDecodeError, csv.Error):
        raise TariffError(f'{path}: not a CSV file in UTF-8; save it as "CSV UTF-8"') from None
    except OSError as error:
        raise TariffError(f"{path}: can't be read: {error.strerror}") from None
    _raise_faults(path, faults)


def _check_header(path: Path, names: list[str], columns: Iterable[str], needed: Iterable[str]) -> None:
    known = set(columns)
    for name in names:
        if name not in known:
            raise TariffError(f'{path}: column "{name}" is not known; the columns are {", ".join(columns)}')
        if names.count(name) > 1:
            raise TariffError(f'{path}: column "{name}" stands twice')
    for name in needed:
        if name not in names:
            raise TariffError(f'{path}: the first line must name the columns, and "{name}" is not among them')


def _raise_faults(path: Path, faults: list[str]) -> None:
    if faults:
        shown = "\n".join(f"{path}: {fault}" for fault in faults[:MOST_FAULTS])
        more = f"\n{path}: and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
        raise TariffError(f"{shown}{more}\nnothing was imported")


class _Reader:
    """Turns rows into rates. What rows have in common beside prefix and name is checked, and kept, once."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], Rate] = {}

    def rate(self, row: Row) -> Rate:
        prefix, name = _prefix(row), row.pop("name", "")
        del row["prefix"]
        terms = tuple(row.values())
        model = self._kept.get(terms)
        if model is None:
            model = self._kept[terms] = self._model(row)
        return Rate(
            model.route, prefix, name, model.currency, model.connect_fee, model.price, model.per,
            model.first, model.increment, model.minimum, model.valid_from, model.valid_to, model.band, model.blocked,
        )  # fmt: skip

    def _model(self, row: Row) -> Rate:
        first, increment = self._increments(row)
        price, per = _price(row["rate_per_min"])
        valid_from, valid_to = _date(row, "valid_from"), _date(row, "valid_to")
        if valid_from and valid_to and valid_to < valid_from:
            raise _Fault(f"valid_to: {valid_to} is before valid_from")
        if not _ROUTE.fullmatch(row["route"]):
            raise _Fault(f'route: "{row["route"]}" must be lower case letters, digits, - and _')
        return Rate(
            route=row["route"],
            prefix="",
            name="",
            currency=_currency(row, "currency"),
            connect_fee=_amount(row, "connect_fee", "0"),
            price=price,
            per=per,
            first=first,
            increment=increment,
            minimum=_amount(row, "min_s", "0"),
            valid_from=valid_from,
            valid_to=valid_to,
            band=_band(row),
            blocked=_blocked(row),
        )

    def _increments(self, row: Row) -> tuple[Decimal, Decimal]:
        text = row.get("increments") or row.get("first_s", "")
        if "/" in text:
            first_text, _, increment_text = text.partition("/")
        else:
            first_text, increment_text = row.get("first_s", ""), row.get("increment_s", "")
        if not first_text.strip() or not increment_text.strip():
            raise _Fault("first_s and increment_s are missing; 60/60, 30/6 and 1/1 are usual")
        first = _decimal("first_s", first_text)
        increment = _decimal("increment_s", increment_text)
        if increment <= 0:
            raise _Fault(f'increment_s: "{increment_text}" must be more than 0')
        return first, increment


def _prefix(row: Row) -> str:
    text = row["prefix"].lstrip("+").replace(" ", "")
    if not _PREFIX.fullmatch(text):
        raise _Fault(f'prefix: "{row["prefix"]}" must be digits with the country code first, without 00 or 011: 8190')
    return text


def _currency(row: Row, column: str) -> str:
    if not _CURRENCY.fullmatch(row[column]):
        raise _Fault(f'{column}: "{row[column]}" must be three capital letters: JPY')
    return row[column]


def _price(text: str) -> tuple[Decimal, Decimal]:
    """``12.5`` a minute, or ``10/22.5``: 10 for each 22.5 s."""
    price, slash, per = text.partition("/")
    seconds = _decimal("rate_per_min", per) if slash else Decimal(60)
    if seconds <= 0:
        raise _Fault(f'rate_per_min: "{text}": the seconds must be more than 0')
    return _decimal("rate_per_min", price), seconds


def _amount(row: Row, column: str, default: str = "") -> Decimal:
    return _decimal(column, row.get(column) or default)


def _decimal(column: str, text: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise _Fault(f'{column}: "{text}" is not a number like 0.0125') from None
    if not value.is_finite() or value < 0 or value > 10**9:
        raise _Fault(f'{column}: "{text}" must be from 0 to 1,000,000,000')
    return value


def _date(row: Row, column: str) -> date | None:
    text = row.get(column, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise _Fault(f'{column}: "{text}" is not a date like 2026-11-01') from None


def _blocked(row: Row) -> bool:
    text = row.get("blocked", "").lower()
    if text not in _YES:
        raise _Fault(f'blocked: "{text}" must be yes or no')
    return _YES[text]


def _band(row: Row) -> Band | None:
    days, hours = row.get("days", "").lower(), row.get("hours", "")
    if days in ("", "*") and hours in ("", "*"):
        return None
    begin, end = _hours(hours)
    return Band(_day_bits(days), begin, end)


def _day_bits(text: str) -> int:
    bits = 0
    for part in text.replace(" ", ",").split(","):
        first, dash, last = part.partition("-")
        names = [first, last if dash else first]
        numbers = [
            DAYS.index(name) if name in DAYS else int(name) - 1 if name in set("1234567") else -1 for name in names
        ]
        if part in ("", "*"):
            continue
        if -1 in numbers:
            raise _Fault(f'days: "{text}" must be like mon-fri, sat,sun or 1-5 (1 is Monday)')
        bits |= sum(1 << day % 7 for day in range(numbers[0], numbers[0] + (numbers[1] - numbers[0]) % 7 + 1))
    return bits or EVERY_DAY


def _hours(text: str) -> tuple[int, int]:
    if text in ("", "*"):
        return 0, 1440
    found = _HOURS.fullmatch(text)
    minutes = [int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])] if found else []
    if not found or int(found[2]) > 59 or int(found[4]) > 59 or max(minutes) > 1440 or minutes[0] == minutes[1]:
        raise _Fault(f'hours: "{text}" must be like 08:00-19:00 or 23:00-08:00')
    return minutes[0] % 1440, minutes[1]


def _clash(one: Rate, other: Rate) -> bool:
    """Two rates of one prefix between which nothing decides."""
    if one.valid_from != other.valid_from or (one.band is None) != (other.band is None):
        return False
    return one.band is None or other.band is None or bool(one.band.minutes() & other.band.minutes())
