"""Once through the kernel: the driver on a pseudo-terminal, ten times faster than life."""

import asyncio
from pathlib import Path

import numpy as np
from modem_lab import CUSTOMER, SHOP, Telephone, next_call, tone

from gateway import clock
from gateway.bench.emulators.models import model_named
from gateway.bench.emulators.modem import EmulatedModem
from gateway.bench.emulators.port import PtyPort
from gateway.bench.exchange import Exchange
from gateway.bench.settings import ExchangeSettings
from gateway.modems.catalogue import open_line
from gateway.modems.voice_modem import VoiceModem
from gateway.numbers import PhoneNumber
from gateway.settings import LineSettings


def test_a_call_passes_through_a_pseudo_terminal(tmp_path: Path) -> None:
    async def call() -> None:
        async with Exchange(ExchangeSettings(setup_s=0.1)) as exchange:
            subscriber, customer = exchange.subscribe(SHOP), exchange.subscribe(CUSTOMER)
            telephone = Telephone(customer)
            customer.attach(telephone)
            modem = EmulatedModem(model_named("usr5637"), subscriber, PtyPort(tmp_path / "modem"))
            subscriber.attach(modem)
            settings = LineSettings(name="a", port=str(tmp_path / "modem"), model="usr5637", number=SHOP)
            async with asyncio.timeout(60), open_line(settings) as line:
                assert isinstance(line, VoiceModem)
                await telephone.call("0355500001")
                incoming = await next_call(line)
                assert incoming.caller == PhoneNumber(CUSTOMER)
                async with line.answered(incoming) as voice:
                    telephone.saying = tone(1000, 10)
                    voice.play(tone(500, 1))
                    await voice.played()
                    heard = np.concatenate([(await voice.hear()).samples for _ in range(50)])
                assert np.abs(heard).max() > 2000
                assert np.abs(telephone.sound).max() > 2000
                assert not subscriber.off
            modem.close()

    clock.run(call(), clock.Pace.begin(10))
