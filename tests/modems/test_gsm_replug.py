"""On real ports and cards: a modem pulled out in mid-call is lost at once, and plugged in again it serves again."""

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
from gateway.bench.pulse import SoundServer, missing, sound_cards
from gateway.clock import Pace
from gateway.daemon.supervise import Supervisor
from gateway.line import Line, LineLost
from gateway.modems import gsm_line
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


class Bench:
    """A box's line on an emulated modem, and a customer who calls it."""

    def __init__(self, exchange: Exchange, model: str, at: Path, sound: str) -> None:
        self.mobile, other = exchange.enrol(MobileSubscriber, SHOP), exchange.subscribe(CUSTOMER)
        self.telephone = Telephone(other)
        other.attach(self.telephone)
        self.modem = open_gsm_modem(model, self.mobile, at, sound.replace("_box", "_net"))
        self.mobile.attach(self.modem)
        self.clerk = Clerk()
        settings = LineSettings(name="a", model=model, number=SHOP, port=str(at), audio=sound)
        self.supervisor = Supervisor((settings,), open_line, self.clerk.serve)
        self._box = asyncio.create_task(self.supervisor.run(lambda: None))

    async def serves(self) -> float:
        return await until(lambda: self.supervisor.serving["a"], 10.0)

    async def call(self) -> None:
        """The customer calls and is answered."""
        served = self.clerk.served
        await self.telephone.call("0" + SHOP[3:])
        await until(lambda: self.clerk.served == served + 1, 5.0)
        await asyncio.sleep(0.5)

    async def close(self) -> None:
        self._box.cancel()
        with suppress(asyncio.CancelledError):
            await self._box
        assert not self.mobile.off
        self.modem.close()


async def unplugged_and_replugged(
    bench: Bench, pull: Callable[[], None], plug: Callable[[], None], *, away: float = 3.0
) -> None:
    await bench.serves()
    await bench.call()
    pull()
    assert await until(lambda: len(bench.clerk.lost_at) == 1, 0.5) < 0.5
    bench.telephone.wire.on_hook()
    await asyncio.sleep(away)
    assert not bench.supervisor.serving["a"]
    plug()
    assert await bench.serves() < 10.0
    await bench.call()
    await bench.close()


@pytest.mark.parametrize("model", ["sim800", "sim7600", "ec25", "huawei", "telit", "zte"])
def test_after_unplug_and_replug_the_line_serves_again(tmp_path: Path, model: str) -> None:
    async def main() -> None:
        async with Exchange() as exchange:
            bench = Bench(exchange, model, tmp_path / "at", str(tmp_path / "sound"))
            await unplugged_and_replugged(bench, bench.modem.unplug, bench.modem.replug)

    clock.run(main(), Pace.begin(SPEED))


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_a_modem_with_its_sound_on_a_card_comes_back_with_its_card(tmp_path: Path) -> None:
    """On a real ALSA path, in real time."""

    async def main(server: SoundServer) -> None:
        async with Exchange() as exchange:
            bench = Bench(exchange, "ec25", tmp_path / "at", "alsa:a_box")

            def pull() -> None:
                bench.modem.unplug()
                server.unplug()

            def plug() -> None:
                server.plug()
                bench.modem.replug()

            await unplugged_and_replugged(bench, pull, plug, away=1.0)

    with sound_cards(tmp_path / "pulse", ("a",)) as server:
        clock.run(main(server), Pace())


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_a_card_that_vanishes_alone_ends_the_call_by_command(tmp_path: Path) -> None:
    """The modem is still there and would keep the call, at somebody's cost."""

    async def main(server: SoundServer) -> None:
        async with Exchange() as exchange:
            bench = Bench(exchange, "sim7600", tmp_path / "at", "alsa:a_box")

            def pull() -> None:
                pulled.append(exchange.journal.now())
                server.unplug()

            def plug() -> None:
                server.plug()
                bench.modem.sound.unplug()
                bench.modem.sound.replug()

            pulled: list[float] = []
            await unplugged_and_replugged(bench, pull, plug, away=1.0)
            ended = [
                event["t"] for event in exchange.journal.events if event["event"] == "at" and "CHUP" in event["text"]
            ]
            assert min(at for at in ended if at > pulled[0]) - pulled[0] < 0.5

    with sound_cards(tmp_path / "pulse", ("a",)) as server:
        clock.run(main(server), Pace())


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_a_card_that_vanishes_between_calls_is_missed_before_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gsm_line, "PROBE", 0.3)

    async def main(server: SoundServer) -> None:
        async with Exchange() as exchange:
            bench = Bench(exchange, "sim800", tmp_path / "at", "alsa:a_box")
            await bench.serves()
            server.unplug()
            await until(lambda: len(bench.clerk.lost_at) == 1, 2.0)
            server.plug()
            assert await bench.serves() < 10.0
            await bench.close()

    with sound_cards(tmp_path / "pulse", ("a",)) as server:
        clock.run(main(server), Pace())
