"""``gateway link``: how the box is joined to the other one, or others, just now."""

import time
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from rich.table import Table

from gateway.cli.box_file import DEFAULT
from gateway.cli.console import table_console
from gateway.link.status import LinkState, read
from gateway.settings import load


@click.group()
def link() -> None:
    """How the box is joined to the other one, or to several."""


@link.command()
@click.option("--settings", type=click.Path(path_type=Path), default=DEFAULT, show_default=True, metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="A JSON array, an object for each peer.")
def status(settings: Path, as_json: bool) -> None:
    """Show each route's state, what waits to be sent, and what was refused, as of the last seconds."""
    states = read(Path(load(settings).data), time.time())
    if as_json:
        click.echo(msgspec.json.encode(states))
        return
    for state in states:
        _print(state)


def _print(state: LinkState) -> None:
    table = Table("route", "state", "round trip", header_style="bold", title=state.peer, title_justify="left")
    for route in state.routes:
        trip = "" if route.round_trip is None else f"{route.round_trip * 1000:.1f} ms"
        table.add_row(route.name, route.state, trip)
    heard = datetime.fromtimestamp(state.heard_at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    console = table_console()
    console.print(table)
    console.print(f"{state.peer}: last heard {heard}; {state.queued} messages wait for it")
    if state.free_lines is not None:
        waiting = f"no line free, {-state.free_lines} requests wait there" if state.free_lines < 0 else ""
        console.print(waiting or f"{state.free_lines} of its lines are free")
    if dropped := ", ".join(f"{count} {reason}" for reason, count in sorted(state.counts.items()) if count):
        console.print(f"dropped: {dropped}")
