"""Keeping calls in bounds, inside the transaction that begins one: how often was asked, how much may be spent.

``book`` sets the worst case aside before a call and ``settle`` puts what it cost in its place, so that the sum of all
bookings is never less than what is owed. Both caps are tested in the transaction that books: there is one writer, so
calls that begin at the same moment cannot pass a cap together, and a crash leaves the worst case booked.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from gateway.numbers import PhoneNumber

HOUR = 3600.0
DAY = 86400.0
SERVED = ("order", "message", "talked")
"""Outcomes that make a number a known customer."""


class Refused(Exception):
    """A call is out of bounds. Raised inside a transaction, so that nothing of the call is kept."""

    def __init__(self, layer: str, reason: str) -> None:
        super().__init__(f"{layer}: {reason}")
        self.layer = layer
        self.reason = reason


Admit = Callable[[sqlite3.Connection, str, int], None]
"""``admit(connection, request, attempt)``: the last word on a call, in its transaction; raises ``Refused``.

At the domestic box ``attempt`` is 0, and for a caller who joins an open request −1.
"""


@dataclass(frozen=True)
class History:
    """What has been admitted before, this time not counted. A prefix is a block of 10,000 numbers."""

    number_hour: int = 0
    number_day: int = 0
    prefix_hour: int = 0
    prefix_day: int = 0
    all_hour: int = 0
    all_day: int = 0
    first_contacts_day: int = 0
    known: bool = True
    """The number has been served before."""
    waiting: int = 0
    """Customers who are owed a call-back."""


@dataclass(frozen=True)
class Spent:
    """Millionths of the policy's currency, worst cases of calls under way included."""

    day: int
    month: int


def history(connection: sqlite3.Connection, number: PhoneNumber, now: float, besides: str = "") -> History:
    """Requests admitted in the last hour and day: of ``number``, of its block, of everybody."""
    prefix = number.e164[:-4]
    mine: tuple[int, int, int, int] = connection.execute(
        "SELECT count(*) FILTER (WHERE number = ?1 AND admitted_at > ?2), count(*) FILTER (WHERE number = ?1),"
        " count(*) FILTER (WHERE admitted_at > ?2), count(*) FROM request"
        " WHERE number BETWEEN ?3 AND ?4 AND admitted_at > ?5 AND id <> ?6",
        (number.e164, now - HOUR, f"{prefix}0000", f"{prefix}9999", now - DAY, besides),
    ).fetchone()
    everybody: tuple[int, int, int] = connection.execute(
        "SELECT count(*) FILTER (WHERE admitted_at > ?1), count(*), coalesce(sum(first_contact), 0) FROM request"
        " WHERE admitted_at > ?2 AND id <> ?3",
        (now - HOUR, now - DAY, besides),
    ).fetchone()
    known, waiting = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM request WHERE number = ?1 AND id <> ?2 AND outcome IN (?3, ?4, ?5)),"
        " (SELECT count(*) FROM request WHERE state <> 'closed' AND id <> ?2)",
        (number.e164, besides, *SERVED),
    ).fetchone()
    return History(*mine, *everybody, known=bool(known), waiting=waiting)


def admitted(connection: sqlite3.Connection, request: str, at: float, *, first_contact: bool) -> None:
    """Note that a request has been let through; from now on ``history`` counts it."""
    connection.execute(
        "UPDATE request SET admitted_at = ?, first_contact = ? WHERE id = ?", (at, int(first_contact), request)
    )


def spent(connection: sqlite3.Connection, day: str) -> Spent:
    """What has been booked for ``day`` ("2026-11-03") and for its month."""
    row = connection.execute(
        "SELECT coalesce(sum(spent) FILTER (WHERE day = ?1), 0), coalesce(sum(spent), 0) FROM spend_day"
        " WHERE day BETWEEN ?2 AND ?3",
        (day, f"{day[:7]}-01", f"{day[:7]}-31"),
    ).fetchone()
    return Spent(*row)


def book(connection: sqlite3.Connection, request: str, attempt: int, *, at: float, day: str, worst: int) -> None:
    """Set ``worst`` millionths aside for a call that is about to begin."""
    connection.execute(
        "INSERT INTO booking (request, attempt, at, day, worst) VALUES (?, ?, ?, ?, ?)",
        (request, attempt, at, day, worst),
    )
    _add(connection, day, worst)


def settle(connection: sqlite3.Connection, request: str, attempt: int, cost: int) -> None:
    """Replace what was set aside for a call by what it cost. Does nothing for one that was settled or never booked."""
    rows = connection.execute(
        "UPDATE booking SET cost = ? WHERE request = ? AND attempt = ? AND cost IS NULL RETURNING day, worst",
        (cost, request, attempt),
    ).fetchall()
    for day, worst in rows:
        _add(connection, day, cost - worst)


def rebook(connection: sqlite3.Connection, request: str, again: str) -> None:
    """What is still set aside for ``request`` is from now on for ``again``, which takes its place."""
    connection.execute("UPDATE booking SET request = ? WHERE request = ? AND cost IS NULL", (again, request))


def spent_since(connection: sqlite3.Connection, since: float) -> int:
    """Millionths booked since then (Unix time), worst cases of calls under way included."""
    row = connection.execute("SELECT coalesce(sum(coalesce(cost, worst)), 0) FROM booking WHERE at >= ?", (since,))
    return int(row.fetchone()[0])


def refusals(connection: sqlite3.Connection) -> dict[str, int]:
    """Why callers were not accepted, or not dialled: the layer, or the reason where none is named → how many."""
    rows = connection.execute(
        "SELECT CASE instr(why, ': ') WHEN 0 THEN why ELSE substr(why, 1, instr(why, ': ') - 1) END AS layer, count(*)"
        " FROM (SELECT refused AS why FROM call WHERE refused IS NOT NULL"
        " UNION ALL SELECT detail FROM attempt WHERE attempt = 0 AND outcome = 'refused')"
        " GROUP BY layer ORDER BY 2 DESC, 1"
    )
    return dict(rows.fetchall())


def _add(connection: sqlite3.Connection, day: str, amount: int) -> None:
    connection.execute(
        "INSERT INTO spend_day (day, spent) VALUES (?, ?)"
        " ON CONFLICT (day) DO UPDATE SET spent = spent + excluded.spent",
        (day, amount),
    )
