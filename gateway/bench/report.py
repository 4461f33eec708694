"""How a demo ended, for people and as JSON."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.bench.demo import Options, Outcome
from gateway.bench.story import Story
from gateway.bench.timeline import FIRST_LEG_LIMIT, HAND_OVER_LIMIT_MS, ID_LIMIT_MS, Record, medians, six_steps
from gateway.numbers import PhoneNumber


def summary(outcome: Outcome, options: Options) -> dict[str, Any]:
    """The whole result as plain data."""
    return {
        "ok": not outcome.problems,
        "problems": outcome.problems,
        "notes": outcome.notes,
        "medians": medians(outcome.records),
        "out": str(options.out),
        "calls": outcome.records,
    }


def print_report(console: Console, outcome: Outcome, options: Options) -> None:
    """The six steps of one call, or a table of many; then what is where, and what went wrong."""
    console.print()
    if options.withheld is not None:
        for entry in outcome.records:
            _print_refused(console, entry)
    elif len(outcome.records) == 1:
        _print_steps(console, outcome.records[0], outcome.stories[0], outcome.told_at)
    else:
        _print_table(console, outcome.records)
    if options.withheld is None:
        _print_medians(console, outcome, options.speed)
    for note in outcome.notes:
        console.print(f"[yellow]note:[/] {note}")
    console.print(f"[dim]in {options.out}: timeline.json, exchange.jsonl, recordings, AT traces, picture[/]")
    for problem in outcome.problems:
        console.print(Text(f"✗ {problem}", style="bold red"))
    if not outcome.problems:
        console.print(Text(f"✓ {_verdict(outcome, options)}", style="bold green"))


def _verdict(outcome: Outcome, options: Options) -> str:
    count = len(outcome.records)
    if options.withheld is not None:
        return f"{'the caller was' if count == 1 else f'all {count} callers were'} refused, and nothing was dialled"
    if count == 1:
        return "the order at the shop is what the customer keyed"
    return f"all {count} orders at the shop are what the customers keyed"


def _print_steps(console: Console, entry: Record, story: Story, told_at: float | None) -> None:
    table = Table(title="One call in six steps", title_justify="left", box=None, padding=(0, 1))
    table.add_column("", style="bold cyan", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("at", justify="right", style="dim", no_wrap=True)
    table.add_column("", style="bold")
    for number, (what, at, figure) in enumerate(six_steps(entry, story, told_at), 1):
        table.add_row(str(number), what, "" if at is None else f"{at:.2f} s", figure)
    console.print(table)
    for cost in entry["costs"]:
        paid = f"{cost['cost']:g} {cost['currency']}" if cost["cost"] is not None else "no tariff"
        console.print(f"[dim] the meter: {cost['leg']}, {cost['seconds']:.1f} s, {cost['paid_by']} pays {paid}[/]")
    console.print()


def _print_table(console: Console, records: list[Record]) -> None:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for name in ("customer", "first leg", "hand-over", "calls", "keyed", "order", ""):
        table.add_column(name, justify="right" if name in ("first leg", "hand-over", "calls") else "left")
    for entry in records:
        order = entry["order"][0] if entry["order"] else None
        lines = " ".join(f"{line['quantity']}×{line['article']}" for line in order["lines"]) if order else "–"
        table.add_row(
            PhoneNumber(entry["caller"]).masked(),
            _figure("{:.2f} s", entry["first_leg_s"]),
            _figure("{:.0f} ms", entry["hand_over_ms"]),
            str(len(entry["attempts"])),
            entry["keyed"] or "–",
            lines,
            "[green]✓[/]" if entry["order_matches"] else "[red]✗[/]",
        )
    console.print(table)


def _print_refused(console: Console, entry: Record) -> None:
    spoken = _figure("answered with a hint, {:.2f} s", entry["first_leg_s"]) if entry["first_leg_s"] else "left ringing"
    dialled = f"{len(entry['attempts'])} calls dialled" if entry["attempts"] else "nothing dialled"
    console.print(f"withheld ({entry['withheld']}): refused: {entry['refused'] or 'no'}; {spoken}; {dialled}")


def _print_medians(console: Console, outcome: Outcome, speed: float) -> None:
    """With the limits at real speed only: sped up, the work between two moments takes as many times longer."""
    limits = {
        "first_leg_s": ("shop's line off hook", "{:.2f} s", FIRST_LEG_LIMIT),
        "id_to_off_hook_ms": ("caller ID complete → off hook", "{:.0f} ms", ID_LIMIT_MS),
        "hand_over_ms": ("shop on hook → overseas dials", "{:.0f} ms", HAND_OVER_LIMIT_MS),
    }
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("measured by the exchange")
    table.add_column("median" if len(outcome.records) > 1 else "", justify="right")
    table.add_column("at most" if speed == 1.0 else f"(bench time, speed {speed:g})", justify="right")
    for name, value in medians(outcome.records).items():
        what, form, limit = limits[name]
        if value is not None:
            style = "green" if value <= limit else "yellow"
            at_most = form.format(limit) if speed == 1.0 else ""
            table.add_row(what, f"[{style}]{form.format(value)}[/]" if at_most else form.format(value), at_most)
    if table.row_count:
        console.print(table)


def _figure(form: str, value: float | None) -> str:
    return "–" if value is None else form.format(value)
