"""What a mobile line's SIM does besides calls: it asks the network by code (USSD), and takes and sends short messages.

A prepaid SIM tells its balance and its operator's warnings only so. Between calls; the line's task must not hold the
port.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gsmmodem.modem import ReceivedSms

from gateway.errors import GatewayError
from gateway.modems import gsm_setup
from gateway.modems.commands import CommandChannel
from gateway.modems.gsm_modem import Library
from gateway.modems.serial_port import Port, SerialPort
from gateway.modems.trace import Trace
from gateway.numbers import NotANumber, PhoneNumber
from gateway.protocols.at import Event, Unsolicited
from gateway.settings import LineSettings

USSD_WITHIN = 30
"""Seconds for the network's answer."""
LONGEST = 160
"""Characters in one message of the GSM alphabet (3GPP TS 23.038)."""

_USSD = re.compile(r"[0-9*#+]{1,182}")


@dataclass(frozen=True)
class Message:
    """A short message that the SIM or modem keeps. ``sent_at``: ISO 8601, by the operator's clock."""

    sender: str
    sent_at: str
    text: str

    def sender_masked(self, region: str) -> str:
        """A telephone number masked, as everywhere; a name or a service's short number as it is."""
        try:
            return str(PhoneNumber.parse(self.sender, region))
        except NotANumber:
            return self.sender


@asynccontextmanager
async def at_network(settings: LineSettings, port: Port | None = None) -> AsyncIterator[Library]:
    """A mobile line's modem with its SIM unlocked and its network found. Raises ``LineLost`` with the remedy.

    ``port`` takes the place of ``settings.port`` (tests).
    """
    plug = port or SerialPort(settings.port, settings.baud, settings.name)
    channel = CommandChannel(
        plug, Trace(settings.trace, plug.name), lambda event: _hear(library, event), lambda _: None
    )
    library = Library(channel)
    try:
        await gsm_setup.wake(channel)
        await gsm_setup.unlock(channel, library, settings.pin)
        await gsm_setup.await_network(channel)
        yield library
    finally:
        library.shut()
        channel.close()


async def ask_network(library: Library, code: str) -> str:
    """The network's answer to a code such as ``*100#``. Raises ``GatewayError``."""
    if not _USSD.fullmatch(code):
        raise GatewayError(f'"{code}" is no code; it has digits, * and # only, such as *100#')
    answer = await library.run(lambda modem: modem.sendUssd(code, USSD_WITHIN))
    if answer is None or not answer.message:
        raise GatewayError(f"{library.port}: the network gives no answer to {code}; does your operator know this code?")
    return str(answer.message)


async def stored_messages(library: Library) -> list[Message]:
    """All that are kept, in the order of the store. Raises ``GatewayError``."""
    kept = await library.run(_stored)
    if kept is None:
        raise GatewayError(f"{library.port}: the modem does not list short messages")
    return kept


async def send_message(library: Library, number: PhoneNumber, text: str) -> None:
    """Send one; it costs what a message costs. Raises ``GatewayError``."""
    if not 0 < len(text) <= LONGEST:
        raise GatewayError(f"a short message has 1 to {LONGEST} characters, not {len(text)}")
    if await library.run(lambda modem: _sent(modem, number, text)) is None:
        raise GatewayError(f"{library.port}: the network does not take the message to {number}; is there credit left?")


def _hear(library: Library, event: Event) -> None:
    if isinstance(event, Unsolicited):
        library.hear(event.text)


def _stored(modem: Library) -> list[Message]:
    modem.write("AT+CMGF=0")
    kept = modem.listStoredSms()
    return [Message(one.number, one.time.isoformat(), one.text) for one in kept if isinstance(one, ReceivedSms)]


def _sent(modem: Library, number: PhoneNumber, text: str) -> bool:
    modem.write("AT+CMGF=0")
    modem.sendSms(number.e164, text)
    return True
