"""A gateway line on an emulated modem, on the bench's exchange, all in memory and on the test's clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from gateway.bench.emulators.models import model_named
from gateway.bench.emulators.modem import EmulatedModem
from gateway.bench.emulators.port import MemoryPort, OtherEnd
from gateway.bench.exchange import Exchange
from gateway.bench.settings import ExchangeSettings, WireSettings
from gateway.bench.subscriber import Subscriber
from gateway.bench.wire import FRAME, CallerIdData, Samples, Wire
from gateway.line import IncomingCall, LineLost
from gateway.modems.profiles import PROFILES
from gateway.modems.voice_modem import VoiceModem
from gateway.settings import LineSettings

SHOP = "+81355500001"
CUSTOMER = "+819012345678"
ABROAD = "+12125550101"


KERNEL = 4096
"""Bytes that a serial port's driver holds for a modem that takes none."""


class PluggedIn:
    """The driver's ``Port`` on the program's end of a ``MemoryPort``."""

    def __init__(self, end: OtherEnd, name: str) -> None:
        self.name = name
        self._end = end
        self._came: asyncio.Queue[bytes | None] = asyncio.Queue()
        end.on_data = self._arrive
        end.on_lost = lambda: self._came.put_nowait(None)
        self.open = True
        self._held: bytes | None = None

    def stall(self, seconds: float) -> None:
        """As if the process were held up: what comes meanwhile is read in one go afterwards."""
        self._held = b""
        asyncio.get_running_loop().call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        held, self._held = self._held, None
        if held:
            self._came.put_nowait(held)

    def _arrive(self, data: bytes) -> None:
        if self._held is None:
            self._came.put_nowait(data)
        else:
            self._held += data

    async def read(self) -> bytes:
        data = await self._came.get()
        if data is None:
            raise LineLost(f"{self.name}: the modem is gone")
        return data

    def write(self, data: bytes) -> None:
        if self.open:
            self._end.write(data)

    @property
    def unsent(self) -> int:
        return max(0, self._end.waiting - KERNEL)

    def close(self) -> None:
        if self.open:
            self.open = False
            self._end.close()


class Telephone:
    """A customer's telephone: keeps what it hears, says what ``saying`` holds."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.saying = np.zeros(0, np.int16)
        self.heard: list[Samples] = []
        self.rings = 0
        self.answers_at_ring: int | None = None

    def ringing(self, on: bool) -> None:
        self.rings += on
        if on and self.answers_at_ring == self.rings:
            asyncio.get_running_loop().call_soon(self.wire.off_hook)

    def caller_id(self, data: CallerIdData) -> None:
        pass

    def line_break(self) -> None:
        pass

    def speak(self) -> Samples:
        frame, self.saying = self.saying[:FRAME], self.saying[FRAME:]
        return np.pad(frame, (0, FRAME - len(frame)))

    def hear(self, sound: Samples) -> None:
        self.heard.append(sound)

    async def call(self, number: str) -> None:
        self.wire.off_hook()
        await asyncio.sleep(0.5)
        self.wire.dial(number)

    @property
    def sound(self) -> Samples:
        return np.concatenate(self.heard) if self.heard else np.zeros(0, np.int16)


@dataclass
class Lab:
    """What stands on the bench."""

    exchange: Exchange
    modem: EmulatedModem
    port: MemoryPort
    line: VoiceModem
    subscriber: Subscriber
    telephone: Telephone
    plugged: PluggedIn
    settings: LineSettings
    calls: AsyncExitStack
    """Calls that last as long as the bench."""

    def events(self, name: str, number: str | None = None) -> list[dict[str, Any]]:
        """The exchange's own log of this line."""
        wanted = number or self.subscriber.number
        return [e for e in self.exchange.journal.events if e["event"] == name and e.get("number") == wanted]

    def times(self, name: str, number: str | None = None) -> list[float]:
        """Of those events."""
        return [event["t"] for event in self.events(name, number)]

    @property
    def off_hook(self) -> bool:
        """What the exchange sees."""
        return self.subscriber.off


async def next_call(line: VoiceModem, within: float = 60.0) -> IncomingCall:
    """The next call that the line tells of."""
    async with asyncio.timeout(within):
        async for call in line.incoming():
            return call
    raise AssertionError("incoming() ended")


def tone(frequency: float, seconds: float, peak: int = 8000) -> Samples:
    """A sine."""
    return (np.sin(2 * np.pi * np.arange(round(seconds * 8000)) * frequency / 8000) * peak).astype(np.int16)


def key(name: str, seconds: float = 0.1) -> Samples:
    """A DTMF key as a telephone sends it (ITU-T Q.23), with a pause behind."""
    rows, columns = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
    place = "123A456B789C*0#D".index(name)
    pair = tone(rows[place // 4], seconds, 5000) + tone(columns[place % 4], seconds, 5000)
    return np.concatenate((pair, np.zeros(800, np.int16)))


@asynccontextmanager
async def lab(
    model: str = "usr5637",
    *,
    emulated: str | None = None,
    number: str = SHOP,
    customer: str = CUSTOMER,
    wire: WireSettings | None = None,
    setup_s: float = 0.1,
    opened: bool = True,
    **settings: Any,
) -> AsyncIterator[Lab]:
    """A line of ``model`` on the emulator of the same (or another) name, and a customer's telephone."""
    wire = wire or WireSettings(echo_db=100, noise_dbm=-100, loss_db=0)
    async with Exchange(ExchangeSettings(wire=wire, setup_s=setup_s)) as exchange:
        subscriber, other = exchange.subscribe(number), exchange.subscribe(customer)
        telephone = Telephone(other)
        other.attach(telephone)
        port = MemoryPort()
        modem = EmulatedModem(model_named(emulated or model), subscriber, port)
        subscriber.attach(modem)
        country = "JP" if number.startswith("+81") else "US"
        chosen = LineSettings(name="a", port="memory", model=model, number=number, country=country, **settings)
        plugged = PluggedIn(port.other_end, 'line "a": memory')
        line = VoiceModem(chosen, PROFILES[model], plugged)
        try:
            if opened:
                await line.open()
            async with AsyncExitStack() as calls:
                yield Lab(exchange, modem, port, line, subscriber, telephone, plugged, chosen, calls)
        finally:
            await line.close()
            modem.close()
