"""A subscriber line and a program of three lines' length each, to hold an emulated modem between them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np

from gateway.bench.emulators import EmulatedModem, MemoryPort, modem_on
from gateway.bench.wire import FRAME, CallerIdData, Samples

SILENCE = np.zeros(FRAME, np.int16)
CALLER = CallerIdData("2125550123", None, "DOE JANE", 1, 6, 14, 15)


class Line:
    """The exchange's side: gives and takes a frame each 20 ms while off hook, and notes what happens."""

    def __init__(self, number: str = "+12125550100") -> None:
        self.number = number
        self.modem: EmulatedModem
        self.off = False
        self.dialled = ""
        self.events: list[tuple[float, str, dict[str, object]]] = []
        self.said: list[Samples] = []
        self.sounds = SILENCE[:0]
        self._frames: asyncio.Task[None] | None = None

    def off_hook(self) -> None:
        self.log("off_hook")
        self.off = True
        self._frames = asyncio.get_running_loop().create_task(self._run())

    def on_hook(self) -> None:
        if self.off and self._frames is not None:
            self.off = False
            self._frames.cancel()
            self.log("on_hook")

    def dial(self, digits: str) -> None:
        self.dialled += digits

    def log(self, event: str, **fields: object) -> None:
        self.events.append((asyncio.get_running_loop().time(), event, fields))

    def names(self) -> list[str]:
        return [event for _, event, _ in self.events]

    def when(self, name: str) -> float:
        return next(time for time, event, _ in self.events if event == name)

    def say(self, sound: Samples) -> None:
        """Let the far end say something, behind what it still says."""
        self.sounds = np.concatenate([self.sounds, sound])

    def heard(self) -> Samples:
        """All that the modem has sent."""
        return np.concatenate([SILENCE, *self.said])

    async def ring(self, on: float = 1.0, off: float = 0.5) -> None:
        self.modem.ringing(True)
        await asyncio.sleep(on)
        self.modem.ringing(False)
        await asyncio.sleep(off)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            self.said.append(self.modem.speak().copy())
            frame, self.sounds = self.sounds[:FRAME], self.sounds[FRAME:]
            self.modem.hear(np.pad(frame, (0, FRAME - len(frame))))


class Program:
    """The computer's side."""

    def __init__(self, port: MemoryPort) -> None:
        self.end = port.other_end
        self.end.on_data = self._take
        self.got = bytearray()
        self.arrived: list[tuple[float, bytes]] = []

    def _take(self, data: bytes) -> None:
        self.got += data
        self.arrived.append((asyncio.get_running_loop().time(), data))

    async def command(self, text: str, within: float = 1.0) -> str:
        """Send a line; all that has come back ``within`` seconds."""
        self.got.clear()
        self.end.write(text.encode("latin-1") + b"\r")
        await asyncio.sleep(within)
        return self.got.decode("latin-1")

    async def ok(self, *lines: str) -> None:
        for line in lines:
            assert (await self.command(line, 0.1)).endswith("\r\nOK\r\n"), (line, bytes(self.got))
        self.got.clear()


@asynccontextmanager
async def connected(model: str, number: str = "+12125550100") -> AsyncIterator[tuple[Line, Program]]:
    """A modem between a line and a program; echo is off."""
    line, port = Line(number), MemoryPort()
    line.modem = modem_on(port, model, line)
    program = Program(port)
    await program.command("ATE0", 0.1)
    program.got.clear()
    try:
        yield line, program
    finally:
        line.modem.close()


IN_VOICE = {
    "usr5637": ("AT+FCLASS=8", "AT+VSM=128,8000", "AT+VSD=128,0", "AT+VLS=1"),
    "conexant": ("AT+FCLASS=8", "AT+VSM=130", "AT+VSD=128,0", "AT+VLS=1"),
    "rockwell": ("AT#CLS=8", "AT#VBS=8", "AT#VSP=0"),
}
PLAY = {"usr5637": "AT+VTX", "conexant": "AT+VTX", "rockwell": "AT#VTX"}
RECORD = {"usr5637": "AT+VRX", "conexant": "AT+VRX", "rockwell": "AT#VRX"}
DONE = {"usr5637": "\r\nOK\r\n", "conexant": "\r\nOK\r\n", "rockwell": "\r\nVCON\r\n"}
MODELS = tuple(PLAY)


async def into_voice(model: str, program: Program) -> None:
    """Voice class, 8-bit linear, silence not told, off hook."""
    await program.ok(*IN_VOICE[model])
    if model == "rockwell":
        assert await program.command("ATA", 0.1) == "\r\nVCON\r\n"
    program.got.clear()
