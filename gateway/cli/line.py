"""``gateway line``: look at one line and its modem."""

import click

from gateway.cli.lazy import LazyGroup

COMMANDS = {
    # name: (module, attribute, one line of help)
    "decode": ("gateway.cli.line_decode", "decode", "Tell what a modem said, from raw bytes."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def line() -> None:
    """Look at one line and its modem."""
