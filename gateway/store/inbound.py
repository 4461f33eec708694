"""What is kept of a customer who is served on the call that he has made himself: nobody calls him back.

    accepted, held ──begin──▶ attempt 0 under way ──order, message──▶ closed: the held request is forgotten
                                      └──ended──▶ closed too if he was served; if not, still owed a call-back

Whatever is kept for him forgets the held request in the same transaction. So a crash at any moment leaves him either
served or owed a call-back, never both.
"""

import sqlite3
from dataclasses import dataclass

from gateway.protocols.messages import Order, OrderLine, Outcome
from gateway.store import outbox
from gateway.store.database import Database
from gateway.store.domestic import keep_order
from gateway.store.ids import new_id
from gateway.store.order_numbers import next_order_number


@dataclass(frozen=True)
class InboundCalls:
    """The domestic journal of such calls. Every method raises ``StoreError``."""

    database: Database
    order_prefix: str = ""
    """First digits of its order numbers."""

    async def begin(self, request: str, line: str, at: float) -> bool:
        """Note that ``line`` serves the request now. False if it doesn't hold it (any more): he will be called back."""
        return await self.database.write(lambda connection: _begin(connection, request, line, at))

    async def place(self, request: str, lines: tuple[OrderLine, ...], at: float) -> str:
        """Put an order on disk; the number to speak to the customer. Called again it is another order."""
        return await self.database.write(lambda connection: _place(connection, request, lines, at, self.order_prefix))

    async def keep_message(self, request: str, *, subject: str, sound: bytes, at: float) -> None:
        """Put a spoken message (8-bit µ-law, 8 kHz) on disk."""
        await self.database.write(lambda connection: _keep_message(connection, request, subject, sound, at))

    async def ended(self, request: str, *, outcome: Outcome, talk_seconds: float, at: float, detail: str = "") -> bool:
        """The call is over. True if the customer was served by it; else he is still owed a call-back."""
        return await self.database.write(
            lambda connection: _ended(connection, request, outcome, talk_seconds, at, detail)
        )

    async def recover(self, now: float) -> int:
        """At start: of calls that the box died in, those in which something was kept are over. Returns how many.

        The others are owed a call-back again: their requests are still held, for ``Domestic.release_held`` to let go.
        """
        return await self.database.write(lambda connection: _recover(connection, now))


def _begin(connection: sqlite3.Connection, request: str, line: str, at: float) -> bool:
    held = connection.execute("SELECT 1 FROM outbox WHERE id = ? AND owner = ?", (request, line)).fetchone()
    if held:
        connection.execute(
            "INSERT INTO attempt (request, attempt, line, dialled_at) VALUES (?, 0, ?, ?)", (request, line, at)
        )
    return held is not None


def _place(connection: sqlite3.Connection, request: str, lines: tuple[OrderLine, ...], at: float, prefix: str) -> str:
    _serve(connection, request, "order", at)
    running, spoken = next_order_number(connection, prefix)
    order = Order(new_id(), request, _number(connection, request), spoken, lines, at)
    keep_order(connection, order, at)
    connection.execute(
        "UPDATE orders SET attempt = 0, confirmation = ?, running = ? WHERE id = ?", (running, running, order.id)
    )
    return spoken


def _keep_message(connection: sqlite3.Connection, request: str, subject: str, sound: bytes, at: float) -> None:
    _serve(connection, request, "message", at)
    connection.execute(
        "INSERT INTO recording (request, recorded_at, number, subject, chunks) VALUES (?, ?, ?, ?, 1)",
        (request, at, _number(connection, request) or None, subject),
    )
    connection.execute(
        "INSERT INTO recording_chunk (request, recorded_at, chunk, sound) VALUES (?, ?, 0, ?)", (request, at, sound)
    )


def _ended(
    connection: sqlite3.Connection, request: str, outcome: Outcome, talk_seconds: float, at: float, detail: str
) -> bool:
    if outcome == "talked":
        _serve(connection, request, outcome, at)
    if _is_open(connection, request):
        connection.execute("DELETE FROM attempt WHERE request = ? AND attempt = 0 AND ended_at IS NULL", (request,))
        return False
    connection.execute("UPDATE request SET outcome = ?, closed_at = ? WHERE id = ?", (outcome, at, request))
    connection.execute(
        "UPDATE attempt SET ended_at = ?, outcome = ?, talk_seconds = ?, detail = ?"
        " WHERE request = ? AND attempt = 0 AND ended_at IS NULL",
        (at, outcome, talk_seconds, detail, request),
    )
    return True


def _recover(connection: sqlite3.Connection, now: float) -> int:
    rows = connection.execute("SELECT request FROM attempt WHERE attempt = 0 AND ended_at IS NULL").fetchall()
    for (request,) in rows:
        if _is_open(connection, request):
            connection.execute("DELETE FROM attempt WHERE request = ? AND attempt = 0", (request,))
        else:
            connection.execute(
                "UPDATE attempt SET ended_at = ?, outcome = 'unknown', talk_seconds = 0, detail = ?"
                " WHERE request = ? AND attempt = 0",
                (now, "the box stopped in mid-call", request),
            )
    return len(rows)


def _serve(connection: sqlite3.Connection, request: str, outcome: Outcome, at: float) -> None:
    """Close the request if its message is still ours; one that has gone already takes its own way."""
    if outbox.drop_held(connection, request):
        connection.execute(
            "UPDATE request SET state = 'closed', outcome = ?, closed_at = ? WHERE id = ? AND state = 'open'",
            (outcome, at, request),
        )


def _is_open(connection: sqlite3.Connection, request: str) -> bool:
    row = connection.execute("SELECT state FROM request WHERE id = ?", (request,)).fetchone()
    return row is not None and row[0] != "closed"


def _number(connection: sqlite3.Connection, request: str) -> str:
    """The customer's, "" once it has been erased."""
    return str(connection.execute("SELECT coalesce(number, '') FROM request WHERE id = ?", (request,)).fetchone()[0])
