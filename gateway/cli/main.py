"""``gateway``: the command line. Each command's module is imported only when the command is called."""

import errno
import os
import sys

import click

from gateway.cli.lazy import LazyGroup
from gateway.errors import GatewayError

COMMANDS = {
    # name: (module, attribute, one line of help)
    "calls": ("gateway.cli.journal", "calls", "Show the calls and what became of them."),
    "demo": ("gateway.cli.demo", "demo", "Run the main job on the bench: a customer's call is turned round."),
    "doctor": ("gateway.cli.doctor", "doctor", "Look at the whole box: settings, keys, peer, lines, clock, power, ..."),
    "dtmf": ("gateway.cli.dtmf", "dtmf", "Decode and encode DTMF keys in sound files."),
    "exchange": ("gateway.cli.exchange", "exchange", "The bench's telephone exchange: serve modem ports, place calls."),
    "keys": ("gateway.cli.keys", "keys", "Make this box's key pair and trust the other box."),
    "line": ("gateway.cli.line", "line", "Look at one line and its modem."),
    "link": ("gateway.cli.link", "link", "Show the link to the other box, route by route."),
    "menu": ("gateway.cli.menu", "menu", "Check and draw the order menu."),
    "orders": ("gateway.cli.journal", "orders", "Show the orders."),
    "policy": ("gateway.cli.policy", "policy", "Say what may be dialled, and why; stop all dialling."),
    "recover": (
        "gateway.cli.recover",
        "recover",
        "As root: take a modem off its bus and back (systemd starts it).",
    ),
    "report": ("gateway.cli.report", "report", "Show what was saved, and where a carrier's bill says otherwise."),
    "run": ("gateway.cli.run", "run", "Run this box, domestic or overseas, as its settings say."),
    "store": ("gateway.cli.store", "store", "Back the store up, check it, erase a number from it."),
    "tariff": ("gateway.cli.tariff", "tariff", "Import rate decks; say what a call costs in every way."),
    "tones": ("gateway.cli.tones", "tones", "Name the call-progress tones in sound."),
}

CONTEXT = {"help_option_names": ["-h", "--help"], "color": False if os.environ.get("NO_COLOR") else None}


@click.group(cls=LazyGroup, table=COMMANDS, context_settings=CONTEXT)
@click.version_option(package_name="gateway")
def cli() -> None:
    """A callback gateway: the domestic box takes the number, the overseas box calls the customer back."""


def main() -> None:
    """Entry point: an error of ours becomes one line on standard error and exit code 1."""
    try:
        cli()
    except GatewayError as error:
        click.echo(f"gateway: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        click.echo(f"gateway: {error.filename or 'the output'}: no room left on its disk; make room", err=True)
        sys.exit(1)
