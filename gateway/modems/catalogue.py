"""Which driver and profile serve which model: the literal table, and the way to open a line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.errors import SettingsError
from gateway.line import Line
from gateway.modems.profiles import PROFILES, ModemProfile
from gateway.modems.serial_port import Port, SerialPort
from gateway.modems.voice_modem import VoiceModem
from gateway.settings import LineSettings

DRIVERS: dict[str, tuple[type[VoiceModem], ModemProfile]] = {
    "usr5637": (VoiceModem, PROFILES["usr5637"]),
    "conexant": (VoiceModem, PROFILES["conexant"]),
    "rockwell": (VoiceModem, PROFILES["rockwell"]),
    "multitech": (VoiceModem, PROFILES["multitech"]),
    "v253": (VoiceModem, PROFILES["v253"]),
}


def profile_of(model: str) -> ModemProfile:
    """The data of a model. Raises ``SettingsError`` that lists the known ones."""
    return _driver(model)[1]


@asynccontextmanager
async def open_line(settings: LineSettings, port: Port | None = None) -> AsyncIterator[Line]:
    """A line, set up and on hook; its port is given back at the end. Raises ``SettingsError``, ``LineLost``.

    ``port`` takes the place of ``settings.port`` (tests).
    """
    driver, profile = _driver(settings.model)
    plug = port or SerialPort(settings.port, settings.baud, settings.name)
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


def _driver(model: str) -> tuple[type[VoiceModem], ModemProfile]:
    if model not in DRIVERS:
        raise SettingsError(f'model "{model}" is not known; choose one of {", ".join(sorted(DRIVERS))}')
    return DRIVERS[model]
