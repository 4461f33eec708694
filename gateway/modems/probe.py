"""What hangs on a port, found out by asking: any modem, even one that refuses half of the questions.

Nothing is changed that a restart of the modem would not undo, and no PIN is entered. What is learnt before a modem
falls silent is kept.
"""

import logging
import re
from dataclasses import dataclass, field

from gateway.errors import GatewayError
from gateway.line import LineLost
from gateway.modems import gsm_setup
from gateway.modems.commands import CommandChannel
from gateway.modems.gsm_modem import Library
from gateway.modems.gsm_profiles import GSM_PROFILES, GsmProfile, SoundCommands
from gateway.modems.profiles import PROFILES
from gateway.protocols.gsm_lines import fields

VOICE_MODEMS: tuple[tuple[str, str], ...] = (
    (r"u\.?s\.? ?robotics|^5601\b", "usr5637"),
    (r"multi-?tech|mt9234", "multitech"),
    (r"cx9\d{2}|conexant|^56000\b", "conexant"),
    (r"336xx|rc336|rockwell", "rockwell"),
)
"""A pattern for what a voice modem says of itself, and the profile that fits it."""

log = logging.getLogger(__name__)


class NoModem(GatewayError):
    """Nothing on the port answers; the message says what to try."""


@dataclass
class Finding:
    """What was found. ``missing``: what stands between it and a telephone call, one clause each; "" is unknown."""

    kind: str = ""
    """``mobile``, ``voice`` (an analogue voice modem) or ``data``."""
    model: str = ""
    firmware: str = ""
    profile: str = ""
    sim: str = ""
    operator: str = ""
    registered: bool | None = None
    signal: int | None = None
    """0 to 31."""
    can: dict[str, bool] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


class Probe:
    """One conversation with a modem."""

    def __init__(self, channel: CommandChannel) -> None:
        self._channel = channel
        self._library = Library(channel)
        self.found = Finding()

    async def run(self) -> Finding:
        """Ask everything. Raises ``NoModem``."""
        await self._wake()
        try:
            await self._identify()
            if self.found.kind == "mobile":
                await self._ask_mobile()
            else:
                await self._ask_voice()
        except LineLost as lost:
            self.found.missing.append(f"it stopped answering ({lost})")
        finally:
            self._library.shut()
        return self.found

    async def _wake(self) -> None:
        try:
            await gsm_setup.wake(self._channel)
        except LineLost as lost:
            log.debug("%s", lost)
            raise NoModem(
                f"{self._channel.name}: nothing answers AT; try --baud, or another of its ports (gateway line list)"
            ) from None

    async def _identify(self) -> None:
        found = self.found
        identity = await gsm_setup.identify(self._library)
        inside = [line for text in ("ATI", "ATI3", "ATI0") for line in await self._lines(text)]
        if identity.model or await self._knows("AT+CPIN?") or await self._knows("AT+CSQ"):
            found.kind = "mobile"
            found.model = " ".join(part for part in (identity.manufacturer, identity.model) if part)
            found.model = found.model or _value_of("Model", inside) or _first(inside)
            found.firmware = identity.firmware or _value_of("Revision", inside)
            found.profile = mobile_profile(" ".join((found.model, *inside)))
            return
        maker = [*await self._lines("AT+FMI"), *await self._lines("AT+FMM")]
        found.model = maker[-1] if maker and maker[0] in maker[-1] else " ".join(maker) or _first(inside)
        found.firmware = _first([*await self._lines("AT+FMR"), *await self._lines("ATI3")])
        v253 = "8" in _listed(await self._lines("AT+FCLASS=?"))
        rockwell = "8" in _listed(await self._lines("AT#CLS=?"))
        found.kind = "voice" if v253 or rockwell else "data"
        found.profile = (
            voice_profile([*maker, *inside], rockwell=rockwell and not v253) if found.kind == "voice" else ""
        )

    async def _ask_mobile(self) -> None:
        found = self.found
        profile = GSM_PROFILES[found.profile]
        found.sim = await gsm_setup.sim_state(self._channel)
        found.registered = await gsm_setup.registered(self._channel)
        found.operator = await self._library.run(lambda modem: modem.networkName) or ""
        signal = await self._library.run(lambda modem: modem.signalStrength)
        found.signal = signal if signal is not None and signal >= 0 else None
        found.can = {
            "caller ID": await self._knows("AT+CLIP=?") or await self._knows("AT+CLIP=1"),
            "reject a call": await self._knows("AT+CHUP=?") or await self._knows("AT+CHUP"),
            "list calls": await self._knows("AT+CLCC"),
            "tell progress unasked": profile.name == "huawei" or await self._tells(profile),
            "sound on a serial port": await self._has_sound(profile.serial),
            "sound on a sound card": await self._has_sound(profile.card),
        }
        self._judge_mobile(profile)

    def _judge_mobile(self, profile: GsmProfile) -> None:
        found, missing = self.found, self.found.missing
        if found.sim != gsm_setup.SIM_READY:
            missing.append(gsm_setup.SIM_REMEDIES.get(found.sim, f"the SIM says {found.sim}"))
        elif not found.registered:
            missing.append("no network has let this SIM in; check aerial, coverage and SIM")
        if found.signal is not None and (weak := gsm_setup.weakness(found.signal)):
            missing.append(weak)
        if not found.can["caller ID"]:
            missing.append("it refuses AT+CLIP, so no caller would ever be known")
        if not (found.can["list calls"] or found.can["tell progress unasked"] or profile.ok_means_answer):
            missing.append("it neither lists calls nor tells their progress, so an answer would not be noticed")
        if not (found.can["sound on a serial port"] or found.can["sound on a sound card"]):
            missing.append("it refuses the commands that bring its sound; perhaps this firmware has no voice")

    async def _ask_voice(self) -> None:
        found = self.found
        formats = await self._lines("AT+VSM=?")
        found.can = {
            "caller ID": await self._knows("AT+VCID=?") or await self._knows("AT#CID=?"),
            "voice": found.kind == "voice",
            "full duplex": bool(found.profile) and PROFILES[found.profile].both is not None,
            "8 kHz linear sound": any("8000" in line for line in formats),
        }
        if found.kind != "voice":
            found.missing.append("it has no voice class (AT+FCLASS=? names no 8): a data or fax modem")
        if not found.can["caller ID"]:
            found.missing.append("it knows no caller ID command (AT+VCID, AT#CID)")

    async def _tells(self, profile: GsmProfile) -> bool:
        return any([await self._knows(text) for text in profile.tells])

    async def _has_sound(self, commands: SoundCommands) -> bool:
        """Whether it knows the commands for it; where none is needed nothing speaks against it."""
        names = {text.split("=")[0] for text in (*commands.prepare, *commands.begin)}
        return all([await self._knows(f"{name}=?") for name in names])

    async def _knows(self, text: str) -> bool:
        return (await gsm_setup.ask(self._channel, text, gsm_setup.RESET)).result == "OK"

    async def _lines(self, text: str) -> list[str]:
        reply = await gsm_setup.ask(self._channel, text, gsm_setup.RESET)
        return list(reply.information) if reply.result == "OK" else []


def mobile_profile(model: str) -> str:
    """The profile for a mobile modem that calls itself so; ``generic`` where none is known."""
    fits = (name for name, profile in GSM_PROFILES.items() if re.search(profile.known_as, model, re.IGNORECASE))
    return next(fits, "generic")


def voice_profile(said: list[str], *, rockwell: bool) -> str:
    """The profile for an analogue voice modem by its identification; ``v253`` where none is known."""
    for pattern, name in VOICE_MODEMS:
        if any(re.search(pattern, line, re.IGNORECASE) for line in said):
            return name
    fallback = "rockwell" if rockwell else "v253"
    assert fallback in PROFILES
    return fallback


def _listed(lines: list[str]) -> set[str]:
    """The values in the answer to a test command: ``0,1,8`` or ``+FCLASS: (0,1,8)``."""
    return {value.strip("() ") for line in lines for value in fields(line.partition(":")[2] or line) or ()}


def _first(lines: list[str]) -> str:
    return next((line for line in lines if not line.isdecimal()), lines[0] if lines else "")


def _value_of(name: str, lines: list[str]) -> str:
    """The value of ``Model: EC25`` and the like; "" without."""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:")), "")
