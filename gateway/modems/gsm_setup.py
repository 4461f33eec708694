"""Bringing a GSM or LTE modem into service: identity, SIM, network, and the settings that a call needs.

A modem that refuses half of this is used all the same; what a line can't do without raises ``LineLost`` with the
remedy.
"""

import asyncio
import logging
import re
from dataclasses import dataclass

from gsmmodem.exceptions import CommandError

from gateway import clock
from gateway.line import LineLost
from gateway.modems.commands import CommandChannel
from gateway.modems.gsm_modem import GSM_FINALS, Library
from gateway.modems.gsm_profiles import GsmProfile, SoundCommands
from gateway.modems.losses import NoNetwork
from gateway.protocols.at import Command, Reply

log = logging.getLogger(__name__)

LETTING_PASS = 0.2
"""Seconds for whatever a predecessor left under way to come to its end."""
RESET = 5.0
SIM_WAIT = 10.0
"""Seconds for a SIM that is still being read after power-up."""
NETWORK_WAIT = 30.0
"""Seconds for registration after power-up."""
LOOK_AGAIN = 0.5
GOOD_SIGNAL = 10
"""Of 31 (+CSQ, -93 dBm): below it speech suffers."""

_REGISTERED = re.compile(r"\+C(?:E|G)?REG:\s*(?:\d,\s*)?([15])(?:,.*)?")
_TRIES = re.compile(r"\+CPINR:\s*\"?SIM PIN\"?,\s*(\d+)")
_NO_SIM = re.compile(r"\+CME ERROR:\s*(1[0345]|.*SIM.*)", re.IGNORECASE)
"""Not inserted, failure, busy, wrong (3GPP TS 27.007, 9.2.1)."""
SIM_READY = "READY"
SIM_REMEDIES = {
    "SIM PIN": "the SIM wants its PIN; set line.pin",
    "SIM PUK": "the SIM is blocked; unblock it with its PUK in a telephone",
    "": "there is no SIM that can be read; insert one",
}

_WRONG_PINS: set[tuple[str, str]] = set()
"""(Port, PIN) that a SIM has refused: a second and third try would block it."""


@dataclass(frozen=True)
class Identity:
    """What a modem says of itself; "" where it doesn't."""

    manufacturer: str
    model: str
    firmware: str

    def __str__(self) -> str:
        return " ".join(part for part in (self.manufacturer, self.model, self.firmware) if part) or "unknown modem"


async def ask(channel: CommandChannel, text: str, within: float = 2.0) -> Reply:
    """A command whose information lines begin with its own name, or are plain."""
    name = re.match(r"AT([+^*#$%&][A-Z]+)", text)
    return await channel.ask(Command(text, ("", *(name.groups() if name else ())), GSM_FINALS), within)


async def wake(channel: CommandChannel) -> None:
    """Get its attention, and plain answers. Raises ``LineLost``."""
    await channel.flush(b"", LETTING_PASS)
    for late, within in enumerate((0.5, 1.0, 2.0)):  # noqa: B007 - used after the loop
        if await channel.answers("AT", within):
            break
    else:
        await channel.ask("AT")
    if late:  # its replies to the first ones may still come, and each later command would take another's
        await channel.flush(b"", LETTING_PASS)
    for text in ("ATZ", "ATE0", "ATV1", "AT+CMEE=1"):
        await channel.ask(Command(text, finals=GSM_FINALS), RESET)


async def identify(library: Library) -> Identity:
    """What it is."""
    said = [await library.run(question) for question in (_manufacturer, _model, _firmware)]
    return Identity(*(_plain(text) for text in said))


async def unlock(channel: CommandChannel, library: Library, pin: str | None) -> None:
    """Have the SIM ready. Raises ``LineLost``."""
    for _ in range(round(SIM_WAIT / LOOK_AGAIN)):
        state = await sim_state(channel)
        if state in (SIM_READY, "SIM PIN", "SIM PUK"):
            break
        await asyncio.sleep(LOOK_AGAIN)  # it is being read
    if state == "SIM PIN" and pin is not None:
        await _enter(channel, library, pin)
        state = await sim_state(channel)
    if state != SIM_READY:
        raise LineLost(f"{channel.name}: {SIM_REMEDIES.get(state, f'the SIM says {state}')}")


async def sim_state(channel: CommandChannel) -> str:
    """READY, SIM PIN, SIM PUK, …; "" without a SIM. A modem that doesn't know the question counts as ready."""
    reply = await ask(channel, "AT+CPIN?", RESET)
    for line in reply.information:
        return line.removeprefix("+CPIN:").strip()
    return "" if _NO_SIM.fullmatch(reply.result) else SIM_READY


async def registered(channel: CommandChannel) -> bool:
    """Whether a network has let it in, at home or roaming; true for a modem that knows neither question."""
    answers = [await ask(channel, text) for text in ("AT+CREG?", "AT+CEREG?")]
    lines = [line for reply in answers for line in reply.information]
    return not lines or any(_REGISTERED.fullmatch(line) for line in lines)


async def weak_signal(library: Library) -> str:
    """What is to be said of a signal that is too weak; "" where it is not, or the modem doesn't tell it."""
    level = await library.run(lambda modem: modem.signalStrength)
    return weakness(level) if level is not None and level >= 0 else ""


def weakness(level: int) -> str:
    """The same for a known level, 0 to 31 (3GPP TS 27.007, 8.5)."""
    return f"the signal is weak ({level} of 31); move the aerial" if level < GOOD_SIGNAL else ""


async def await_network(channel: CommandChannel) -> None:
    """Raises ``LineLost`` where no network lets it in."""
    until = clock.now() + NETWORK_WAIT
    while not await registered(channel):
        if clock.now() > until:
            raise NoNetwork(f"{channel.name}: no network has let this SIM in; check aerial, coverage and SIM")
        await asyncio.sleep(LOOK_AGAIN)


async def prepare(channel: CommandChannel, profile: GsmProfile, sound: SoundCommands) -> bool:
    """Whatever a call needs. Whether the modem tells a call's progress by itself. Raises ``LineLost``."""
    until = clock.now() + SIM_WAIT
    while (await ask(channel, "AT+CLIP=1", RESET)).result != "OK":
        if clock.now() > until:
            raise LineLost(
                f"{channel.name}: it refuses AT+CLIP=1, so no caller would ever be known; is line.model right?"
            )
        await asyncio.sleep(LOOK_AGAIN)
    for text in ("ATS0=0", "AT+CRC=0", "AT+CVHU=0", "AT+CCWA=1", *profile.setup, *sound.prepare, "AT+CHUP"):
        reply = await ask(channel, text, RESET)
        if reply.result != "OK":
            log.debug("%s: %s to %s", channel.name, reply.result, text)
    for text in profile.tells:
        if (await ask(channel, text, RESET)).result == "OK":
            return True
    return False


async def _enter(channel: CommandChannel, library: Library, pin: str) -> None:
    wrong = (channel.name, pin)
    if wrong in _WRONG_PINS:
        raise LineLost(f"{channel.name}: the SIM has refused this line.pin before; correct it and start again")
    for line in (await ask(channel, "AT+CPINR")).information:
        tries = _TRIES.match(line)
        if tries and int(tries[1]) < 2:
            raise LineLost(f"{channel.name}: the SIM has one try left for its PIN; enter it in a telephone")
    unlocked = await library.run(lambda modem: _unlocked(modem, pin))
    if unlocked is None:  # the PIN may be right
        await channel.ask("AT")  # raises if it has wedged
        raise LineLost(f"{channel.name}: the SIM is busy; if that lasts, take it out and put it in again")
    if not unlocked:
        _WRONG_PINS.add(wrong)
        raise LineLost(f"{channel.name}: the SIM refuses line.pin; correct it (it is not tried again)")


def _unlocked(modem: Library, pin: str) -> bool:
    try:
        modem._unlockSim(pin)
    except CommandError:
        return False
    return True


def _manufacturer(modem: Library) -> str:
    return str(modem.manufacturer)


def _model(modem: Library) -> str:
    return str(modem.model)


def _firmware(modem: Library) -> str:
    return str(modem.revision)


def _plain(text: str | None) -> str:
    """Without the command's own name before it; "" where the answer was but a result."""
    plain = re.sub(r"^\+CGM[IMR]:\s*", "", text or "").strip('" ')
    return "" if plain in ("OK", "None") else plain
