"""A copy of a store that a daemon is using, and what a daemon does that starts from such a copy.

A copy is older than what it is put in the place of: requests that are open in it may have been called back since.
So it is marked as a copy, and an overseas box that starts from it dials none of the requests in it
(``Overseas.recover``): they are reported as "unknown". Orders get numbers well beyond those that were spoken since.
A domestic box may hand over again what it handed over before; the other box knows it by its id. What it had not
handed over when the copy was made becomes "unknown" (``Domestic.recover``), with several overseas boxes whatever was
open.
"""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from gateway.errors import StoreError
from gateway.store.database import connect, read_only

MARK = "copy"
"""The row of ``counter`` that marks a copy."""

SKIPPED_ORDERS = 10_000
"""Order numbers passed over after a copy was put back: more than a copy can be behind."""


def backup(store: Path, target: Path) -> None:
    """Write a consistent copy of ``store`` to ``target``, checked, for its owner alone. Raises ``StoreError``."""
    if target.exists():
        raise StoreError(f"{target}: exists already; name another file")
    new = target.with_name(target.name + ".new")
    try:
        new.unlink(missing_ok=True)
        os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with read_only(store) as source, closing(connect(new, read_only=False)) as copy:
            source.backup(copy)
            _finish(copy)
        _sync(new)
        new.rename(target)
        _sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        why = getattr(error, "strerror", error)
        raise StoreError(f"{target}: the backup can't be written: {why}; name another file") from None
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def is_restored(connection: sqlite3.Connection) -> bool:
    """Whether this store began as a copy, and nobody has dealt with that yet."""
    return connection.execute("SELECT 1 FROM counter WHERE name = ?", (MARK,)).fetchone() is not None


def settle_restored(connection: sqlite3.Connection) -> None:
    """Pass over the order numbers that may have been spoken since the copy was made, and take the mark away."""
    connection.execute("UPDATE counter SET value = value + ? WHERE name = 'order'", (SKIPPED_ORDERS,))
    connection.execute("DELETE FROM counter WHERE name = ?", (MARK,))


def _finish(copy: sqlite3.Connection) -> None:
    copy.execute("PRAGMA journal_mode = DELETE")
    faults = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if faults != "ok":
        raise sqlite3.DatabaseError(f"the copy is damaged: {faults}")
    copy.execute("INSERT OR IGNORE INTO counter (name, value) VALUES (?, 1)", (MARK,))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
