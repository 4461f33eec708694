"""The box's record of calls: ``Domestic`` and ``Overseas`` write it, and here is what people read of it.

Domestic(database, peer): accept → Accepted, release, release_held, withdraw, record_refused, leg_ended,
                          open_requests, recordings, sound; effect (for the link)
Overseas(database, peer): claim → Claimed, unclaim, next_due, next_due_request → Due, due_count, dial_intent, answered,
                          attempt_ended, close, give_back, recover, confirm_order, order_acknowledged, add_recording;
                          effect (for the link)
calls(connection, limit), orders(connection, limit): rows for a technician, newest first
"""

import sqlite3
from dataclasses import dataclass

from gateway.numbers import PhoneNumber
from gateway.protocols.messages import OrderLine
from gateway.store.domestic import Accepted, Domestic, OpenRequest, SpokenMessage
from gateway.store.overseas import Claimed, Due, Overseas

__all__ = [
    "Accepted",
    "CallRow",
    "Claimed",
    "Domestic",
    "Due",
    "OpenRequest",
    "OrderRow",
    "Overseas",
    "SpokenMessage",
    "calls",
    "orders",
]


@dataclass(frozen=True)
class CallRow:
    """One inbound call with what became of its request; at the overseas box one request. Times are Unix seconds."""

    at: float
    line: str
    number: PhoneNumber | None
    refused: str | None
    first_leg: float | None
    """Seconds off hook in the guidance leg."""
    request: str | None
    state: str | None
    outcome: str | None
    attempts: int
    talk_seconds: float
    detail: str
    orders: tuple[str, ...]


@dataclass(frozen=True)
class OrderRow:
    """One order. ``acknowledged``: the other box has it (always true at the domestic box, where it ends up)."""

    confirmed_at: float
    order_number: str
    number: PhoneNumber | None
    lines: tuple[OrderLine, ...]
    request: str
    acknowledged: bool


_CALLS = """
SELECT call.at, call.line, call.number, call.refused, call.on_hook_at - call.off_hook_at, call.request
  FROM call
 UNION ALL
SELECT accepted_at, coalesce(request.line, ''), number, NULL, NULL, id
  FROM request WHERE NOT EXISTS (SELECT 1 FROM call WHERE call.request = request.id)
 ORDER BY 1 DESC LIMIT ?
"""

_REQUEST = """
SELECT request.state, request.outcome, count(CASE WHEN attempt.attempt > 0 THEN 1 END),
       coalesce(sum(attempt.talk_seconds), 0.0), coalesce(max(attempt.detail), '')
  FROM request LEFT JOIN attempt ON attempt.request = request.id WHERE request.id = ?
"""


def calls(connection: sqlite3.Connection, limit: int = 100) -> list[CallRow]:
    """The newest calls."""
    return [_call(connection, *row) for row in connection.execute(_CALLS, (limit,)).fetchall()]


def _call(
    connection: sqlite3.Connection,
    at: float,
    line: str,
    number: str | None,
    refused: str | None,
    first_leg: float | None,
    request: str | None,
) -> CallRow:
    shown = PhoneNumber(number) if number else None
    if request is None:
        return CallRow(at, line, shown, refused, first_leg, None, None, None, 0, 0.0, "", ())
    state, outcome, attempts, talk_seconds, detail = connection.execute(_REQUEST, (request,)).fetchone()
    numbers = connection.execute(
        "SELECT order_number FROM orders WHERE request = ? ORDER BY confirmed_at", (request,)
    ).fetchall()
    ordered = tuple(order for (order,) in numbers)
    return CallRow(
        at, line, shown, refused, first_leg, request, state, outcome, attempts, talk_seconds, detail, ordered
    )


def orders(connection: sqlite3.Connection, limit: int = 100) -> list[OrderRow]:
    """The newest orders."""
    rows = connection.execute(
        "SELECT orders.id, confirmed_at, order_number, number, request,"
        " outbox.id IS NULL OR outbox.settled_at IS NOT NULL"
        " FROM orders LEFT JOIN outbox ON outbox.id = orders.id ORDER BY confirmed_at DESC LIMIT ?",
        (limit,),
    ).fetchall()
    return [
        OrderRow(
            confirmed_at,
            order_number,
            PhoneNumber(number) if number else None,
            tuple(
                OrderLine(article, quantity)
                for article, quantity in connection.execute(
                    "SELECT article, quantity FROM order_line WHERE orders = ? ORDER BY position", (order_id,)
                )
            ),
            request,
            bool(acknowledged),
        )
        for order_id, confirmed_at, order_number, number, request, acknowledged in rows
    ]
