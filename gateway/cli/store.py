"""``gateway store``: look after the box's store, also while its daemon runs. ``docs/store.md`` tells when."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import click

from gateway.cli.box_file import SETTINGS_HELP, store_of
from gateway.errors import GatewayError, StoreError
from gateway.numbers import NotANumber, PhoneNumber
from gateway.store import outbox, retention
from gateway.store.backup import backup as write_backup
from gateway.store.database import connect, read_only

T = TypeVar("T")


def _options(command: "click.decorators.FC") -> "click.decorators.FC":
    store_help = "The store's file itself, in place of --settings."
    command = click.option("--store", type=click.Path(path_type=Path), help=store_help)(command)
    return click.option("--settings", type=click.Path(path_type=Path), help=SETTINGS_HELP)(command)


@contextmanager
def _writing(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction beside the daemon's own; then the log, which may hold what was deleted, is emptied."""
    with read_only(path):
        pass
    try:
        with closing(connect(path, read_only=False)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
            with suppress(sqlite3.OperationalError):
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}; nothing was changed") from None


def _changed(path: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    with _writing(path) as connection:
        return work(connection)


@click.group()
def store() -> None:
    """Back the store up, check it, erase a number, send again what a restored box has lost."""


@store.command()
@click.argument("file", type=click.Path(path_type=Path))
@_options
def backup(file: Path, settings: Path | None, store: Path | None) -> None:
    """Write a checked copy of the store to FILE while the daemon runs."""
    write_backup(store_of(settings, store), file)
    click.echo(f"{file}: {file.stat().st_size:,} bytes, checked")


@store.command()
@_options
def check(settings: Path | None, store: Path | None) -> None:
    """Check every page, index and reference of the store."""
    path = store_of(settings, store)
    with read_only(path) as connection:
        faults = [row[0] for row in connection.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
        faults += [
            f"{row[0]}: row {row[1]} refers to nothing" for row in connection.execute("PRAGMA foreign_key_check")
        ]
    if faults:
        raise StoreError(f"{path}: damaged ({'; '.join(faults)}); put a backup in its place")
    click.echo(f"{path}: sound")


@store.command()
@click.argument("number")
@_options
def erase(number: str, settings: Path | None, store: Path | None) -> None:
    """Forget the telephone NUMBER (E.164, +81…) in calls, orders, recordings and the link's memory.

    A call-back that is still owed to it is withdrawn. Run it on both boxes; copies made by "backup" keep the number.
    """
    try:
        phone = PhoneNumber.parse(number, "001")
    except NotANumber:
        raise GatewayError(f"{number!r}: not a telephone number with + and country code; write +819012345678") from None
    done = _changed(store_of(settings, store), lambda connection: retention.erase(connection, phone, time.time()))
    click.echo(f"{done.rows} rows no longer name it, {done.recordings} recordings deleted")
    if done.calling:
        raise StoreError("it is being called just now; erase it again in some minutes")
    if done.waiting:
        raise StoreError(f"{done.waiting} messages to the other box still name it; erase it again once they are sent")


@store.command()
@click.option("--older-than", "days", default=retention.DEFAULT_DAYS, show_default=True, type=click.IntRange(min=1))
@_options
def forget(days: int, settings: Path | None, store: Path | None) -> None:
    """Drop numbers and recordings of calls that are older than so many DAYS."""
    before = time.time() - days * 86400.0
    done = _changed(
        store_of(settings, store),
        lambda connection: retention.forget(connection, retention.Limits(before, before, before)),
    )
    click.echo(f"{done.rows} rows no longer name anybody, {done.recordings} recordings deleted")


@store.command()
@click.option(
    "--since", required=True, help="ISO 8601 date and time, local unless it says otherwise: 2026-11-03T09:30."
)
@_options
def resend(since: str, settings: Path | None, store: Path | None) -> None:
    """Send again what the other box acknowledged since then, after it was restored from a backup of that time.

    What it still has, it ignores.
    """
    try:
        moment = datetime.fromisoformat(since).timestamp()
    except ValueError:
        raise GatewayError(f"--since {since!r}: not a date and time; write 2026-11-03T09:30") from None
    count = _changed(store_of(settings, store), lambda connection: outbox.resend(connection, moment))
    click.echo(f"{count} messages will be sent again")
