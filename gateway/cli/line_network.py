"""``gateway line ussd`` and ``gateway line sms``: a prepaid SIM's balance, and what its operator writes."""

import json
from typing import Any

import click

from gateway import clock
from gateway.cli.line_choice import chosen, line_options
from gateway.errors import GatewayError, SettingsError
from gateway.modems.catalogue import profile_of
from gateway.modems.gsm_messages import Message, ask_network, at_network, send_message, stored_messages
from gateway.modems.gsm_profiles import GsmProfile
from gateway.numbers import NotANumber, PhoneNumber
from gateway.settings import LineSettings


@click.command()
@line_options
@click.argument("code")
def ussd(code: str, **which: Any) -> None:
    """Ask LINE's mobile network by CODE (USSD) and show its answer: *100# tells many a prepaid SIM's balance.

    What a code does is the operator's affair; most ask, some order something.
    """
    click.echo(clock.run(_asked(_mobile(which), code)))


@click.command()
@line_options
@click.option("--to", metavar="NUMBER", help="Send a message to this number, instead of listing those that came.")
@click.option("--text", help="With --to: what it says.")
@click.option("--unmask", is_flag=True, help="Show whole telephone numbers.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a message instead of words.")
def sms(to: str | None, text: str | None, unmask: bool, as_json: bool, **which: Any) -> None:
    """List the short messages that LINE's SIM and modem keep, or send one."""
    if (to is None) != (text is None):
        raise SettingsError("--to and --text go together: a message has a number and a text")
    line = _mobile(which)
    if to is not None and text is not None:
        clock.run(_send(line, to, text))
        click.echo("sent")
        return
    for message in clock.run(_kept(line)):
        sender = message.sender if unmask else message.sender_masked(line.country)
        if as_json:
            row = {"sender": sender, "sent_at": message.sent_at, "text": message.text}
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            click.echo(f"{message.sent_at}  {sender}  {message.text}")


def _mobile(which: dict[str, Any]) -> LineSettings:
    line = chosen(**which).line
    if not isinstance(profile_of(line.model), GsmProfile):
        raise SettingsError(f'line "{line.name}": a {line.model} is an analogue modem; only mobile lines have a SIM')
    return line


async def _asked(line: LineSettings, code: str) -> str:
    async with at_network(line) as library:
        return await ask_network(library, code)


async def _kept(line: LineSettings) -> list[Message]:
    async with at_network(line) as library:
        return await stored_messages(library)


async def _send(line: LineSettings, to: str, text: str) -> None:
    try:
        number = PhoneNumber.parse(to, line.country)
    except NotANumber as error:
        raise GatewayError(f"--to: {error}") from None
    async with at_network(line) as library:
        await send_message(library, number, text)
