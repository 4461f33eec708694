"""``gateway recover``: the part of recovery that needs root; started by systemd when the daemon has put a request."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import click

from gateway.errors import GatewayError
from gateway.modems.usb_power import PLACE, PowerError, power, rebind

UP_FOR = 6 * 3600.0
"""Seconds: the machine is restarted no more often than that."""
UNSERVED_FOR = 1800.0
"""Seconds without any line served, before it is."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def recover(folder: Path) -> None:
    """Carry out what the daemon has asked for in FOLDER, and take the requests away."""
    if not folder.is_dir():
        raise GatewayError(f"{folder}: no such folder; the daemon puts what it asks for into /run/gateway/requests")
    for request in sorted(folder.glob("*.json")):
        try:
            click.echo(f"{request.stem}: {carry_out(json.loads(request.read_text(encoding='utf-8')), folder)}")
        except (PowerError, ValueError, KeyError, TypeError) as error:
            click.echo(f"{request.stem}: {error}", err=True)
        except OSError as error:
            raise GatewayError(f"{request}: {error.strerror}") from None
        finally:
            request.unlink(missing_ok=True)


def carry_out(what: dict[str, Any], folder: Path) -> str:
    """One request; what was done, in words. Raises ``PowerError``, ``ValueError``, ``KeyError``."""
    match what["do"]:
        case "rebind":
            return rebind(str(what["place"]))
        case "power":
            return power(str(what["place"]), [place for place in map(str, what["spare"]) if PLACE.fullmatch(place)])
        case "restart":
            return _restart(folder)
    raise ValueError(f'"{what["do"]}" is nothing that can be asked for')


def _restart(folder: Path) -> str:
    up = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    served = folder.parent / "served"
    unserved = time.time() - served.stat().st_mtime if served.exists() else up
    if up < UP_FOR or unserved < UNSERVED_FOR:
        return f"the machine is not restarted: up for {up / 3600:.1f} h, a line was served {unserved / 60:.0f} min ago"
    subprocess.run(["systemctl", "reboot"], check=False)
    return "the machine is restarted"
