"""What both roles are made of: the store, the link, the lines, and an orderly start and stop."""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import sdnotify

from gateway.daemon.forgetting import forget_daily
from gateway.daemon.supervise import Serve, Supervisor
from gateway.errors import SettingsError
from gateway.link.keys import KeyFolder
from gateway.link.peer import Peer
from gateway.link.status import FILES, StatusFile
from gateway.modems.catalogue import can_reject, open_line
from gateway.modems.recovery import Requests
from gateway.protocols.messages import Message
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.journal import Domestic, Overseas

log = logging.getLogger(__name__)

LINK_TURNS_WITHIN = 30.0
"""Seconds; its thread looks after itself every second, but for a commit on a slow card."""


@contextlib.asynccontextmanager
async def linked(
    settings: Settings,
    database: Database,
    journal: Domestic | Overseas,
    committed: Callable[[Message], None],
    free_lines: Callable[[], int] | None = None,
) -> AsyncIterator[tuple[Peer, ...]]:
    """The links to the other boxes, up for the block. Raises ``KeyFileError`` or ``GatewayError`` where they can't be.

    ``free_lines``: what an overseas box tells of its lines.
    """
    _expect_keys(settings)
    _forget_former_peers(settings)
    async with contextlib.AsyncExitStack() as stack:
        peers = []
        for link in settings.links:
            peer = Peer(settings, database, journal.effect_of(link.peer), committed, link, free_lines)
            await peer.start()
            stack.push_async_callback(peer.stop)
            peers.append(peer)
        yield tuple(peers)


def _expect_keys(settings: Settings) -> None:
    """Raise ``KeyFileError`` where no peer is trusted; a warning where some are not: the others work without them."""
    folder = KeyFolder(settings.keys)
    trusted = folder.trusted()
    missing = [link.peer for link in settings.links if link.peer not in trusted]
    if len(missing) == len(settings.links):
        folder.expect(missing[0])
    for peer in missing:
        log.warning("peer %s is not trusted yet; gateway keys trust %s KEY, with its public key", peer, peer)


def _forget_former_peers(settings: Settings) -> None:
    """Take away what the link said of boxes that the settings name no more."""
    present = {StatusFile(Path(settings.data), link.peer).path for link in settings.links}
    for file in set(Path(settings.data).glob(FILES)) - present:
        file.unlink(missing_ok=True)


def check_models(settings: Settings) -> None:
    """Raise ``SettingsError`` that names the line whose model nobody knows, or that can't do what is asked of it."""
    for line in settings.lines:
        try:
            rejects = can_reject(line.model)
        except SettingsError as error:
            raise SettingsError(f'line "{line.name}": {error}') from None
        if settings.guidance.answer == "reject" and not rejects:
            raise SettingsError(
                f'line "{line.name}": a {line.model} can\'t refuse a call; set guidance.answer to "answer"'
            )


def stop_on_signals() -> None:
    """SIGTERM ends the task that calls this as Ctrl-C does: lines on hook, store closed."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def tell_ready(settings: Settings) -> None:
    """Say so to systemd and in the log."""
    log.info("%s box %s is ready", settings.role, settings.name)
    sdnotify.SystemdNotifier().notify("READY=1")


async def serve_lines(settings: Settings, serve: Serve, peers: Sequence[Peer], database: Database) -> None:
    """All lines, until cancelled, with what goes on beside them: the watchdog, forgetting, the figures.

    Raises ``LineLost``, and ``GatewayError`` where nobody can listen at ``metrics.listen``.
    """
    supervisor = Supervisor(settings.lines, open_line, serve, Requests.of_service())
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(beside("the watchdog", feed_watchdog(supervisor, peers)))
        await stack.enter_async_context(beside("forgetting", forget_daily(settings, database)))
        if settings.metrics.listen is not None:
            from gateway.daemon.metrics import telling  # 2 MB that most boxes don't need

            await stack.enter_async_context(telling(settings, settings.metrics.listen, database, supervisor, peers))
        await supervisor.run(lambda: tell_ready(settings))


@contextlib.asynccontextmanager
async def beside(name: str, work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have ``work`` done for the block; where it fails the log says so and the block goes on."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_tell_of_failure)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _tell_of_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("%s has failed; restart the box", task.get_name(), exc_info=error)


async def feed_watchdog(supervisor: Supervisor, peers: Sequence[Peer]) -> None:
    """Tell systemd's watchdog (``WATCHDOG_USEC``) that all is well, as long as it is; without one, nothing."""
    every = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6 / 3
    notifier = sdnotify.SystemdNotifier()
    while every:
        await asyncio.sleep(every)
        if not supervisor.live:
            log.error("a line gets on no more; the watchdog is not fed")
        elif stuck := [peer.name for peer in peers if time.monotonic() - peer.turned_at > LINK_TURNS_WITHIN]:
            log.error("the link to %s gets on no more; the watchdog is not fed", ", ".join(stuck))
        else:
            notifier.notify("WATCHDOG=1")
