"""A supervisor over two emulated mobile lines in memory, and a helper that can cut their power, on the test's clock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from modem_lab import CUSTOMER, PluggedIn, Telephone, tone

import gateway.daemon.supervise as supervise
from gateway import clock
from gateway.bench.emulators.gsm_models import gsm_model_named
from gateway.bench.emulators.gsm_modem import EmulatedGsmModem
from gateway.bench.emulators.gsm_sound import SoundPort
from gateway.bench.emulators.port import MemoryPort
from gateway.bench.exchange import Exchange
from gateway.bench.mobile import MobileSubscriber
from gateway.bench.settings import ExchangeSettings, WireSettings
from gateway.line import CallEnded, Samples
from gateway.modems.catalogue import ModemLine
from gateway.modems.gsm_line import GsmLine
from gateway.modems.gsm_profiles import GSM_PROFILES
from gateway.modems.gsm_sound import SerialSound
from gateway.modems.losses import Gone
from gateway.modems.recovery import Rung
from gateway.settings import LineSettings

NUMBERS = {"a": "+819011112222", "b": "+819011113333"}
CALLERS = {"a": CUSTOMER, "b": "+819012340002"}


Serve = Callable[[ModemLine, LineSettings], Awaitable[None]]


class MobileBox:
    """Lines a and b on modems of one model, each served by answering every call and keeping what is heard.

    ``serve``: serves them instead.
    """

    def __init__(self, exchange: Exchange, model: str, serve: Serve | None) -> None:
        self.exchange = exchange
        self.ports: dict[str, MemoryPort] = {}
        self.sounds: dict[str, MemoryPort] = {}
        self.modems: dict[str, EmulatedGsmModem] = {}
        self.subscribers: dict[str, MobileSubscriber] = {}
        self.telephones: dict[str, Telephone] = {}
        self.heard: dict[str, list[Samples]] = {"a": [], "b": []}
        self.openings = {"a": 0, "b": 0}
        self.rungs: list[Rung] = []
        for name, number in NUMBERS.items():
            line, other = exchange.enrol(MobileSubscriber, number), exchange.subscribe(CALLERS[name])
            self.ports[name], self.sounds[name] = MemoryPort(), MemoryPort()
            modem = EmulatedGsmModem(gsm_model_named(model), line, self.ports[name], SoundPort(self.sounds[name]))
            line.attach(modem)
            self.modems[name], self.subscribers[name], self.telephones[name] = modem, line, Telephone(other)
            other.attach(self.telephones[name])
        settings = tuple(
            LineSettings(name=name, port=f"memory {name}", model=model, number=number)
            for name, number in NUMBERS.items()
        )
        self.supervisor = supervise.Supervisor(settings, self.open, serve or self.serve, self)

    @asynccontextmanager
    async def open(self, line: LineSettings) -> AsyncIterator[ModemLine]:
        """As ``open_line``, on ports in memory."""
        end, sound = self.ports[line.name].other_end, self.sounds[line.name].other_end
        if not end.plugged:
            raise Gone(f'line "{line.name}": no such port')
        end.open()
        sound.open()
        path = partial(SerialSound, lambda: PluggedIn(sound, f'line "{line.name}": sound'))
        mobile = GsmLine(line, GSM_PROFILES[line.model], PluggedIn(end, f'line "{line.name}": memory'), path)
        await mobile.open()
        self.openings[line.name] += 1
        try:
            yield mobile
        finally:
            await mobile.close()

    async def serve(self, line: ModemLine, settings: LineSettings) -> None:
        """Answer, and listen to the end of the call."""
        async for call in line.incoming():
            async with line.answered(call) as voice:
                try:
                    while True:
                        self.heard[settings.name].append((await voice.hear()).samples)
                except CallEnded:
                    continue

    async def cycle(self, line: str, place: str, rung: Rung, spare: Collection[str]) -> bool:
        """Fulfils ``Help``: a power cut cures, to be taken off the bus does not."""
        self.rungs.append(rung)
        if rung is Rung.POWER:
            self.modems[line].unplug()
            await asyncio.sleep(5.0)
            self.modems[line].replug()
        return True

    def note_served(self) -> None:
        pass

    def ask_for_restart(self) -> None:
        raise AssertionError("nothing is so bad")

    async def in_a_call(self, name: str) -> None:
        """The line's own customer calls, says a tone, and is listened to."""
        self.telephones[name].saying = tone(1000, 120.0)
        await self.telephones[name].call("0" + NUMBERS[name][3:])
        await self.until(lambda: len(self.heard[name]) > 10, 30.0)

    async def until(self, condition: Any, within: float) -> float:
        """How long it took to come true."""
        began = clock.now()
        async with asyncio.timeout(within):
            while not condition():
                await asyncio.sleep(0.05)
        return clock.now() - began


@asynccontextmanager
async def mobile_box(model: str, serve: Serve | None = None) -> AsyncIterator[MobileBox]:
    """Both lines served."""
    wire = WireSettings(echo_db=100, noise_dbm=-100, loss_db=0)
    async with Exchange(ExchangeSettings(wire=wire, setup_s=0.1)) as exchange:
        box = MobileBox(exchange, model, serve)
        ready = asyncio.Event()
        task = asyncio.create_task(box.supervisor.run(ready.set))
        await ready.wait()
        await box.until(lambda: all(box.supervisor.serving.values()), 10.0)
        try:
            yield box
        finally:
            task.cancel()
            async with asyncio.timeout(60.0):
                await asyncio.gather(task, return_exceptions=True)
