"""One page over HTTP: whoever asks wrongly is told so, and holds up nobody."""

import asyncio
import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway import clock
from gateway.daemon import scrape
from gateway.daemon.scrape import serve
from gateway.errors import GatewayError


async def page() -> bytes:
    return b"up 1\n"


THREADS = ThreadPoolExecutor(2)


def blocking(address: str, request: bytes, *, end: bool = False) -> bytes:
    """All that comes back."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(request)
        if end:
            client.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while more := client.recv(65536):
                answer += more
        return answer


async def ask(address: str, request: bytes, *, end: bool = False) -> bytes:
    """As ``blocking``; the clock stands still meanwhile."""
    return await clock.outside(THREADS.submit(blocking, address, request, end=end))


async def test_a_get_is_given_the_page() -> None:
    async with serve("127.0.0.1:0", page) as address:
        answer = await ask(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Type: text/plain; version=0.0.4; charset=utf-8" in head
    assert b"Content-Length: 5" in head and body == b"up 1\n"


async def test_a_head_is_given_the_head() -> None:
    async with serve("127.0.0.1:0", page) as address:
        answer = await ask(address, b"HEAD /metrics?x=1 HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ") and b"Content-Length: 5" in answer and answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "request_, status",
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /metrics/../keys HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"405"),
        (b"GET /metrics\r\n\r\n", b"400"),
        (b"GET metrics HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /metrics SMTP/1.0\r\n\r\n", b"400"),
        (b"\xff\xfe\x00\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nA: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
    ],
    ids=["root", "elsewhere", "post", "no version", "no path", "no http", "garbage", "tls", "long head"],
)
async def test_a_bad_request_is_told_what_is_wrong_with_it(request_: bytes, status: bytes) -> None:
    async with serve("127.0.0.1:0", page) as address:
        answer = await ask(address, request_)
        assert answer.split(b" ")[1] == status
        assert answer.endswith(b"the figures are at /metrics\n")
        assert b"up 1" in await ask(address, b"GET /metrics HTTP/1.1\r\n\r\n"), "and the next one is served"


async def test_half_a_request_is_a_bad_one_and_none_gets_no_answer() -> None:
    async with serve("127.0.0.1:0", page) as address:
        assert (await ask(address, b"GET /metr", end=True)).split(b" ")[1] == b"400"
        assert await ask(address, b"", end=True) == b""


async def test_who_never_ends_his_request_is_cut_off() -> None:
    async with serve("127.0.0.1:0", page) as address:
        began = clock.now()
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        with contextlib.closing(writer):
            writer.write(b"GET /metrics HTTP/1.1\r\n")
            assert await reader.read() == b""
        assert clock.now() - began == pytest.approx(scrape.PATIENCE, abs=0.2)


def crowd(address: str) -> tuple[bytes, bytes]:
    """What somebody is told while as many as possible are being served, and after they have left."""
    host, _, port = address.rpartition(":")
    with contextlib.ExitStack() as stack:
        for _ in range(scrape.AT_ONCE):
            stack.enter_context(socket.create_connection((host, int(port)))).sendall(b"GET")
        first = blocking(address, b"GET /metrics HTTP/1.1\r\n\r\n")
    deadline = time.monotonic() + 10
    while b" 503 " in (second := blocking(address, b"GET /metrics HTTP/1.1\r\n\r\n")) and time.monotonic() < deadline:
        time.sleep(0.01)
    return first, second


async def test_a_crowd_is_told_to_come_again_and_is_served_when_it_has_thinned() -> None:
    async with serve("127.0.0.1:0", page) as address:
        first, second = await clock.outside(THREADS.submit(crowd, address))
    assert first.split(b" ")[1] == b"503"
    assert second.endswith(b"up 1\n")


async def test_a_page_that_fails_is_an_error_of_the_server_and_the_next_is_served() -> None:
    failures = [RuntimeError("no")]

    async def sometimes() -> bytes:
        if failures:
            raise failures.pop()
        return b"up 1\n"

    async with serve("127.0.0.1:0", sometimes) as address:
        assert (await ask(address, b"GET /metrics HTTP/1.1\r\n\r\n")).split(b" ")[1] == b"500"
        assert b"up 1" in await ask(address, b"GET /metrics HTTP/1.1\r\n\r\n")


async def test_an_address_that_is_taken_or_none_is_named() -> None:
    async with serve("127.0.0.1:0", page) as address:
        for wrong in (address, "127.0.0.1:99999", "192.0.2.1:9469"):
            with pytest.raises(GatewayError, match=f"metrics.listen: {wrong}: can't listen there"):
                async with serve(wrong, page):
                    pass


async def test_an_address_that_others_can_reach_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    async with serve("0.0.0.0:0", page):
        assert "other machines can read the figures" in caplog.text
    caplog.clear()
    async with serve("127.0.0.1:0", page):
        assert "other machines" not in caplog.text
