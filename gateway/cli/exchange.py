"""``gateway exchange``: the bench's telephone exchange, for anybody's programs."""

import contextlib
import json
import logging
import sys
from pathlib import Path
from typing import Any, Literal, get_args

import click

from gateway.bench.customers import MOODS, CallOrder
from gateway.bench.settings import CountryName, Form, Reason

SETTINGS = click.Path(path_type=Path, dir_okay=False)


@click.group()
def exchange() -> None:
    """The bench's telephone exchange: serve modem ports, place calls, read its log."""


@exchange.command()
@click.option(
    "--settings", "path", type=SETTINGS, required=True, help="The exchange's settings (see docs/exchange.toml)."
)
@click.option("--speed", type=click.FloatRange(0.1, 1000), help="Bench seconds in a real second.")
def up(path: Path, speed: float | None) -> None:
    """Open the modem ports that the settings name, and stay up until Ctrl-C or SIGTERM."""
    from gateway import clock
    from gateway.bench import serve, settings

    logging.basicConfig(level="WARNING", stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    chosen = settings.load(path)
    pace = clock.Pace.begin(speed) if speed is not None else clock.Pace.inherited()
    if speed is not None:
        (name, value), *_ = pace.environment().items()
        click.echo(f"speed {speed:g}: programs keep the same time with {name}={value}")
    clock.run(serve.serve(chosen, lambda line: click.echo(line)), pace)


def _control(path: Path | None, settings_path: Path | None) -> Path:
    from gateway.bench import settings

    if path is not None:
        return path
    named = settings.load(settings_path).control if settings_path is not None else None
    return Path(named) if named else settings.default_control()


@exchange.command()
@click.option("--from", "caller", required=True, help="The caller's number: E.164, or national where that is clear.")
@click.option("--to", "called", required=True, help="The number to call: E.164, or digits as they would be dialled.")
@click.option("--country", type=click.Choice(get_args(CountryName)), help="The caller's country, if not his number's.")
@click.option("--withheld", type=click.Choice(get_args(Reason)), help="No number is shown, for this reason.")
@click.option("--form", type=click.Choice(get_args(Form)), help="Form of the caller-ID message.")
@click.option("--keys", default="", help='Keys to press when a prompt pauses; groups apart: "1 25# 9".')
@click.option("--script", "script_path", type=SETTINGS, help="What the caller does, step by step (TOML).")
@click.option("--mood", type=click.Choice([*MOODS, "random"]), help="A ready-made customer who expects a call back.")
@click.option("--callback/--no-callback", default=None, help="Must be called back / does not wait for it.")
@click.option("--timeout", default=60.0, show_default=True, help="Bench seconds for each thing waited for.")
@click.option("--seed", default=0, help="Makes the caller's timing, and mood, another one.")
@click.option("--exchange", "socket", type=click.Path(path_type=Path), help="The exchange's control socket.")
@click.option("--settings", "settings_path", type=SETTINGS, help="Settings whose control socket is meant.")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON object.")
def call(
    script_path: Path | None, socket: Path | None, settings_path: Path | None, as_json: bool, **order: Any
) -> None:
    """Place a call through the running exchange and tell what the caller's handset experienced.

    Exit code 0 only if the call did what it should: answered, all keys pressed, called back where that was asked for,
    or every step of the script.
    """
    from gateway.bench import control, script
    from gateway.settings_file import convert, tables

    raw = None
    if script_path is not None:
        script.load(script_path)  # its errors name the file
        raw = tables(script_path)
    base = str(script_path.resolve().parent) if script_path else "."
    wanted = convert({"script": raw, "base": base, **order}, CallOrder, "the call")
    result = control.place(_control(socket, settings_path), wanted, None if as_json else _tell)
    if as_json:
        click.echo(json.dumps({"ok": result.ok, "failed": result.failed, "notes": result.notes}, ensure_ascii=False))
    else:
        click.echo("done" if result.ok else f"failed: {result.failed}")
    sys.exit(0 if result.ok else 1)


def _tell(note: dict[str, Any]) -> None:
    rest = " ".join(f"{key}={value}" for key, value in note.items() if key not in ("t", "did", "heard", "seen", "is"))
    kind: Literal["did", "heard", "seen", "is"] = next(key for key in ("did", "heard", "seen", "is") if key in note)
    words = {"did": "", "heard": "hears ", "seen": "display: ", "is": "customer: "}[kind]
    click.echo(f"{note['t']:10.3f}  {words}{note[kind]} {rest}".rstrip())


def _event(line: str) -> dict[str, Any] | None:
    with contextlib.suppress(ValueError):
        entry = json.loads(line)
        if isinstance(entry, dict) and entry.keys() >= {"t", "wall", "event"}:
            return entry
    return None


@exchange.command()
@click.option("--settings", "path", type=SETTINGS, required=True, help="The exchange's settings, for its log's path.")
@click.option("--call", "number", type=int, help="Only this call's events.")
@click.option("--event", "events", multiple=True, help="Only these events.")
def log(path: Path, number: int | None, events: tuple[str, ...]) -> None:
    """Show the exchange's event log, one event a line."""
    from gateway.bench import settings
    from gateway.errors import SettingsError

    named = settings.load(path).log
    if named is None:
        raise SettingsError(f"{path}: log is not set; add it and start the exchange again")
    if not Path(named).exists():
        raise SettingsError(f"{path}: log {named} is not there yet; start the exchange first")
    with Path(named).open(encoding="utf-8") as file:
        for place, line in enumerate(file, 1):
            entry = _event(line)
            if entry is None:  # an exchange that was killed leaves half a line
                click.echo(f"{named}: line {place} is no event, and left out", err=True)
            elif (number is None or entry.get("call") == number) and (not events or entry["event"] in events):
                t, what = entry.pop("t"), entry.pop("event")
                entry.pop("wall")
                rest = " ".join(f"{key}={value}" for key, value in entry.items())
                click.echo(f"{t:12.6f}  {what:12} {rest}")
