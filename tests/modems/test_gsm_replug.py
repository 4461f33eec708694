"""On real pseudo-terminals: a modem pulled out in mid-call is lost at once, and plugged in again it serves again."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from modem_lab import CUSTOMER, Telephone

from gateway import clock
from gateway.bench.emulators.gsm import open_gsm_modem
from gateway.bench.exchange import Exchange
from gateway.bench.mobile import MobileSubscriber
from gateway.clock import Pace
from gateway.daemon.supervise import Supervisor
from gateway.line import Line, LineLost
from gateway.modems.catalogue import open_line
from gateway.settings import LineSettings

SHOP = "+819011112222"
SPEED = 5.0


class Clerk:
    """Serves a line as a box would: answers each call and listens until it is over."""

    def __init__(self) -> None:
        self.served = 0
        self.lost_at: list[float] = []

    async def serve(self, line: Line, _: LineSettings) -> None:
        try:
            async for call in line.incoming():
                async with line.answered(call) as voice:
                    self.served += 1
                    while True:
                        await voice.hear()
        except LineLost:
            self.lost_at.append(clock.now())
            raise


async def until(condition: Callable[[], bool], within: float) -> float:
    """Look every 10 ms; how long it took."""
    began = clock.now()
    while not condition():
        assert clock.now() - began < within
        await asyncio.sleep(0.01)
    return clock.now() - began


@pytest.mark.parametrize("model", ["sim800", "sim7600", "ec25", "huawei"])
def test_after_unplug_and_replug_the_line_serves_again(tmp_path: Path, model: str) -> None:
    async def main() -> None:
        async with Exchange() as exchange:
            mobile, other = exchange.enrol(MobileSubscriber, SHOP), exchange.subscribe(CUSTOMER)
            telephone = Telephone(other)
            other.attach(telephone)
            ports = {"port": str(tmp_path / "at"), "audio": str(tmp_path / "sound")}
            modem = open_gsm_modem(model, mobile, tmp_path / "at", ports["audio"])
            mobile.attach(modem)
            clerk = Clerk()
            settings = LineSettings(name="a", model=model, number=SHOP, **ports)
            supervisor = Supervisor((settings,), open_line, clerk.serve)
            box = asyncio.create_task(supervisor.run(lambda: None))
            await until(lambda: supervisor.serving["a"], 10.0)
            await telephone.call("0" + SHOP[3:])
            await until(lambda: clerk.served == 1, 5.0)
            await asyncio.sleep(0.5)
            modem.unplug()
            assert await until(lambda: len(clerk.lost_at) == 1, 0.5) < 0.5
            telephone.wire.on_hook()
            await asyncio.sleep(3.0)
            modem.replug()
            assert await until(lambda: supervisor.serving["a"], 10.0) < 10.0
            await telephone.call("0" + SHOP[3:])
            await until(lambda: clerk.served == 2, 5.0)
            box.cancel()
            with suppress(asyncio.CancelledError):
                await box
            assert not mobile.off
            modem.close()

    clock.run(main(), Pace.begin(SPEED))
