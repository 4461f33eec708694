"""Alarms to a web address: one POST of a JSON object each, tried three times, never in anybody's way."""

import asyncio
import json
import logging
from collections.abc import Sequence
from urllib.parse import urlsplit

from gateway.calls.alarms import Alarm

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds for one try."""
TRIES = (0.0, 5.0, 60.0)
"""Seconds before each of them."""


async def post(url: str, alarm: Alarm, box: str, waits: Sequence[float] = TRIES) -> bool:
    """Tell ``url`` of an alarm. False, and a line in the log, where nobody took it with a status from 200 to 299."""
    body = json.dumps({"box": box, "at": alarm.at, "alarm": alarm.kind, "says": alarm.says}).encode()
    problem = ""
    for wait in waits:
        await asyncio.sleep(wait)
        try:
            async with asyncio.timeout(PATIENCE):
                status = await _send(url, body)
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
            problem = str(error) or "no answer"
            continue
        if 200 <= status < 300:
            return True
        problem = f"status {status}"
    log.error("alarm.webhook: %s was not told of %s: %s", urlsplit(url).hostname, alarm.kind, problem)
    return False


async def _send(url: str, body: bytes) -> int:
    """The status of the answer. Raises ``OSError``, ``ValueError`` where it is no HTTP."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host = parts.hostname or ""
    reader, writer = await asyncio.open_connection(host, parts.port or (443 if secure else 80), ssl=secure or None)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        head = (
            f"POST {target} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        words = (await reader.readline()).split()
        if len(words) < 2 or not words[0].startswith(b"HTTP/"):
            raise ValueError("the answer is no HTTP")
        return int(words[1])
    finally:
        writer.close()
