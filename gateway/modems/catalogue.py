"""Which driver and profile serve which model: the literal table, and the way to open a line."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from gateway.errors import SettingsError
from gateway.line import Line
from gateway.modems.gsm_line import GsmLine
from gateway.modems.gsm_profiles import GSM_PROFILES, GsmProfile
from gateway.modems.profiles import PROFILES, ModemProfile
from gateway.modems.serial_port import Port, SerialPort
from gateway.modems.voice_modem import VoiceModem
from gateway.settings import LineSettings


class ModemLine(Line, Protocol):
    """A line that has a modem."""

    @property
    def in_call(self) -> bool:
        """Off hook, or about to be."""

    @property
    def heard_at(self) -> float:
        """Loop time of the modem's last byte."""

    async def open(self) -> None:
        """Set the modem up. Raises ``LineLost``; then its port has been given back."""

    async def close(self) -> None:
        """On hook, and the port free for others."""


Profile = ModemProfile | GsmProfile
GATHER = 0.04
"""Seconds of a voice modem's sound that are read at once; its driver stays further ahead than that in what it sends."""
Driver = Callable[[LineSettings, Any, Port], ModemLine]

DRIVERS: dict[str, tuple[Driver, Profile]] = {
    "usr5637": (VoiceModem, PROFILES["usr5637"]),
    "conexant": (VoiceModem, PROFILES["conexant"]),
    "rockwell": (VoiceModem, PROFILES["rockwell"]),
    "multitech": (VoiceModem, PROFILES["multitech"]),
    "v253": (VoiceModem, PROFILES["v253"]),
    "sim800": (GsmLine, GSM_PROFILES["sim800"]),
    "sim7600": (GsmLine, GSM_PROFILES["sim7600"]),
    "ec25": (GsmLine, GSM_PROFILES["ec25"]),
    "huawei": (GsmLine, GSM_PROFILES["huawei"]),
    "telit": (GsmLine, GSM_PROFILES["telit"]),
    "zte": (GsmLine, GSM_PROFILES["zte"]),
    "generic": (GsmLine, GSM_PROFILES["generic"]),
}


def profile_of(model: str) -> Profile:
    """The data of a model. Raises ``SettingsError`` that lists the known ones."""
    return _driver(model)[1]


def can_reject(model: str) -> bool:
    """Whether a call can be refused without being answered: on mobile lines. Raises ``SettingsError``."""
    return isinstance(profile_of(model), GsmProfile)


@asynccontextmanager
async def open_line(settings: LineSettings, port: Port | None = None) -> AsyncIterator[ModemLine]:
    """A line, set up and on hook; its port is given back at the end. Raises ``SettingsError``, ``LineLost``.

    ``port`` takes the place of ``settings.port`` (tests).
    """
    driver, profile = _driver(settings.model)
    gather = GATHER if isinstance(profile, ModemProfile) else 0.0
    plug = port or SerialPort(settings.port, settings.baud, settings.name, gather)
    try:
        line = driver(settings, profile, plug)
    except BaseException:
        plug.close()
        raise
    await line.open()
    try:
        yield line
    finally:
        await line.close()


def _driver(model: str) -> tuple[Driver, Profile]:
    if model not in DRIVERS:
        raise SettingsError(f'model "{model}" is not known; choose one of {", ".join(sorted(DRIVERS))}')
    return DRIVERS[model]
