"""The sockets of one route: a *dialling* wire connects to the peer, a *listening* wire waits for it.

Options are ``docs/protocol.md``'s. A wire belongs to the link's thread and puts its sockets into that thread's poller.
"""

import errno
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import zmq
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

from gateway.link.gate import DOMAIN, Context, LinkError
from gateway.link.keys import KeyPair
from gateway.protocols.routes import HURRY, Connecting
from gateway.settings import RouteSettings

log = logging.getLogger(__name__)

Socket = zmq.Socket[bytes]

LARGEST = 64 * 1024
"""Bytes in one frame; a peer that sends more is cut off."""

AT_ONCE = 64
"""Frames taken from one wire in one go."""

CONNECTIONS = 1000
"""Connections of a listening wire that are remembered; the gate let them in one by one."""

REFUSED_PAUSE = 5.0
BIND_PAUSE = 2.0
"""Seconds before the next try: after the peer refused our key; after the address to bind was not there."""

FIRST = Connecting(within=3.0, pause=HURRY)
"""How a route that was never up is tried."""

POLLIN = int(zmq.POLLIN)

_OPTIONS = {
    zmq.LINGER: 0,
    zmq.MAXMSGSIZE: LARGEST,
    zmq.SNDHWM: 1000,
    zmq.RCVHWM: 1000,
    zmq.HANDSHAKE_IVL: 5000,
    zmq.HEARTBEAT_IVL: 1000,
    zmq.HEARTBEAT_TIMEOUT: 3000,
    zmq.HEARTBEAT_TTL: 3000,
    zmq.TCP_KEEPALIVE: 1,
    zmq.TCP_KEEPALIVE_IDLE: 30,
    zmq.TCP_KEEPALIVE_INTVL: 5,
    zmq.TCP_KEEPALIVE_CNT: 3,
}
_DIALLING = {
    zmq.IMMEDIATE: 1,
    zmq.RECONNECT_IVL_MAX: 0,  # constant: a healed route is to be found at once
}
_NOT_THERE = {errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENETDOWN, errno.ENETUNREACH}
_UP = zmq.EVENT_HANDSHAKE_SUCCEEDED
_GONE = zmq.EVENT_DISCONNECTED
_DENIED = zmq.EVENT_HANDSHAKE_FAILED_AUTH


@dataclass(frozen=True, slots=True)
class Received:
    """One frame from the peer. ``origin`` is where to answer it; ``fresh``: the first one of a new connection."""

    data: bytes
    origin: bytes
    fresh: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of a wire's connection since last asked."""

    joined: bool = False
    lost: bool = False


class Wire(Protocol):
    """One route's sockets."""

    sockets: tuple[Socket, ...]
    strangers: int
    """Frames dropped because they did not come from the peer."""

    def send(self, data: bytes, origin: bytes | None = None) -> bool:
        """Hand a frame to libzmq, as an answer or to the peer's newest connection; False if there is none."""

    def receive(self) -> list[Received]:
        """What came from the peer, a limited number."""

    def changes(self) -> Changes:
        """News of the connection."""

    def look_after(self, peer_key: bytes | None, now: float) -> None:
        """Every second or so: follow the peer's key, try again what failed."""

    def rebuild(self, connecting: Connecting) -> None:
        """Begin anew with a new connection, tried as ``connecting`` says."""


class DiallingWire:
    """A DEALER that connects."""

    def __init__(self, context: Context, poller: zmq.Poller, keys: KeyPair, route: RouteSettings) -> None:
        self.sockets: tuple[Socket, ...] = ()
        self.strangers = 0
        self._context, self._poller, self._keys = context, poller, keys
        self._address = _address(route)
        self._peer_key: bytes | None = None
        self._refused = False
        self._again_at = 0.0

    def send(self, data: bytes, origin: bytes | None = None) -> bool:
        """See ``Wire``."""
        if not self.sockets:
            return False
        try:
            self.sockets[0].send(data, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def receive(self) -> list[Received]:
        """See ``Wire``."""
        received: list[Received] = []
        with suppress(zmq.Again):
            for each in range(AT_ONCE if self.sockets else 0):
                if each and not _has_more(self.sockets[0]):
                    break
                parts = self.sockets[0].recv_multipart(zmq.NOBLOCK)
                received.append(Received(parts[0] if len(parts) == 1 else b"", b"", False))
        return received

    def changes(self) -> Changes:
        """See ``Wire``."""
        joined = lost = False
        while self.sockets and _has_more(self.sockets[1]):
            event = recv_monitor_message(self.sockets[1])["event"]
            joined = event == _UP or (joined and event != _GONE)
            lost = lost or event == _GONE
            self._refused = self._refused or event == _DENIED
        return Changes(joined, lost)

    def look_after(self, peer_key: bytes | None, now: float) -> None:
        """See ``Wire``."""
        if peer_key != self._peer_key:
            self._peer_key = peer_key
            self.rebuild(FIRST)
        elif self._refused and now >= self._again_at:
            self._again_at = now + REFUSED_PAUSE
            self.rebuild(FIRST)

    def rebuild(self, connecting: Connecting) -> None:
        """See ``Wire``."""
        _close(self._poller, self.sockets)
        self.sockets = ()
        self._refused = False
        if self._peer_key is None:
            return
        socket = _socket(self._context, zmq.DEALER, self._keys)
        for option, value in _DIALLING.items():
            socket.setsockopt(option, value)
        socket.setsockopt(zmq.CONNECT_TIMEOUT, int(connecting.within * 1000))
        socket.setsockopt(zmq.RECONNECT_IVL, int(connecting.pause * 1000))
        socket.curve_serverkey = z85.encode(self._peer_key)
        monitor = socket.get_monitor_socket(_UP | _GONE | _DENIED)
        try:
            socket.connect(self._address)
        except zmq.ZMQError as error:
            _close(self._poller, (socket, monitor))
            raise LinkError(f"{self._address}: can't connect there: {error.strerror}; correct link.route") from None
        self.sockets = (socket, monitor)
        _watch(self._poller, self.sockets)


class ListeningWire:
    """A ROUTER that is bound. The peer's newest connection is the one that is answered and written to."""

    def __init__(
        self,
        context: Context,
        poller: zmq.Poller,
        keys: KeyPair,
        address: str,
        is_peer: Callable[[bytes], bool],
    ) -> None:
        self.sockets: tuple[Socket, ...] = ()
        self.strangers = 0
        self._context, self._poller, self._keys = context, poller, keys
        self._address = address
        self._is_peer = is_peer
        self._keys_of: dict[bytes, bytes] = {}
        self._newest: bytes | None = None
        self._again_at = 0.0
        self._bind()

    @property
    def endpoint(self) -> str | None:
        """Where a client on this machine reaches us; None while we could not bind."""
        if not self.sockets:
            return None
        last = self.sockets[0].getsockopt_string(zmq.LAST_ENDPOINT)
        return last.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")

    def send(self, data: bytes, origin: bytes | None = None) -> bool:
        """See ``Wire``."""
        to = self._newest if origin is None else origin
        if to is None or not self.sockets:
            return False
        try:
            self.sockets[0].send_multipart([to, data], zmq.NOBLOCK)
        except zmq.ZMQError as error:  # EHOSTUNREACH: that connection is gone; EAGAIN: its queue is full
            if error.errno == zmq.EHOSTUNREACH and to == self._newest:
                self._newest = None
            return False
        return True

    def receive(self) -> list[Received]:
        """See ``Wire``."""
        received: list[Received] = []
        with suppress(zmq.Again):
            for each in range(AT_ONCE if self.sockets else 0):
                if each and not _has_more(self.sockets[0]):
                    break
                origin, parts = self._receive_one(self.sockets[0])
                if not self._is_peer(self._keys_of[origin]):
                    self.strangers += 1
                    continue
                received.append(Received(parts[0] if len(parts) == 1 else b"", origin, origin != self._newest))
                self._newest = origin
        return received

    def changes(self) -> Changes:
        """See ``Wire``; a listening wire learns of connections by what they say."""
        return Changes()

    def look_after(self, peer_key: bytes | None, now: float) -> None:
        """See ``Wire``."""
        if not self.sockets and now >= self._again_at:
            self._again_at = now + BIND_PAUSE
            self._bind()

    def rebuild(self, connecting: Connecting) -> None:
        """See ``Wire``: the other side connects, so there is nothing to do but forget the silent connection."""
        self._newest = None

    def _receive_one(self, socket: Socket) -> tuple[bytes, list[bytes]]:
        """Connection and parts of one message; whose connection it is, is in ``_keys_of`` from its first one on.

        The caller asks of every message whether that key is still the peer's.
        """
        origin = socket.recv(zmq.NOBLOCK)
        if origin in self._keys_of:
            return origin, socket.recv_multipart(zmq.NOBLOCK)
        first: list[zmq.Frame] = socket.recv_multipart(zmq.NOBLOCK, copy=False)
        if len(self._keys_of) >= CONNECTIONS:
            self._keys_of.clear()
        self._keys_of[origin] = bytes.fromhex(str(first[0].get("User-Id")))
        return origin, [part.bytes for part in first]

    def _bind(self) -> None:
        socket = _socket(self._context, zmq.ROUTER, self._keys)
        socket.router_mandatory = True
        socket.curve_server = True
        socket.zap_domain = DOMAIN
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        try:
            socket.bind(self._address)
        except zmq.ZMQError as error:
            socket.close(0)
            if error.errno not in _NOT_THERE:
                why = f"can't listen there: {error.strerror}; stop what does, or correct link.route"
                raise LinkError(f"{self._address}: {why}") from None
            log.warning("link: %s is not there (yet): %s", self._address, error.strerror)
            return
        self.sockets = (socket,)
        _watch(self._poller, self.sockets)


def _address(route: RouteSettings) -> str:
    """libzmq's form of "from this address to that one": ``tcp://source:0;target:port``."""
    address = str(route.connect)
    return address if route.source is None else address.replace("tcp://", f"tcp://{route.source}:0;", 1)


def _socket(context: Context, kind: int, keys: KeyPair) -> Socket:
    socket: Any = context.socket(kind)
    for option, value in _OPTIONS.items():
        socket.setsockopt(option, value)
    socket.curve_publickey, socket.curve_secretkey = z85.encode(keys.public), z85.encode(keys.secret)
    return socket  # type: ignore[no-any-return]


def _has_more(socket: Socket) -> bool:
    """Whether a message can be received; asking costs half of being told so by an exception."""
    return bool(int(socket.get(zmq.EVENTS)) & POLLIN)


def _watch(poller: zmq.Poller, sockets: tuple[Socket, ...]) -> None:
    for socket in sockets:
        poller.register(socket, zmq.POLLIN)


def _close(poller: zmq.Poller, sockets: tuple[Socket, ...]) -> None:
    for socket in sockets:
        if socket in poller:
            poller.unregister(socket)
    if sockets:
        sockets[0].disable_monitor()
    for socket in reversed(sockets):
        socket.close(0)
