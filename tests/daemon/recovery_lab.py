"""A supervisor over emulated lines in memory, and a helper that can pull their plugs, on the test's clock."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from modem_lab import CUSTOMER, PluggedIn, Telephone

from gateway import clock
from gateway.bench.emulators.models import model_named
from gateway.bench.emulators.modem import EmulatedModem
from gateway.bench.emulators.port import MemoryPort
from gateway.bench.exchange import Exchange
from gateway.bench.settings import ExchangeSettings, WireSettings
from gateway.bench.subscriber import Subscriber
from gateway.daemon.supervise import Supervisor
from gateway.line import CallEnded, Samples
from gateway.modems.catalogue import ModemLine, open_line
from gateway.modems.losses import Gone
from gateway.modems.recovery import Rung
from gateway.settings import LineSettings

NUMBERS = {"a": "+81355500001", "b": "+81355500002"}
log = logging.getLogger(__name__)


class Helper:
    """Fulfils ``Help``: a power cut is an unplugged and replugged modem; taking it off the bus alone cures nothing."""

    def __init__(self, lab: "RecoveryLab") -> None:
        self._lab = lab
        self.done: list[tuple[str, Rung, float]] = []
        self.spared: list[set[str]] = []
        self.served = 0
        self.restarts = 0

    async def cycle(self, line: str, place: str, rung: Rung, spare: Collection[str]) -> bool:
        self.spared.append(set(spare))
        self.done.append((line, rung, clock.now()))
        if rung is Rung.POWER:
            self._lab.modems[line].unplug()
            await asyncio.sleep(5.0)
            self._lab.modems[line].replug()
        else:
            await asyncio.sleep(2.0)
        return True

    def note_served(self) -> None:
        self.served += 1

    def ask_for_restart(self) -> None:
        self.restarts += 1


class RecoveryLab:
    """Lines a and b, each served by answering every call and keeping what is heard."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.ports: dict[str, MemoryPort] = {}
        self.subscribers: dict[str, Subscriber] = {}
        self.modems: dict[str, EmulatedModem] = {}
        self.helper = Helper(self)
        self.opened: list[tuple[str, float]] = []
        self.heard: dict[str, list[Samples]] = {"a": [], "b": []}
        self.settings = tuple(
            LineSettings(name=name, port=f"memory {name}", model="usr5637", number=number)
            for name, number in NUMBERS.items()
        )
        for name, number in NUMBERS.items():
            self.ports[name] = MemoryPort()
            self.subscribers[name] = exchange.subscribe(number)
            self.modems[name] = EmulatedModem(model_named("usr5637"), self.subscribers[name], self.ports[name])
            self.subscribers[name].attach(self.modems[name])
        self.telephone = Telephone(exchange.subscribe(CUSTOMER))
        self.telephone.wire.attach(self.telephone)  # type: ignore[attr-defined]
        self.supervisor = Supervisor(self.settings, self.open, self.serve, self.helper)

    @asynccontextmanager
    async def open(self, line: LineSettings) -> AsyncIterator[ModemLine]:
        """As ``open_line``, on the port in memory."""
        end = self.ports[line.name].other_end
        if not end.plugged:
            raise Gone(f'line "{line.name}": no such port')
        end.open()
        async with open_line(line, PluggedIn(end, f'line "{line.name}": memory')) as opened:
            self.opened.append((line.name, clock.now()))
            yield opened

    async def serve(self, line: ModemLine, settings: LineSettings) -> None:
        """Answer, and listen to the end of the call."""
        async for call in line.incoming():
            async with line.answered(call) as voice:
                try:
                    while True:
                        self.heard[settings.name].append((await voice.hear()).samples)
                except CallEnded:
                    log.info("over")

    def openings(self, name: str) -> list[float]:
        """When this line was opened."""
        return [at for line, at in self.opened if line == name]


@asynccontextmanager
async def recovery_lab() -> AsyncIterator[RecoveryLab]:
    """Both lines served."""
    wire = WireSettings(echo_db=100, noise_dbm=-100, loss_db=0)
    async with Exchange(ExchangeSettings(wire=wire, setup_s=0.1)) as exchange:
        lab = RecoveryLab(exchange)
        ready = asyncio.Event()
        task = asyncio.create_task(lab.supervisor.run(ready.set))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        try:
            yield lab
        finally:
            waiting.cancel()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
