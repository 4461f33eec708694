"""Two boxes on 127.0.0.1, and a client of our own making that says whatever it likes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

from gateway.link.keys import KeyFolder, KeyPair
from gateway.link.peer import Peer
from gateway.numbers import PhoneNumber
from gateway.protocols import frames
from gateway.protocols.messages import Message
from gateway.settings import LineSettings, LinkSettings, RouteSettings, Settings
from gateway.store.database import Database
from gateway.store.journal import Domestic, Overseas

CUSTOMER = PhoneNumber("+819012345678")
LISTENING = (RouteSettings(name="n", bind="tcp://127.0.0.1:*"),)


@dataclass
class Box:
    """One box without its lines. ``arrived`` gets what the link says was committed."""

    settings: Settings
    database: Database
    journal: Domestic | Overseas
    peer: Peer
    arrived: "asyncio.Queue[Message]" = field(default_factory=asyncio.Queue)

    @property
    def keys(self) -> KeyFolder:
        return KeyFolder(self.settings.keys)

    async def ask(self, number: PhoneNumber = CUSTOMER, at: float = 100.0) -> str:
        """A call-back, accepted and released."""
        assert isinstance(self.journal, Domestic)
        accepted = await self.journal.accept(number, line="a", called="", language="ja", at=at)
        await self.journal.release(accepted.request)
        return accepted.request


def settings_of(folder: Path, role: str, routes: tuple[RouteSettings, ...]) -> Settings:
    name, peer = ("tokyo", "boise") if role == "domestic" else ("boise", "tokyo")
    line = LineSettings(name="a", port="/dev/null", model="usr5637", number="+81355501234")
    return Settings(
        role=role, name=name, data=str(folder / name), lines=(line,), link=LinkSettings(peer=peer, routes=routes)
    )


def paired(folder: Path) -> tuple[KeyFolder, KeyFolder]:
    """Key folders of both boxes, which trust each other."""
    tokyo, boise = KeyFolder(folder / "tokyo" / "keys"), KeyFolder(folder / "boise" / "keys")
    if not (tokyo.path / "secret").exists():
        tokyo.new(), boise.new()
        tokyo.trust("boise", boise.own().public)
        boise.trust("tokyo", tokyo.own().public)
    return tokyo, boise


@contextlib.asynccontextmanager
async def box(folder: Path, role: str, routes: tuple[RouteSettings, ...]) -> AsyncIterator[Box]:
    async with box_of(settings_of(folder, role, routes)) as ours:
        yield ours


@contextlib.asynccontextmanager
async def box_of(settings: Settings) -> AsyncIterator[Box]:
    with contextlib.closing(Database.open(settings.store)) as database:
        journal = (Domestic if settings.role == "domestic" else Overseas)(database, settings.link.peer)
        queue: asyncio.Queue[Message] = asyncio.Queue()
        peer = Peer(settings, database, journal.effect, queue.put_nowait)
        await peer.start()
        try:
            yield Box(settings, database, journal, peer, queue)
        finally:
            await peer.stop()


@contextlib.asynccontextmanager
async def pair(folder: Path, *, listens: str = "domestic") -> AsyncIterator[tuple[Box, Box]]:
    """The domestic and the overseas box, paired; ``listens`` says which of them is bound."""
    paired(folder)
    other = "overseas" if listens == "domestic" else "domestic"
    async with box(folder, listens, LISTENING) as bound:
        routes = (RouteSettings(name="n", connect=bound.peer.endpoints["n"]),)
        async with box(folder, other, routes) as connected:
            yield (bound, connected) if listens == "domestic" else (connected, bound)


async def until(condition: Callable[[], bool], *, within: float = 10.0) -> None:
    """Wait for another thread, in real time."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.to_thread(time.sleep, 0.005)


class RawClient:
    """A DEALER with the given keys, without any manners."""

    def __init__(self, keys: KeyPair, server: bytes, endpoint: str) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.curve_publickey, self.socket.curve_secretkey = z85.encode(keys.public), z85.encode(keys.secret)
        self.socket.curve_serverkey = z85.encode(server)
        self.socket.linger = 0
        self.socket.rcvtimeo = self.socket.sndtimeo = 5000
        self.socket.connect(endpoint)

    def say(self, *parts: bytes) -> None:
        self.socket.send_multipart(parts)

    def answer(self) -> frames.Frame:
        """The next frame that is no ping of theirs."""
        while isinstance(frame := frames.unpack(self.socket.recv()), frames.Ping):
            continue
        return frame

    def silent(self, seconds: float) -> bool:
        """Whether nothing but pings comes for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self.socket.poll(int(left * 1000)) and not isinstance(frames.unpack(self.socket.recv()), frames.Ping):
                return False
        return True

    def close(self) -> None:
        self.context.destroy(linger=0)
