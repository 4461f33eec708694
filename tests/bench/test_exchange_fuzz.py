"""Whatever the ends do, in whatever order: no call, no ringing and no sound is left behind."""

import asyncio
import random

import numpy as np
import pytest

from gateway.bench.exchange import Exchange
from gateway.bench.settings import ExchangeSettings, WireSettings
from gateway.bench.subscriber import Subscriber
from gateway.bench.wire import FRAME, CallerIdData, Samples

NUMBERS = ("+81355501234", "+819012345678", "+12125550123", "+442079460123")


class Unruly:
    """A terminal that does something at random whenever the exchange touches it."""

    def __init__(self, line: Subscriber, rng: random.Random) -> None:
        self.line = line
        self.rng = rng
        self.bell = False
        self.calm = False
        self.frames = 0

    def act(self) -> None:
        match self.rng.randrange(6):
            case 0 | 1:
                self.line.off_hook()
            case 2 | 3:
                self.line.on_hook()
            case 4:
                self.line.dial(self.rng.choice(self.numbers()))
            case 5:
                self.line.dial(self.rng.choice("0123456789*#"))

    def numbers(self) -> list[str]:
        country = self.line.country
        return [*(country.dial_form(number) for number in NUMBERS), "0355509999", "0", country.withhold[0]]

    def sometimes(self, chance: float) -> None:
        if not self.calm and self.rng.random() < chance:
            self.act()

    def ringing(self, on: bool) -> None:
        assert on != self.bell, "ringing current begins once and ends once"
        assert not (on and self.line.off)
        self.bell = on
        self.sometimes(0.3)

    def caller_id(self, data: CallerIdData) -> None:
        assert not self.line.off
        self.sometimes(0.3)

    def line_break(self) -> None:
        assert self.line.off
        self.sometimes(0.3)

    def speak(self) -> Samples:
        assert self.line.off
        self.sometimes(0.002)
        return np.zeros(FRAME, np.int16)

    def hear(self, sound: Samples) -> None:
        assert len(sound) == FRAME
        self.frames += 1
        self.sometimes(0.002)


def check(exchange: Exchange, lines: list[Subscriber]) -> None:
    """What must hold at every moment."""
    for line in lines:
        assert (line in exchange._off_hook) == line.off
        assert line.call is None or line.call in exchange.calls
        assert not line.talking or (line.off and line.call is not None)
        assert line._ringing is None or (not line.off and line.call is not None)
    for call in exchange.calls:
        assert call.caller.call is call
        assert call.caller.off
        if call.state in ("ringing", "talking"):
            assert call.called is not None
            assert call.called.call is call
            assert call.called.off == (call.state == "talking")


@pytest.mark.parametrize("seed", range(12))
async def test_random_ends_leave_nothing_behind(seed: int) -> None:
    rng = random.Random(seed)
    settings = ExchangeSettings(wire=WireSettings(loop_break=True), setup_s=rng.choice([0.0, 0.5]), seed=seed)
    async with Exchange(settings) as exchange:
        lines = [exchange.subscribe(number) for number in NUMBERS]
        terminals = [Unruly(line, rng) for line in lines]
        for terminal in terminals:
            terminal.line.attach(terminal)
        for _ in range(400):
            await asyncio.sleep(rng.choice([0.0, 0.001, 0.02, 0.3, 2.0]))
            rng.choice(terminals).act()
            check(exchange, lines)
        for terminal in terminals:
            terminal.calm = True
            terminal.line.on_hook()
        check(exchange, lines)
        assert not exchange.calls
        assert not any(terminal.bell for terminal in terminals)
        frames = [terminal.frames for terminal in terminals]
        logged = len(exchange.journal.events)
        await asyncio.sleep(300.0)
        assert frames == [terminal.frames for terminal in terminals]
        assert logged == len(exchange.journal.events)
        balanced(exchange)
    await asyncio.sleep(0)
    assert {task.get_name() for task in asyncio.all_tasks()} - {"exchange"} == {asyncio.current_task().get_name()}  # type: ignore[union-attr]


def balanced(exchange: Exchange) -> None:
    """Every call is released once; every answered one is metered for both ends, and only those."""
    by_call: dict[int, list[str]] = {}
    for event in exchange.journal.events:
        assert event["event"] != "terminal_failed", event["error"]
        assert event["event"] not in ("ring", "caller_id", "answer", "release", "meter", "keyed") or "call" in event
        if "call" in event:
            by_call.setdefault(event["call"], []).append(event["event"])
    assert by_call
    for seen in by_call.values():
        assert seen.count("call") == 1
        assert seen.count("release") == 1
        assert seen.count("meter") == 2 * seen.count("answer")
        assert seen.count("answer") <= 1
        assert seen.count("caller_id") <= 1


async def test_the_same_seed_gives_the_same_log() -> None:
    logs = []
    for _ in range(2):
        async with Exchange(ExchangeSettings(seed=5)) as exchange:
            rng = random.Random(5)
            lines = [exchange.subscribe(number) for number in NUMBERS]
            terminals = [Unruly(line, rng) for line in lines]
            for terminal in terminals:
                terminal.line.attach(terminal)
            for _ in range(100):
                await asyncio.sleep(rng.uniform(0, 2))
                rng.choice(terminals).act()
            logs.append([{**event, "wall": 0, "t": round(event["t"], 4)} for event in exchange.journal.events])
    assert logs[0] == logs[1]
