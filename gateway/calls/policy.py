"""What may be dialled: everything is refused that no rule allows. Both boxes ask, each from its own settings.

A callback box dials whoever a caller ID names, and caller IDs can be forged to make it dial numbers that earn money
for the forger. So regions and number types are allow-lists (a type list alone would let satellite numbers through,
which count as mobile), and layers that know nothing of numbers (rates, spend, calls at once, length) bound what gets
past them. ``docs/policy.md`` explains each layer.

Two halves: ``about_number`` needs the number and the time alone; ``about_history`` is asked inside the transaction that
begins a call, where nothing can come between the question and the answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import shortnumberinfo

from gateway.calls.callback_law import FORBIDDEN, NOTICE
from gateway.calls.number_list import NumberList
from gateway.calls.panic import PanicStop
from gateway.numbers import PhoneNumber
from gateway.settings import PolicySettings, Settings
from gateway.store.bounds import History, Refused

PASSING = frozenset({"stop", "quiet hours", "customers waiting", "spend", "box away"})
"""Layers that say "not now" rather than "not you": a caller may be told that we can't take his call now."""


@dataclass(frozen=True)
class Layer:
    """One layer's answer, in words for the log and the technician; never with a number in full."""

    name: str
    passed: bool
    says: str


@dataclass(frozen=True)
class Policy:
    """The rules of one box. ``own_numbers``: E.164 of every line of ours, never dialled (a loop)."""

    settings: PolicySettings
    own_numbers: frozenset[str]
    stop: PanicStop | None = None
    block_list: NumberList | None = None
    customers: NumberList | None = None
    _quiet: tuple[int, int] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.settings.quiet is not None:
            begin, end = (int(part[:2]) * 60 + int(part[3:]) for part in self.settings.quiet.split("-"))
            object.__setattr__(self, "_quiet", (begin, end))

    @classmethod
    def of(cls, settings: Settings) -> "Policy":
        """The policy of a box. Raises ``SettingsError`` where one of its lists can't be read."""
        rules = settings.policy
        return cls(
            rules,
            frozenset((*rules.own_numbers, *(line.number for line in settings.lines))),
            PanicStop(settings.stop_file),
            NumberList(Path(rules.block_list), "policy.block_list") if rules.block_list else None,
            NumberList(Path(rules.customers), "policy.customers") if rules.customers else None,
        )

    def refusal(self, number: PhoneNumber, at: float, history: History | None = None) -> Refused | None:
        """None if ``number`` may be dialled at ``at`` (Unix time), else the first layer that forbids it.

        Without ``history`` the layers that need one are left out.
        """
        for layer in self.about_number(number, at):
            if not layer.passed:
                return Refused(layer.name, layer.says)
        return None if history is None else self.refusal_by_history(number, history)

    def refusal_by_history(self, number: PhoneNumber, history: History) -> Refused | None:
        """The first layer that forbids ``number`` because of what has been admitted before."""
        failed = (layer for layer in self.about_history(number, history) if not layer.passed)
        return next((Refused(layer.name, layer.says) for layer in failed), None)

    @property
    def stopped(self) -> bool:
        """The panic stop is pulled."""
        return self.stop is not None and self.stop.pulled

    def is_customer(self, number: PhoneNumber) -> bool:
        """On the owner's list."""
        return self.customers is not None and number.e164 in self.customers

    def about_number(self, number: PhoneNumber, at: float) -> Iterator[Layer]:
        """The layers that need no memory, in the order in which they are asked."""
        yield self.stop_layer()
        yield self._own(number)
        yield _emergency(number)
        yield self._region(number)
        yield self._kind(number)
        yield self._call_back_law(number)
        yield self._blocked(number)
        yield self._customer(number)
        yield self._quiet_hours(number, at)

    def about_history(self, number: PhoneNumber, history: History) -> Iterator[Layer]:
        """The layers that count."""
        rules = self.settings
        listed = self.is_customer(number)
        if not history.known and not listed:
            yield _count("first contacts", history.first_contacts_day, rules.first_contacts_day, "first_contacts_day")
        else:
            yield Layer("first contacts", True, "has been served before, or is on the list of customers")
        yield _count("number an hour", history.number_hour, rules.per_number_hour, "per_number_hour")
        yield _count("number a day", history.number_day, rules.per_number_day, "per_number_day")
        if listed:
            yield Layer("block", True, "on the list of customers, whoever else of his block calls")
        else:
            yield _count("block an hour", history.prefix_hour, rules.per_prefix_hour, "per_prefix_hour")
            yield _count("block a day", history.prefix_day, rules.per_prefix_day, "per_prefix_day")
        yield _count("everybody an hour", history.all_hour, rules.all_hour, "all_hour")
        yield _count("everybody a day", history.all_day, rules.all_day, "all_day")

    def waiting(self, history: History) -> Layer:
        """Whether one more customer may be owed a call-back (domestic box)."""
        return _count("customers waiting", history.waiting, self.settings.max_waiting, "max_waiting")

    def stop_layer(self) -> Layer:
        """Whether the panic stop lets calls through."""
        if self.stop is not None and self.stopped:
            return Layer("stop", False, f"all dialling is stopped: {self.stop.reason() or 'no reason given'}")
        return Layer("stop", True, "not pulled")

    def _own(self, number: PhoneNumber) -> Layer:
        ours = number.e164 in self.own_numbers
        return Layer("own number", not ours, "a line of our own: a loop" if ours else "not a line of our own")

    def _region(self, number: PhoneNumber) -> Layer:
        if number.region in self.settings.regions:
            return Layer("region", True, f"{number.region} is in policy.regions")
        return Layer("region", False, f"region {number.region or 'unknown'} is not in policy.regions")

    def _kind(self, number: PhoneNumber) -> Layer:
        if number.kind in self.settings.kinds:
            return Layer("kind", True, f"{number.kind} is in policy.kinds")
        return Layer("kind", False, f"a {number.kind} number; policy.kinds does not list it")

    def _call_back_law(self, number: PhoneNumber) -> Layer:
        region = number.region
        if region not in FORBIDDEN:
            return Layer("call-back law", True, f"{region or 'unknown'} is not known to forbid call-back services")
        if region in self.settings.callback_permitted:
            return Layer("call-back law", True, f"{region} is in policy.callback_permitted")
        return Layer("call-back law", False, f"{region}: {NOTICE}")

    def _blocked(self, number: PhoneNumber) -> Layer:
        if number.e164.startswith(self.settings.blocked):
            return Layer("block list", False, "its prefix is on policy.blocked")
        if self.block_list is not None and self.block_list.prefix_of(number.e164) is not None:
            return Layer("block list", False, "its prefix is on policy.block_list")
        return Layer("block list", True, "not on it")

    def _customer(self, number: PhoneNumber) -> Layer:
        if self.is_customer(number):
            return Layer("customers", True, "on policy.customers")
        if self.settings.customers_only:
            return Layer("customers", False, "not on policy.customers, and policy.customers_only is set")
        return Layer("customers", True, "anybody may be one")

    def _quiet_hours(self, number: PhoneNumber, at: float) -> Layer:
        if self._quiet is None:
            return Layer("quiet hours", True, "none are set")
        zones = number.time_zones
        if not zones:
            return Layer("quiet hours", False, "the number's time zone is not known")
        for name in zones:
            try:
                there = datetime.fromtimestamp(at, ZoneInfo(name))
            except (ZoneInfoNotFoundError, ValueError):
                return Layer("quiet hours", False, f"time zone {name} is not known to this machine; install tzdata")
            if _within(there.hour * 60 + there.minute, self._quiet):
                return Layer("quiet hours", False, f"{there:%H:%M} in {name}; quiet is {self.settings.quiet}")
        return Layer(
            "quiet hours", True, f"day in {zones[0]}" + (f" and {len(zones) - 1} more zones" * (len(zones) > 1))
        )


def _emergency(number: PhoneNumber) -> Layer:
    digits, code = str(number.parsed.national_number), number.parsed.country_code or 0
    regions = phonenumbers.region_codes_for_country_code(code)
    emergency = len(digits) < 7 and any(shortnumberinfo.is_emergency_number(digits, region) for region in regions)
    return Layer("emergency", not emergency, "an emergency number" if emergency else "not an emergency number")


def _count(name: str, so_far: int, most: int, key: str) -> Layer:
    return Layer(name, so_far < most, f"{so_far} so far, policy.{key} is {most}")


def _within(minute: int, hours: tuple[int, int]) -> bool:
    begin, end = hours
    return begin <= minute < end if begin < end else minute >= begin or minute < end
