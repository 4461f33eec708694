"""Which line a command of ``gateway line`` is about: a name in the settings file, or a port and a model."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import phonenumbers

from gateway.cli.box_file import DEFAULT
from gateway.errors import GatewayError, SettingsError
from gateway.modems.catalogue import profile_of
from gateway.numbers import CallerId, Withheld
from gateway.settings import LineSettings, Settings, load
from gateway.settings_file import convert

NOBODY = "+10000000"
"""The number of a line that was given by its port alone: it has none."""
REASONS = {
    "P": "the number is withheld by the caller's wish",
    "O": "no caller ID came",
    "C": "a public telephone",
    "S": "the network can't pass the number on",
    "?": "what came is no number",
}

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Chosen:
    """A line, and its box's settings; None where the line was given by its port."""

    line: LineSettings
    box: Settings | None


def line_options(command: F) -> F:
    """The argument LINE, and the options that say more about it."""
    for decorate in (
        click.option(
            "--country", default="JP", show_default=True, metavar="CC", help="With a port: its line's country."
        ),
        click.option("--audio", help="With a port: where a mobile modem's sound is."),
        click.option("--model", help="With a port: the modem's model."),
        click.option(
            "--settings", "path", type=click.Path(path_type=Path), default=DEFAULT, show_default=True, metavar="FILE"
        ),
        click.argument("line"),
    ):
        command = decorate(command)
    return command


def chosen(line: str, path: Path, model: str | None, audio: str | None, country: str) -> Chosen:
    """The line named ``line`` in the settings file; with a slash in it, or with ``model``, the port itself.

    Raises ``SettingsError``.
    """
    if "/" in line or model is not None:
        if model is None:
            raise SettingsError(f"{line} is a port: say with --model which modem is there (gateway line list shows it)")
        profile_of(model)
        return Chosen(on_port(line, model, known_country(country), audio), None)
    settings = load(path)
    found = named(settings.lines, line, path)
    profile_of(found.model)
    return Chosen(found, settings)


def named(lines: tuple[LineSettings, ...], name: str, path: Path) -> LineSettings:
    """One of the lines. Raises ``SettingsError`` that lists them."""
    for line in lines:
        if line.name == name:
            return line
    raise SettingsError(f'{path}: no line is named "{name}"; choose one of {", ".join(line.name for line in lines)}')


def known_country(text: str) -> str:
    """A country's two letters, checked. Raises ``GatewayError``."""
    if text.upper() in phonenumbers.SUPPORTED_REGIONS:
        return text.upper()
    raise GatewayError(f'country "{text}" is not known; give its two letters of ISO 3166, as in GB')


def caller_in_words(caller: CallerId, *, unmask: bool) -> str:
    """Who calls ("from +81*****5678"), or why that is not known."""
    if isinstance(caller, Withheld):
        return f"without a number ({caller.reason}: {REASONS[caller.reason]})"
    return f"from {caller.e164 if unmask else caller}"


def on_port(port: str, model: str, country: str, audio: str | None = None) -> LineSettings:
    """A line that stands in no file, called by its port (``ttyacm0``). Raises ``SettingsError``."""
    name = re.sub("[^a-z0-9]+", "-", Path(port).name.lower()).strip("-")[:32] or "line"
    alone = {"name": name, "port": port, "model": model, "audio": audio, "country": country, "number": NOBODY}
    return convert(alone, LineSettings, port)
