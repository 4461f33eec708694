"""Which of several overseas boxes calls a customer back.

A box that can be reached comes first: the cheapest serves nobody while it can't be told. Then the cheapest for this
number now, by the line of it that is cheapest; then one with a free line, or where fewest wait; then the order of the
settings file, which alone decides where nothing is priced. Under a spend cap a box that has no price for the number is
not asked: what such a call may cost is booked nowhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from gateway.calls.least_cost import CostBook
from gateway.numbers import PhoneNumber
from gateway.store.hand_over import Choice


@dataclass(frozen=True)
class OverseasBox:
    """A box as it stands now. ``up``: reachable. ``free``: free lines less waiting requests, None if it doesn't say."""

    name: str
    up: bool
    free: int | None = None


def ranked(boxes: Sequence[OverseasBox], book: CostBook, number: PhoneNumber, at: float) -> list[Choice]:
    """Those that may be asked, the one to ask first first; ``at``: Unix time."""
    legs = {box.name: book.cheapest_of(box.name, number, at) for box in boxes}

    def merit(box: OverseasBox) -> tuple[bool, bool, Decimal, int]:
        leg = legs[box.name]
        free = 1 if box.free is None else min(box.free, 1)
        return not box.up, leg is None, leg.ours if leg else Decimal(0), -free

    if book.settings.policy.capped and any(legs.values()):
        boxes = [box for box in boxes if legs[box.name]]
    return [Choice(box.name, leg.route if (leg := legs[box.name]) else "", box.up) for box in sorted(boxes, key=merit)]
