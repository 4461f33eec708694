"""Two boxes in two network namespaces, joined twice: M (the dedicated line, preferred) and N (the Internet).

The namespaces have nothing in common but a relay in the middle, a process that carries IP packets between TUN devices
and delays, loses or swallows them as it is told (a kernel without netem serves as well). A black-holed route is silent:
no reset, no ICMP, as when a cable is cut far away. Needs to be root, for namespaces and TUN.
"""

import asyncio
import ctypes
import fcntl
import heapq
import itertools
import json
import mmap
import os
import random
import select
import socket
import sqlite3
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from push import TellingPeer, child, pair_keys, request, settings_of

from gateway import clock
from gateway.link.peer import Peer
from gateway.protocols import frames, link
from gateway.protocols.messages import Message
from gateway.settings import RouteSettings, Settings
from gateway.store import outbox
from gateway.store.database import Database
from gateway.store.journal import Overseas

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
ROUTES = ("m", "n")
_CONDITION = struct.Struct("ddd")


class Conditions:
    """What the relay does to each route; shared by all processes. Delay is one way, in seconds."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 4096)

    def set(self, route: int, *, delay: float = 0.0, loss: float = 0.0, cut: bool = False) -> None:
        """From now on."""
        _CONDITION.pack_into(self._shared, route * _CONDITION.size, delay, loss, float(cut))

    def get(self, route: int) -> tuple[float, float, float]:
        """Delay, loss, cut."""
        return _CONDITION.unpack_from(self._shared, route * _CONDITION.size)  # type: ignore[return-value]


def why_not() -> str | None:
    """Why this machine can't do it; None if it can."""
    if os.geteuid():
        return "network namespaces and TUN devices need root"
    process = os.fork()
    if not process:
        try:
            for each in enter_namespace(0):
                os.close(each)
        except (OSError, subprocess.CalledProcessError):
            os._exit(1)
        os._exit(0)
    return "no network namespaces or TUN devices here" if os.waitpid(process, 0)[1] else None


def enter_namespace(side: int) -> list[int]:
    """A network namespace of our own with a TUN device for each route, 10.77.ROUTE.SIDE; their descriptors."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "dev", "lo", "up"], check=True, capture_output=True)
    devices = []
    for index, route in enumerate(ROUTES, 1):
        device = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH14x", route.encode(), IFF_TUN_NO_PI))
        address = f"10.77.{index}.{side + 1}/24"
        subprocess.run(["ip", "addr", "add", address, "dev", route], check=True, capture_output=True)
        subprocess.run(["ip", "link", "set", "dev", route, "up"], check=True, capture_output=True)
        devices.append(device)
    return devices


def relay(devices: list[list[int]], conditions: Conditions) -> None:
    """Carry packets between the sides for ever."""
    other = {devices[side][route]: (devices[1 - side][route], route) for side in (0, 1) for route in (0, 1)}
    waiting: list[tuple[float, int, int, bytes]] = []
    count = itertools.count()
    while True:
        timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for device in select.select(list(other), [], [], timeout)[0]:
            packet = os.read(device, 65536)
            to, route = other[device]
            delay, loss, cut = conditions.get(route)
            if not cut and random.random() >= loss:
                heapq.heappush(waiting, (time.monotonic() + delay, next(count), to, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            os.write(waiting[0][2], heapq.heappop(waiting)[3])


@dataclass
class Run:
    """One run: its folder, what it does, and what came of it. Times are ``time.monotonic``."""

    folder: Path
    conditions: Conditions
    rate: float

    def boxes(self) -> tuple[Settings, Settings]:
        """The domestic box connects on both routes, the overseas box listens."""
        ends = [(route, f"tcp://10.77.{index}.2:5810", f"10.77.{index}.1") for index, route in enumerate(ROUTES, 1)]
        connecting = tuple(RouteSettings(name=route, connect=to, source=source) for route, to, source in ends)
        listening = tuple(RouteSettings(name=route, bind=to) for route, to, _ in ends)
        return settings_of(self.folder, "domestic", connecting), settings_of(self.folder, "overseas", listening)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Both boxes and the relay for the block; the domestic one posts ``rate`` messages a second meanwhile."""
        pair_keys(self.folder)
        domestic, overseas = self.boxes()
        ends, ready = [socket.socketpair() for _ in (0, 1)], socket.socketpair()

        def box(side: int, work: Callable[[], None]) -> Callable[[], None]:
            def enter() -> None:
                devices = enter_namespace(side)
                socket.send_fds(ends[side][1], [b"x"], devices)
                ends[side][1].recv(1)
                work()

            return enter

        with ExitStack() as stack:
            stack.enter_context(child(box(1, lambda: clock.run(receive(overseas, self.folder)))))
            stack.enter_context(child(box(0, lambda: clock.run(send(domestic, self.folder, self.rate, ready[1])))))
            devices = [socket.recv_fds(end[0], 1, len(ROUTES))[1] for end in ends]
            stack.enter_context(child(lambda: relay(devices, self.conditions)))
            for end in ends:
                end[0].send(b"x")
            ready[0].recv(1)
            yield
            (self.folder / "enough").touch()
            ready[0].settimeout(90)
            ready[0].recv(1)

    def results(self) -> tuple[dict[str, list[float]], dict[str, list[float]], list[tuple[float, int]]]:
        """Per message [posted, acknowledged]; per message when it was committed; letters sent as [when, route]."""
        sent = json.loads((self.folder / "sent.json").read_text())
        return sent["messages"], json.loads((self.folder / "received.json").read_text()), sent["letters"]


class WatchedPeer(TellingPeer):
    """Knows which letter went by which route, and which routes are up."""

    def __init__(self, settings: Settings, database: Database) -> None:
        super().__init__(settings, database)
        self.letters: list[tuple[float, int]] = []
        self.settled_at: dict[str, float] = {}

    def _do(self, step: link.Step, now: float) -> None:
        if isinstance(step, link.Send) and isinstance(frames.unpack(step.frame), frames.Letter):
            self.letters.append((time.monotonic(), step.route))
        super()._do(step, now)

    def _settle(self, ids: list[str]) -> None:
        self.settled_at |= dict.fromkeys(ids, time.monotonic())
        super()._settle(ids)


async def send(settings: Settings, folder: Path, rate: float, ready: socket.socket) -> None:
    """The domestic box: post steadily until ``enough``, wait until all is acknowledged, write down what happened."""
    with closing(Database.open(settings.store)) as database:
        peer = WatchedPeer(settings, database)
        await peer.start()
        await until(lambda: all(route.state == "up" for route in peer.state().routes), within=60)
        ready.send(b"x")
        posted: dict[str, float] = {}
        begin = time.monotonic()
        while not (folder / "enough").exists():
            message = request()
            posted[message.id] = time.monotonic()
            await database.write(lambda c, message=message: outbox.post(c, "boise", message, at=time.time()))
            await asyncio.sleep(max(0.0, begin + len(posted) / rate - time.monotonic()))
        await until(lambda: len(peer.settled_at) >= len(posted), within=80)
        messages = {each: [at, peer.settled_at.get(each)] for each, at in posted.items()}
        (folder / "sent.json").write_text(json.dumps({"messages": messages, "letters": peer.letters}))
        await asyncio.sleep(0.3)
        ready.send(b"x")
        await asyncio.Event().wait()


async def until(condition: Callable[[], bool], *, within: float) -> None:
    """Wait for what other threads do; gives up after ``within`` seconds."""
    deadline = time.monotonic() + within
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110  # another thread's doing
        await asyncio.sleep(0.01)


async def receive(settings: Settings, folder: Path) -> None:
    """The overseas box: note when each message was on its disk, and how often."""
    arrived: dict[str, list[float]] = {}

    def committed(message: Message) -> None:
        arrived.setdefault(message.id, []).append(time.monotonic())

    with closing(Database.open(settings.store)) as database:
        await Peer(settings, database, Overseas(database, "tokyo").effect, committed).start()
        while True:
            await asyncio.sleep(0.1)
            new = folder / "received.new"
            new.write_text(json.dumps(arrived))
            new.rename(folder / "received.json")


def effects(folder: Path) -> int:
    """How many requests the overseas box has."""
    with closing(sqlite3.connect(folder / "boise" / "gateway.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM request").fetchone()[0])


@dataclass(frozen=True)
class Failover:
    """Seconds: the longest way of a message when M went dark; from M's healing to its use. And the count of losses."""

    failover: float
    back: float
    sent: int
    lost: int
    twice: int


def failover(folder: Path, *, delay: float, before: float = 2.0, dark: float = 6.0, after: float = 5.0) -> Failover:
    """50 messages a second; M goes dark for a while, then heals."""
    conditions = Conditions()
    for route in (0, 1):
        conditions.set(route, delay=delay)
    run = Run(folder, conditions, 50)
    with run.running():
        time.sleep(before)
        conditions.set(0, delay=delay, cut=True)
        cut = time.monotonic()
        time.sleep(dark)
        conditions.set(0, delay=delay)
        healed = time.monotonic()
        time.sleep(after)
    messages, received, letters = run.results()
    ways = [received[each][0] - at for each, (at, _) in messages.items() if each in received and cut - 1 < at < healed]
    back = min((at - healed for at, route in letters if route == 0 and at > healed), default=float("inf"))
    return Failover(max(ways), back, *losses(folder, messages, received))


def losses(folder: Path, messages: dict[str, list[float]], received: dict[str, list[float]]) -> tuple[int, int, int]:
    """Sent, lost, applied twice."""
    lost = sum(each not in received for each in messages)
    twice = sum(len(times) > 1 for times in received.values()) + max(0, effects(folder) - len(messages))
    return len(messages), lost, twice


def flapping(folder: Path, seconds: float) -> tuple[int, int, int]:
    """Both routes go dark and come back at random, also both at once. Sent, lost, applied twice."""
    conditions = Conditions()
    run = Run(folder, conditions, 50)
    with run.running():
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for route in (0, 1):
                conditions.set(route, cut=random.random() < 0.5)
            time.sleep(random.uniform(0.1, 2.0))
        for route in (0, 1):
            conditions.set(route)
    messages, received, _ = run.results()
    return losses(folder, messages, received)


def round_trips(folder: Path, *, delay: float, loss: float, seconds: float) -> list[float]:
    """20 messages a second over a long and, maybe, lossy way: seconds from post to acknowledgement, each."""
    conditions = Conditions()
    run = Run(folder, conditions, 20)
    for route in (0, 1):
        conditions.set(route, delay=delay)
    with run.running():
        for route in (0, 1):
            conditions.set(route, delay=delay, loss=loss)
        time.sleep(seconds)
        for route in (0, 1):
            conditions.set(route, delay=delay)
    messages, _, _ = run.results()
    return [settled - at for at, settled in messages.values()]
