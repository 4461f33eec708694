"""Telephones on the exchange that write everything down, and what the exchange's own log says of them."""

from typing import Any

import numpy as np

from gateway import clock
from gateway.bench import sound
from gateway.bench.exchange import Exchange
from gateway.bench.settings import WireSettings
from gateway.bench.subscriber import Subscriber
from gateway.bench.wire import FRAME, CallerIdData, Samples

SHOP, CUSTOMER, OVERSEAS, LONDON = "+81355501234", "+819012345678", "+12125550123", "+442079460123"
PERFECT = WireSettings(echo_db=100, noise_dbm=-100, loss_db=0)


class Phone:
    """A terminal that writes everything down."""

    def __init__(self, exchange: Exchange, number: str, **how: Any) -> None:
        self.line: Subscriber = exchange.subscribe(number, **how)
        self.line.attach(self)
        self.bell: list[tuple[float, bool]] = []
        self.ids: list[CallerIdData] = []
        self.breaks: list[float] = []
        self.heard: list[Samples] = []
        self.out: list[Samples] = []

    def ringing(self, on: bool) -> None:
        self.bell.append((clock.now(), on))

    def caller_id(self, data: CallerIdData) -> None:
        self.ids.append(data)

    def line_break(self) -> None:
        self.breaks.append(clock.now())

    def speak(self) -> Samples:
        return self.out.pop(0) if self.out else np.zeros(FRAME, np.int16)

    def hear(self, sound: Samples) -> None:
        self.heard.append(sound)

    def say(self, spoken: Samples) -> None:
        whole = len(spoken) // FRAME * FRAME
        self.out += list(spoken[:whole].reshape(-1, FRAME))

    def call(self, digits: str) -> None:
        self.line.off_hook()
        self.line.dial(digits)

    def level(self, seconds: float) -> float:
        return sound.level(np.concatenate(self.heard[-round(seconds / 0.02) :]))


def events(exchange: Exchange, *names: str) -> list[dict[str, Any]]:
    return [event for event in exchange.journal.events if event["event"] in names]


def story(exchange: Exchange) -> list[str]:
    return [event["event"] for event in exchange.journal.events if event["event"] not in ("up", "dial", "ring")]
