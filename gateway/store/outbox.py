"""Messages for a peer, written in the same transaction as the change that they tell of.

A message is *held* by its owner (a line with the customer still on it), *released* (it has a sequence and may be
sent) or *settled* (the peer has it on disk). Every function works inside the caller's transaction.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.protocols.letters import BULK, LARGEST_BODY, rank
from gateway.protocols.messages import Message, encode


@dataclass(frozen=True)
class Waiting:
    """A released message that the peer has not acknowledged."""

    id: str
    sequence: int
    rank: int
    body: bytes


def _body(message: Message) -> bytes:
    """A message as it will travel. Raises ``ValueError`` for one that would never arrive."""
    body = encode(message)
    if len(body) > LARGEST_BODY:
        raise ValueError(f"message {message.id} has {len(body)} bytes; the link carries {LARGEST_BODY} at most")
    return body


def hold(connection: sqlite3.Connection, peer: str, message: Message, *, owner: str, at: float) -> None:
    """Keep a message that must not be sent before its owner releases it."""
    connection.execute("INSERT OR IGNORE INTO peer (name) VALUES (?)", (peer,))
    connection.execute(
        "INSERT INTO outbox (id, peer, rank, body, owner, written_at) VALUES (?, ?, ?, ?, ?, ?)",
        (message.id, peer, rank(message), _body(message), owner, at),
    )


def post(connection: sqlite3.Connection, peer: str, message: Message, *, at: float) -> None:
    """Keep a message that may be sent at once."""
    connection.execute(
        "INSERT INTO outbox (id, peer, rank, body, sequence, written_at) VALUES (?, ?, ?, ?, ?, ?)",
        (message.id, peer, rank(message), _body(message), _next_sequence(connection, peer), at),
    )


def readdress(connection: sqlite3.Connection, peer: str, message: Message) -> None:
    """Give a held message, which has its id and was never sent, another peer and content."""
    connection.execute("INSERT OR IGNORE INTO peer (name) VALUES (?)", (peer,))
    connection.execute(
        "UPDATE outbox SET peer = ?, body = ? WHERE id = ? AND owner IS NOT NULL", (peer, _body(message), message.id)
    )


def release(connection: sqlite3.Connection, message_id: str) -> bool:
    """Let a held message go. False if it is not held (any more)."""
    row = connection.execute("SELECT peer FROM outbox WHERE id = ? AND owner IS NOT NULL", (message_id,)).fetchone()
    if row is None:
        return False
    connection.execute(
        "UPDATE outbox SET owner = NULL, sequence = ? WHERE id = ?", (_next_sequence(connection, row[0]), message_id)
    )
    return True


def held(connection: sqlite3.Connection, owner: str) -> int:
    """How many messages ``owner`` holds back."""
    return int(connection.execute("SELECT count(*) FROM outbox WHERE owner = ?", (owner,)).fetchone()[0])


def drop_held(connection: sqlite3.Connection, message_id: str) -> bool:
    """Forget a message that was never sent. False if it is not held (any more)."""
    return connection.execute("DELETE FROM outbox WHERE id = ? AND owner IS NOT NULL", (message_id,)).rowcount == 1


def settle(connection: sqlite3.Connection, message_ids: Iterable[str], *, at: float) -> None:
    """The peer has these on disk. Large ones are emptied; the others can be sent again (``resend``) while kept."""
    connection.executemany(
        "UPDATE outbox SET settled_at = ?, body = CASE WHEN rank < ? THEN body ELSE x'' END"
        " WHERE id = ? AND settled_at IS NULL AND sequence IS NOT NULL",
        [(at, BULK, message_id) for message_id in message_ids],
    )


def resend(connection: sqlite3.Connection, since: float) -> int:
    """Send again what peers acknowledged since then: one of them starts from an older copy of its store. How many.

    Not what was asked and is done with: nobody is called back twice.
    """
    rows = connection.execute(
        "SELECT id, peer FROM outbox WHERE settled_at >= ? AND body <> x''"
        " AND NOT EXISTS (SELECT 1 FROM request WHERE request.id = outbox.id AND state = 'closed') ORDER BY sequence",
        (since,),
    ).fetchall()
    for message_id, peer in rows:
        connection.execute(
            "UPDATE outbox SET settled_at = NULL, sequence = ? WHERE id = ?",
            (_next_sequence(connection, peer), message_id),
        )
    return len(rows)


def is_settled(connection: sqlite3.Connection, message_id: str) -> bool:
    """Whether the peer has acknowledged a message."""
    row = connection.execute("SELECT settled_at FROM outbox WHERE id = ?", (message_id,)).fetchone()
    return row is not None and row[0] is not None


def waiting(connection: sqlite3.Connection, peer: str, after: Mapping[int, int], limit: int) -> list[Waiting]:
    """Released, unsettled messages by rank, oldest first.

    ``after`` is, for each rank asked about, the sequence of the last one already taken (0: from the beginning).
    """
    found: list[Waiting] = []
    for each, sequence in sorted(after.items()):
        rows = connection.execute(
            "SELECT id, sequence, rank, body FROM outbox"
            " WHERE peer = ? AND rank = ? AND sequence > ? AND settled_at IS NULL ORDER BY sequence LIMIT ?",
            (peer, each, sequence, limit - len(found)),
        )
        found += [Waiting(*row) for row in rows]
    return found


def depth(connection: sqlite3.Connection, peer: str) -> int:
    """How many released messages the peer has not acknowledged."""
    row = connection.execute(
        "SELECT count(*) FROM outbox WHERE peer = ? AND sequence IS NOT NULL AND settled_at IS NULL", (peer,)
    ).fetchone()
    return int(row[0])


def _next_sequence(connection: sqlite3.Connection, peer: str) -> int:
    row = connection.execute(
        "INSERT INTO peer (name, sequence) VALUES (?, 1)"
        " ON CONFLICT (name) DO UPDATE SET sequence = sequence + 1 RETURNING sequence",
        (peer,),
    ).fetchone()
    return int(row[0])
