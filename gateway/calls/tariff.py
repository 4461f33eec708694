"""What a call costs: rates by number prefix, route and time, and the arithmetic of increments.

A *route* is a carrier's price list for one way of calling: "jp-fixed" for calls out of a Japanese fixed line, "us-voip"
for calls out of an American one, "jp-freephone" for incoming calls that the called side pays for (there the prefix is
the caller's). The longest prefix that has a rate in force wins; without one there is no price, never a free call.

    charged = first + ceil((max(t, minimum) − first) / increment) · increment        (first, where t is shorter)
    cost    = connect fee + charged · price / per                (per: 60 s, or the length of a carrier's own unit)

A call is priced by the rate in force when it is dialled, for its whole length.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

import msgspec

from gateway.calls.money import Exchange, exact
from gateway.errors import GatewayError
from gateway.numbers import PhoneNumber

MILLISECOND = Decimal("0.001")
EVERY_DAY = 0b1111111


class TariffError(GatewayError):
    """A rate deck or exchange file is wrong or missing; the message names file, line and remedy."""


class Band(msgspec.Struct, frozen=True, gc=False):
    """When in the week a rate holds, in its deck's time zone. ``begin`` and ``end``: minutes of the day.

    A band that runs over midnight belongs to the day on which it begins.
    """

    days: int = EVERY_DAY
    """Bit 0 is Monday."""
    begin: int = 0
    end: int = 1440

    def holds(self, moment: datetime) -> bool:
        """Whether a local moment lies in the band."""
        minute, today = moment.hour * 60 + moment.minute, moment.weekday()
        if self.begin < self.end:
            return bool(self.days >> today & 1) and self.begin <= minute < self.end
        if minute >= self.begin:
            return bool(self.days >> today & 1)
        return minute < self.end and bool(self.days >> (today - 1) % 7 & 1)

    def minutes(self) -> set[int]:
        """The minutes of the week that lie in the band (Monday 0:00 is 0)."""
        length = (self.end - self.begin) % 1440 or 1440
        return {
            (day * 1440 + self.begin + minute) % 10080
            for day in range(7)
            if self.days >> day & 1
            for minute in range(length)
        }


class Rate(msgspec.Struct, frozen=True, gc=False):
    """One row of a rate deck. Seconds are decimals: there are units of 10 yen per 22.5 s."""

    route: str
    prefix: str
    name: str
    currency: str
    connect_fee: Decimal
    price: Decimal
    per: Decimal
    """Seconds that ``price`` is for: 60, or 22.5 where 22.5 s cost 10 yen."""
    first: Decimal
    """Seconds charged at least."""
    increment: Decimal
    """Then charged in steps of so many seconds."""
    minimum: Decimal = Decimal(0)
    """A shorter call is charged as if it had lasted so many seconds."""
    valid_from: date | None = None
    valid_to: date | None = None
    """The last day."""
    band: Band | None = None
    blocked: bool = False
    """The carrier or the owner doesn't allow calls to this prefix."""

    @property
    def always(self) -> bool:
        """In force at any time."""
        return self.band is None and self.valid_from is None and self.valid_to is None

    def in_force(self, moment: datetime) -> bool:
        """Whether the rate holds at a local moment."""
        today = moment.date()
        if (self.valid_from and today < self.valid_from) or (self.valid_to and today > self.valid_to):
            return False
        return self.band is None or self.band.holds(moment)

    def charged(self, seconds: Decimal | float) -> Decimal:
        """Seconds that are charged for an answered call of ``seconds`` (taken to the millisecond)."""
        length = max(_to_milliseconds(seconds), self.minimum, Decimal(0))
        if length <= self.first:
            return self.first
        return self.first + ((length - self.first) / self.increment).to_integral_value(ROUND_CEILING) * self.increment

    def cost(self, seconds: Decimal | float) -> Decimal:
        """Of an answered call, in ``currency``, to a millionth."""
        return exact(self.connect_fee + self.charged(seconds) * self.price / self.per)


def _to_milliseconds(seconds: Decimal | float) -> Decimal:
    return Decimal(str(seconds)).quantize(MILLISECOND, ROUND_HALF_UP)


class RouteDeck:
    """The rates of one route. ``zone``: the time zone of its bands and dates.

    Prefixes are sorted, and each knows its parent: the longest other prefix that it begins with. The last one not
    behind the number in that order begins with every prefix of the number, so the answer is it or one of its parents.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._prefixes: list[str] = []
        self._rates: list[tuple[Rate, ...]] = []
        self._parents: list[int] = []
        self._constant: list[Rate | None] = []

    @classmethod
    def of(cls, rates: Iterable[Rate], zone: ZoneInfo) -> "RouteDeck":
        """From rates in any order."""
        deck = cls(zone)
        for rate in sorted(rates, key=lambda each: each.prefix):
            deck.add(rate)
        return deck

    def add(self, rate: Rate) -> None:
        """One more; they must come in the order of their prefixes."""
        if not self._prefixes or self._prefixes[-1] != rate.prefix:
            parent = len(self._prefixes) - 1
            while parent >= 0 and not rate.prefix.startswith(self._prefixes[parent]):
                parent = self._parents[parent]
            self._prefixes.append(rate.prefix)
            self._rates.append(())
            self._parents.append(parent)
            self._constant.append(None)
        self._rates[-1] = tuple(sorted((*self._rates[-1], rate), key=_rank, reverse=True))
        self._constant[-1] = self._rates[-1][0] if self._rates[-1][0].always else None

    def __len__(self) -> int:
        return len(self._prefixes)

    def rate(self, digits: str, at: float) -> Rate | None:
        """The rate for E.164 ``digits`` (without +) at Unix time ``at``; None where there is none in force."""
        moment: datetime | None = None
        place = bisect_right(self._prefixes, digits) - 1
        while place >= 0:
            if digits.startswith(self._prefixes[place]):
                if (constant := self._constant[place]) is not None:
                    return constant
                moment = moment or datetime.fromtimestamp(at, self.zone)
                for rate in self._rates[place]:
                    if rate.in_force(moment):
                        return rate
            place = self._parents[place]
        return None


def _rank(rate: Rate) -> tuple[bool, date]:
    """A rate for certain hours goes before one for all, then the newer one."""
    return (rate.band is not None, rate.valid_from or date.min)


@dataclass(frozen=True)
class Generation:
    """A route's deck, and the Unix time from which it is used."""

    effective: float
    deck: RouteDeck


class Tariffs:
    """All routes that a box knows, each with the deck in use and those to come, and the exchange rates."""

    def __init__(
        self, generations: dict[str, list[Generation]] | None = None, exchange: Exchange | None = None
    ) -> None:
        self._generations = {
            route: sorted(each, key=lambda one: one.effective, reverse=True)
            for route, each in (generations or {}).items()
        }
        self.exchange = exchange or Exchange()

    @property
    def routes(self) -> list[str]:
        """Their names."""
        return sorted(self._generations)

    def rate(self, route: str, number: PhoneNumber, at: float) -> Rate | None:
        """The rate for ``number`` on ``route``; None where there is none, or it is blocked."""
        for generation in self._generations.get(route, ()):
            if generation.effective <= at:
                found = generation.deck.rate(number.e164[1:], at)
                return None if found is None or found.blocked else found
        return None
