"""``gateway policy``: what may be dialled and why, the panic stop, and what the guard has seen."""

import json
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from gateway.calls.admission import Admission
from gateway.calls.budget import Budget
from gateway.calls.least_cost import CostBook, NoRate, zone_of
from gateway.calls.money import from_millionths, written
from gateway.calls.panic import PanicStop
from gateway.calls.policy import Layer, Policy
from gateway.calls.tariff_folder import TariffFolder
from gateway.cli.console import table_console
from gateway.cli.tariff import SETTINGS, moment
from gateway.errors import GatewayError
from gateway.numbers import NotANumber, PhoneNumber
from gateway.settings import Settings, load
from gateway.store import alarms, bounds
from gateway.store.bounds import History, Spent
from gateway.store.database import read_only

AS_JSON = click.option("--json", "as_json", is_flag=True, help="A JSON object.")


@click.group()
def policy() -> None:
    """Say what may be dialled, and why; stop all dialling at once."""


@policy.command()
@click.argument("number")
@SETTINGS
@click.option("--from", "box", help="As which box: domestic (is he accepted?), overseas (is he dialled?), or a name.")
@click.option("--at", "when", help="When: 2026-11-03T22:30 (the box's time). Now, if not given.")
@AS_JSON
def test(number: str, path: Path, box: str | None, when: str | None, as_json: bool) -> None:
    """Explain, layer by layer, whether NUMBER may be called back. Exit code 1 if not."""
    settings = load(path)
    role = _role(settings, box)
    at = time.time() if when is None else moment(when, zone_of(settings))
    try:
        customer = PhoneNumber.parse(number, settings.country)
        layers = list(_layers(settings, role, customer, at))
    except NotANumber as error:
        customer, layers = None, [Layer("number", False, f"{error}; short and emergency numbers are never dialled")]
    allowed = all(layer.passed for layer in layers)
    if as_json:
        click.echo(json.dumps(_verdict(customer, role, at, layers), ensure_ascii=False, indent=2))
    else:
        _print(customer, role, layers, allowed)
    raise SystemExit(0 if allowed else 1)


@policy.command()
@SETTINGS
@click.option("--reason", default="", help="Why: it stands in the log and in every refusal.")
def stop(path: Path, reason: str) -> None:
    """Stop all dialling at once: nobody is dialled, calls under way end, callers hear that we can't call back.

    It holds until "gateway policy resume", also over restarts. On the box where it is said; say it on both.
    """
    settings = load(path)
    words = f"{reason or 'by hand'}, {datetime.now(zone_of(settings)):%Y-%m-%d %H:%M}"
    PanicStop(settings.stop_file).pull(words)
    click.echo(f"{settings.name}: all dialling is stopped; go on with: gateway policy resume --settings {path}")


@policy.command()
@SETTINGS
def resume(path: Path) -> None:
    """Let dialling go on after a stop. Customers who are owed a call-back are called."""
    settings = load(path)
    released = PanicStop(settings.stop_file).release()
    click.echo(f"{settings.name}: {'dialling goes on' if released else 'dialling was not stopped'}")


@policy.command()
@SETTINGS
@AS_JSON
def status(path: Path, as_json: bool) -> None:
    """What the guard has seen: the stop, money booked against the caps, refusals by layer, alarms."""
    settings = load(path)
    seen = _seen(settings)
    if as_json:
        click.echo(json.dumps(seen, ensure_ascii=False, indent=2))
        return
    click.echo(f"stop: {seen['stopped'] or 'not pulled'}")
    for key, cap in (("day", settings.policy.spend_day), ("month", settings.policy.spend_month)):
        most = "no cap" if cap is None else f"of {written(cap, settings.tariff.currency)}"
        click.echo(f"booked this {key}: {written(Decimal(seen['booked'][key]), settings.tariff.currency)} {most}")
    for layer, count in seen["refused"].items():
        click.echo(f"refused: {layer}: {count}")
    for kind, count in seen["alarms"].items():
        click.echo(f"alarms: {kind}: {count}")
    for alarm in seen["newest_alarms"]:
        click.echo(f"{alarm['at']}  {alarm['alarm']}: {alarm['says']}")


def _role(settings: Settings, box: str | None) -> str:
    if box is None or box in (settings.role, settings.name):
        return settings.role
    peers = [link.peer for link in settings.links]
    if box in ("domestic", "overseas", *peers):
        return "overseas" if settings.role == "domestic" else "domestic"
    known = f"{settings.name}, {', '.join(peers)}, domestic or overseas"
    raise GatewayError(f'--from: there is no box "{box}"; name {known}')


def _layers(settings: Settings, role: str, number: PhoneNumber, at: float) -> Iterator[Layer]:
    rules = Policy.of(settings)
    yield from rules.about_number(number, at)
    history, spent = _memory(settings, number, at)
    yield from rules.about_history(number, history)
    if role == "domestic":
        yield rules.waiting(history)
    yield _spend(settings, role, number, at, rules, spent)
    lines = len(settings.lines)
    at_once = min(lines, settings.policy.max_calls or lines)
    yield Layer("calls at once", True, f"{at_once} at most, by {lines} lines and policy.max_calls")
    yield Layer("length", True, f"cut at {settings.policy.max_call:g} s by the overseas box (policy.max_call)")
    yield Layer("idle menu", True, f"hung up {settings.callback.human_check:g} s after the answer without a key")


def _memory(settings: Settings, number: PhoneNumber, at: float) -> tuple[History, Spent]:
    """What the store remembers; a box that never ran remembers nothing."""
    if not settings.store.exists():
        return History(known=False), Spent(0, 0)
    day = datetime.fromtimestamp(at, zone_of(settings)).date().isoformat()
    with read_only(settings.store) as connection:
        return bounds.history(connection, number, at), bounds.spent(connection, day)


def _spend(settings: Settings, role: str, number: PhoneNumber, at: float, rules: Policy, spent: Spent) -> Layer:
    if not settings.policy.capped:
        return Layer("spend", True, "no cap is set (policy.spend_day, policy.spend_month)")
    book = CostBook(settings, TariffFolder(Path(settings.data)).load(at))
    budget = Budget(lambda: book)
    try:
        if role == "domestic":
            worst = max(budget.request(number, line, at) for line in settings.lines)
        else:
            worst = max(budget.dialling(number, line, at) for line in settings.lines)
    except NoRate as problem:
        return Layer("spend", False, f"{problem}: without a price there is no call under a spend cap")
    refused = Admission(rules, budget).spend_refusal(worst, spent)
    fits = f"may cost {written(worst, book.currency)} at worst, {written(from_millionths(spent.day), book.currency)}"
    return Layer("spend", refused is None, f"{fits} is booked today" if refused is None else refused.reason)


def _verdict(number: PhoneNumber | None, role: str, at: float, layers: list[Layer]) -> dict[str, Any]:
    failed = next((layer for layer in layers if not layer.passed), None)
    return {
        "number": number and number.masked(),
        "region": number and number.region,
        "kind": number and number.kind,
        "from": role,
        "at": at,
        "allowed": failed is None,
        "refused_by": failed and failed.name,
        "layers": [{"layer": each.name, "passed": each.passed, "says": each.says} for each in layers],
    }


def _print(number: PhoneNumber | None, role: str, layers: list[Layer], allowed: bool) -> None:
    table = Table("layer", "", "why", header_style="bold")
    for layer in layers:
        table.add_row(layer.name, "[green]yes[/]" if layer.passed else "[bold red]no[/]", Text(layer.says))
    verb = "accepted" if role == "domestic" else "dialled"
    failed = ", ".join(layer.name for layer in layers if not layer.passed)
    console = table_console()
    if number is not None:
        console.print(f"{number} · {number.region or 'unknown region'} {number.kind.replace('_', ' ')}")
    console.print(table)
    console.print(f"may be {verb}" if allowed else f"[bold]is not {verb}[/]: {failed}")


def _seen(settings: Settings) -> dict[str, Any]:
    stop_file = PanicStop(settings.stop_file)
    stopped = (stop_file.reason() or "by hand") if stop_file.pulled else None
    zone = zone_of(settings)
    with read_only(settings.store) if settings.store.exists() else nullcontext() as connection:
        if connection is None:
            spent, refused, kinds, newest = Spent(0, 0), {}, {}, []
        else:
            spent = bounds.spent(connection, datetime.now(zone).date().isoformat())
            refused = bounds.refusals(connection)
            kinds, newest = alarms.counts(connection), alarms.newest(connection)
    return {
        "box": settings.name,
        "stopped": stopped,
        "currency": settings.tariff.currency,
        "booked": {"day": str(from_millionths(spent.day)), "month": str(from_millionths(spent.month))},
        "refused": refused,
        "alarms": kinds,
        "newest_alarms": [
            {"at": datetime.fromtimestamp(at, zone).isoformat(timespec="seconds"), "alarm": kind, "says": says}
            for at, kind, says in newest
        ],
    }
