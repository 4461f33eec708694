"""Who may come in: the ZAP handler, and the proof at start that a stranger is kept out.

Without a ZAP handler CURVE accepts every key, so the listening sockets name a domain and enforce it: with nobody to
ask, nobody gets in. A key that is not trusted is answered 300 ("later"), after which its owner knocks again every few
seconds; 400 would silence it for ever, also once it is trusted.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

import zmq
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

from gateway.errors import GatewayError

log = logging.getLogger(__name__)

Context = zmq.Context[zmq.Socket[bytes]]

DOMAIN = b"gateway"
AT_ONCE = 32
"""Knocks answered in one go, so that a crowd at the gate does not stop the traffic inside."""

PROOF_TIME = 5.0
"""Seconds that the proof may take."""


class LinkError(GatewayError):
    """The link can't be set up as the settings say, or would let strangers in."""


class Gate:
    """Answers libzmq's question "may this key come in?" (RFC 27, ZAP 1.0) for one context."""

    def __init__(self, context: Context, admits: Callable[[bytes], bool]) -> None:
        self._admits = admits
        self.socket = context.socket(zmq.REP)
        self.socket.linger = 0
        self.socket.bind("inproc://zeromq.zap.01")
        self.refused = 0
        self._last_refused = b""
        self.stranger: bytes | None = None
        """The key of the proof at start, told so at once."""

    def serve(self) -> None:
        """Answer who is waiting."""
        for _ in range(AT_ONCE):
            try:
                request = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self.socket.send_multipart(self._reply(request))

    def _reply(self, request: list[bytes]) -> list[bytes]:
        if len(request) != 7 or request[0] != b"1.0" or request[2] != DOMAIN or request[5] != b"CURVE":
            return [b"1.0", request[1] if len(request) > 1 else b"", b"400", b"not this way", b"", b""]
        key = request[6]
        if self._admits(key):
            return [b"1.0", request[1], b"200", b"OK", key.hex().encode(), b""]
        if key == self.stranger:
            return [b"1.0", request[1], b"400", b"a stranger", b"", b""]
        if key != self._last_refused:
            log.warning("link: refused %s, whose key is not trusted", request[3].decode("ascii", "replace"))
        self.refused += 1
        self._last_refused = key
        return [b"1.0", request[1], b"300", b"not paired", b"", b""]


def prove_stranger_refused(context: Context, gate: Gate, endpoint: str, server_public: bytes) -> None:
    """Knock at our own ``endpoint`` with a random key. Raises ``LinkError`` unless it is turned away."""
    public, secret = zmq.curve_keypair()
    gate.stranger = z85.decode(public)
    stranger: Any = context.socket(zmq.DEALER)
    stranger.curve_publickey, stranger.curve_secretkey = public, secret
    stranger.curve_serverkey = z85.encode(server_public)
    monitor = stranger.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
    try:
        stranger.connect(endpoint)
        deadline = time.monotonic() + PROOF_TIME
        while not monitor.poll(1):
            gate.serve()
            if time.monotonic() > deadline:
                raise LinkError(f"{endpoint}: a stranger was not turned away in {PROOF_TIME:.0f} s; not started")
        if recv_monitor_message(monitor)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            raise LinkError(f"{endpoint}: a stranger's key was let in; the link is not safe and does not start")
    finally:
        gate.stranger = None
        stranger.disable_monitor()
        monitor.close(0)
        stranger.close(0)
