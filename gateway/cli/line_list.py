"""``gateway line list``: the modems that are plugged in, and who has them."""

from dataclasses import dataclass
from pathlib import Path

import click
import msgspec
from rich.table import Table
from rich.text import Text

from gateway.cli.box_file import DEFAULT
from gateway.cli.console import table_console
from gateway.errors import SettingsError
from gateway.modems.serial_port import held_by
from gateway.modems.usb import PluggedPort, plugged_ports
from gateway.settings import LineSettings, load

LINKS = Path("/dev/gateway")


@dataclass
class Row:
    """One port."""

    port: str
    usb: str
    modem: str
    model: str
    part: str
    line: str
    state: str
    """``free``, ``not plugged in``, or ``held by`` whom."""


@click.command("list")
@click.option(
    "--settings", "path", type=click.Path(path_type=Path), metavar="FILE", help=f"Default: {DEFAULT}, if any."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a port.")
def list_lines(path: Path | None, as_json: bool) -> None:
    """List the modems: what is plugged in, model, port, its line, and whether it is free or held by whom."""
    rows = rows_of(plugged_ports(), _lines(path))
    if as_json:
        for row in rows:
            click.echo(msgspec.json.encode(row).decode())
        return
    if not rows:
        click.echo("no USB modem is plugged in, and no line is set")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("port", "USB", "modem", "model", "for", "line", "state"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        cells = (row.port, row.usb, row.modem, row.model, row.part, row.line, row.state)
        table.add_row(*map(Text, cells))  # a modem may call itself anything
    table_console().print(table)


def _lines(path: Path | None) -> tuple[LineSettings, ...]:
    if path is None and not DEFAULT.exists():
        return ()
    try:
        return load(path or DEFAULT).lines
    except SettingsError:
        if path is not None:
            raise
        return ()  # what is plugged in can be told all the same


def rows_of(ports: list[PluggedPort], lines: tuple[LineSettings, ...]) -> list[Row]:
    """Every port that is plugged in, then every line whose port is no USB one or isn't there."""
    names = {str(Path(line.port).resolve()): line.name for line in lines}
    names |= {str(Path(line.audio).resolve()): line.name for line in lines if line.audio and "/" in line.audio}
    if LINKS.is_dir():
        names |= {str(link.resolve()): link.name for link in LINKS.iterdir()} | names
    rows = [
        Row(
            port=port.device,
            usb=f"{port.vendor:04x}:{port.product:04x} {port.serial or 'no serial'} at {port.place}",
            modem=port.title,
            model=port.modem.model if port.modem else "",
            part=port.part,
            line=names.get(str(Path(port.device).resolve()), ""),
            state=state_of(port.device),
        )
        for port in ports
    ]
    shown = {str(Path(row.port).resolve()) for row in rows}
    return rows + [
        Row(line.port, "", "", line.model, "commands", line.name, state_of(line.port))
        for line in lines
        if str(Path(line.port).resolve()) not in shown
    ]


def state_of(port: str) -> str:
    """In words."""
    if not Path(port).exists():
        return "not plugged in"
    holder = held_by(port)
    return f"held by {holder}" if holder else "free"
