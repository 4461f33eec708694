"""Forgetting: numbers that are no longer needed, and numbers that somebody asks to be forgotten.

Rows stay, for statistics and accounts; telephone numbers and voices in them go. What is deleted is overwritten in the
file (secure_delete), and the write-ahead log, which may hold older pages, is emptied afterwards.
"""

import sqlite3
from dataclasses import dataclass

from gateway.numbers import PhoneNumber

DEFAULT_DAYS = 90
"""For how long numbers are kept unless the settings say otherwise; 30 to 90 days are usual."""


@dataclass(frozen=True)
class Forgotten:
    """How many rows no longer name anybody, and how many spoken messages were deleted.

    ``traces``: messages and their ids that the link kept, and no longer does.
    ``waiting``: messages to the other box that still name the number, and go their way; erase again after that.
    ``calling``: requests that are being dialled at this moment; erase again after that.
    """

    rows: int
    recordings: int
    traces: int = 0
    waiting: int = 0
    calling: int = 0


@dataclass(frozen=True)
class Limits:
    """Unix times before which what is kept no longer names anybody; ``-inf`` keeps it for ever."""

    calls: float
    recordings: float
    orders: float


def forget(connection: sqlite3.Connection, before: Limits, *, at_most: int = -1) -> Forgotten:
    """Drop numbers and voices of what is older than ``before``, and the link's traces of it.

    Runs inside the caller's transaction. A request that is open is never touched, however old. ``at_most``: rows of
    each kind in one go, so that nobody waits long for the store; call it again until nothing is found. -1: all.
    """
    done = {
        kind: sum(connection.execute(work, (getattr(before, kind), at_most)).rowcount for work in some)
        for kind, some in _FORGET.items()
    }
    return Forgotten(
        done["calls"] + done["orders"], done["recordings"], traces=_drop_traces(connection, before, at_most)
    )


_FORGET = {
    "calls": (
        "UPDATE call SET number = NULL WHERE id IN (SELECT call.id FROM call LEFT JOIN request ON request.id = request"
        " WHERE call.number IS NOT NULL AND at < ? AND coalesce(state, 'closed') = 'closed' LIMIT ?)",
        "UPDATE request SET number = NULL WHERE id IN (SELECT id FROM request"
        " WHERE number IS NOT NULL AND accepted_at < ? AND state = 'closed' LIMIT ?)",
    ),
    "orders": (
        "UPDATE orders SET number = NULL WHERE id IN (SELECT orders.id FROM orders JOIN request ON request.id = request"
        " WHERE orders.number IS NOT NULL AND confirmed_at < ? AND state = 'closed' LIMIT ?)",
    ),
    "recordings": (
        "DELETE FROM recording WHERE (request, recorded_at) IN (SELECT request, recorded_at FROM recording"
        " JOIN request ON request.id = request WHERE recorded_at < ? AND state = 'closed' LIMIT ?)",
    ),
}
"""By kind: what takes a Unix time and a number of rows."""


def _drop_traces(connection: sqlite3.Connection, before: Limits, at_most: int) -> int:
    """Messages that the peer has, and the ids of those that came in; how many."""
    return sum(
        connection.execute(
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {moment} < ? LIMIT ?)",
            (before.calls, at_most),
        ).rowcount
        for table, moment in (("outbox", "settled_at"), ("inbox", "received_at"))
    )


def erase(connection: sqlite3.Connection, number: PhoneNumber, at: float) -> Forgotten:
    """Forget ``number`` now, wherever it stands; a request of it that is still owed is withdrawn.

    Runs inside the caller's transaction.
    """
    mine = "number = ? AND state <> 'closed'"
    connection.execute(
        "DELETE FROM outbox WHERE owner IS NOT NULL AND id IN (SELECT id FROM request WHERE number = ?)",
        (number.e164,),
    )
    connection.execute(
        f"UPDATE request SET state = 'closed', outcome = 'withdrawn', line = NULL, closed_at = ?"
        f" WHERE {mine} AND state = 'open'",
        (at, number.e164),
    )
    calling = connection.execute(f"SELECT count(*) FROM request WHERE {mine}", (number.e164,)).fetchone()[0]
    recordings = connection.execute("DELETE FROM recording WHERE number = ?", (number.e164,)).rowcount
    rows = _blank(connection, "number = ? AND state = 'closed'", number.e164)
    rows += connection.execute(
        "UPDATE outbox SET body = x'' WHERE settled_at IS NOT NULL AND instr(body, CAST(? AS BLOB))", (number.e164,)
    ).rowcount
    for table in ("call", "orders"):
        rows += connection.execute(f"UPDATE {table} SET number = NULL WHERE number = ?", (number.e164,)).rowcount
    waiting = connection.execute(
        "SELECT count(*) FROM outbox WHERE settled_at IS NULL AND instr(body, CAST(? AS BLOB))", (number.e164,)
    ).fetchone()[0]
    return Forgotten(rows, recordings, waiting=waiting, calling=calling)


def _blank(connection: sqlite3.Connection, which: str, value: float | str) -> int:
    """Take the number out of requests and of what belongs to them; how many rows."""
    chosen = [row[0] for row in connection.execute(f"SELECT id FROM request WHERE {which}", (value,))]
    rows = 0
    for table, key in (("call", "request"), ("orders", "request"), ("request", "id")):
        rows += sum(
            connection.execute(
                f"UPDATE {table} SET number = NULL WHERE {key} = ? AND number IS NOT NULL", (request,)
            ).rowcount
            for request in chosen
        )
    return rows
