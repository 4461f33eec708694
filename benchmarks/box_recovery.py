"""How soon a lost line serves again, and whether the other line's call notices: the supervisor and two emulated modems
on pseudo-terminals, at ten times the speed. Part of ``make bench-box``.

Prints ``replug-seconds wedged-seconds harmed-frames``, of the last: 20 ms of the other line's call without its tone.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from gateway import clock
from gateway.bench.emulators.models import model_named
from gateway.bench.emulators.modem import EmulatedModem
from gateway.bench.emulators.port import PtyPort
from gateway.bench.exchange import Exchange
from gateway.bench.settings import ExchangeSettings, WireSettings
from gateway.bench.wire import FRAME, CallerIdData, Wire
from gateway.daemon import supervise
from gateway.line import CallEnded, Samples
from gateway.modems.catalogue import ModemLine, open_line
from gateway.modems.recovery import Rung
from gateway.settings import LineSettings

SPEED = 10.0
NUMBERS = {"a": "+81355500001", "b": "+81355500002"}
CUSTOMER = "+819012345678"
OFF = 5.0
"""Seconds that a port stays without power."""
AUDIBLE = 1000


class Customer:
    """Calls a line and says a tone without end."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._tone = np.round(8000 * np.sin(2 * np.pi * np.arange(FRAME) / 8)).astype(np.int16)

    async def call(self, number: str) -> None:
        """Lift and dial."""
        self._wire.off_hook()
        await asyncio.sleep(0.5)
        self._wire.dial(number)

    def speak(self) -> Samples:
        """The next 20 ms."""
        return self._tone

    def hear(self, sound: Samples) -> None:
        """Not listening."""

    def ringing(self, on: bool) -> None:
        """Nobody calls him."""

    def caller_id(self, data: CallerIdData) -> None:
        """Nobody calls him."""

    def line_break(self) -> None:
        """Nobody calls him."""


class Power:
    """Fulfils ``Help``: switching a port off and on is what cures a wedged modem, taking it off the bus is not."""

    def __init__(self, modems: dict[str, EmulatedModem]) -> None:
        self._modems = modems

    async def cycle(self, line: str, place: str, rung: Rung, spare: Collection[str]) -> bool:
        """Off for ``OFF``, and on."""
        if rung is Rung.POWER:
            self._modems[line].unplug()
        await asyncio.sleep(OFF)
        if rung is Rung.POWER:
            self._modems[line].replug()
        return True

    def note_served(self) -> None:
        """Nothing to note."""

    def ask_for_restart(self) -> None:
        """Nobody is there to do it."""


async def measure(folder: Path) -> tuple[float, float, int]:
    """Seconds to serve again after a replug, and from wedged to served; frames harmed of the other line's call."""
    heard: list[Samples] = []

    async def serve(line: ModemLine, settings: LineSettings) -> None:
        async for call in line.incoming():
            with contextlib.suppress(CallEnded):
                async with line.answered(call) as voice:
                    while True:
                        heard.append((await voice.hear()).samples)

    wires = WireSettings(echo_db=100, noise_dbm=-100, loss_db=0)
    async with Exchange(ExchangeSettings(wire=wires, setup_s=0.1)) as exchange:
        modems = {}
        for name, number in NUMBERS.items():
            wire = exchange.subscribe(number)
            modems[name] = EmulatedModem(model_named("usr5637"), wire, PtyPort(folder / name))
            wire.attach(modems[name])
        phone = exchange.subscribe(CUSTOMER)
        customer = Customer(phone)
        phone.attach(customer)
        settings = tuple(
            LineSettings(name=name, port=str(folder / name), model="usr5637", number=number)
            for name, number in NUMBERS.items()
        )
        supervisor = supervise.Supervisor(settings, open_line, serve, Power(modems))
        ready = asyncio.Event()
        run = asyncio.create_task(supervisor.run(ready.set))
        await ready.wait()

        await customer.call("0355500002")
        await until(lambda: len(heard) > 25)
        del heard[:]
        modems["a"].unplug()
        await until(lambda: not supervisor.serving["a"])
        await asyncio.sleep(3.0)
        modems["a"].replug()
        replugged = await until(lambda: supervisor.serving["a"])
        modems["a"].wedge()
        wedged = await until(lambda: not supervisor.serving["a"]) + await until(lambda: supervisor.serving["a"])
        sound = np.concatenate(heard)
        loud = np.abs(sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)).max(axis=1) > AUDIBLE

        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        for modem in modems.values():
            modem.close()
    return replugged, wedged, int(np.count_nonzero(~loud))


async def until(true: Callable[[], bool]) -> float:
    """The seconds until that has come to pass."""
    began = clock.now()
    while not true():  # noqa: ASYNC110 - looked at from outside
        await asyncio.sleep(0.1)
    return clock.now() - began


if __name__ == "__main__":
    supervise.usb_place = lambda port: "1-1.2"  # a pseudo-terminal hangs on no bus
    with tempfile.TemporaryDirectory() as folder:
        pace = clock.Pace.begin(SPEED, Path(folder) / "lag")
        print("{:.1f} {:.1f} {}".format(*clock.run(measure(Path(folder)), pace)))
