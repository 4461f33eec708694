"""A raw client for one test."""

from collections.abc import Callable, Iterator

import pytest
import zmq
from two_boxes import RawClient

from gateway.link import peer, wires
from gateway.link.keys import KeyPair


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boxes look after themselves ten times as often, and give up on slow or refused handshakes ten times as soon."""
    monkeypatch.setattr(peer, "KEYS_EVERY", peer.KEYS_EVERY / 10)
    monkeypatch.setattr(wires, "REFUSED_PAUSE", wires.REFUSED_PAUSE / 10)
    monkeypatch.setitem(wires._OPTIONS, zmq.HANDSHAKE_IVL, wires._OPTIONS[zmq.HANDSHAKE_IVL] // 10)


@pytest.fixture
def raw() -> Iterator[Callable[[KeyPair, bytes, str], RawClient]]:
    clients: list[RawClient] = []

    def make(keys: KeyPair, server: bytes, endpoint: str) -> RawClient:
        clients.append(RawClient(keys, server, endpoint))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
