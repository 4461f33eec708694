"""What a month of calls cost, what it would have cost to call directly, and the difference: by day, country and kind.

Every dialling of the ledger is in it: failed ones, short ones, those that were dearer turned round (their saving is
negative) and those without a price, which are counted and kept out of every sum of money.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_UP, Decimal

import phonenumbers

from gateway.calls.least_cost import CostBook, NoRate
from gateway.errors import GatewayError
from gateway.numbers import PhoneNumber
from gateway.store.ledger import Entry

SHORT = 10.0
"""Seconds below which an answered call counts as short."""
LONGEST = 3600
"""Seconds of talk up to which a break-even is sought."""


@dataclass
class Sums:
    """Some diallings added up; money in the box's currency, to a millionth."""

    diallings: int = 0
    answered: int = 0
    failed: int = 0
    short: int = 0
    dearer: int = 0
    """Cost more than a direct call would have."""
    unpriced: int = 0
    seconds: float = 0.0
    direct: Decimal = Decimal(0)
    guidance: Decimal = Decimal(0)
    overseas: Decimal = Decimal(0)
    data: Decimal = Decimal(0)
    share: Decimal = Decimal(0)

    def add(self, entry: Entry) -> None:
        """One more dialling."""
        self.diallings += 1
        self.answered += entry.talk_seconds > 0
        self.failed += entry.talk_seconds == 0
        self.short += 0 < entry.talk_seconds < SHORT
        self.seconds += entry.talk_seconds
        if entry.cost is None:
            self.unpriced += 1
            return
        self.direct += entry.direct or 0
        self.guidance += entry.guidance or 0
        self.overseas += entry.overseas or 0
        self.data += entry.data
        self.share += entry.share
        self.dearer += entry.saved is not None and entry.saved < 0

    @property
    def cost(self) -> Decimal:
        """Of the way that was taken."""
        return self.guidance + self.overseas + self.data + self.share

    @property
    def saved(self) -> Decimal:
        """Against direct calls; negative where those would have been cheaper."""
        return self.direct - self.cost

    @property
    def beside_overseas(self) -> Decimal:
        """What an answered call bears beside its overseas leg, on average."""
        return (self.cost - self.overseas) / self.answered if self.answered else Decimal(0)


@dataclass
class Report:
    """One month. ``groups`` by (day, region, kind), ``countries`` by (region, kind), ``days`` has every day."""

    month: str
    currency: str
    total: Sums = field(default_factory=Sums)
    days: dict[str, Sums] = field(default_factory=dict)
    countries: dict[tuple[str, str], Sums] = field(default_factory=dict)
    groups: dict[tuple[str, str, str], Sums] = field(default_factory=dict)
    exchange: tuple[str, ...] = ()
    """The exchange rates that were used, with their dates."""
    notes: dict[str, int] = field(default_factory=dict)
    """Why diallings have no price → how many."""


def month_of(text: str) -> tuple[date, date]:
    """First and last day of "2026-11". Raises ``GatewayError``."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise GatewayError(f'--month: "{text}" is no month; write it like 2026-11') from None
    return first, first.replace(day=monthrange(first.year, first.month)[1])


def report(month: str, currency: str, entries: Iterable[Entry]) -> Report:
    """The month's report. Entries in another currency (it was changed in the settings) count as unpriced."""
    first, last = month_of(month)
    made = Report(month, currency, days={f"{month}-{day:02}": Sums() for day in range(first.day, last.day + 1)})
    exchange: dict[str, None] = {}
    for entry in entries:
        if entry.currency != currency:
            entry = _unpriced(entry, f"priced in {entry.currency}, not in {currency}")
        made.total.add(entry)
        made.days[entry.day].add(entry)
        made.countries.setdefault((entry.region, entry.kind), Sums()).add(entry)
        made.groups.setdefault((entry.day, entry.region, entry.kind), Sums()).add(entry)
        exchange.update(dict.fromkeys(filter(None, entry.exchange.split("; "))))
        if entry.note:
            made.notes[entry.note] = made.notes.get(entry.note, 0) + 1
    made.exchange = tuple(exchange)
    made.countries = dict(sorted(made.countries.items(), key=lambda each: -each[1].saved))
    made.groups = dict(sorted(made.groups.items()))
    return made


def _unpriced(entry: Entry, why: str) -> Entry:
    return replace(entry, direct=None, guidance=None, overseas=None, note=why)


@dataclass(frozen=True)
class BreakEven:
    """Seconds of talk: ``first`` at which the call-back is no dearer, ``always`` from which on it never is again."""

    first: int | None
    always: int | None

    def __str__(self) -> str:
        if self.first is None:
            return f"never within {LONGEST // 60} min"
        if self.always is None:
            return f"from {self.first} s, not always"
        return f"from {self.first} s" + (f", always from {self.always} s" if self.always > self.first else "")


def break_even(book: CostBook, region: str, kind: str, beside: Decimal, at: float) -> BreakEven | None:
    """For an example number of a region and kind; ``beside``: to pay beside the overseas leg. None without rates."""
    number = _example(region, kind)
    if number is None:
        return None
    try:
        direct = _costs(book, book.cheapest("direct", book.direct_routes, number, 60, at).route, number, at)
        overseas = _costs(book, book.cheapest("overseas", book.callback_routes, number, 60, at).route, number, at)
    except NoRate:
        return None
    cheaper = [overseas(seconds) + beside <= direct(seconds) for seconds in range(1, LONGEST + 1)]
    first = next((seconds for seconds, yes in enumerate(cheaper, 1) if yes), None)
    last_no = max((seconds for seconds, yes in enumerate(cheaper, 1) if not yes), default=0)
    return BreakEven(first, last_no + 1 if last_no < LONGEST else None)


def _costs(book: CostBook, route: str, number: PhoneNumber, at: float) -> Callable[[int], Decimal]:
    """Seconds → cost in the box's currency on one route; the exchange rate is looked up once."""
    rate = book.tariffs.rate(route, number, at)
    assert rate is not None
    one = book.tariffs.exchange.convert(Decimal(1), rate.currency, book.currency, book.day(at)).rate
    return lambda seconds: rate.cost(seconds) * one


def _example(region: str, kind: str) -> PhoneNumber | None:
    number_type = getattr(phonenumbers.PhoneNumberType, kind.upper(), None)
    example = None if number_type is None else phonenumbers.example_number_for_type(region, number_type)
    if example is None:
        return None
    return PhoneNumber(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164))


def whole_minutes(seconds: float) -> int:
    """Minutes begun."""
    return int((Decimal(str(seconds)) / 60).to_integral_value(ROUND_UP))
