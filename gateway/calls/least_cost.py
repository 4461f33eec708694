"""Every way to serve a customer, and what it costs now: the choice between lines, and between the two directions.

* *direct*: the shop's own line would call him (what the gateway is measured against);
* *inbound*: the menu runs on the call that he has made himself, where that call is ours to pay for (freephone);
* *call back*: the guidance leg, the overseas leg, the link's data and a share of the dedicated line.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.calls.money import NoExchange, exact
from gateway.calls.tariff import Rate, Tariffs
from gateway.errors import SettingsError
from gateway.numbers import PhoneNumber
from gateway.settings import LineSettings, Settings

Kind = Literal["direct", "inbound", "call back"]

GUIDANCE_SECONDS = 5.0
"""The longest guidance leg."""


class NoRate(Exception):
    """A leg can't be priced; the message says why."""


@dataclass(frozen=True)
class Leg:
    """What has to be paid for a call: ``cost`` in its carrier's currency, ``ours`` in the box's."""

    what: str
    route: str
    rate: Rate | None
    cost: Decimal
    currency: str
    ours: Decimal
    exchange: str = ""
    """The exchange rate used, with its date."""


@dataclass(frozen=True)
class Way:
    """One way to serve a call. Where a leg has no rate ``problem`` says so, and ``total`` is None."""

    kind: Kind
    route: str
    legs: tuple[Leg, ...] = ()
    problem: str = ""
    box: str = ""
    """Domestic: the overseas box that calls back."""

    @property
    def total(self) -> Decimal | None:
        """In the box's currency."""
        return None if self.problem else sum((leg.ours for leg in self.legs), Decimal(0))


class CostBook:
    """Prices of one box: by its decks, for its lines, in its currency. Raises ``SettingsError`` for a wrong zone."""

    def __init__(self, settings: Settings, tariffs: Tariffs) -> None:
        self.settings = settings
        self.tariffs = tariffs
        self.currency = settings.tariff.currency
        self.zone = zone_of(settings)
        self.direct_routes = _routes(line.route for line in settings.lines)
        self.boxes = {link.peer: link.line_routes for link in settings.links} if settings.role == "domestic" else {}
        """Domestic: the routes of each overseas box's lines."""
        self.callback_routes = self.direct_routes
        if settings.role == "domestic":
            self.callback_routes = _routes(route for routes in self.boxes.values() for route in routes)

    def day(self, at: float) -> date:
        """The box's date at Unix time ``at``."""
        return datetime.fromtimestamp(at, self.zone).date()

    def leg(self, what: str, route: str, number: PhoneNumber, seconds: Decimal | float, at: float) -> Leg:
        """What an answered call of ``seconds`` costs. Raises ``NoRate``."""
        rate = self.tariffs.rate(route, number, at)
        if rate is None:
            raise NoRate(f"no rate for {number.region or 'this number'} ({number.kind}) on route {route}")
        cost = rate.cost(seconds)
        try:
            ours = self.tariffs.exchange.convert(cost, rate.currency, self.currency, self.day(at))
        except NoExchange as missing:
            raise NoRate(str(missing)) from None
        return Leg(what, route, rate, cost, rate.currency, ours.amount, str(ours))

    def cheapest(
        self, what: str, routes: Iterable[str], number: PhoneNumber, seconds: Decimal | float, at: float
    ) -> Leg:
        """The leg on whichever route is cheapest. Raises ``NoRate`` where none of them has a rate."""
        legs, problems = [], []
        for route in routes:
            try:
                legs.append(self.leg(what, route, number, seconds, at))
            except NoRate as problem:
                problems.append(str(problem))
        if not legs:
            raise NoRate("; ".join(problems) or f"no route is set for the {what} leg")
        return min(legs, key=lambda leg: leg.ours)

    def cheapest_line(self, number: PhoneNumber, lines: Collection[str], at: float) -> str:
        """Which of our ``lines`` dials ``number`` cheapest, for a call as long as they are thought to be."""
        by_name = {line.name: line for line in self.settings.lines}

        def cost(name: str) -> tuple[bool, Decimal]:
            route = by_name[name].route
            try:
                if route is not None:
                    return False, self.leg("overseas", route, number, self.settings.tariff.expected_s, at).ours
            except NoRate:
                pass
            return True, Decimal(0)

        return min(sorted(lines), key=cost)

    def cheapest_of(self, box: str, number: PhoneNumber, at: float) -> Leg | None:
        """The overseas leg on the line of ``box`` that is cheapest, for a call as long as they are thought to be.

        None where that box has no priced line for ``number``.
        """
        try:
            return self.cheapest("overseas", self.boxes[box], number, self.settings.tariff.expected_s, at)
        except NoRate:
            return None

    def guidance(self, line: LineSettings | None, number: PhoneNumber, seconds: float, at: float) -> tuple[Leg, ...]:
        """The first leg, where the call into ``line`` is ours to pay for. Raises ``NoRate``."""
        if line is None or line.incoming is None:
            return ()
        return (self.leg("guidance", line.incoming, number, seconds, at),)

    def inbound_is_cheaper(self, line: LineSettings, number: PhoneNumber, at: float, *, call_back: bool = True) -> bool:
        """Whether an expected talk on a call into ``line`` costs us less than a call-back after it.

        Without a possible ``call_back`` it is enough that it has a price; without prices to compare it is not.
        """
        if line.incoming is None:
            return False
        seconds = self.settings.tariff.expected_s
        inbound = self._way("inbound", line.incoming, number, seconds, at).total
        if inbound is None or not call_back:
            return inbound is not None
        totals = [self._call_back(line, route, number, seconds, at).total for route in self.callback_routes]
        priced = [total for total in totals if total is not None]
        return bool(priced) and inbound < min(priced)

    def overheads(self) -> tuple[Leg, ...]:
        """The link's data and the share of the dedicated line, for one call."""
        own = self.settings.tariff
        share = exact(own.dedicated_month / own.dedicated_calls)
        both = (("data", own.data_per_call), ("dedicated line", share))
        return tuple(Leg(what, "", None, cost, self.currency, cost) for what, cost in both if cost)

    def ways(self, number: PhoneNumber, seconds: Decimal | float, at: float) -> list[Way]:
        """Every way to serve a talk of ``seconds`` with ``number``, cheapest first, those without a rate last."""
        ways: list[Way] = []
        if self.settings.role == "domestic":
            ways += [self._way("direct", route, number, seconds, at) for route in self.direct_routes]
            incoming = _routes(line.incoming for line in self.settings.lines)
            ways += [self._way("inbound", route, number, seconds, at) for route in incoming]
        callers = self.boxes if self.settings.role == "domestic" else {"": self.callback_routes}
        ways += [
            self._call_back(first, route, number, seconds, at, box)
            for first in self._first_lines()
            for box, routes in callers.items()
            for route in routes
        ]
        return sorted(ways, key=lambda way: (way.total is None, way.total or 0))

    def _way(self, kind: Kind, route: str, number: PhoneNumber, seconds: Decimal | float, at: float) -> Way:
        try:
            return Way(kind, route, (self.leg(kind, route, number, seconds, at),))
        except NoRate as problem:
            return Way(kind, route, problem=str(problem))

    def _first_lines(self) -> list[LineSettings | None]:
        """One line for each price of a first leg; at the overseas box, which has none, just None."""
        if self.settings.role != "domestic":
            return [None]
        return list({line.incoming: line for line in self.settings.lines}.values())

    def _call_back(
        self,
        first: LineSettings | None,
        route: str,
        number: PhoneNumber,
        seconds: Decimal | float,
        at: float,
        box: str = "",
    ) -> Way:
        """After a call into the line ``first``; without one (at the overseas box) the overseas leg alone."""
        try:
            guides = self.settings.guidance.answer == "answer"
            guidance = self.guidance(first, number, GUIDANCE_SECONDS, at) if guides else ()
            overseas = self.leg("overseas", route, number, seconds, at)
        except NoRate as problem:
            return Way("call back", route, problem=str(problem), box=box)
        return Way("call back", route, (*guidance, overseas, *(self.overheads() if first else ())), box=box)


def zone_of(settings: Settings) -> ZoneInfo:
    """The box's time zone: as set, or where its first line's number is. Raises ``SettingsError``."""
    name = settings.tariff.zone or next(iter(PhoneNumber(settings.lines[0].number).time_zones), "UTC")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise SettingsError(f'tariff.zone: "{name}" is no time zone; write one like Asia/Tokyo') from None


def _routes(names: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))
