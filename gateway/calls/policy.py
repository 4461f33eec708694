"""What may be dialled: everything is refused that no rule allows. Both boxes ask, each from its own settings.

A callback box dials whoever a caller ID names, and caller IDs can be forged to make it dial numbers that earn money
for the forger. So regions and number types are allow-lists (a type list alone would let satellite numbers through,
which count as mobile), emergency and short numbers never pass, and neither does a line of our own (a loop).
"""

from dataclasses import dataclass

from phonenumbers import shortnumberinfo

from gateway.numbers import PhoneNumber
from gateway.settings import PolicySettings

HOUR = 3600.0
DAY = 86400.0


@dataclass(frozen=True)
class Requests:
    """How often a number has asked to be called back, this time not counted."""

    last_hour: int = 0
    last_day: int = 0


@dataclass(frozen=True)
class Refusal:
    """Which layer said no, and why, in words for the log and the list of calls."""

    layer: str
    reason: str


@dataclass(frozen=True)
class Policy:
    """The rules of one box. ``own_numbers``: E.164 of every line of ours, never dialled."""

    settings: PolicySettings
    own_numbers: frozenset[str]

    def refusal(self, number: PhoneNumber, asked: Requests) -> Refusal | None:
        """None if ``number`` may be dialled, else the first layer that forbids it."""
        rules = self.settings
        if number.e164 in self.own_numbers:
            return Refusal("own number", "a line of our own: a loop")
        if shortnumberinfo.is_emergency_number(str(number.parsed.national_number), number.region or "001"):
            return Refusal("emergency", "an emergency number")
        if number.region not in rules.regions:
            return Refusal("region", f"region {number.region or 'unknown'} is not in policy.regions")
        if number.kind not in rules.kinds:
            return Refusal("kind", f"a {number.kind} number; policy.kinds does not list it")
        if number.e164.startswith(rules.blocked):
            return Refusal("blocked", "on policy.blocked")
        if asked.last_hour >= rules.per_number_hour:
            return Refusal("rate", f"asked {asked.last_hour} times within the hour (policy.per_number_hour)")
        if asked.last_day >= rules.per_number_day:
            return Refusal("rate", f"asked {asked.last_day} times within the day (policy.per_number_day)")
        return None
