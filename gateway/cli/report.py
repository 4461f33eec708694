"""``gateway report``: what a month saved, and where a carrier's bill says otherwise."""

import csv
import io
import json
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from gateway.calls import reconcile as bills
from gateway.calls.least_cost import CostBook, zone_of
from gateway.calls.money import to_coin, written
from gateway.calls.savings import BreakEven, Report, Sums, break_even, month_of
from gateway.calls.savings import report as month_report
from gateway.calls.savings_picture import draw
from gateway.calls.tariff_folder import TariffFolder
from gateway.cli.console import table_console
from gateway.cli.tariff import SETTINGS
from gateway.errors import GatewayError
from gateway.settings import Settings, load
from gateway.store import ledger
from gateway.store.database import read_only

COLUMNS = (
    "day", "country", "kind", "diallings", "answered", "failed", "short", "minutes", "direct", "guidance", "overseas",
    "data", "dedicated_line", "cost", "saved", "dearer", "unpriced", "currency",
)  # fmt: skip
DAY = 86400.0


@click.group()
def report() -> None:
    """What the calls of a month cost, what they would have cost, and what a carrier bills."""


@report.command()
@SETTINGS
@click.option("--month", help="2026-11; the current one if not given.")
@click.option("--csv", "form", flag_value="csv", help="CSV: a row for each day, country and kind of number.")
@click.option("--json", "form", flag_value="json", help="One JSON object.")
@click.option("--png", type=click.Path(path_type=Path), help="A picture for the wall, into this file.")
def savings(path: Path, month: str | None, form: str | None, png: Path | None) -> None:
    """Show what calling back has saved: by day, country and kind of number.

    Failed and short calls are in it, and calls that a direct one would have undercut (their saving is negative).
    """
    settings = load(path)
    zone = zone_of(settings)
    month = month or f"{datetime.now(zone):%Y-%m}"
    first, last = month_of(month)
    with read_only(settings.store) as connection:
        entries = ledger.entries(connection, first.isoformat(), last.isoformat())
    made = month_report(month, settings.tariff.currency, entries)
    if png is not None:
        draw(png, made)
    if form == "csv":
        click.echo(_csv(made), nl=False)
        return
    now = time.time()
    even = _break_evens(CostBook(settings, TariffFolder(Path(settings.data)).load(now)), made, now)
    if form == "json":
        click.echo(json.dumps(_as_json(made, even), ensure_ascii=False, indent=2))
    else:
        _print(settings, made, even)
        if png is not None:
            click.echo(f"picture: {png}")


@report.command()
@click.argument("invoice", type=click.Path(path_type=Path))
@SETTINGS
@click.option("--route", help="The route whose carrier sent the bill; may be left out where there is only one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--unmask", is_flag=True, help="Show whole telephone numbers.")
def reconcile(invoice: Path, path: Path, route: str | None, as_json: bool, unmask: bool) -> None:
    """List the calls on which a carrier's bill, INVOICE.csv, and our record differ. Exit code 1 if there are any.

    The bill has the columns time, number, seconds, cost. At the overseas box it is compared with the call-backs, at the
    domestic box with the guidance legs of lines whose "incoming" is that route.
    """
    settings = load(path)
    chosen = _route(settings, route)
    bill = bills.read_invoice(invoice, settings.country, zone_of(settings))
    if not bill:
        raise GatewayError(f"{invoice}: no calls on it")
    since, until = min(each.at for each in bill) - bills.APART, max(each.at for each in bill) + bills.APART
    wanted = {line.name for line in settings.lines if chosen in (line.route, line.incoming)}
    with read_only(settings.store) as connection:
        read = ledger.first_legs if settings.role == "domestic" else ledger.called_back
        ours = [call for call in read(connection, since, until) if call.line in wanted]
    book = CostBook(settings, TariffFolder(Path(settings.data)).load(since))
    result = bills.reconcile(bill, ours, book, chosen)
    if as_json:
        click.echo(json.dumps(_reconciled(result, book, unmask), ensure_ascii=False, indent=2))
    else:
        _print_reconciled(result, book, unmask)
    raise SystemExit(1 if result.differences else 0)


def _route(settings: Settings, route: str | None) -> str:
    domestic = settings.role == "domestic"
    known = {name for line in settings.lines if (name := line.incoming if domestic else line.route)}
    if route is None and len(known) == 1:
        return known.pop()
    if route not in known:
        raise GatewayError(
            f"--route: name one of {', '.join(sorted(known)) or 'the routes of your lines (none is set)'}"
        )
    return route


def _break_evens(book: CostBook, made: Report, at: float) -> dict[tuple[str, str], BreakEven]:
    evens = {
        (region, kind): break_even(book, region, kind, sums.beside_overseas, at)
        for (region, kind), sums in made.countries.items()
    }
    return {key: even for key, even in evens.items() if even is not None}


def _cells(sums: Sums, currency: str) -> dict[str, Any]:
    money = {
        "direct": sums.direct, "guidance": sums.guidance, "overseas": sums.overseas, "data": sums.data,
        "dedicated_line": sums.share, "cost": sums.cost, "saved": sums.saved,
    }  # fmt: skip
    return {
        "diallings": sums.diallings,
        "answered": sums.answered,
        "failed": sums.failed,
        "short": sums.short,
        "minutes": round(sums.seconds / 60, 2),
        **{name: str(to_coin(amount, currency)) for name, amount in money.items()},
        "dearer": sums.dearer,
        "unpriced": sums.unpriced,
    }


def _csv(made: Report) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for (day, region, kind), sums in made.groups.items():
        cells = {"day": day, "country": region, "kind": kind, "currency": made.currency, **_cells(sums, made.currency)}
        writer.writerow(cells)
    return text.getvalue()


def _as_json(made: Report, even: dict[tuple[str, str], BreakEven]) -> dict[str, Any]:
    return {
        "month": made.month,
        "currency": made.currency,
        "total": _cells(made.total, made.currency),
        "days": {day: _cells(sums, made.currency) for day, sums in made.days.items() if sums.diallings},
        "countries": [
            {
                "country": region,
                "kind": kind,
                **_cells(sums, made.currency),
                "break_even": str(even[region, kind]) if (region, kind) in even else None,
            }
            for (region, kind), sums in made.countries.items()
        ],
        "exchange": list(made.exchange),
        "without_price": made.notes,
    }


def _print(settings: Settings, made: Report, even: dict[tuple[str, str], BreakEven]) -> None:
    console = table_console()
    if not made.total.diallings:
        console.print(f"no calls in {made.month}")
        return
    for title, rows in (
        ("day", {day: sums for day, sums in made.days.items() if sums.diallings}),
        (
            "country",
            {f"{region or '?'} {kind.replace('_', ' ')}": sums for (region, kind), sums in made.countries.items()},
        ),
    ):
        table = Table(
            title, "answered", "failed", "short", "minutes", "direct", "cost", "saved", "dearer", header_style="bold"
        )
        for column in table.columns[1:]:
            column.justify = "right"
        for name, sums in [*rows.items(), ("all", made.total)]:
            table.add_row(*_row(name, sums, made.currency), end_section=name != "all" and name == list(rows)[-1])
        console.print(table)
    for (region, kind), each in even.items():
        console.print(f"break-even, {region} {kind.replace('_', ' ')}: {each}")
    for line in made.exchange:
        console.print(line)
    for note, count in made.notes.items():
        console.print(f"without a price, in no sum: {count} × {note}", markup=False)
    if settings.tariff.dedicated_month:
        borne, month = written(to_coin(made.total.share, made.currency), made.currency), settings.tariff.dedicated_month
        console.print(f"of the dedicated line's {written(month, made.currency)} a month these calls bear {borne}")


def _row(name: str, sums: Sums, currency: str) -> list[str]:
    money = [f"{to_coin(amount, currency):,}" for amount in (sums.direct, sums.cost, sums.saved)]
    if sums.saved < 0:
        money[2] = f"[red]{money[2]}[/]"
    counts = [str(count) for count in (sums.answered, sums.failed, sums.short)]
    return [name, *counts, f"{sums.seconds / 60:,.1f}", *money, str(sums.dearer or "")]


def _reconciled(result: bills.Reconciled, book: CostBook, unmask: bool) -> dict[str, Any]:
    return {
        "calls": result.calls,
        "agreed": result.agreed,
        "billed": str(result.billed),
        "expected": str(result.expected),
        "differences": [_difference(each, book, unmask) for each in result.differences],
    }


def _difference(each: bills.Difference, book: CostBook, unmask: bool) -> dict[str, Any]:
    side = each.billed or each.ours
    assert side is not None
    return {
        "time": datetime.fromtimestamp(each.at, book.zone).isoformat(" ", "seconds"),
        "number": side.number.e164 if unmask else side.number.masked(),
        "difference": each.what,
        "line_of_bill": each.billed and each.billed.line,
        "billed_s": each.billed and str(each.billed.seconds),
        "our_s": each.ours and round(each.ours.seconds, 1),
        "billed": each.billed and str(each.billed.cost),
        "expected": None if each.expected is None else str(each.expected),
    }


def _print_reconciled(result: bills.Reconciled, book: CostBook, unmask: bool) -> None:
    console = table_console()
    if result.differences:
        rows = [_difference(each, book, unmask) for each in result.differences]
        table = Table(*(name.replace("_", " ") for name in rows[0]), header_style="bold")
        for row in rows:
            table.add_row(*(Text("" if cell is None else str(cell)) for cell in row.values()))
        console.print(table)
    differ = len(result.differences)
    sums = f"billed {_plain(result.billed)}, by our record {_plain(result.expected)}"
    console.print(
        f"{result.calls} calls, {result.agreed} agree, {differ} {'differs' if differ == 1 else 'differ'}; {sums}"
    )


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
