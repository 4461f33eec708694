"""Which overseas box gets a request: decided when its line lets it go, by what is known at that moment.

    held by its line ──release──▶ sent to the best box that is up; while none is, held for the first that will be
    sent ──"line lost", attempt 0──▶ closed, and a new request held in its place for the box asked least so far

What is held was never sent, so it may still go to any box. What was sent may have arrived although nobody
acknowledged it: it stays with that box until the box itself says that it gives it back undialled. So no request is
ever with two boxes.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.numbers import PhoneNumber
from gateway.protocols.messages import CallRequest
from gateway.store import bounds, outbox
from gateway.store.ids import new_id

NOBODY_UP = "@nobody up"
"""Owner of what waits for a box to come up; no line can be named like this."""

ROUNDS = 12
"""How often one box is asked for one customer; one that gives back at once must not be asked for ever."""


@dataclass(frozen=True)
class Choice:
    """An overseas box that may be asked, and the route of its line that is to dial ("": any). ``up``: reachable now."""

    peer: str
    route: str = ""
    up: bool = True


Rank = Callable[[PhoneNumber], Sequence[Choice]]
"""``rank(number)``: all overseas boxes, the one to ask first first. Also called in the store's threads."""


def release(connection: sqlite3.Connection, rank: Rank, request: str) -> str | None:
    """Let a held request go to the best box that is up. That box, or ``NOBODY_UP``; None if it is not held any more."""
    row = connection.execute(
        "SELECT number, accepted_at, called, language, outbox.peer FROM request JOIN outbox USING (id)"
        " WHERE id = ? AND owner IS NOT NULL AND number IS NOT NULL",
        (request,),
    ).fetchone()
    if row is None:
        return None
    number, accepted_at, called, language, peer = row
    asked = _asked(connection, request, number, accepted_at)
    best = min((c for c in rank(PhoneNumber(number)) if c.up), key=lambda c: asked.get(c.peer, 0), default=None)
    if best is None:
        connection.execute("UPDATE outbox SET owner = ? WHERE id = ?", (NOBODY_UP, request))
        return NOBODY_UP
    if best.peer != peer or best.route:
        message = CallRequest(request, number, accepted_at, called, language, best.route)
        outbox.readdress(connection, best.peer, message)
        connection.execute("UPDATE request SET peer = ? WHERE id = ?", (best.peer, request))
    outbox.release(connection, request)
    return best.peer


def release_held(connection: sqlite3.Connection, rank: Rank, owner: str) -> list[str]:
    """Let go what ``owner`` holds: a line after a crash, or ``NOBODY_UP``. Returns who has them now, one by one."""
    rows = connection.execute("SELECT id FROM outbox WHERE owner = ? ORDER BY written_at", (owner,)).fetchall()
    return [peer for (request,) in rows if (peer := release(connection, rank, request)) is not None]


def hand_on(connection: sqlite3.Connection, rank: Rank, request: str, at: float) -> None:
    """Put a request of its own in the place of one that a box gave back undialled.

    What belongs to the customer's call moves with it: his calls, what was booked for it, its place in the counts.
    """
    row = connection.execute(
        "SELECT number, accepted_at, called, language FROM request WHERE id = ? AND number IS NOT NULL", (request,)
    ).fetchone()
    if row is None:
        return
    number, accepted_at, called, language = row
    asked = _asked(connection, "", number, accepted_at)
    again = [each for each in rank(PhoneNumber(number)) if asked.get(each.peer, 0) < ROUNDS]
    if not again:
        return
    message = CallRequest(new_id(), number, accepted_at, called, language)
    insert(connection, message, again[0].peer)
    connection.execute(
        "UPDATE request SET first_contact = (SELECT first_contact FROM request WHERE id = ?) WHERE id = ?",
        (request, message.id),
    )
    connection.execute("UPDATE request SET admitted_at = NULL, first_contact = 0 WHERE id = ?", (request,))
    connection.execute("UPDATE call SET request = ? WHERE request = ?", (message.id, request))
    bounds.rebook(connection, request, message.id)
    outbox.hold(connection, again[0].peer, message, owner=NOBODY_UP, at=at)
    release(connection, rank, message.id)


def insert(connection: sqlite3.Connection, request: CallRequest, peer: str) -> None:
    """Write an open request, to be asked of ``peer``."""
    connection.execute(
        "INSERT INTO request (id, peer, number, called, language, accepted_at, admitted_at, state)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 'open')",
        (request.id, peer, request.number, request.called, request.language, request.accepted_at),
    )


def _asked(connection: sqlite3.Connection, besides: str, number: str, accepted_at: float) -> dict[str, int]:
    """Box → how often it has been asked for the call that was accepted then."""
    rows = connection.execute(
        "SELECT peer, count(*) FROM request WHERE number = ? AND accepted_at = ? AND id <> ? GROUP BY peer",
        (number, accepted_at, besides),
    )
    return dict(rows.fetchall())
