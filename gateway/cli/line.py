"""``gateway line``: look at one line and its modem."""

import click

from gateway.cli.lazy import LazyGroup

COMMANDS = {
    # name: (module, attribute, one line of help)
    "adopt": ("gateway.cli.line_adopt", "adopt", "Name the modem just plugged in, and write its settings."),
    "answer": ("gateway.cli.line_call", "answer", "Answer a call by hand; tell what is heard."),
    "at": ("gateway.cli.line_at", "at", "A careful AT console, with times."),
    "decode": ("gateway.cli.line_decode", "decode", "Tell what a modem said, from raw bytes."),
    "dial": ("gateway.cli.line_call", "dial", "Call a number by hand; tell what is heard."),
    "levels": ("gateway.cli.line_levels", "levels", "Measure speech, noise and echo on a call."),
    "list": ("gateway.cli.line_list", "list_lines", "List the modems: model, port, line, free or held by whom."),
    "listen": ("gateway.cli.line_call", "listen", "Show level, tones and keys as they come."),
    "play": ("gateway.cli.line_call", "play", "Say a WAV file on the line."),
    "probe": ("gateway.cli.line_probe", "probe", "Ask the modem on a port what it is and can, and what it lacks."),
    "prove": ("gateway.cli.line_prove", "prove", "Prove every step of the service on one line."),
    "record": ("gateway.cli.line_call", "record", "Record what the line hears."),
    "sms": ("gateway.cli.line_network", "sms", "List a mobile line's short messages, or send one."),
    "ussd": ("gateway.cli.line_network", "ussd", "Ask a mobile line's network by code: a prepaid balance."),
    "watch": ("gateway.cli.line_watch", "watch", "Show everything that passes on the port, live."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def line() -> None:
    """Look at one line and its modem."""
