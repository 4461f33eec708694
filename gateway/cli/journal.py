"""``gateway calls`` and ``gateway orders``: what the store says, as a table, JSON or CSV, while the daemon runs.

JSON is an array of objects, CSV has the same names in its first row. Times are ISO 8601 in UTC.

calls:  at, line, number, refused, first_leg_s, state, outcome, attempts, talk_s, orders, detail, request
orders: confirmed_at, order, number, articles, acknowledged, request

A telephone number is masked (``+81*****5678``) in each of the forms unless ``--unmask`` is given.
"""

import csv
import io
import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from gateway.cli.box_file import SETTINGS_HELP, store_of
from gateway.cli.console import table_console
from gateway.numbers import PhoneNumber
from gateway.store import journal
from gateway.store.database import read_only

Row = dict[str, Any]

CALL_COLUMNS = (
    "at", "line", "number", "refused", "first_leg_s", "state", "outcome", "attempts", "talk_s", "orders", "detail",
    "request",
)  # fmt: skip
ORDER_COLUMNS = ("confirmed_at", "order", "number", "articles", "acknowledged", "request")


@dataclass(frozen=True)
class Wanted:
    """Which store to read, and how to show it."""

    store: Path
    form: str
    columns: tuple[str, ...]
    table: dict[str, Callable[[Row], str]]
    """Heading → cell, for people."""


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--settings", type=click.Path(path_type=Path), help=SETTINGS_HELP),
        click.option(
            "--store", type=click.Path(path_type=Path), help="The store's file itself, in place of --settings."
        ),
        click.option("--json", "form", flag_value="json", help="A JSON array."),
        click.option("--csv", "form", flag_value="csv", help="CSV with a header."),
        click.option("--unmask", is_flag=True, help="Show whole telephone numbers."),
        click.option("--limit", default=100, show_default=True, type=click.IntRange(min=1), help="The newest so many."),
    ):
        command = option(command)
    return command


@click.command()
@_options
def calls(settings: Path | None, store: Path | None, form: str | None, unmask: bool, limit: int) -> None:
    """Show the newest calls and what became of them.

    At the domestic box every inbound call, refused ones too; at the overseas box every request.
    """
    wanted = Wanted(store_of(settings, store), form or "table", CALL_COLUMNS, CALL_TABLE)
    _show(wanted, lambda connection: [_call_row(row, unmask) for row in journal.calls(connection, limit)])


@click.command()
@_options
def orders(settings: Path | None, store: Path | None, form: str | None, unmask: bool, limit: int) -> None:
    """Show the newest orders. "acknowledged": the domestic box has it on its disk."""
    wanted = Wanted(store_of(settings, store), form or "table", ORDER_COLUMNS, ORDER_TABLE)
    _show(wanted, lambda connection: [_order_row(row, unmask) for row in journal.orders(connection, limit)])


def _call_row(row: journal.CallRow, unmask: bool) -> Row:
    first_leg = None if row.first_leg is None else round(row.first_leg, 3)
    cells = (
        _time(row.at), row.line, _number(row.number, unmask), row.refused, first_leg, row.state, row.outcome,
        row.attempts, round(row.talk_seconds, 3), list(row.orders), row.detail, row.request,
    )  # fmt: skip
    return dict(zip(CALL_COLUMNS, cells, strict=True))


def _order_row(row: journal.OrderRow, unmask: bool) -> Row:
    articles = [{"article": line.article, "quantity": line.quantity} for line in row.lines]
    cells = (
        _time(row.confirmed_at), row.order_number, _number(row.number, unmask), articles, row.acknowledged, row.request
    )  # fmt: skip
    return dict(zip(ORDER_COLUMNS, cells, strict=True))


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(number: PhoneNumber | None, unmask: bool) -> str | None:
    if number is None:
        return None
    return number.e164 if unmask else number.masked()


def _show(wanted: Wanted, rows_of: Callable[[sqlite3.Connection], Sequence[Row]]) -> None:
    with read_only(wanted.store) as connection:
        rows = rows_of(connection)
    if wanted.form == "json":
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    elif wanted.form == "csv":
        click.echo(_csv(wanted.columns, rows), nl=False)
    elif not rows:
        click.echo("none yet")
    else:
        _print_table(wanted.table, rows)


def _csv(columns: tuple[str, ...], rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _flat(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _print_table(cells: dict[str, Callable[[Row], str]], rows: Sequence[Row]) -> None:
    texts = [[cell(row) for cell in cells.values()] for row in rows]
    filled = [place for place in range(len(cells)) if any(text[place] for text in texts)]
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    headings = list(cells)
    for place in filled:
        table.add_column(headings[place], overflow="fold", no_wrap=headings[place] in WHOLE)
    for text in texts:
        table.add_row(*(Text(text[place]) for place in filled))
    console = table_console()
    console.print(table)


def _local(at: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone():%m-%d %H:%M:%S}"


def _became(row: Row) -> str:
    """What became of a call, in a few words."""
    if row["refused"]:
        return f"refused: {row['refused']}"
    if row["state"] != "closed":
        return " ".join(["being called back", *row["orders"]])
    if row["orders"]:
        return "order " + " ".join(row["orders"])
    return f"{row['outcome']}: {row['detail']}" if row["detail"] else str(row["outcome"])


def _seconds(seconds: float | None) -> str:
    return f"{seconds:.1f} s" if seconds else ""


WHOLE = {"caller", "customer", "order"}
"""Headings of columns that a narrow terminal does not fold."""
CALL_TABLE: dict[str, Callable[[Row], str]] = {
    "at": lambda row: _local(row["at"]),
    "line": lambda row: row["line"],
    "caller": lambda row: row["number"] or "",
    "what became of it": _became,
    "first leg": lambda row: _seconds(row["first_leg_s"]),
    "tries": lambda row: str(row["attempts"] or ""),
    "talk": lambda row: _seconds(row["talk_s"]),
}
ORDER_TABLE: dict[str, Callable[[Row], str]] = {
    "at": lambda row: _local(row["confirmed_at"]),
    "order": lambda row: row["order"],
    "customer": lambda row: row["number"] or "",
    "article × quantity": lambda row: _flat(row["articles"]),
    "at the shop": lambda row: "yes" if row["acknowledged"] else "not yet",
}


def _flat(value: object) -> str:
    """A cell: ``25×2 31×1`` for articles, orders with blanks between; nothing in it that moves a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "·" for letter in _plain(value))


def _plain(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(f"{each['article']}×{each['quantity']}" if isinstance(each, dict) else each for each in value)
    return str(value)
