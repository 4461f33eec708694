"""Alarms and the regions that have been served, kept over restarts. No telephone numbers."""

import sqlite3


def keep(connection: sqlite3.Connection, at: float, kind: str, says: str) -> None:
    """List an alarm."""
    connection.execute("INSERT INTO alarm (at, kind, says) VALUES (?, ?, ?)", (at, kind, says))


def newest(connection: sqlite3.Connection, limit: int = 20) -> list[tuple[float, str, str]]:
    """(Unix time, kind, words), newest first."""
    return connection.execute("SELECT at, kind, says FROM alarm ORDER BY id DESC LIMIT ?", (limit,)).fetchall()


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Kind → how many there have been."""
    return dict(connection.execute("SELECT kind, count(*) FROM alarm GROUP BY kind ORDER BY kind").fetchall())


def regions(connection: sqlite3.Connection) -> set[str]:
    """Those that have been served before."""
    return {str(region) for (region,) in connection.execute("SELECT region FROM region_seen")}


def seen(connection: sqlite3.Connection, region: str, at: float) -> None:
    """A region has been served."""
    connection.execute("INSERT OR IGNORE INTO region_seen (region, at) VALUES (?, ?)", (region, at))
