"""Ended attempts with what they cost, and what they would have cost: one row each, without a telephone number.

An attempt is *unpriced* until its row stands here; whoever writes rows begins with ``unpriced``, so nothing that ended
while the box was down is left out. Amounts are decimal text, in ``Entry.currency``.
"""

import sqlite3
from dataclasses import astuple, dataclass, fields
from decimal import Decimal
from typing import Any

from gateway.numbers import PhoneNumber


@dataclass(frozen=True)
class EndedAttempt:
    """An attempt to be priced. Attempt 0 closed a request that was never dialled, or was served on its own call."""

    request: str
    attempt: int
    number: PhoneNumber | None
    line: str | None
    """The overseas line; None at the domestic box."""
    dialled_at: float
    ended_at: float
    outcome: str
    talk_seconds: float
    closed: bool
    """Its request has come to its end."""
    last: bool
    """No later attempt of a closed request."""
    first_legs: tuple[tuple[str, float], ...] = ()
    """Domestic, with the last attempt: (line, seconds off hook) of the calls that asked for it."""
    all_attempts: tuple[tuple[str, float, float, float], ...] = ()
    """With the last attempt: (outcome, dialled at, ended at, seconds of talk) of each."""
    peer: str = ""
    """The other box."""
    route: str = ""
    """Of the rate deck: what prices the line that dialled, by that box's word; "" if not known."""

    @property
    def answered(self) -> bool:
        """Somebody was there."""
        return self.talk_seconds > 0

    @property
    def called_back(self) -> bool:
        """It was dialled and somebody was there."""
        return self.answered and self.attempt > 0

    @property
    def served_inbound(self) -> bool:
        """The customer was served on the call that he had made himself: never dialled."""
        return self.answered and self.attempt == 0


@dataclass(frozen=True)
class Entry:
    """A row of the ledger. An amount is None where there is no rate; ``note`` says why."""

    request: str
    attempt: int
    at: float
    day: str
    region: str
    kind: str
    outcome: str
    talk_seconds: float
    guidance_seconds: float
    route: str
    currency: str
    direct: Decimal | None
    guidance: Decimal | None
    overseas: Decimal | None
    data: Decimal
    share: Decimal
    exchange: str
    note: str

    @property
    def cost(self) -> Decimal | None:
        """Of the way that was taken."""
        if self.guidance is None or self.overseas is None:
            return None
        return self.guidance + self.overseas + self.data + self.share

    @property
    def saved(self) -> Decimal | None:
        """Against a direct call; negative where the call-back was dearer."""
        return None if self.cost is None or self.direct is None else self.direct - self.cost


@dataclass(frozen=True)
class CarriedCall:
    """An answered call as a carrier should have billed it: when it began (Unix time), how long it was."""

    at: float
    number: PhoneNumber
    seconds: float
    line: str


_COLUMNS = tuple(each.name for each in fields(Entry))
_AMOUNTS = {"direct", "guidance", "overseas", "data", "share"}

_UNPRICED = """
SELECT attempt.request, attempt.attempt, request.number, attempt.line, dialled_at, ended_at, attempt.outcome,
       coalesce(talk_seconds, 0.0), request.state = 'closed',
       request.state = 'closed' AND attempt.attempt =
       (SELECT max(each.attempt) FROM attempt AS each WHERE each.request = attempt.request), peer, attempt.route
  FROM attempt JOIN request ON request.id = attempt.request
 WHERE attempt.ended_at IS NOT NULL AND attempt.priced = 0 ORDER BY ended_at LIMIT ?
"""


def unpriced(connection: sqlite3.Connection, limit: int = 100) -> list[EndedAttempt]:
    """Ended attempts without a row, oldest first."""
    return [
        EndedAttempt(
            request, attempt, PhoneNumber(number) if number else None, line, dialled_at, ended_at, outcome,
            talk_seconds, bool(closed), bool(last), _first_legs(connection, request) if last else (),
            _attempts(connection, request) if last else (), peer, route,
        )
        for request, attempt, number, line, dialled_at, ended_at, outcome, talk_seconds, closed, last, peer, route
        in connection.execute(_UNPRICED, (limit,)).fetchall()
    ]  # fmt: skip


def keep(connection: sqlite3.Connection, entry: Entry) -> None:
    """Write a row; its attempt is priced with it."""
    marks = ", ".join("?" * len(_COLUMNS))
    values = [str(each) if isinstance(each, Decimal) else each for each in astuple(entry)]
    connection.execute(f"INSERT OR REPLACE INTO ledger ({', '.join(_COLUMNS)}) VALUES ({marks})", values)
    connection.execute(
        "UPDATE attempt SET priced = 1 WHERE request = ? AND attempt = ?", (entry.request, entry.attempt)
    )


def entries(connection: sqlite3.Connection, first_day: str, last_day: str) -> list[Entry]:
    """Rows of the days from ``first_day`` to ``last_day`` ("2026-11-30"), both included, in order."""
    rows = connection.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM ledger WHERE day BETWEEN ? AND ? ORDER BY day, at", (first_day, last_day)
    )
    return [Entry(*(_value(name, value) for name, value in zip(_COLUMNS, row, strict=True))) for row in rows]


def called_back(connection: sqlite3.Connection, since: float, until: float) -> list[CarriedCall]:
    """Answered call-backs that were dialled in a span of time and whose number has not been erased."""
    return _carried(
        connection,
        "SELECT dialled_at, number, talk_seconds, coalesce(attempt.line, '') FROM attempt"
        " JOIN request ON request.id = attempt.request"
        " WHERE dialled_at BETWEEN ? AND ? AND attempt > 0 AND talk_seconds > 0 AND number IS NOT NULL ORDER BY 1",
        since,
        until,
    )


def first_legs(connection: sqlite3.Connection, since: float, until: float) -> list[CarriedCall]:
    """Inbound calls that were answered in a span of time and whose number has not been erased (domestic box)."""
    return _carried(
        connection,
        "SELECT off_hook_at, number, on_hook_at - off_hook_at, line FROM call"
        " WHERE off_hook_at BETWEEN ? AND ? AND on_hook_at IS NOT NULL AND number IS NOT NULL ORDER BY 1",
        since,
        until,
    )


def _carried(connection: sqlite3.Connection, query: str, since: float, until: float) -> list[CarriedCall]:
    rows = connection.execute(query, (since, until)).fetchall()
    return [CarriedCall(at, PhoneNumber(number), seconds, line) for at, number, seconds, line in rows]


def _value(name: str, value: Any) -> Any:
    return Decimal(value) if name in _AMOUNTS and value is not None else value


def _first_legs(connection: sqlite3.Connection, request: str) -> tuple[tuple[str, float], ...]:
    rows = connection.execute(
        "SELECT line, on_hook_at - off_hook_at FROM call WHERE request = ? AND on_hook_at IS NOT NULL ORDER BY at",
        (request,),
    )
    return tuple((str(line), float(seconds)) for line, seconds in rows)


def _attempts(connection: sqlite3.Connection, request: str) -> tuple[tuple[str, float, float, float], ...]:
    return tuple(
        connection.execute(
            "SELECT outcome, dialled_at, ended_at, coalesce(talk_seconds, 0.0) FROM attempt"
            " WHERE request = ? AND ended_at IS NOT NULL AND attempt > 0 ORDER BY attempt",
            (request,),
        ).fetchall()
    )
