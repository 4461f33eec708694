"""The worst that a call may cost, and what it may have cost when it has ended: upper bounds, for the spend caps.

A carrier may count from its own idea of the answer to its own idea of the end, so a call is taken to be charged from
dialling on. What it really cost is the ledger's business (``calls/pricing.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from gateway.calls.least_cost import GUIDANCE_SECONDS, CostBook, NoRate
from gateway.numbers import PhoneNumber
from gateway.settings import LineSettings

SETUP_TIME = 20.0
"""Seconds for dialling and for the network to find the customer, before ringing time counts."""
HANG_UP = 10.0
"""Seconds until the network has noticed that we hung up."""
LOOK_AHEAD = 900.0
"""Seconds between the moments at which a request's prices are looked up: rates change with the hour."""


@dataclass(frozen=True)
class Budget:
    """Upper bounds in the box's currency. ``book`` gives the prices as they are now."""

    book: Callable[[], CostBook]

    def dialling(self, number: PhoneNumber, line: LineSettings, at: float) -> Decimal:
        """Of one attempt on ``line``, as long as it can last. Raises ``NoRate``."""
        settings = self.book().settings
        longest = SETUP_TIME + settings.callback.ring_time + settings.policy.max_call + HANG_UP
        return self.attempt(number, line, longest, at)

    def attempt(self, number: PhoneNumber, line: LineSettings, seconds: float, at: float) -> Decimal:
        """Of an attempt of ``seconds`` from dialling to its end. Raises ``NoRate``."""
        if line.route is None:
            raise NoRate(f'line "{line.name}" has no route')
        return self.book().leg("overseas", line.route, number, seconds, at).ours

    def request(self, number: PhoneNumber, line: LineSettings, at: float, *, menu: bool = False) -> Decimal:
        """Of a request that came in on ``line``: its guidance, or ``menu``, and all that the other box may dial for it.

        One attempt may last to the cap; those that end early (hung up, a machine) may be tried again by ``[retry]``,
        and end at the human check. Raises ``NoRate``.
        """
        settings = self.book().settings
        before = SETUP_TIME + settings.callback.ring_time
        longest = before + settings.policy.max_call + HANG_UP
        early = before + settings.callback.human_check + HANG_UP
        again = len(settings.retry.left_early) + len(settings.retry.machine)
        steps = range(int(settings.retry.expires / LOOK_AHEAD) + 2)
        dearest = max(
            self.dearest(number, longest, at + step * LOOK_AHEAD)
            + again * self.dearest(number, early, at + step * LOOK_AHEAD)
            for step in steps
        )
        rest = sum((leg.ours for leg in self.book().overheads()), Decimal(0))
        first = settings.policy.max_call + HANG_UP if menu else GUIDANCE_SECONDS
        return dearest + rest * (1 + again) + self.first_leg(number, line, first, at)

    def guidance(self, number: PhoneNumber, line: LineSettings, at: float) -> Decimal:
        """Of a caller who is told that he will be called back. Raises ``NoRate``."""
        return self.first_leg(number, line, GUIDANCE_SECONDS, at)

    def first_leg(self, number: PhoneNumber, line: LineSettings, seconds: float, at: float) -> Decimal:
        """Of a call into ``line``, where that is ours to pay for. Raises ``NoRate``."""
        return sum((leg.ours for leg in self.book().guidance(line, number, seconds, at)), Decimal(0))

    def dearest(self, number: PhoneNumber, seconds: float, at: float) -> Decimal:
        """Of a call-back on whichever of the other box's routes is dearest. Raises ``NoRate``."""
        costs, problems = [], []
        for route in self.book().callback_routes:
            try:
                costs.append(self.book().leg("overseas", route, number, seconds, at).ours)
            except NoRate as problem:
                problems.append(str(problem))
        if not costs:
            raise NoRate("; ".join(problems) or "no route of the other box's lines is set (link.line_routes)")
        return max(costs)
