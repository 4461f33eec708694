"""Money: exact decimals, each currency's smallest coin, and exchange rates with their dates. Never a float.

Amounts are kept to a millionth of the unit (carriers price seconds at fractions of a cent) and shown to the coin.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from gateway.errors import GatewayError

MILLIONTH = Decimal("0.000001")

NO_COIN = {
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"
}  # fmt: skip
"""Currencies without a smaller unit (ISO 4217)."""
THOUSANDTHS = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}


class NoExchange(GatewayError):
    """No exchange rate is known for two currencies on a day."""


def coin(currency: str) -> Decimal:
    """The smallest coin of a currency: ``Decimal("0.01")`` for USD, ``Decimal("1")`` for JPY (ISO 4217)."""
    return Decimal(1) if currency in NO_COIN else Decimal("0.001") if currency in THOUSANDTHS else Decimal("0.01")


def to_coin(amount: Decimal, currency: str) -> Decimal:
    """Rounded to the smallest coin, halves away from zero."""
    return amount.quantize(coin(currency), ROUND_HALF_UP)


def exact(amount: Decimal) -> Decimal:
    """Rounded to a millionth, halves away from zero: how every computed amount is kept."""
    return amount.quantize(MILLIONTH, ROUND_HALF_UP)


def millionths_up(amount: Decimal) -> int:
    """Whole millionths, rounded up: how the worst case is booked."""
    return int((amount / MILLIONTH).to_integral_value(ROUND_CEILING))


def from_millionths(amount: int) -> Decimal:
    """Back from what is booked."""
    return amount * MILLIONTH


def written(amount: Decimal, currency: str) -> str:
    """For people: ``18 JPY``, ``0.2418 USD``: to the coin, and two places beyond it where they say something."""
    shown = amount.quantize(coin(currency) / 100, ROUND_HALF_UP)
    if shown == to_coin(amount, currency):
        shown = to_coin(amount, currency)
    return f"{shown:,f} {currency}"


@dataclass(frozen=True)
class Converted:
    """An amount in another currency, and the rate that was used: so much ``currency`` for one ``of``, on ``day``."""

    amount: Decimal
    currency: str
    of: str
    rate: Decimal
    day: date | None

    def __str__(self) -> str:
        return "" if self.day is None else f"1 {self.of} = {self.rate.normalize():f} {self.currency} ({self.day})"


@dataclass(frozen=True)
class ExchangeRate:
    """From ``day`` on, until the next one: one ``of`` is ``rate`` of ``currency``."""

    day: date
    of: str
    currency: str
    rate: Decimal


class Exchange:
    """Exchange rates by date. A rate serves both directions, and until a later one takes its place."""

    def __init__(self, rates: Iterable[ExchangeRate] = ()) -> None:
        self._days: dict[tuple[str, str], list[tuple[date, Decimal]]] = {}
        for one in sorted(rates, key=lambda rate: rate.day):
            self._days.setdefault((one.of, one.currency), []).append((one.day, one.rate))

    def convert(self, amount: Decimal, of: str, currency: str, day: date) -> Converted:
        """``amount`` of ``of`` in ``currency``, to a millionth, by the newest rate of ``day`` or before.

        Raises ``NoExchange`` where there is none: an amount is never guessed.
        """
        if of == currency:
            return Converted(exact(amount), currency, of, Decimal(1), None)
        there, back = self._newest(of, currency, day), self._newest(currency, of, day)
        if there is not None and (back is None or there[0] >= back[0]):
            return Converted(exact(amount * there[1]), currency, of, there[1], there[0])
        if back is not None:
            return Converted(exact(amount / back[1]), currency, of, exact(1 / back[1]), back[0])
        raise NoExchange(f"no exchange rate from {of} to {currency} on {day}; import one: gateway tariff exchange FILE")

    def _newest(self, of: str, currency: str, day: date) -> tuple[date, Decimal] | None:
        known = self._days.get((of, currency), [])
        place = bisect_right(known, day, key=lambda each: each[0])
        return known[place - 1] if place else None
