"""Brings a store's file to the newest schema: the numbered files in ``schema/``, in order, each in its own transaction.

``PRAGMA user_version`` says which was the last. A file that a newer gateway wrote is refused, never guessed at.
"""

import sqlite3
from importlib import resources
from pathlib import Path

from gateway.errors import StoreError

APPLICATION_ID = 0x67746267
"""Set by ``0001.sql``; an SQLite file without it is somebody else's."""


def scripts() -> dict[int, str]:
    """Version → SQL, in order."""
    folder = resources.files("gateway.store") / "schema"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return {int(entry.name.removesuffix(".sql")): entry.read_text(encoding="utf-8") for entry in files}


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Apply what is missing. Raises ``StoreError`` for a file that is newer than we are, or not ours."""
    steps = scripts()
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    check_ours(connection, path, version, newest=max(steps))
    for number in range(version + 1, max(steps) + 1):
        try:
            connection.executescript(f"BEGIN IMMEDIATE;\n{steps[number]}\nPRAGMA user_version = {number};\nCOMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def check_ours(connection: sqlite3.Connection, path: Path, version: int, newest: int) -> None:
    """Raise ``StoreError`` unless this is an empty file or a store that this gateway can read."""
    if version > newest:
        raise StoreError(f"{path}: written by a newer gateway (schema {version}, this one knows {newest}); update it")
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError(f"{path}: an SQLite file, but not a gateway's store; correct the path")
