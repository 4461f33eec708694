"""A carrier's bill beside our own record: calls that only one side knows, that last longer or cost more than ours.

The bill is a CSV file with the columns ``time,number,seconds,cost``; others are passed over. A call on it is the one
on our record with the same number that began nearest to it, each taken once.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.calls.least_cost import CostBook
from gateway.calls.money import coin, written
from gateway.errors import GatewayError
from gateway.numbers import NotANumber, PhoneNumber
from gateway.store.ledger import CarriedCall

APART = 180.0
"""Seconds by which a bill's time of a call may differ from ours: carriers stamp the dialling, the answer or the end."""
TOLERANCE = 3.0
"""Seconds of talk that may be between the two clocks: we hear an answer later than the exchange does."""
COLUMNS = ("time", "number", "seconds", "cost")


@dataclass(frozen=True)
class Billed:
    """A call on the bill."""

    line: int
    at: float
    number: PhoneNumber
    seconds: Decimal
    cost: Decimal


@dataclass(frozen=True)
class Difference:
    """What doesn't fit: ``billed`` or ``ours`` is None where only the other side knows the call."""

    what: str
    billed: Billed | None
    ours: CarriedCall | None
    expected: Decimal | None
    """What the call should have cost, as long as we measured it; None without a rate."""

    @property
    def at(self) -> float:
        """When the call began, by the bill if it is on it."""
        if self.billed is not None:
            return self.billed.at
        return self.ours.at if self.ours is not None else 0.0


@dataclass(frozen=True)
class Reconciled:
    """The result. ``billed`` and ``expected``: sums, the latter over calls with a rate."""

    calls: int
    agreed: int
    billed: Decimal
    expected: Decimal
    differences: tuple[Difference, ...]


def read_invoice(path: Path, region: str, zone: ZoneInfo) -> list[Billed]:
    """A carrier's bill. Raises ``GatewayError`` that names the line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = [name.strip().lower() for name in reader.fieldnames or ()]
            reader.fieldnames = names
            if missing := [name for name in COLUMNS if name not in names]:
                raise GatewayError(f'{path}: the first line must name the columns; "{missing[0]}" is not among them')
            return [_billed(path, reader.line_num, row, region, zone) for row in reader]
    except OSError as error:
        raise GatewayError(f"{path}: can't be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise GatewayError(f'{path}: not a CSV file in UTF-8; save it as "CSV UTF-8"') from None


def reconcile(bill: Sequence[Billed], ours: Sequence[CarriedCall], book: CostBook, route: str) -> Reconciled:
    """Compare a bill with our record of the calls that went over ``route``."""
    pairs = list(_paired(bill, ours))
    differences = [found for billed, own in pairs if (found := _difference(billed, own, book, route)) is not None]
    rates = ((own, book.tariffs.rate(route, own.number, own.at)) for _, own in pairs if own is not None)
    expected = sum((rate.cost(own.seconds) for own, rate in rates if rate is not None), Decimal(0))
    both = sum(billed is not None and own is not None for billed, own in pairs)
    agreed = both - sum(each.billed is not None and each.ours is not None for each in differences)
    return Reconciled(
        len(pairs),
        agreed,
        sum((each.cost for each in bill), Decimal(0)),
        expected,
        tuple(sorted(differences, key=lambda each: each.at)),
    )


def _paired(bill: Sequence[Billed], ours: Sequence[CarriedCall]) -> Iterator[tuple[Billed | None, CarriedCall | None]]:
    """Nearest in time first, so that one stray row doesn't push all later ones onto the wrong call."""
    by_number: dict[str, list[CarriedCall]] = {}
    for call in ours:
        by_number.setdefault(call.number.e164, []).append(call)
    near = sorted(
        (
            (abs(billed.at - call.at), place, billed, call)
            for place, billed in enumerate(bill)
            for call in by_number.get(billed.number.e164, ())
            if abs(billed.at - call.at) <= APART
        ),
        key=lambda each: each[:2],
    )
    billed_taken: set[int] = set()
    ours_taken: set[int] = set()
    for _, place, billed, call in near:
        if place not in billed_taken and id(call) not in ours_taken:
            billed_taken.add(place)
            ours_taken.add(id(call))
            yield billed, call
    yield from ((billed, None) for place, billed in enumerate(bill) if place not in billed_taken)
    yield from ((None, call) for call in ours if id(call) not in ours_taken)


def _difference(billed: Billed | None, own: CarriedCall | None, book: CostBook, route: str) -> Difference | None:
    if own is None:
        return Difference("only on the bill", billed, None, None)
    rate = book.tariffs.rate(route, own.number, own.at)
    expected = None if rate is None else rate.cost(own.seconds)
    if billed is None:
        return Difference("only on our record", None, own, expected)
    if rate is None:
        return Difference(f"no rate for it on route {route}", billed, own, None)
    what = []
    if billed.seconds > rate.charged(own.seconds + TOLERANCE) or float(billed.seconds) < own.seconds - TOLERANCE:
        what.append(f"{billed.seconds} s on the bill, {own.seconds:.1f} s by our record")
    by_deck = rate.cost(billed.seconds)
    if abs(billed.cost - by_deck) > coin(rate.currency) / 2:
        what.append(f"{billed.seconds} s cost {written(by_deck, rate.currency)} by the rate deck")
    return Difference("; ".join(what), billed, own, expected) if what else None


def _billed(path: Path, line: int, row: dict[str, str | None], region: str, zone: ZoneInfo) -> Billed:
    def cell(name: str) -> str:
        return (row.get(name) or "").strip()

    def wrong(name: str, like: str) -> GatewayError:
        return GatewayError(f'{path}: line {line}: {name}: "{cell(name)}" is not like {like}')

    try:
        when = datetime.fromisoformat(cell("time"))
    except ValueError:
        raise wrong("time", "2026-11-03 12:00:05") from None
    try:
        number = PhoneNumber.parse(cell("number"), region)
    except NotANumber:
        raise wrong("number", "+819012345678") from None
    amounts = []
    for name in ("seconds", "cost"):
        try:
            amounts.append(Decimal(cell(name)))
        except InvalidOperation:
            raise wrong(name, "61.5") from None
        if not amounts[-1].is_finite() or amounts[-1] < 0:
            raise wrong(name, "61.5")
    return Billed(line, (when if when.tzinfo else when.replace(tzinfo=zone)).timestamp(), number, *amounts)
