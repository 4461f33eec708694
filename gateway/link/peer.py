"""The link to the other box: one thread that owns every socket and moves messages from disk to disk.

    peer = Peer(settings, database, effects, on_committed)
    await peer.start()          # KeyFileError, LinkError
    peer.wake()                 # something was released (every commit of the store wakes it too)
    peer.state()                # routes, queue, counters
    await peer.stop()

A message that came in is applied (``effects``) in the transaction that notes its id, then acknowledged, then
``on_committed`` is called on the event loop. A message of ours is settled once the peer has acknowledged it. When what
and by which route: ``protocols/link.py``. A blocking thread costs a quarter of pyzmq under asyncio per round trip.
"""

import asyncio
import logging
import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import zmq

from gateway import clock
from gateway.errors import GatewayError, StoreError
from gateway.link.arrivals import Arrival, Arrivals
from gateway.link.gate import Context, Gate, LinkError, prove_stranger_refused
from gateway.link.keys import KeyFolder
from gateway.link.status import LinkState, RouteStatus, StatusFile
from gateway.link.wires import DiallingWire, ListeningWire, Received, Wire
from gateway.protocols import frames, link
from gateway.protocols.letters import BULK, MAY_SEND, RANKS, Role
from gateway.protocols.messages import Message
from gateway.protocols.routes import RouteState
from gateway.settings import LinkSettings, RouteSettings, Settings
from gateway.store import inbox, outbox
from gateway.store.database import Database, Work

log = logging.getLogger(__name__)

KEYS_EVERY = 1.0
HEARD_EVERY = 60.0
MARK_WITHIN = 0.05
AFTER_TROUBLE = 0.2
"""Seconds: between looks at the key folder; between notes of the last contact; until marks are written that found no
commit to ride along with; after the store failed us."""


DROPPED = ("malformed", "role", "not applied", "duplicate", "refused", "stranger")
"""What is counted: frames and messages that are none, that the role forbids, that failed, that had come before; knocks
that the gate refused; frames of a key that was revoked."""


@dataclass(frozen=True, eq=False, slots=True)
class FreeLines:
    """What an overseas box said at one moment; the next time it says so there is another one of these."""

    count: int
    """Lines that could dial at once, less the requests that wait there."""


class Peer:
    """The other box, as this one sees it."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        effects: inbox.Effect,
        on_committed: Callable[[Message], None],
        to: LinkSettings | None = None,
        free_lines: Callable[[], int] | None = None,
    ) -> None:
        """``to``: which of several other boxes, the first if None; each has routes of its own.

        ``free_lines``: what to tell it of ours whenever it asks; called in the link's thread.
        """
        to = to or settings.links[0]
        self.name = to.peer
        self.heard_at = 0.0
        """Unix time of the last sign of life, from the store at first; the start of the link if there was none."""
        self.turned_at = 0.0
        """``time.monotonic()`` when its thread last looked after itself, as it does every second."""
        self.free_lines: FreeLines | None = None
        """What an overseas peer said last; None if it does not say."""
        self._tell_free_lines = free_lines
        self._routes = to.routes
        self._ranks = [RANKS[kind] for kind in MAY_SEND[settings.role]]
        self._folder = KeyFolder(settings.keys)
        self._database, self._on_committed = database, on_committed
        self._status = StatusFile(Path(settings.data), self.name)
        self._sender = link.Sender(len(self._routes), to.ack_floor)
        self._after = dict.fromkeys(self._ranks, 0)
        self._unloaded = True
        self._counts = dict.fromkeys(DROPPED, 0)
        theirs: Role = "overseas" if settings.role == "domestic" else "domestic"
        self._arrivals = Arrivals(self.name, theirs, database, effects, self._counts)
        self._told = {route.name: RouteState.DOWN for route in to.routes}
        self._wires: list[Wire] = []
        self._peer_key: bytes | None = None
        self._keys_at = self._heard_mark_at = 0.0
        self._flush_at = float("inf")
        self._wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._queued = 0
        self._waking = threading.Lock()
        self._stopping = False
        self._ended: Future[None] = Future()

    async def start(self) -> None:
        """Bind, prove that a stranger is refused, run. Raises ``KeyFileError``, ``LinkError``."""
        self._keys = self._folder.own()
        self._loop = asyncio.get_running_loop()
        paced = self._loop if isinstance(self._loop, clock.PacedLoop | clock.VirtualLoop) else None
        self._wall_clock = time.time if paced is None else paced.wall_clock
        ready: Future[None] = Future()
        threading.Thread(target=self._run, args=(ready,), name="link", daemon=True).start()
        try:
            await clock.outside(ready)
        except GatewayError:
            await clock.outside(self._ended)
            self._close_wakeup()
            raise
        self._database.listen(self.wake)

    async def stop(self) -> None:
        """End the thread and close the sockets; what is not acknowledged stays in the outbox."""
        self._stopping = True
        self.wake()
        await clock.outside(self._ended)
        self._close_wakeup()

    def _close_wakeup(self) -> None:
        with self._waking:
            if self._wakeup >= 0:
                os.close(self._wakeup)
                self._wakeup = -1

    def wake(self) -> None:
        """Look into the outbox now. From any thread; does nothing after ``stop``."""
        with self._waking:
            if not self._ended.done():
                os.eventfd_write(self._wakeup, 1)

    def state(self) -> LinkState:
        """As things stand. From any thread."""
        routes = zip(self._routes, self._sender.routes, strict=True)
        statuses = tuple(RouteStatus(route.name, way.state.value, way.round_trip) for route, way in routes)
        free = None if self.free_lines is None else self.free_lines.count
        return LinkState(self.name, statuses, self.heard_at, self._queued, self._counts.copy(), free)

    @property
    def up(self) -> bool:
        """By some route it answers just now. From any thread."""
        return any(way.state is RouteState.UP for way in self._sender.routes)

    @property
    def endpoints(self) -> dict[str, str]:
        """Route → address, for those that listen: what a port of 0 became."""
        listening = zip(self._routes, self._wires, strict=True)
        return {
            route.name: wire.endpoint
            for route, wire in listening
            if isinstance(wire, ListeningWire) and wire.endpoint is not None
        }

    def _run(self, ready: "Future[None]") -> None:
        context: Context = zmq.Context()
        reader = self._database.reader()
        try:
            self._open(context, reader)
        except BaseException as error:
            ready.set_exception(error)
        else:
            ready.set_result(None)
            while not self._stopping:
                try:
                    self._turn(reader)
                except (StoreError, sqlite3.Error) as error:
                    log.error("link: %s", error)
                    time.sleep(AFTER_TROUBLE)
                except Exception:
                    log.exception("link: this should not happen; going on")
                    time.sleep(AFTER_TROUBLE)
        finally:
            reader.close()
            context.destroy(linger=0)
            self._ended.set_result(None)

    def _open(self, context: Context, reader: sqlite3.Connection) -> None:
        self.heard_at = inbox.last_heard(reader, self.name) or self._wall_clock()
        self._poller = zmq.Poller()
        self._poller.register(self._wakeup, zmq.POLLIN)
        self._gate = Gate(context, self._is_peer)
        self._poller.register(self._gate.socket, zmq.POLLIN)
        self._wires = [self._wire(context, route) for route in self._routes]
        for wire in self._wires:
            if isinstance(wire, ListeningWire) and wire.endpoint is not None:
                prove_stranger_refused(context, self._gate, wire.endpoint, self._keys.public)

    def _wire(self, context: Context, route: RouteSettings) -> Wire:
        if (route.bind is None) == (route.connect is None):
            raise LinkError(f"link.route {route.name}: give it either bind or connect")
        if route.bind is None:
            return DiallingWire(context, self._poller, self._keys, route)
        return ListeningWire(context, self._poller, self._keys, route.bind, self._is_peer)

    def _is_peer(self, key: bytes) -> bool:
        if key != self._peer_key:
            self._peer_key = self._folder.trusted().get(self.name)
        return key == self._peer_key

    def _turn(self, reader: sqlite3.Connection) -> None:
        """One round: look after what is due, wait, take what came."""
        now = time.monotonic()
        if now >= self._keys_at:
            self._look_after(reader, now)
        self._load(reader)
        for step in self._sender.due(now):
            self._do(step, now)
        if now >= self._flush_at:
            self._flush_at = float("inf")
            self._database.flush()
        wait = min(self._sender.deadline, self._keys_at, self._flush_at) - time.monotonic()
        ready = dict(self._poller.poll(max(0, math.ceil(wait * 1000))))
        if self._wakeup in ready:
            os.eventfd_read(self._wakeup)
            self._unloaded = True
        if self._gate.socket in ready:
            self._gate.serve()
        letters: list[Arrival] = []
        for index, wire in enumerate(self._wires):
            if any(socket in ready for socket in wire.sockets):
                letters += self._listen(index, wire, time.monotonic())
        if letters:
            self._take(letters)

    def _look_after(self, reader: sqlite3.Connection, now: float) -> None:
        self.turned_at = now
        self._keys_at = now + KEYS_EVERY
        self._peer_key = self._folder.trusted().get(self.name)
        for wire in self._wires:
            wire.look_after(self._peer_key, now)
        self._unloaded = True
        for route, way in zip(self._routes, self._sender.routes, strict=True):
            if self._told[route.name] != way.state:
                self._told[route.name] = way.state
                level = logging.INFO if way.state is RouteState.UP else logging.WARNING
                log.log(level, "link: route %s to %s is %s", route.name, self.name, way.state.value)
        self._counts["refused"] = self._gate.refused
        self._counts["stranger"] = sum(wire.strangers for wire in self._wires)
        self._queued = outbox.depth(reader, self.name)
        self._status.write(self.state(), now)

    def _load(self, reader: sqlite3.Connection) -> None:
        """Fetch released messages while the sender has room for them."""
        if not self._unloaded:
            return
        self._unloaded = False
        for bulk in (False, True):
            after = {rank: self._after[rank] for rank in self._ranks if (rank >= BULK) is bulk}
            room = self._sender.room(bulk=bulk)
            if not after or room <= 0:
                self._unloaded = self._unloaded or bool(after)
                continue
            found = outbox.waiting(reader, self.name, after, room)
            for message in found:
                self._after[message.rank] = max(self._after[message.rank], message.sequence)
            self._sender.post(
                link.Parcel(
                    message.rank,
                    message.sequence,
                    message.id,
                    frames.pack(frames.Letter(message.sequence, message.body)),
                )
                for message in found
            )
            self._unloaded = self._unloaded or len(found) == room

    def _do(self, step: link.Step, now: float) -> None:
        wire = self._wires[step.route]
        if isinstance(step, link.Rebuild):
            wire.rebuild(step.connecting)
        elif not wire.send(step.frame):
            self._sender.lost(step.route, now)

    def _listen(self, index: int, wire: Wire, now: float) -> list[Arrival]:
        """Deal with what came in on a wire; its letters are handed back."""
        changes = wire.changes()
        if changes.lost:
            self._sender.lost(index, now)
        if changes.joined:
            self._sender.joined(index, now)
        letters = []
        frames_of_peer = wire.receive()
        if frames_of_peer:
            self._heard(now)
        for received in frames_of_peer:
            if received.fresh:
                self._sender.lost(index, now)
                self._sender.joined(index, now)
            letter = self._understand(index, wire, received, now)
            if letter is not None:
                letters.append(letter)
        return letters

    def _understand(self, index: int, wire: Wire, received: Received, now: float) -> Arrival | None:
        try:
            frame = frames.unpack(received.data)
        except frames.BadFrame:
            self._counts["malformed"] += 1
            return None
        match frame:
            case frames.Letter(sequence, body):
                message = self._arrivals.open(body)
                return None if message is None else Arrival(index, received.origin, sequence, message)
            case frames.Ping(count):
                free = None if self._tell_free_lines is None else self._tell_free_lines()
                wire.send(frames.pack(frames.Pong(count, free)), received.origin)
            case frames.Pong(count, free):
                self._sender.ponged(index, count, now)
                self.free_lines = None if free is None else FreeLines(free)
            case frames.Ack(sequences):
                self._settle(self._sender.acknowledged(index, sequences, now))
        return None

    def _heard(self, now: float) -> None:
        self.heard_at = self._wall_clock()
        if now >= self._heard_mark_at:
            self._heard_mark_at = now + HEARD_EVERY
            at = self.heard_at
            self._mark(lambda connection: inbox.heard(connection, self.name, at))

    def _settle(self, ids: list[str]) -> None:
        if ids:
            at = self._wall_clock()
            self._mark(lambda connection: outbox.settle(connection, ids, at=at))

    def _mark(self, work: Work[object]) -> None:
        self._database.write_later(work)
        self._flush_at = min(self._flush_at, time.monotonic() + MARK_WITHIN)

    def _take(self, letters: list[Arrival]) -> None:
        """Apply letters in one commit, acknowledge them, tell the daemon of those that were new."""
        applied, news = self._arrivals.apply(letters, self._wall_clock())
        self._acknowledge(applied)
        if news:
            with suppress(RuntimeError):  # the loop is closing; the messages are on disk all the same
                self._loop.call_soon_threadsafe(self._tell, news)

    def _tell(self, news: list[Message]) -> None:
        for message in news:
            self._on_committed(message)

    def _acknowledge(self, letters: list[Arrival]) -> None:
        sequences: dict[tuple[int, bytes], list[int]] = {}
        for letter in letters:
            sequences.setdefault((letter.wire, letter.origin), []).append(letter.sequence)
        for (index, origin), some in sequences.items():
            self._wires[index].send(frames.pack(frames.Ack(tuple(some))), origin)
