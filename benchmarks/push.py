"""A durable push, three ways: commit at the sender, send, commit at the receiver, acknowledge, mark at the sender.

* ``Floor``: raw TCP, blocking, nothing but length, sequence and body: what disk and kernel allow;
* ``Link``: this project's link (ZeroMQ, CURVE, the gateway's own store and threads);
* ``mqtt.py``: Mosquitto, QoS 1.

The SQLite work is the same in all of them: ``outbox.post``, ``inbox.take`` with the overseas journal's effect, and
``outbox.settle`` with the next commit. Sender and receiver are processes of their own.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

from gateway import clock
from gateway.link.keys import KeyFolder
from gateway.link.peer import Peer
from gateway.protocols.messages import CallRequest, decode
from gateway.settings import LineSettings, LinkSettings, RouteSettings, Settings
from gateway.store import inbox, outbox
from gateway.store.database import Database, connect
from gateway.store.ids import new_id
from gateway.store.journal import Domestic, Overseas

WINDOW = 64
HEAD = struct.Struct("!IQ")
ACK = struct.Struct("!Q")


class Way(Protocol):
    """The sending end of one way."""

    def post(self, count: int) -> None:
        """Commit so many messages at once, and send them."""

    def settled(self) -> tuple[int, float]:
        """Wait until the receiver has more on its disk; how many more, and when that was known here."""


def singles(way: Way, count: int) -> list[float]:
    """Seconds of so many pushes, one at a time."""
    took = []
    for _ in range(count):
        began = time.perf_counter()
        way.post(1)
        took.append(way.settled()[1] - began)
    return took


def pipelined(way: Way, count: int) -> float:
    """Seconds for so many pushes with 64 of them under way."""
    began, posted, under_way = time.perf_counter(), 0, 0
    while posted < count or under_way:
        free = min(WINDOW - under_way, count - posted)
        if free:
            way.post(free)
            posted, under_way = posted + free, under_way + free
        under_way -= way.settled()[0]
    return time.perf_counter() - began


def request() -> CallRequest:
    """One caller."""
    return CallRequest(new_id(), "+819012345678", time.time(), "+81355501234", "ja")


def settings_of(folder: Path, role: str, routes: tuple[RouteSettings, ...]) -> Settings:
    """A box with one line that nobody uses: "tokyo" is the domestic one, "boise" the overseas one."""
    name, peer = ("tokyo", "boise") if role == "domestic" else ("boise", "tokyo")
    line = LineSettings(name="a", port="/dev/null", model="usr5637", number="+81355501234")
    return Settings(
        role=role, name=name, data=str(folder / name), lines=(line,), link=LinkSettings(peer=peer, routes=routes)
    )


def pair_keys(folder: Path) -> None:
    """Make both boxes' keys in ``folder`` and have them trust each other."""
    tokyo, boise = KeyFolder(folder / "tokyo" / "keys"), KeyFolder(folder / "boise" / "keys")
    tokyo_pair, boise_pair = tokyo.new(), boise.new()
    tokyo.trust("boise", boise_pair.public)
    boise.trust("tokyo", tokyo_pair.public)


@contextmanager
def child(run: Callable[[], None]) -> Iterator[int]:
    """A process of its own for the block."""
    process = os.fork()
    if not process:
        try:
            run()
        finally:
            os._exit(0)
    try:
        yield process
    finally:
        os.kill(process, signal.SIGTERM)
        os.waitpid(process, 0)


def free_port() -> int:
    """A port that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Disk:
    """The same SQLite work without our threads: one connection, blocking."""

    def __init__(self, path: Path) -> None:
        Database.open(path).close()
        self.connection = connect(path, read_only=False)
        self.connection.execute("PRAGMA synchronous = FULL")
        self.marks: list[str] = []
        self.ids: dict[int, str] = {}
        self.overseas = Overseas(None, "tokyo")  # type: ignore[arg-type]  # for its effect alone

    def post(self, count: int) -> list[tuple[int, bytes]]:
        """Commit requests and the marks that wait; (sequence, body) of each."""
        self.connection.execute("BEGIN IMMEDIATE")
        outbox.settle(self.connection, self.marks, at=time.time())
        self.marks.clear()
        after = self._last()
        for _ in range(count):
            outbox.post(self.connection, "boise", request(), at=time.time())
        rows = outbox.waiting(self.connection, "boise", {0: after}, count)
        self.connection.execute("COMMIT")
        self.ids |= {row.sequence: row.id for row in rows}
        return [(row.sequence, row.body) for row in rows]

    def mark(self, sequence: int) -> None:
        """This one is settled; to be written with the next commit."""
        self.marks.append(self.ids.pop(sequence))

    def take(self, letters: list[tuple[int, bytes]]) -> None:
        """Commit what came in."""
        self.connection.execute("BEGIN IMMEDIATE")
        for sequence, body in letters:
            inbox.take(self.connection, "tokyo", sequence, decode(body), at=time.time(), effect=self.overseas.effect)
        self.connection.execute("COMMIT")

    def _last(self) -> int:
        row = self.connection.execute("SELECT sequence FROM peer WHERE name = 'boise'").fetchone()
        return row[0] if row else 0


class Stream:
    """Whole letters out of a TCP stream."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.rest = b""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def letters(self) -> list[tuple[int, bytes]]:
        """Wait for at least one."""
        found: list[tuple[int, bytes]] = []
        while not found:
            data = self.connection.recv(65536)
            if not data:
                raise EOFError
            self.rest += data
            while len(self.rest) >= HEAD.size:
                length, sequence = HEAD.unpack_from(self.rest)
                if len(self.rest) < HEAD.size + length:
                    break
                found.append((sequence, self.rest[HEAD.size : HEAD.size + length]))
                self.rest = self.rest[HEAD.size + length :]
        return found

    def send(self, letters: list[tuple[int, bytes]]) -> None:
        """All at once."""
        self.connection.sendall(b"".join(HEAD.pack(len(body), sequence) + body for sequence, body in letters))


class Floor:
    """Raw TCP, sending end."""

    def __init__(self, folder: Path, port: int) -> None:
        self.disk = Disk(folder / "floor-a" / "gateway.db")
        self.stream = Stream(socket.create_connection(("127.0.0.1", port)))

    def post(self, count: int) -> None:
        """See ``Way``."""
        self.stream.send(self.disk.post(count))

    def settled(self) -> tuple[int, float]:
        """See ``Way``."""
        acks = self.stream.letters()
        for sequence, _ in acks:
            self.disk.mark(sequence)
        return len(acks), time.perf_counter()


@contextmanager
def floor(folder: Path) -> Iterator[Way]:
    """Raw TCP."""
    listener = socket.create_server(("127.0.0.1", 0))

    def receive() -> None:
        disk = Disk(folder / "floor-b" / "gateway.db")
        stream = Stream(listener.accept()[0])
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                letters = stream.letters()
                disk.take(letters)
                stream.send([(sequence, b"") for sequence, _ in letters])

    with child(receive), contextlib.closing(listener):
        yield Floor(folder, listener.getsockname()[1])


class TellingPeer(Peer):
    """A peer that says when the other box has something on its disk."""

    def __init__(self, settings: Settings, database: Database) -> None:
        super().__init__(settings, database, Domestic(database, "boise").effect, lambda message: None)
        self.news: SimpleQueue[tuple[int, float]] = SimpleQueue()

    def _settle(self, ids: list[str]) -> None:
        super()._settle(ids)
        if ids:
            self.news.put((len(ids), time.perf_counter()))


class Link:
    """Our own link, sending end."""

    def __init__(self, peer: TellingPeer, database: Database) -> None:
        self.peer, self.database = peer, database

    def post(self, count: int) -> None:
        """See ``Way``."""

        def work(connection: sqlite3.Connection) -> None:
            for _ in range(count):
                outbox.post(connection, "boise", request(), at=time.time())

        self.database.write_blocking(work)

    def settled(self) -> tuple[int, float]:
        """See ``Way``."""
        return self.peer.news.get()


@contextmanager
def our_link(folder: Path) -> Iterator[Way]:
    """ZeroMQ with CURVE, as the daemons run it. Starts threads, so it comes after whatever forks."""
    pair_keys(folder)
    port = free_port()
    settings = settings_of(folder, "domestic", (RouteSettings(name="n", connect=f"tcp://127.0.0.1:{port}"),))

    def receive() -> None:
        ours = settings_of(folder, "overseas", (RouteSettings(name="n", bind=f"tcp://127.0.0.1:{port}"),))

        async def serve() -> None:
            database = Database.open(ours.store)
            await Peer(ours, database, Overseas(database, "tokyo").effect, lambda message: None).start()
            await asyncio.Event().wait()

        clock.run(serve())

    ways: SimpleQueue[Way] = SimpleQueue()
    over = threading.Event()

    async def send() -> None:
        with contextlib.closing(Database.open(settings.store)) as database:
            peer = TellingPeer(settings, database)
            await peer.start()
            ways.put(Link(peer, database))
            await asyncio.to_thread(over.wait)
            await peer.stop()

    with child(receive):
        thread = threading.Thread(target=lambda: clock.run(send()))
        thread.start()
        yield ways.get()
        over.set()
        thread.join()
