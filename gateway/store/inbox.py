"""Messages from a peer: each has its effect once, in the transaction that notes that it came."""

import sqlite3
from collections.abc import Callable

from gateway.protocols.messages import Message

Effect = Callable[[sqlite3.Connection, Message, float], None]
"""``effect(connection, message, at)``: what a message changes here; runs inside the inbox's transaction."""


def take(
    connection: sqlite3.Connection, peer: str, sequence: int, message: Message, *, at: float, effect: Effect
) -> bool:
    """Apply a message unless it was applied before; True if it was new. Acknowledge it after the commit, either way."""
    if not connection.execute(
        "INSERT OR IGNORE INTO inbox (id, peer, sequence, received_at) VALUES (?, ?, ?, ?)",
        (message.id, peer, sequence, at),
    ).rowcount:
        return False
    effect(connection, message, at)
    return True


def heard(connection: sqlite3.Connection, peer: str, at: float) -> None:
    """Note a sign of life."""
    connection.execute(
        "INSERT INTO peer (name, heard_at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET heard_at = excluded.heard_at",
        (peer, at),
    )


def last_heard(connection: sqlite3.Connection, peer: str) -> float | None:
    """Unix time of the last sign of life, to the minute; None if there never was one."""
    row = connection.execute("SELECT heard_at FROM peer WHERE name = ?", (peer,)).fetchone()
    return None if row is None or row[0] is None else float(row[0])
