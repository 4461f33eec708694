"""``gateway line``: look at one line and its modem."""

import click

from gateway.cli.lazy import LazyGroup

COMMANDS = {
    # name: (module, attribute, one line of help)
    "list": ("gateway.cli.line_list", "list_lines", "List the modems: model, port, line, free or held by whom."),
    "prove": ("gateway.cli.line_prove", "prove", "Prove every step of the service on one line."),
    "probe": ("gateway.cli.line_probe", "probe", "Ask the modem on a port what it is and can, and what it lacks."),
    "decode": ("gateway.cli.line_decode", "decode", "Tell what a modem said, from raw bytes."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def line() -> None:
    """Look at one line and its modem."""
