"""A mobile line of ours on an emulated GSM modem, on the bench's exchange, all in memory and on the test's clock."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from modem_lab import CUSTOMER, PluggedIn, Telephone

from gateway import clock
from gateway.bench.emulators.gsm_codec import Codec
from gateway.bench.emulators.gsm_models import gsm_model_named
from gateway.bench.emulators.gsm_modem import EmulatedGsmModem
from gateway.bench.emulators.gsm_sound import SoundPort
from gateway.bench.emulators.port import MemoryPort
from gateway.bench.exchange import Exchange
from gateway.bench.mobile import MobileSubscriber
from gateway.bench.settings import ExchangeSettings, WireSettings
from gateway.line import CallEnded, Voice
from gateway.modems.gsm_line import GsmLine
from gateway.modems.gsm_profiles import GSM_PROFILES
from gateway.modems.gsm_sound import SerialSound
from gateway.settings import LineSettings

SHOP = "+819011112222"
MODELS = ["sim800", "sim7600", "ec25", "huawei", "telit", "zte"]
each_model = pytest.mark.parametrize("model", MODELS)


@dataclass
class GsmLab:
    """What stands on the bench."""

    exchange: Exchange
    modem: EmulatedGsmModem
    sound: SoundPort
    line: GsmLine
    subscriber: MobileSubscriber
    telephone: Telephone

    def events(self, name: str, number: str | None = None) -> list[dict[str, Any]]:
        """The exchange's own log of this line."""
        wanted = number or self.subscriber.number
        return [e for e in self.exchange.journal.events if e["event"] == name and e.get("number") == wanted]

    def times(self, name: str, number: str | None = None) -> list[float]:
        """Of those events."""
        return [event["t"] for event in self.events(name, number)]

    def commands(self, *texts: str) -> list[float]:
        """When the modem got these."""
        return [event["t"] for event in self.events("at") if event["text"].startswith(texts)]

    @property
    def free(self) -> bool:
        """What the exchange sees."""
        return not self.subscriber.off and self.subscriber.call is None


@asynccontextmanager
async def gsm_lab(
    model: str = "sim7600",
    *,
    profile: str | None = None,
    number: str = SHOP,
    customer: str = CUSTOMER,
    opened: bool = True,
    codec: Callable[[], Codec] | None = None,
    **settings: Any,
) -> AsyncIterator[GsmLab]:
    """A line with the profile of ``model`` (or another) on its emulator, and a customer's telephone."""
    wire = WireSettings(echo_db=100, noise_dbm=-100, loss_db=0)
    async with Exchange(ExchangeSettings(wire=wire, setup_s=0.1)) as exchange:
        subscriber, other = exchange.enrol(MobileSubscriber, number), exchange.subscribe(customer)
        telephone = Telephone(other)
        other.attach(telephone)
        at, sound = MemoryPort(), MemoryPort()
        port = SoundPort(sound)
        modem = EmulatedGsmModem(gsm_model_named(model), subscriber, at, port, codec=codec)
        subscriber.attach(modem)
        chosen = GSM_PROFILES[profile or model]
        country = "JP" if number.startswith("+81") else "US"
        line_settings = LineSettings(
            name="a", port="memory", model=chosen.name, number=number, country=country, **settings
        )
        plugged = PluggedIn(at.other_end, 'line "a": memory')
        path = partial(SerialSound, lambda: PluggedIn(sound.other_end, 'line "a": sound'))
        line = GsmLine(line_settings, chosen, plugged, path)
        try:
            if opened:
                await line.open()
            yield GsmLab(exchange, modem, port, line, subscriber, telephone)
        finally:
            await line.close()
            modem.close()


async def ring(bench: GsmLab, prefix: str = "") -> None:
    """The customer dials the shop's number."""
    await bench.telephone.call(prefix + "0" + SHOP[3:])


async def ended(voice: Voice) -> float:
    """Loop time at which the voice says that the far end has gone."""
    with pytest.raises(CallEnded):
        while True:
            await voice.hear()
    return clock.now()
