"""A raw client for one test."""

from collections.abc import Callable, Iterator

import pytest
from two_boxes import RawClient

from gateway.link.keys import KeyPair


@pytest.fixture
def raw() -> Iterator[Callable[[KeyPair, bytes, str], RawClient]]:
    clients: list[RawClient] = []

    def make(keys: KeyPair, server: bytes, endpoint: str) -> RawClient:
        clients.append(RawClient(keys, server, endpoint))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
