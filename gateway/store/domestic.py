"""What the domestic box keeps: callers, the requests that they are owed, and what the overseas box reports of them.

A request is written together with its message, *held* until the customer's line is free again. A caller whose
request is still open joins it: one number is called back once.
"""

import logging
import re
import sqlite3
from collections.abc import Callable, Collection
from dataclasses import dataclass

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from gateway.numbers import CallerId, PhoneNumber
from gateway.protocols.messages import CallReport, CallRequest, Message, Order, Recording
from gateway.store import hand_over, outbox
from gateway.store.backup import is_restored, settle_restored
from gateway.store.bounds import Admit, Refused
from gateway.store.database import Database
from gateway.store.hand_over import NOBODY_UP, Choice, Rank
from gateway.store.ids import new_id
from gateway.store.inbox import Effect
from gateway.store.order_numbers import is_given_twice

log = logging.getLogger(__name__)

E164 = re.compile(r"\+[1-9][0-9]{6,14}")

_CODES = frozenset(map(str, COUNTRY_CODE_TO_REGION_CODE))
"""Country codes in use: one to three digits, none of which begins another."""

STALE = 86400.0
"""Seconds after which a request that the peer has, and never reported on, no longer takes in its number's new calls."""


_RECORDINGS = """
SELECT request, recorded_at, number, subject, chunks =
       (SELECT count(*) FROM recording_chunk AS part
         WHERE part.request = recording.request AND part.recorded_at = recording.recorded_at)
  FROM recording ORDER BY recorded_at DESC LIMIT ?
"""


@dataclass(frozen=True)
class Accepted:
    """A request on disk. ``joined``: it was open already, and no further message goes out."""

    request: str
    joined: bool


@dataclass(frozen=True)
class OpenRequest:
    """A customer who has not been called back yet."""

    request: str
    number: PhoneNumber
    accepted_at: float


@dataclass(frozen=True)
class SpokenMessage:
    """A question or complaint that a customer spoke. ``complete``: all of its sound has come."""

    request: str
    recorded_at: float
    number: PhoneNumber | None
    subject: str
    complete: bool


class Domestic:
    """The domestic journal. ``peer``: the box that calls back; ``others``: those that may do so in its place.

    With several overseas boxes each has its ``effect_of``, and ``rank`` says which is to be asked for whom, the first
    if None; ``asked`` is told who was; ``away`` says who has not been heard for long. A request that one of them closes
    undialled because it has no line ("line lost", attempt 0) is handed on: never to two at a time.
    """

    def __init__(
        self,
        database: Database,
        peer: str,
        others: tuple[str, ...] = (),
        rank: Rank | None = None,
        asked: Callable[[str], None] = lambda peer: None,
        away: Callable[[str], bool] = lambda peer: False,
    ) -> None:
        self.database = database
        self.peer = peer
        self._asked, self._away = asked, away
        self._several = bool(others)
        self._rank: Rank = rank or (lambda number: [Choice(each) for each in (peer, *others)])

    async def accept(
        self,
        number: PhoneNumber,
        *,
        line: str,
        called: str,
        language: str,
        at: float,
        admit: Admit | None = None,
    ) -> Accepted:
        """Put a request for ``number`` on disk, its message held by ``line``. Raises ``StoreError``: not kept.

        ``admit`` has the last word in the same transaction; where it raises ``Refused`` nothing is kept either. So does
        a caller whose request is with a box that is away: no other may call him back.
        """
        request = CallRequest(new_id(), number.e164, at, called, language)
        return await self.database.write(lambda connection: self._accept(connection, request, line, admit))

    async def release(self, request: str) -> bool:
        """Let the request go to the best box that is up, or the first that comes up, the line being on hook.

        False if it has gone, or was withdrawn.
        """
        peer = await self.database.write(lambda connection: hand_over.release(connection, self._rank, request))
        return bool(self._tell(peer))

    async def release_held(self, line: str = NOBODY_UP) -> int:
        """Let go what a crash left held by ``line``; each line begins with this. Returns how many.

        Without a line: what waits for a box to come up.
        """
        return self._tell(
            *await self.database.write(lambda connection: hand_over.release_held(connection, self._rank, line))
        )

    async def release_orphans(self, lines: Collection[str]) -> int:
        """At start: let go what a line held that is not among ``lines`` any more. Returns how many."""

        def release(connection: sqlite3.Connection) -> list[str]:
            owners = connection.execute("SELECT DISTINCT owner FROM outbox WHERE owner IS NOT NULL").fetchall()
            gone = [owner for (owner,) in owners if owner not in (*lines, NOBODY_UP)]
            return [peer for owner in gone for peer in hand_over.release_held(connection, self._rank, owner)]

        return self._tell(*await self.database.write(release))

    async def recover(self, now: float) -> int:
        """At start, before any line: in a store that was put back from a backup, what no box must be asked for again.

        What was held then may have been sent since, to any box; with several boxes, what was sent may have been given
        back and handed on. Such requests become "unknown". Returns how many.
        """
        return await self.database.write(lambda connection: self._recover(connection, now))

    async def waiting(self) -> int:
        """How many requests wait for a box to come up."""
        return await self.database.read(lambda connection: outbox.held(connection, NOBODY_UP))

    def _tell(self, *peers: str | None) -> int:
        """Say which boxes were asked; how many requests that are, with those that wait for a box."""
        for peer in peers:
            if peer is not None and peer != NOBODY_UP:
                self._asked(peer)
        return sum(peer is not None for peer in peers)

    async def withdraw(self, request: str, reason: str) -> None:
        """The number was masked afterwards: forget it, and the request unless another call asked for it as well."""
        await self.database.write(lambda connection: _withdraw(connection, request, reason))

    async def record_refused(self, *, line: str, caller: CallerId, reason: str, at: float) -> None:
        """List a call that was not accepted. A number is kept only where one was shown."""
        number = caller.e164 if isinstance(caller, PhoneNumber) else None
        await self.database.write(
            lambda connection: (
                connection.execute(
                    "INSERT INTO call (at, line, number, refused) VALUES (?, ?, ?, ?)", (at, line, number, reason)
                ).rowcount
            )
        )

    async def leg_ended(self, request: str, *, off_hook_at: float, on_hook_at: float) -> None:
        """Note when the guidance leg of the request's newest call began and ended (Unix seconds)."""
        await self.database.write(
            lambda connection: (
                connection.execute(
                    "UPDATE call SET off_hook_at = ?, on_hook_at = ? WHERE id ="
                    " (SELECT max(id) FROM call WHERE request = ? AND on_hook_at IS NULL)",
                    (off_hook_at, on_hook_at, request),
                ).rowcount
            )
        )

    async def open_requests(self) -> list[OpenRequest]:
        """Who has not been called back yet, longest waiting first."""
        rows = await self.database.read(
            lambda connection: connection.execute(
                "SELECT id, number, accepted_at FROM request"
                " WHERE state <> 'closed' AND number IS NOT NULL ORDER BY accepted_at"
            ).fetchall()
        )
        return [OpenRequest(request, PhoneNumber(number), accepted_at) for request, number, accepted_at in rows]

    async def recordings(self, limit: int = 100) -> list[SpokenMessage]:
        """The newest spoken messages."""
        rows = await self.database.read(lambda connection: connection.execute(_RECORDINGS, (limit,)).fetchall())
        return [
            SpokenMessage(request, recorded_at, PhoneNumber(number) if number else None, subject, bool(complete))
            for request, recorded_at, number, subject, complete in rows
        ]

    async def sound(self, recording: SpokenMessage) -> bytes:
        """What has come of a spoken message, in order: 8-bit µ-law, 8 kHz."""
        rows = await self.database.read(
            lambda connection: connection.execute(
                "SELECT sound FROM recording_chunk WHERE request = ? AND recorded_at = ? ORDER BY chunk",
                (recording.request, recording.recorded_at),
            ).fetchall()
        )
        return b"".join(sound for (sound,) in rows)

    def effect(self, connection: sqlite3.Connection, message: Message, at: float) -> None:
        """What a message from the overseas box changes here; runs inside the inbox's transaction."""
        self._take(connection, message, at, self.peer)

    def effect_of(self, peer: str) -> Effect:
        """``effect`` for messages from one of several overseas boxes."""
        return lambda connection, message, at: self._take(connection, message, at, peer)

    def _take(self, connection: sqlite3.Connection, message: Message, at: float, peer: str) -> None:
        match message:
            case Order():
                _ensure_request(connection, message.request, message.number, message.confirmed_at, peer)
                keep_order(connection, message, at)
                if is_given_twice(connection, message.order_number):
                    log.warning("order number %s was given before; set order_prefix on each box", message.order_number)
            case CallReport():
                _ensure_request(connection, message.request, None, message.dialled_at, peer)
                if _keep_report(connection, message) and _was_given_back(connection, message):
                    hand_over.hand_on(connection, self._rank, message.request, at)
            case Recording():
                _ensure_request(connection, message.request, message.number, message.recorded_at, peer)
                _keep_chunk(connection, message)
            case _:
                raise ValueError("a domestic box takes no call requests")

    def _recover(self, connection: sqlite3.Connection, now: float) -> int:
        if not is_restored(connection):
            return 0
        rows = connection.execute("SELECT id FROM request WHERE state <> 'closed'").fetchall()
        closed = 0
        for (request,) in rows:
            if outbox.drop_held(connection, request) or self._several:
                connection.execute(
                    "UPDATE request SET state = 'closed', outcome = 'unknown', closed_at = ? WHERE id = ?",
                    (now, request),
                )
                closed += 1
        settle_restored(connection)
        return closed

    def _accept(self, connection: sqlite3.Connection, request: CallRequest, line: str, admit: Admit | None) -> Accepted:
        at = request.accepted_at
        row = connection.execute(
            "SELECT request.id, request.peer, owner IS NOT NULL FROM request LEFT JOIN outbox ON outbox.id = request.id"
            " WHERE number = ? AND state <> 'closed'"
            " AND (accepted_at > ? OR (outbox.id IS NOT NULL AND outbox.settled_at IS NULL))",
            (request.number, at - STALE),
        ).fetchone()
        if row is None:
            _open(connection, request, line, self.peer)
        chosen, peer, held = (request.id, self.peer, True) if row is None else row
        if not held and self._away(peer):
            raise Refused("box away", f"{peer} has the request and has not been heard for long")
        if admit is not None:
            admit(connection, chosen, 0 if row is None else -1)
        connection.execute(
            "INSERT INTO call (at, line, request, number) VALUES (?, ?, ?, ?)", (at, line, chosen, request.number)
        )
        return Accepted(chosen, joined=row is not None)


def _open(connection: sqlite3.Connection, request: CallRequest, line: str, peer: str) -> None:
    connection.execute(
        "UPDATE request SET state = 'closed', outcome = 'unknown', closed_at = ?"
        " WHERE number = ? AND state <> 'closed'",
        (request.accepted_at, request.number),
    )
    hand_over.insert(connection, request, peer)
    outbox.hold(connection, peer, request, owner=line, at=request.accepted_at)


def _ensure_request(connection: sqlite3.Connection, request: str, number: str | None, at: float, peer: str) -> None:
    """A request that we no longer know (an older backup was put back) still gets its orders and reports.

    Raises ``ValueError`` where it is another box's request.
    """
    connection.execute(
        "INSERT OR IGNORE INTO request (id, peer, number, called, language, accepted_at, state)"
        " VALUES (?, ?, ?, '', '', ?, 'open')",
        (request, peer, known_number(number), at),
    )
    if connection.execute("SELECT peer FROM request WHERE id = ?", (request,)).fetchone() != (peer,):
        raise ValueError(f"{peer} speaks of a request that it was not asked for")


def known_number(text: str | None) -> str | None:
    """``text`` if it is a telephone number in E.164 of a country that exists, else None.

    As ``phonenumbers.parse`` judges it, in a fiftieth of its time.
    """
    if text is None or not E164.fullmatch(text):
        return None
    return text if text[1:2] in _CODES or text[1:3] in _CODES or text[1:4] in _CODES else None


def keep_order(connection: sqlite3.Connection, order: Order, at: float) -> None:
    """Write an order and its lines."""
    connection.execute(
        "INSERT INTO orders (id, request, number, order_number, confirmed_at, kept_at) VALUES (?, ?, ?, ?, ?, ?)",
        (order.id, order.request, known_number(order.number), order.order_number, order.confirmed_at, at),
    )
    connection.executemany(
        "INSERT INTO order_line (orders, position, article, quantity) VALUES (?, ?, ?, ?)",
        [(order.id, position, line.article, line.quantity) for position, line in enumerate(order.lines, 1)],
    )


def _withdraw(connection: sqlite3.Connection, request: str, reason: str) -> None:
    connection.execute(
        "UPDATE call SET refused = ?, number = NULL WHERE id = (SELECT max(id) FROM call WHERE request = ?)",
        (reason, request),
    )
    others = connection.execute(
        "SELECT count(*) FROM call WHERE request = ? AND refused IS NULL", (request,)
    ).fetchone()[0]
    if not others and outbox.drop_held(connection, request):
        connection.execute(
            "UPDATE request SET number = NULL, state = 'closed', outcome = 'withdrawn',"
            " closed_at = (SELECT max(at) FROM call WHERE request = ?) WHERE id = ?",
            (request, request),
        )


def _keep_report(connection: sqlite3.Connection, report: CallReport) -> bool:
    """True if the request was open and is closed by it."""
    connection.execute(
        "INSERT OR REPLACE INTO attempt (request, attempt, dialled_at, ended_at, outcome, talk_seconds, detail, route)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            report.request,
            report.attempt,
            report.dialled_at,
            report.ended_at,
            report.outcome,
            report.talk_seconds,
            report.detail,
            report.route,
        ),
    )
    closed = report.final and connection.execute(
        "UPDATE request SET state = 'closed', outcome = ?, closed_at = ? WHERE id = ? AND state <> 'closed'",
        (report.outcome, report.ended_at, report.request),
    )
    return bool(closed and closed.rowcount)


def _was_given_back(connection: sqlite3.Connection, report: CallReport) -> bool:
    """Whether the box closes a request that it says it never dialled, and never said that it had."""
    dialled = connection.execute(
        "SELECT 1 FROM attempt WHERE request = ? AND attempt > 0", (report.request,)
    ).fetchone()
    return report.attempt == 0 and report.outcome == "line lost" and dialled is None


def _keep_chunk(connection: sqlite3.Connection, part: Recording) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO recording (request, recorded_at, number, subject, chunks) VALUES (?, ?, ?, ?, ?)",
        (part.request, part.recorded_at, known_number(part.number), part.subject, part.chunks),
    )
    connection.execute(
        "INSERT OR IGNORE INTO recording_chunk (request, recorded_at, chunk, sound) VALUES (?, ?, ?, ?)",
        (part.request, part.recorded_at, part.chunk, part.sound),
    )
