"""Figures of a box for somebody who looks every few seconds: sums over all that is kept, at the cost of the newest.

What happened more than a day ago is counted once and remembered; a look counts the rest anew, by the indexes on time.
Once a day all is counted again, for reports that came late.
"""

import sqlite3
from collections import Counter
from dataclasses import dataclass

from gateway.store import alarms
from gateway.store.bounds import Spent, spent

DAY = 86400.0

_COUNTS = {
    "calls": "SELECT line, iif(refused IS NULL, 'accepted', 'refused'), count(*) FROM call"
    " WHERE at >= ? AND at < ? GROUP BY 1, 2",
    "call_backs": "SELECT coalesce(line, ''), outcome, count(*) FROM attempt"
    " WHERE dialled_at >= ? AND dialled_at < ? AND attempt > 0 AND outcome IS NOT NULL GROUP BY 1, 2",
    "refused_callers": "SELECT refused, count(*) FROM call WHERE at >= ? AND at < ? AND refused IS NOT NULL GROUP BY 1",
    "refused_requests": "SELECT detail, count(*) FROM attempt"
    " WHERE dialled_at >= ? AND dialled_at < ? AND attempt = 0 AND outcome = 'refused' GROUP BY 1",
    "orders": "SELECT 'all', count(*) FROM orders WHERE confirmed_at >= ? AND confirmed_at < ?",
}
"""By name: what counts between two Unix times; the last column is the number, those before it say of what."""

Key = tuple[str, ...]


@dataclass(frozen=True)
class Figures:
    """A box as its store has it."""

    calls: dict[Key, int]
    """(line, "accepted" or "refused") → inbound calls."""
    call_backs: dict[Key, int]
    """(line, outcome) → diallings that have ended; at the domestic box, which is told of them, line is ""."""
    refusals: dict[str, int]
    """Layer, or reason where none is named → callers and requests."""
    orders: int
    waiting: int
    """Requests that are owed a call-back."""
    oldest: float | None
    """Unix time since which the first of them waits; None if nobody does."""
    spent: Spent
    alarms: dict[str, int]
    """Kind → how many."""


class Tally:
    """Remembers what was counted. ``read`` is for one thread at a time."""

    def __init__(self) -> None:
        self._until = float("-inf")
        self._counted: dict[str, Counter[Key]] = {}

    def read(self, connection: sqlite3.Connection, now: float, day: str) -> Figures:
        """The figures at ``now`` (Unix time), which is on ``day`` ("2026-11-03") where the box is."""
        if not DAY <= now - self._until < 2 * DAY:
            self._until = now - DAY
            self._counted = {name: _count(connection, name, float("-inf"), self._until) for name in _COUNTS}
        sums = {name: old + _count(connection, name, self._until, float("inf")) for name, old in self._counted.items()}
        waiting, oldest = connection.execute(
            "SELECT count(*), min(accepted_at) FROM request WHERE state <> 'closed'"
        ).fetchone()
        refusals: Counter[str] = Counter()
        for (why,), count in (sums["refused_callers"] + sums["refused_requests"]).items():
            refusals[why.partition(": ")[0]] += count
        return Figures(
            calls=dict(sums["calls"]),
            call_backs=dict(sums["call_backs"]),
            refusals=dict(refusals),
            orders=sums["orders"][("all",)],
            waiting=waiting,
            oldest=oldest,
            spent=spent(connection, day),
            alarms=alarms.counts(connection),
        )


def _count(connection: sqlite3.Connection, name: str, begin: float, end: float) -> "Counter[Key]":
    return Counter({tuple(row[:-1]): row[-1] for row in connection.execute(_COUNTS[name], (begin, end)) if row[-1]})
