"""One page over HTTP: as much of RFC 9112 as somebody needs who asks for figures, and a clear no to everything else."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from ipaddress import ip_address

from gateway.errors import GatewayError

log = logging.getLogger(__name__)

PATH = "/metrics"
LARGEST_HEAD = 8192
"""Bytes of a request, up to the empty line."""
PATIENCE = 5.0
"""Seconds for a request to be complete, and for its answer to be taken."""
AT_ONCE = 8
"""Connections; one more is told to come again."""

Page = Callable[[], Awaitable[bytes]]
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@contextlib.asynccontextmanager
async def serve(listen: str, page: Page) -> AsyncIterator[str]:
    """The page at ``listen`` ("127.0.0.1:9469", "[::1]:9469") for the block; gives the address, port 0 resolved.

    Raises ``GatewayError`` where nobody can listen there.
    """
    host, _, port = listen.rpartition(":")
    busy: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        busy.add(task)
        try:
            await _converse(reader, writer, page, crowded=len(busy) > AT_ONCE)
        except asyncio.CancelledError:  # the server ends; asyncio's own callback can't deal with a cancelled task
            pass
        finally:
            busy.discard(task)

    try:
        server = await asyncio.start_server(answer, host.strip("[]"), int(port), limit=LARGEST_HEAD)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", error)
        raise GatewayError(f"metrics.listen: {listen}: can't listen there: {why}; name another address") from None
    address, bound = server.sockets[0].getsockname()[:2]
    log.info("figures are at http://%s:%d%s", host, bound, PATH)
    if not ip_address(address).is_loopback:
        log.warning("metrics.listen: other machines can read the figures at %s, without a password", listen)
    try:
        yield f"{host}:{bound}"
    finally:
        server.close()
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, page: Page, *, crowded: bool) -> None:
    """One request, one answer, and the end of the connection."""
    try:
        async with asyncio.timeout(PATIENCE):
            if crowded:
                writer.write(_reply(HTTPStatus.SERVICE_UNAVAILABLE))
            else:
                writer.write(await _answer(reader, page))
            await writer.drain()
    except (OSError, TimeoutError):
        pass
    except Exception:
        log.exception("the figures could not be told")
        writer.write(_reply(HTTPStatus.INTERNAL_SERVER_ERROR))
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader, page: Page) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        return _reply(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
    except asyncio.IncompleteReadError as gone:
        return _reply(HTTPStatus.BAD_REQUEST) if gone.partial else b""
    words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[1].startswith("/"):
        return _reply(HTTPStatus.BAD_REQUEST)
    method, target, _ = words
    if target.partition("?")[0] != PATH:
        return _reply(HTTPStatus.NOT_FOUND)
    if method not in ("GET", "HEAD"):
        return _reply(HTTPStatus.METHOD_NOT_ALLOWED, "Allow: GET, HEAD\r\n")
    body = await page()
    reply = _reply(HTTPStatus.OK, f"Content-Type: {_TEXT}\r\n", body)
    return reply if method == "GET" else reply[: -len(body)]


def _reply(status: HTTPStatus, fields: str = "", body: bytes | None = None) -> bytes:
    if body is None:
        body = f"{status.value} {status.phrase}; the figures are at {PATH}\n".encode()
        fields += "Content-Type: text/plain\r\n"
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n{fields}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
