"""What the overseas box keeps: the queue of requests, every dialling before it happens, and what the customers ordered.

    open ──claim──▶ claimed ──dial_intent──▶ calling ──attempt_ended──▶ open (another attempt is due) or closed
                       └──unclaim──▶ open        └──crash, recover──▶ closed as "unknown", never dialled again

Reports and orders are written to the outbox in the transaction that makes them true.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import StoreError
from gateway.numbers import PhoneNumber
from gateway.protocols.messages import CallReport, CallRequest, Message, Order, OrderLine, Outcome, Recording
from gateway.store import outbox
from gateway.store.backup import is_restored, settle_restored
from gateway.store.bounds import Admit
from gateway.store.database import Database
from gateway.store.domestic import keep_order, known_number
from gateway.store.ids import new_id
from gateway.store.inbox import Effect
from gateway.store.order_numbers import next_order_number

CHUNK = 4 * 1024
"""Bytes of sound in one message, half a second: on a slow line an order waits behind two of them at most."""

CLOCK_SET_BACK = 60.0
"""Seconds by which the clock must be behind the moment an attempt was planned before the plan is void: dial now."""

_DUE = "state = 'open' AND (due_at <= ? OR due_set_at > ?) ORDER BY due_at LIMIT 1"


@dataclass(frozen=True)
class Claimed:
    """A request that one line has to itself. ``outcomes``: of its earlier attempts, in order."""

    request: str
    number: PhoneNumber
    called: str
    language: str
    accepted_at: float
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class Due:
    """A request that may be dialled since ``at`` (Unix time), by a line that is priced by ``route`` if it names one."""

    number: PhoneNumber
    route: str
    at: float


class Overseas:
    """The overseas journal. ``peer``: the box that asks for call-backs and gets the orders.

    With several domestic boxes each has its ``effect_of``; reports and orders go to the one that asked.
    """

    def __init__(self, database: Database, peer: str, order_prefix: str = "") -> None:
        """``order_prefix``: the first digits of its order numbers."""
        self.database = database
        self.peer = peer
        self.order_prefix = order_prefix

    def effect(self, connection: sqlite3.Connection, message: Message, at: float) -> None:
        """What a message from the domestic box changes here; runs inside the inbox's transaction."""
        self._take(connection, message, at, self.peer)

    def effect_of(self, peer: str) -> Effect:
        """``effect`` for messages from one of several domestic boxes."""
        return lambda connection, message, at: self._take(connection, message, at, peer)

    def _take(self, connection: sqlite3.Connection, message: Message, at: float, peer: str) -> None:
        if not isinstance(message, CallRequest):
            raise ValueError("an overseas box takes call requests only")
        number = known_number(message.number)
        connection.execute(
            "INSERT OR IGNORE INTO request"
            " (id, peer, number, called, language, accepted_at, route, state, due_at, due_set_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'open', ?, ?)",
            (message.id, peer, number, message.called, message.language, message.accepted_at, message.route, at, at),
        )
        if number is None:
            self._close(connection, message.id, "refused", at, "not a telephone number in E.164")

    async def claim(self, line: str, now: float) -> Claimed | None:
        """The request that is due first, for ``line`` alone; None if none is due."""
        return await self.database.write(lambda connection: _claim(connection, line, now))

    async def unclaim(self, request: str) -> None:
        """Give a claimed request back undialled; it stays due."""
        await self.database.write(
            lambda connection: (
                connection.execute(
                    "UPDATE request SET state = 'open', line = NULL WHERE id = ? AND state = 'claimed'", (request,)
                ).rowcount
            )
        )

    async def give_back(self, since: float, at: float) -> list[str]:
        """Close what has been due since before ``since`` and was never dialled, no line being free, so that the
        domestic box can ask another one. Returns the requests.
        """
        return await self.database.write(lambda connection: self._give_back(connection, since, at))

    async def next_due(self) -> float | None:
        """Unix time at which the next request is due; None if none is open."""
        return await self.database.read(
            lambda connection: connection.execute("SELECT min(due_at) FROM request WHERE state = 'open'").fetchone()[0]
        )

    async def next_due_request(self, now: float) -> Due | None:
        """What ``claim`` would give now."""
        row = await self.database.read(
            lambda connection: connection.execute(
                f"SELECT number, route, due_at FROM request WHERE {_DUE}", (now, now + CLOCK_SET_BACK)
            ).fetchone()
        )
        return None if row is None else Due(PhoneNumber(row[0]), row[1], row[2])

    async def due_count(self, now: float) -> int:
        """How many requests are due and no line has."""
        return await self.database.read(
            lambda connection: int(
                connection.execute(
                    "SELECT count(*) FROM request WHERE state = 'open' AND due_at <= ?", (now,)
                ).fetchone()[0]
            )
        )

    async def dial_intent(
        self, request: str, line: str, at: float, admit: Admit | None = None, route: str | None = None
    ) -> int:
        """Put on disk that ``line`` dials now; the attempt's number, from 1. Raises ``StoreError``: do not dial.

        ``admit`` has the last word in the same transaction; where it raises ``Refused`` nothing is kept. ``route``:
        of the rate deck, what prices the line.
        """
        return await self.database.write(
            lambda connection: _dial_intent(connection, request, line, at, admit, route or "")
        )

    async def answered(self, request: str, attempt: int, at: float) -> None:
        """A person is there (a key proved it): whatever follows, this request is never dialled again."""
        await self.database.write(
            lambda connection: (
                connection.execute(
                    "UPDATE attempt SET answered_at = coalesce(answered_at, ?) WHERE request = ? AND attempt = ?",
                    (at, request, attempt),
                ).rowcount
            )
        )

    async def attempt_ended(
        self,
        request: str,
        attempt: int,
        *,
        outcome: Outcome,
        at: float,
        next_at: float | None,
        talk_seconds: float = 0.0,
        detail: str = "",
    ) -> bool:
        """Note how a dialling ended and report it. ``next_at``: dial again then, unless a person had answered.

        True if the request is closed with this.
        """
        return await self.database.write(
            lambda connection: self._attempt_ended(
                connection, request, attempt, outcome, at, next_at, talk_seconds, detail
            )
        )

    async def close(self, request: str, *, outcome: Outcome, at: float, detail: str = "") -> None:
        """Close a request that will not be dialled (any more), and report it as attempt 0."""
        await self.database.write(lambda connection: self._close(connection, request, outcome, at, detail))

    async def recover(self, now: float) -> int:
        """At start: what was being dialled when the box died becomes "unknown" and final; what was only claimed is
        due again. An attempt in which an order had been confirmed is reported as "order". Returns how many were cut.

        In a store that was put back from a backup every open request becomes "unknown".
        """
        return await self.database.write(lambda connection: self._recover(connection, now))

    async def confirm_order(
        self, request: str, attempt: int, lines: Sequence[OrderLine], *, at: float, confirmation: int = 1
    ) -> str:
        """Put an order and its message on disk; the number to speak to the customer.

        ``confirmation`` counts the orders of one call; the same one again gives the same number and nothing new.
        """
        kept = tuple(lines)
        return await self.database.write(
            lambda connection: self._confirm(connection, request, attempt, kept, at, confirmation)
        )

    async def order_acknowledged(self, order: str) -> bool:
        """Whether the shop has the order with this spoken number on its disk."""
        return await self.database.read(
            lambda connection: any(
                outbox.is_settled(connection, order_id)
                for (order_id,) in connection.execute("SELECT id FROM orders WHERE order_number = ?", (order,))
            )
        )

    async def add_recording(self, request: str, *, subject: str, sound: bytes, at: float) -> None:
        """Put a spoken message (8-bit µ-law, 8 kHz) on its way, in chunks behind everything urgent."""
        await self.database.write(lambda connection: self._add_recording(connection, request, subject, sound, at))

    def _attempt_ended(
        self,
        connection: sqlite3.Connection,
        request: str,
        attempt: int,
        outcome: Outcome,
        at: float,
        next_at: float | None,
        talk_seconds: float,
        detail: str,
    ) -> bool:
        row = connection.execute(
            "UPDATE attempt SET ended_at = ?, outcome = ?, talk_seconds = ?, detail = ?"
            " WHERE request = ? AND attempt = ? AND ended_at IS NULL RETURNING dialled_at, answered_at, route",
            (at, outcome, talk_seconds, detail, request, attempt),
        ).fetchone()
        if row is None:
            raise StoreError(f"request {request}: attempt {attempt} is not under way")
        dialled_at, answered_at, route = row
        final = next_at is None or answered_at is not None
        if final:
            _set_closed(connection, request, outcome, at)
        else:
            connection.execute(
                "UPDATE request SET state = 'open', line = NULL, due_at = ?, due_set_at = ? WHERE id = ?",
                (next_at, at, request),
            )
        report = CallReport(new_id(), request, attempt, outcome, final, dialled_at, at, talk_seconds, detail, route)
        outbox.post(connection, _asker(connection, request), report, at=at)
        return final

    def _close(self, connection: sqlite3.Connection, request: str, outcome: Outcome, at: float, detail: str) -> None:
        _set_closed(connection, request, outcome, at)
        connection.execute(
            "INSERT INTO attempt (request, attempt, dialled_at, ended_at, outcome, talk_seconds, detail)"
            " VALUES (?, 0, ?, ?, ?, 0.0, ?)",
            (request, at, at, outcome, detail),
        )
        report = CallReport(new_id(), request, 0, outcome, True, at, at, 0.0, detail)
        outbox.post(connection, _asker(connection, request), report, at=at)

    def _give_back(self, connection: sqlite3.Connection, since: float, at: float) -> list[str]:
        rows = connection.execute(
            "SELECT id FROM request WHERE state = 'open' AND due_at < ?"
            " AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.request = request.id)",
            (since,),
        ).fetchall()
        for (request,) in rows:
            self._close(connection, request, "line lost", at, "no line was free for it")
        return [request for (request,) in rows]

    def _recover(self, connection: sqlite3.Connection, now: float) -> int:
        connection.execute("UPDATE request SET state = 'open', line = NULL WHERE state = 'claimed'")
        cut = connection.execute(
            "SELECT request, attempt, EXISTS (SELECT 1 FROM orders WHERE orders.request = attempt.request"
            " AND orders.attempt = attempt.attempt) FROM attempt WHERE ended_at IS NULL"
        ).fetchall()
        for request, attempt, ordered in cut:
            outcome: Outcome = "order" if ordered else "unknown"
            detail = "the box stopped in mid-call"
            self._attempt_ended(connection, request, attempt, outcome, now, None, 0.0, detail)
        if is_restored(connection):
            for (request,) in connection.execute("SELECT id FROM request WHERE state <> 'closed'").fetchall():
                self._close(connection, request, "unknown", now, "a backup was put back: it may have been called since")
            settle_restored(connection)
        return len(cut)

    def _confirm(
        self,
        connection: sqlite3.Connection,
        request: str,
        attempt: int,
        lines: tuple[OrderLine, ...],
        at: float,
        confirmation: int,
    ) -> str:
        known = connection.execute(
            "SELECT order_number FROM orders WHERE request = ? AND attempt = ? AND confirmation = ?",
            (request, attempt, confirmation),
        ).fetchone()
        if known is not None:
            return str(known[0])
        number = connection.execute("SELECT number FROM request WHERE id = ?", (request,)).fetchone()[0]
        running, spoken = next_order_number(connection, self.order_prefix)
        order = Order(new_id(), request, number or "", spoken, lines, at)
        keep_order(connection, order, at)
        connection.execute(
            "UPDATE orders SET attempt = ?, confirmation = ?, running = ? WHERE id = ?",
            (attempt, confirmation, running, order.id),
        )
        outbox.post(connection, _asker(connection, request), order, at=at)
        return order.order_number

    def _add_recording(
        self, connection: sqlite3.Connection, request: str, subject: str, sound: bytes, at: float
    ) -> None:
        number = connection.execute("SELECT number FROM request WHERE id = ?", (request,)).fetchone()[0] or ""
        parts = [sound[start : start + CHUNK] for start in range(0, len(sound), CHUNK)] or [b""]
        for chunk, part in enumerate(parts):
            message = Recording(new_id(), request, number, subject, at, chunk, len(parts), part)
            outbox.post(connection, _asker(connection, request), message, at=at)


def _asker(connection: sqlite3.Connection, request: str) -> str:
    """The domestic box that a request came from."""
    return str(connection.execute("SELECT peer FROM request WHERE id = ?", (request,)).fetchone()[0])


def _claim(connection: sqlite3.Connection, line: str, now: float) -> Claimed | None:
    row = connection.execute(
        f"UPDATE request SET state = 'claimed', line = ? WHERE id = (SELECT id FROM request WHERE {_DUE})"
        " RETURNING id, number, called, language, accepted_at",
        (line, now, now + CLOCK_SET_BACK),
    ).fetchone()
    if row is None:
        return None
    outcomes = connection.execute(
        "SELECT outcome FROM attempt WHERE request = ? AND attempt > 0 ORDER BY attempt", (row[0],)
    ).fetchall()
    claimed, number, called, language, accepted_at = row
    earlier = tuple(outcome for (outcome,) in outcomes)
    return Claimed(claimed, PhoneNumber(number), called, language, float(accepted_at), earlier)


def _dial_intent(
    connection: sqlite3.Connection, request: str, line: str, at: float, admit: Admit | None, route: str
) -> int:
    if not connection.execute(
        "UPDATE request SET state = 'calling' WHERE id = ? AND state = 'claimed' AND line = ?", (request, line)
    ).rowcount:
        raise StoreError(f"request {request} is not claimed by line {line}: it must not be dialled")
    attempt: int = connection.execute(
        "INSERT INTO attempt (request, attempt, line, dialled_at, route)"
        " SELECT ?, coalesce(max(attempt), 0) + 1, ?, ?, ? FROM attempt WHERE request = ? RETURNING attempt",
        (request, line, at, route, request),
    ).fetchone()[0]
    if admit is not None:
        admit(connection, request, attempt)
    connection.execute("UPDATE request SET admitted_at = coalesce(admitted_at, ?) WHERE id = ?", (at, request))
    return attempt


def _set_closed(connection: sqlite3.Connection, request: str, outcome: Outcome, at: float) -> None:
    connection.execute(
        "UPDATE request SET state = 'closed', line = NULL, outcome = ?, closed_at = ? WHERE id = ?",
        (outcome, at, request),
    )
