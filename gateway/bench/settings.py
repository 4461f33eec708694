"""The exchange's settings file: TOML into frozen structs. ``docs/exchange.toml`` is a sample of it."""

import os
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import phonenumbers

from gateway.bench.country import COUNTRIES
from gateway.errors import SettingsError
from gateway.settings_file import read
from gateway.settings_forms import E164, Name

NotNegative = Annotated[float, msgspec.Meta(ge=0)]
CountryName = Literal["JP", "US", "GB", "UK"]
Reason = Literal["P", "O", "C", "S"]
Analogue = Literal["usr5637", "conexant", "rockwell", "usr-external", "zoom3095"]
Mobile = Literal["sim800", "sim7600", "ec25", "huawei", "telit", "zte"]
Form = Literal["sdmf", "mdmf", "number-only", "masked"]


class WireSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[wire]``: what a subscriber's two-wire line does to sound."""

    echo_db: NotNegative = 20.0
    """A terminal hears its own sound this much weaker (the hybrid's reflection); 100 is as good as none."""
    echo_ms: Annotated[float, msgspec.Meta(ge=0, le=500)] = 4.0
    noise_dbm: Annotated[float, msgspec.Meta(ge=-100, le=0)] = -65.0
    """Line noise at each end, dBm0; −100 is none."""
    loss_db: NotNegative = 6.0
    """From one terminal to the other."""
    loop_break: bool = False
    """The exchange interrupts the loop current for a moment when the far end has gone."""


class TariffSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[tariff]]``: the first that fits a call prices it."""

    caller: CountryName | Literal["*"] = msgspec.field(name="from", default="*")
    called: CountryName | Literal["*"] = msgspec.field(name="to", default="*")
    kind: str = "*"
    """Kind of the called number: ``mobile``, ``fixed_line``, ``toll_free``, ... or ``*``."""
    per_minute: NotNegative
    currency: str
    connect_fee: NotNegative = 0.0
    first_s: NotNegative = 1.0
    """Seconds charged at least."""
    step_s: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    """Then charged in steps of so many seconds."""


class ModemSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[modem]]``: an emulated modem on a line, its port at a path."""

    name: Name
    model: Analogue | Mobile
    number: E164
    port: str
    audio: str | None = None
    """Of a GSM modem: the path of its sound port, or ``alsa:`` and the device that is its end of a sound card."""
    codec: Literal["none", "gsm", "amr"] = "none"
    """Of a GSM modem: what the air interface does to sound."""
    also: tuple[E164, ...] = ()
    """Further numbers that ring here (a freephone number)."""
    country: CountryName | None = None
    """The number's own if absent."""


class HandsetSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[handset]]``: a telephone known beforehand."""

    number: E164
    country: CountryName | None = None
    withheld: Reason | None = None
    """Its calls never show a number, for this reason (``C``: it is a payphone)."""
    form: Form = "mdmf"


class ExchangeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    log: str | None = None
    """The event log (JSON lines); relative paths count from the settings file."""
    recordings: str | None = None
    """A folder that gets one stereo WAV for each answered call (left: the caller's side)."""
    trace: str | None = None
    """A folder that gets the AT traffic of each modem."""
    control: str | None = None
    """The Unix socket that ``gateway exchange call`` talks to."""
    setup_s: NotNegative = 0.6
    """From the last digit to ringing (or a tone), within one country; abroad three times that."""
    seed: int = 1
    wire: WireSettings = WireSettings()
    modems: tuple[ModemSettings, ...] = msgspec.field(name="modem", default=())
    handsets: tuple[HandsetSettings, ...] = msgspec.field(name="handset", default=())
    tariffs: tuple[TariffSettings, ...] = msgspec.field(name="tariff", default=())


def default_control() -> Path:
    """The control socket where the settings name none: one for each user."""
    return Path(tempfile.gettempdir()) / f"gateway-exchange-{os.getuid()}.sock"


def load(path: Path) -> ExchangeSettings:
    """Read and check a settings file; paths in it become absolute. Raises ``SettingsError``."""
    settings = read(path, ExchangeSettings, missing="no such settings file; name one with --settings")
    for what, values in (
        ("name", [modem.name for modem in settings.modems]),
        ("port", [modem.port for modem in settings.modems]),
        ("number", [n for m in settings.modems for n in (m.number, *m.also)] + [h.number for h in settings.handsets]),
    ):
        for value in values:
            if values.count(value) > 1:
                raise SettingsError(f'{path}: {what} "{value}" is given twice; give each line its own')
    ours = [(m.number, m.country) for m in settings.modems] + [(h.number, h.country) for h in settings.handsets]
    for number, country in ours:
        if country is None:
            _check_country(path, number)
    return _absolute(settings, path.resolve().parent)


def _check_country(path: Path, number: str) -> None:
    region = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    if region not in COUNTRIES:
        raise SettingsError(f"{path}: number {number} is of no known country; set its country to JP, US or GB")


def _absolute(settings: ExchangeSettings, base: Path) -> ExchangeSettings:
    def fix(path: str | None) -> str | None:
        return None if path is None else str(base / path)

    def sound(audio: str | None) -> str | None:
        return audio if audio is not None and audio.startswith("alsa:") else fix(audio)

    modems = tuple(
        msgspec.structs.replace(modem, port=str(base / modem.port), audio=sound(modem.audio))
        for modem in settings.modems
    )
    return msgspec.structs.replace(
        settings,
        log=fix(settings.log),
        recordings=fix(settings.recordings),
        trace=fix(settings.trace),
        control=fix(settings.control),
        modems=modems,
    )
