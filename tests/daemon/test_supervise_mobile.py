"""A mobile modem that fails in mid-call is recovered by the ladder, its neighbour's call undisturbed."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import numpy as np
import pytest
from gsm_lab import MODELS, each_model
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


class MobileBox:
    """Lines a and b on modems of one model, each served by answering every call and keeping what is heard."""

    def __init__(self, exchange: Exchange, model: str) -> None:
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
        self.supervisor = supervise.Supervisor(settings, self.open, self.serve, self)

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
async def mobile_box(model: str) -> AsyncIterator[MobileBox]:
    wire = WireSettings(echo_db=100, noise_dbm=-100, loss_db=0)
    async with Exchange(ExchangeSettings(wire=wire, setup_s=0.1)) as exchange:
        box = MobileBox(exchange, model)
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


@pytest.fixture(autouse=True)
def on_usb(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel of a test machine knows no such port: pretend that each hangs on a USB hub."""
    monkeypatch.setattr(supervise, "usb_place", lambda port: "1-1.2")


@each_model
async def test_a_modem_that_wedges_in_mid_call_serves_again_and_its_neighbours_call_is_whole(model: str) -> None:
    async with mobile_box(model) as box:
        await box.in_a_call("b")
        await box.in_a_call("a")
        begun, frames = clock.now(), len(box.heard["b"])
        box.modems["a"].wedge()
        assert await box.until(lambda: not box.supervisor.serving["a"], 60.0) <= 7.2
        assert await box.until(lambda: box.supervisor.serving["a"], 60.0) <= 40.0
        assert box.rungs == [Rung.REBIND, Rung.POWER]
        assert not box.subscribers["a"].off
        heard = np.concatenate(box.heard["b"][frames:])
        assert len(heard) / 8000 == pytest.approx(clock.now() - begun, abs=0.1)
        assert np.abs(heard).reshape(-1, 160).max(axis=1).min() > 4000  # not one frame is missing its tone
        assert box.openings["b"] == 1


async def test_a_modem_whose_sound_has_died_is_reset_at_once() -> None:
    async with mobile_box(MODELS[1]) as box:
        await box.in_a_call("a")
        box.modems["a"].sound.stalled = True
        assert await box.until(lambda: not box.supervisor.serving["a"], 60.0) <= 4.2
        assert not box.subscribers["a"].off
        await box.until(lambda: box.supervisor.serving["a"], 60.0)
        assert box.supervisor.ladders["a"].taken == {Rung.RESET: 1}
        assert box.rungs == []


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("after", [0.0, 3.0, 12.0])
async def test_a_box_that_is_stopped_while_a_modem_is_wedged_in_a_call_stops(model: str, after: float) -> None:
    async with mobile_box(model) as box:
        await box.in_a_call("a")
        box.modems["a"].wedge()
        await asyncio.sleep(after)
        stopped = clock.now()
    assert clock.now() - stopped < 15.0
