"""``gateway tariff``: rate decks and exchange rates of a box, and what a call costs in every way it can be served."""

import json
import time
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from rich.table import Table
from rich.text import Text

from gateway.calls.least_cost import CostBook, Way, zone_of
from gateway.calls.money import written
from gateway.calls.tariff import Rate, TariffError
from gateway.calls.tariff_folder import SAMPLE_DECK, SAMPLE_EXCHANGE, TariffFolder
from gateway.cli.box_file import DEFAULT
from gateway.cli.console import table_console
from gateway.errors import GatewayError
from gateway.numbers import NotANumber, PhoneNumber
from gateway.settings import Settings, load

SETTINGS = click.option("--settings", "path", type=click.Path(path_type=Path), default=DEFAULT, show_default=True)
SAMPLES = {"sample": SAMPLE_DECK, "sample-exchange": SAMPLE_EXCHANGE}
"""Names that stand for the decks that are shipped."""


@click.group()
def tariff() -> None:
    """Import rate decks and exchange rates; say what a call costs."""


@tariff.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@SETTINGS
@click.option("--from", "begins", help="When it takes effect: 2026-12-01, 2026-12-01T09:00. Now, if not given.")
@click.option("--zone", help="Time zone of its dates and hours: Asia/Tokyo. The box's own, if not given.")
def import_(file: Path, path: Path, begins: str | None, zone: str | None) -> None:
    """Import a rate deck, FILE.csv ("sample": the shipped one, made-up prices).

    All of it or, if a single line is wrong, nothing. It replaces the routes that are in it; what was there is kept and
    serves until the new deck takes effect. A running box uses it within seconds.
    """
    settings = load(path)
    folder = TariffFolder(Path(settings.data))
    now = time.time()
    effective = now if begins is None else moment(begins, zone_of(settings))
    entry = folder.import_deck(SAMPLES.get(str(file), file), zone=_zone(zone, settings), effective=effective, now=now)
    counted = ", ".join(f"{route} ({count})" for route, count in entry.routes.items())
    since = datetime.fromtimestamp(effective, zone_of(settings)).isoformat(" ", "minutes")
    click.echo(f"{file}: {sum(entry.routes.values())} rates in use from {since}: {counted}")


@tariff.command()
@click.argument("file", type=click.Path(path_type=Path))
@SETTINGS
def exchange(file: Path, path: Path) -> None:
    """Import exchange rates, FILE.csv: date,of,currency,rate ("sample-exchange": the shipped ones, made up)."""
    count = TariffFolder(Path(load(path).data)).import_exchange(SAMPLES.get(str(file), file), time.time())
    click.echo(f"{file}: imported; {count} exchange rates are known")


@tariff.command("list")
@SETTINGS
def list_(path: Path) -> None:
    """List what was imported, oldest first."""
    settings = load(path)
    zone = zone_of(settings)
    for entry in TariffFolder(Path(settings.data)).imports():
        since = datetime.fromtimestamp(entry.effective, zone).isoformat(" ", "minutes")
        routes = ", ".join(f"{route} ({count})" for route, count in entry.routes.items())
        click.echo(f"{entry.file}  from {since}  {entry.source}: {routes}")


@tariff.command()
@click.argument("number")
@SETTINGS
@click.option("--duration", default="180", show_default=True, help="Seconds of talk; may have decimals.")
@click.option("--at", "when", help="When: 2026-11-03T19:30 (the box's time). Now, if not given.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object.")
def quote(number: str, path: Path, duration: str, when: str | None, as_json: bool) -> None:
    """Every way to serve a call with NUMBER, and what it costs, cheapest first."""
    settings = load(path)
    customer, seconds = telephone_number(number, settings), _seconds(duration)
    at = time.time() if when is None else moment(when, zone_of(settings))
    book = CostBook(settings, TariffFolder(Path(settings.data)).load(at))
    ways = book.ways(customer, seconds, at)
    if not ways:
        raise TariffError(f"{path}: no line has a route; set line.route, and link.line_routes at the domestic box")
    if as_json:
        click.echo(json.dumps(_as_json(customer, seconds, at, book, ways), ensure_ascii=False, indent=2))
    else:
        _print(customer, seconds, book, ways)
    if all(way.total is None for way in ways):
        raise TariffError("there is no rate for this number: such a call would be refused, never free")


def moment(text: str, zone: ZoneInfo) -> float:
    """Unix time of a date or moment as people write it; without an offset in ``zone``. Raises ``GatewayError``."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise GatewayError(f'"{text}" is no date or time; write it like 2026-11-03 or 2026-11-03T19:30') from None
    return (when if when.tzinfo else when.replace(tzinfo=zone)).timestamp()


def telephone_number(text: str, settings: Settings) -> PhoneNumber:
    """A number as people of the box's country write it. Raises ``GatewayError``."""
    try:
        return PhoneNumber.parse(text, settings.country)
    except NotANumber as error:
        raise GatewayError(f'"{text}": {error}; write it like +819012345678') from None


def terms(rate: Rate) -> str:
    """``16 JPY/min 60/60``; a carrier's own unit as ``10 JPY/22.5 s``."""
    per = "min" if rate.per == 60 else f"{rate.per.normalize():f} s"
    fee = f" + {written(rate.connect_fee, rate.currency)}" if rate.connect_fee else ""
    steps = f"{rate.first.normalize():f}/{rate.increment.normalize():f}"
    return f"{rate.price.normalize():f} {rate.currency}/{per} {steps}{fee}"


def _zone(name: str | None, settings: Settings) -> str:
    try:
        return zone_of(settings).key if name is None else ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError):
        raise GatewayError(f'--zone: "{name}" is no time zone; write one like Asia/Tokyo') from None


def _seconds(text: str) -> Decimal:
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        seconds = Decimal(-1)
    if not seconds.is_finite() or seconds < 0:
        raise GatewayError(f'--duration: "{text}" must be seconds like 180 or 22.5')
    return seconds


def _as_json(number: PhoneNumber, seconds: Decimal, at: float, book: CostBook, ways: list[Way]) -> dict[str, Any]:
    return {
        "number": number.masked(),
        "region": number.region,
        "kind": number.kind,
        "at": datetime.fromtimestamp(at, book.zone).isoformat(timespec="seconds"),
        "seconds": str(seconds),
        "currency": book.currency,
        "ways": [
            {
                "way": way.kind,
                "box": way.box,
                "route": way.route,
                "total": None if way.total is None else str(way.total),
                "problem": way.problem,
                "legs": [
                    {
                        "leg": leg.what,
                        "route": leg.route,
                        "prefix": leg.rate.prefix if leg.rate else "",
                        "charged_s": str(leg.rate.charged(seconds)) if leg.rate and leg.what != "guidance" else None,
                        "cost": str(leg.cost),
                        "currency": leg.currency,
                        "in_currency": str(leg.ours),
                        "exchange": leg.exchange,
                    }
                    for leg in way.legs
                ],
            }
            for way in ways
        ],
    }


def _print(number: PhoneNumber, seconds: Decimal, book: CostBook, ways: list[Way]) -> None:
    table = Table("way", "box", "route", "legs", "cost", header_style="bold")
    table.columns[-1].justify = "right"
    for place, way in enumerate(ways):
        legs = "\n".join(
            f"{leg.what}: {written(leg.cost, leg.currency)}" + (f" ({terms(leg.rate)})" if leg.rate else "")
            for leg in way.legs
        )
        total = "no rate" if way.total is None else written(way.total, book.currency)
        cheapest = place == 0 and way.total is not None
        cost = Text(total, "bold green" if cheapest else "")
        table.add_row(way.kind, way.box, way.route, Text(way.problem or legs), cost)
    console = table_console()
    console.print(f"{number} · {number.region} {number.kind.replace('_', ' ')} · {seconds} s of talk")
    console.print(table)
    for line in dict.fromkeys(leg.exchange for way in ways for leg in way.legs if leg.exchange):
        console.print(line)
