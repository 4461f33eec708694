"""The last word on a call, spoken inside the store's transaction that begins it.

What the policy counts and what the budget sets aside is read and written there, so that two calls that begin at the
same moment cannot both be the last one allowed, and a crash leaves the worst case booked.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from gateway.calls.alarms import Alarms
from gateway.calls.budget import Budget
from gateway.calls.least_cost import NoRate
from gateway.calls.money import from_millionths, millionths_up, written
from gateway.calls.policy import Policy
from gateway.numbers import PhoneNumber
from gateway.settings import LineSettings
from gateway.store import bounds
from gateway.store.bounds import Admit, Refused, Spent


@dataclass(frozen=True)
class Admission:
    """Policy and budget of one box. ``budget`` is None where no spend cap is set."""

    policy: Policy
    budget: Budget | None = None
    alarms: Alarms | None = None

    def caller(self, number: PhoneNumber, line: LineSettings, at: float, *, menu: bool = False) -> Admit:
        """For ``Domestic.accept``: may this caller be owed a call-back? ``menu``: it runs on his own call first."""

        def admit(connection: sqlite3.Connection, request: str, attempt: int) -> None:
            self._not_stopped()
            if attempt < 0:
                self._book(connection, request, attempt, at, lambda budget: budget.guidance(number, line, at))
                return
            self._count(connection, request, number, at, queue=True)
            self._book(connection, request, attempt, at, lambda budget: budget.request(number, line, at, menu=menu))

        return admit

    def dialling(self, number: PhoneNumber, line: LineSettings, at: float) -> Admit:
        """For ``Overseas.dial_intent``: may ``line`` dial this number?"""

        def admit(connection: sqlite3.Connection, request: str, attempt: int) -> None:
            self._not_stopped()
            if attempt == 1:
                self._count(connection, request, number, at, queue=False)
            self._book(connection, request, attempt, at, lambda budget: budget.dialling(number, line, at))

        return admit

    def noted(self, number: PhoneNumber, at: float) -> None:
        """A number that may be called has been asked for, granted or not: look for signs of fraud in it.

        On the event loop, after the transaction.
        """
        if self.alarms is not None:
            self.alarms.asked(number, at)

    def ended(self, talk_seconds: float, at: float) -> None:
        """A call-back has ended; 0 s if nobody answered."""
        if self.alarms is not None and talk_seconds > 0:
            self.alarms.ended(talk_seconds, at)

    def spend_refusal(self, worst: Decimal, spent: Spent) -> Refused | None:
        """None if a call that may cost ``worst`` fits under both caps on top of what is booked."""
        rules = self.policy.settings
        currency = "" if self.budget is None else self.budget.book().currency
        for key, cap, booked in (
            ("spend_day", rules.spend_day, spent.day),
            ("spend_month", rules.spend_month, spent.month),
        ):
            if cap is not None and booked + millionths_up(worst) > cap.scaleb(6):
                so_far, most = written(from_millionths(booked), currency), written(cap, currency)
                call = written(worst, currency)
                return Refused("spend", f"{so_far} of policy.{key} = {most} is booked, this call may cost {call}")
        return None

    def _not_stopped(self) -> None:
        if not (layer := self.policy.stop_layer()).passed:
            raise Refused(layer.name, layer.says)

    def _count(
        self, connection: sqlite3.Connection, request: str, number: PhoneNumber, at: float, *, queue: bool
    ) -> None:
        history = bounds.history(connection, number, at, besides=request)
        if refused := self.policy.refusal_by_history(number, history):
            raise refused
        if queue and not (layer := self.policy.waiting(history)).passed:
            raise Refused(layer.name, layer.says)
        first = not history.known and not self.policy.is_customer(number)
        bounds.admitted(connection, request, at, first_contact=first)

    def _book(
        self,
        connection: sqlite3.Connection,
        request: str,
        attempt: int,
        at: float,
        worst_of: Callable[[Budget], Decimal],
    ) -> None:
        if self.budget is None:
            return
        try:
            worst = worst_of(self.budget)
        except NoRate as problem:
            raise Refused("spend", f"{problem}: without a price there is no call under a spend cap") from None
        day = self.budget.book().day(at).isoformat()
        if refused := self.spend_refusal(worst, bounds.spent(connection, day)):
            raise refused
        bounds.book(connection, request, attempt, at=at, day=day, worst=millionths_up(worst))
