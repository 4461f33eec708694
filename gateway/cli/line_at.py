"""``gateway line at``: a careful console for AT commands, with times and a history."""

import asyncio
import re
import readline
from pathlib import Path
from typing import Any

import click

from gateway.cli.line_choice import chosen, line_options
from gateway.errors import GatewayError
from gateway.modems import gsm_setup
from gateway.modems.commands import CommandChannel
from gateway.modems.serial_port import SerialPort
from gateway.modems.trace import Trace
from gateway.protocols.at import Event, Garbage, Unsolicited
from gateway.protocols.dle import Shielded
from gateway.settings import LineSettings

HISTORY = Path("~/.local/state/gateway/at_history")
WITHIN = 10.0

_OWN_NAME = re.compile(r"[&\\%-][A-Z]\d*|[+#^$*!][A-Z0-9]+[^;]*;?")
"""A command with a name of its own; what is left of a line are the single letters of V.250."""
CAREFUL: tuple[tuple[str, str], ...] = (
    # pattern of a command line, why it is not sent without --force
    (r"\+V(TX|RX|TR)\b|#V(TX|RX)\b", "it opens a voice stream, which this console can't end"),
    (r"&[WF]|\+(CPIN|CPWD|CLCK|CMGS|CUSD|CFUN|IPR)=", "it changes what a restart does not undo, or costs money"),
    (r"[\^+$*#](QCFG|SETPORT|U2DIAG|QFLASH|CUSBPIDSWITCH|SIMLOCK|CARDLOCK)", "it may make the modem unusable"),
)
LETTERS = {"D": "it dials", "A": "it answers a call"}


@click.command()
@line_options
@click.argument("commands", nargs=-1)
@click.option(
    "--within", type=click.FloatRange(min=0.1), default=WITHIN, show_default=True, help="Seconds for a reply."
)
@click.option("--force", is_flag=True, help="Send commands, too, that dial, answer, or write settings.")
def at(commands: tuple[str, ...], within: float, force: bool, **which: Any) -> None:
    """Send AT commands to LINE's modem and show each reply with its time; without COMMANDS, a console.

    Commands that dial, answer, open a voice stream or write settings are refused unless --force is given.
    """
    line = chosen(**which).line
    with asyncio.Runner() as runner:
        console = runner.run(_opened(line, within, force=force))
        try:
            for text in commands:
                click.echo(f"AT> {text}")
                runner.run(console.send(text))
            if not commands:
                _converse(runner, console)
        finally:
            runner.run(console.close())


async def _opened(line: LineSettings, within: float, *, force: bool) -> "AtConsole":
    port = SerialPort(line.port, line.baud, line.name)
    console = AtConsole(within, force=force)
    console.channel = CommandChannel(port, Trace(line.trace, port.name), console.tell, lambda lost: None)
    return console


class NotSent(GatewayError):
    """A command that may do harm, without ``--force``."""


class AtConsole:
    """Sends what is typed, one command at a time."""

    def __init__(self, within: float, *, force: bool) -> None:
        self.channel: CommandChannel
        self._within = within
        self._force = force

    async def send(self, text: str) -> None:
        """One command line; its reply, result and time are shown. Raises ``GatewayError``."""
        text = text.strip()
        if not text:
            return
        if not self._force and (why := careful(text)):
            raise NotSent(f"{text} is not sent: {why}; start with --force if that is wanted")
        loop = asyncio.get_running_loop()
        began = loop.time()
        reply = await gsm_setup.ask(self.channel, text, self._within)
        for line in reply.information:
            click.echo(line)
        click.echo(f"{reply.result}  {click.style(f'({1000 * (loop.time() - began):.0f} ms)', dim=True)}")

    def tell(self, event: Event) -> None:
        """What the modem says unasked."""
        match event:
            case Unsolicited(text):
                click.secho(text, fg="yellow")
            case Shielded(code):
                click.secho(f"DLE {code}", fg="yellow")
            case Garbage(data):
                click.secho(f"{len(data)} bytes that are no text", fg="yellow")

    async def close(self) -> None:
        """Give the port back."""
        await asyncio.sleep(0.05)
        self.channel.close()


def careful(text: str) -> str | None:
    """Why a command line is not to be sent lightly; None if it may be."""
    text = text.strip().upper()
    if not text.startswith("AT"):
        return "it is no AT command"
    for pattern, why in CAREFUL:
        if re.search(pattern, text):
            return why
    letters = _OWN_NAME.sub("", text[2:])
    return next((why for letter, why in LETTERS.items() if letter in letters), None)


def _converse(runner: asyncio.Runner, console: AtConsole) -> None:
    """Until Ctrl-D or an empty Ctrl-C; what came unasked meanwhile is shown with the next reply."""
    history = HISTORY.expanduser()
    history.parent.mkdir(parents=True, exist_ok=True)
    if history.exists():
        readline.read_history_file(history)
    click.echo("Ctrl-D ends. Arrow up brings back earlier commands.")
    try:
        while True:
            text = input("AT> ")
            try:
                runner.run(console.send(text if text.upper().startswith("AT") or not text else f"AT{text}"))
            except NotSent as refused:
                click.echo(str(refused), err=True)
    except (EOFError, KeyboardInterrupt):
        click.echo()
    except GatewayError as error:
        raise GatewayError(f"{error}; the console has ended") from None
    finally:
        readline.set_history_length(500)
        readline.write_history_file(history)
