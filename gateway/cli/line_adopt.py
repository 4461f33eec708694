"""``gateway line adopt``: a name and settings for a modem that has just been plugged in."""

import re
import shutil
import subprocess
from pathlib import Path

import click

from gateway.cli.box_file import DEFAULT
from gateway.cli.line_choice import known_country
from gateway.errors import GatewayError, SettingsError
from gateway.modems.udev_rules import LINES_FILE, line_rules, mark_of, with_line
from gateway.modems.usb import PluggedPort, UsbModem, plugged_ports
from gateway.numbers import NotANumber, PhoneNumber


@click.command()
@click.argument("name")
@click.option("--number", required=True, help="The line's own number, E.164 or national.")
@click.option("--country", default="JP", show_default=True, metavar="CC", help="Where the line is, ISO 3166.")
@click.option("--port", help="One of the modem's ports, where several modems are plugged in: /dev/ttyACM0.")
@click.option("--settings", "path", type=click.Path(path_type=Path), default=DEFAULT, show_default=True, metavar="FILE")
@click.option("--rules", type=click.Path(path_type=Path), default=Path(LINES_FILE), show_default=True)
def adopt(name: str, number: str, country: str, port: str | None, path: Path, rules: Path) -> None:
    """Give the modem that is plugged in the line name NAME: a udev rule, and [[line]] in the settings.

    From then on its port is /dev/gateway/NAME (its sound /dev/gateway/NAME-audio), whatever else is plugged in.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", name):
        raise GatewayError(f'name "{name}": lower case letters, digits, - and _, 32 at most')
    own = _parsed(number, known_country(country))
    ports = plugged_ports()
    chosen = choose(ports, port, _read(rules))
    assert chosen.modem is not None
    block = as_toml(name, own, country.upper(), chosen.modem)
    text = with_settings(path, name, block)
    mark = mark_of(chosen, ports)
    _write(rules, with_line(_read(rules), name, line_rules(name, mark, chosen.modem)))
    _write(path, text)
    click.echo(
        f"{chosen.modem.name} ({chosen.modem.model}), known by its {mark}, is line {name} at /dev/gateway/{name}"
    )
    _apply()
    click.echo(f"restart the service, then prove the line: gateway line prove {name}")


def choose(ports: list[PluggedPort], wanted: str | None, adopted: str) -> PluggedPort:
    """The command port of the one modem that can be meant. Raises ``GatewayError`` that lists them."""
    known = [port for port in ports if port.part == "commands"]
    if wanted is not None:
        places = {port.place for port in ports if Path(port.device) == Path(wanted).resolve()}
        known = [port for port in known if port.place in places]
        if not known:
            raise GatewayError(f"{wanted} is no port of a modem that the gateway knows; see gateway line list")
    fresh = [port for port in known if not _is_in(port, adopted)] or known
    if not fresh:
        raise GatewayError("no modem that the gateway knows is plugged in; see gateway line list")
    if len(fresh) > 1:
        listed = ", ".join(f"{port.device} ({port.title} at {port.place})" for port in fresh)
        raise GatewayError(f"several modems can be meant: {listed}; say which with --port")
    return fresh[0]


def as_toml(name: str, number: PhoneNumber, country: str, modem: UsbModem) -> str:
    """The line's settings."""
    audio = f'audio = "/dev/gateway/{name}-audio"\n' if modem.sound is not None else ""
    return (
        f'[[line]]\nname = "{name}"\nport = "/dev/gateway/{name}"\nmodel = "{modem.model}"\n{audio}'
        f'number = "{number.e164}"\ncountry = "{country}"\n'
    )


def with_settings(path: Path, name: str, block: str) -> str:
    """The settings with the line in them, in place of an earlier one of that name. Raises ``SettingsError``."""
    text = _read(path)
    tables = re.split(r"(?m)^(?=\[)", text)
    kept = [table for table in tables if not _is_line(table, name)]
    lines = [at for at, table in enumerate(kept) if table.startswith("[[line]]")]
    first_table = next((at for at, table in enumerate(kept) if table.startswith("[")), len(kept))
    where = lines[-1] + 1 if lines else first_table
    before = "".join(kept[:where])
    gap = "" if not before or before.endswith("\n\n") else "\n" if before.endswith("\n") else "\n\n"
    return before + gap + block + ("\n" if kept[where:] else "") + "".join(kept[where:])


def _is_line(table: str, name: str) -> bool:
    return (
        table.startswith("[[line]]") and re.search(rf'(?m)^name\s*=\s*["\']{re.escape(name)}["\']', table) is not None
    )


def _is_in(port: PluggedPort, adopted: str) -> bool:
    serial = f'ENV{{ID_SERIAL_SHORT}}=="{port.serial}"'
    return f'KERNELS=="{port.place}"' in adopted or (port.serial != "" and serial in adopted)


def _parsed(number: str, country: str) -> PhoneNumber:
    try:
        return PhoneNumber.parse(number, country)
    except NotANumber as error:
        raise GatewayError(f"number {number}: {error}; write it as +81...") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: is not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise SettingsError(f"{path}: can't be read: {error.strerror}; run this as root") from None


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.new")
        draft.write_text(text, encoding="utf-8")
        if path.exists():
            shutil.copymode(path, draft)
        draft.replace(path)
    except OSError as error:
        raise GatewayError(f"{path}: can't be written: {error.strerror}; run this as root") from None


def _apply() -> None:
    """Have udev read its rules again and look at what is plugged in, where it runs."""
    if shutil.which("udevadm") is None or not Path("/run/udev/control").exists():
        return
    subprocess.run(["udevadm", "control", "--reload"], check=False)
    subprocess.run(["udevadm", "trigger", "--subsystem-match=tty", "--subsystem-match=sound"], check=False)
    subprocess.run(["udevadm", "settle", "--timeout=10"], check=False)
