"""The panic stop: a file in the box's data folder. While it is there nothing is dialled, also after a restart.

A file, not a row in the store: it works while the store is broken, full or held by the daemon, and a person can make
it with ``touch``.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from gateway import clock
from gateway.errors import GatewayError

LOOK = 0.25
"""Seconds between two looks at the file while a call is under way."""


class PanicStop:
    """``Settings.stop_file`` of one box."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def pulled(self) -> bool:
        """Whether nothing may be dialled."""
        return self._path.exists()

    def reason(self) -> str:
        """What the operator wrote, "" if nothing."""
        try:
            return self._path.read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""

    def pull(self, reason: str) -> None:
        """Stop all dialling; on disk when this returns. Raises ``GatewayError``."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._path.open("w", encoding="utf-8") as file:
                file.write(reason + "\n")
                file.flush()
                os.fsync(file.fileno())
            self._sync_folder()
        except OSError as error:
            raise GatewayError(f"{self._path}: can't be written: {error.strerror}; stop the box itself") from None

    def release(self) -> bool:
        """Let dialling go on. False if it was not stopped. Raises ``GatewayError``."""
        try:
            self._path.unlink()
            self._sync_folder()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise GatewayError(f"{self._path}: can't be removed: {error.strerror}") from None
        return True

    def _sync_folder(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@asynccontextmanager
async def stoppable(cap: asyncio.Timeout, stopped: Callable[[], bool]) -> AsyncIterator[None]:
    """Let the panic stop (``Policy.stopped``) end what ``cap`` bounds."""

    async def watch() -> None:
        while not stopped():  # noqa: ASYNC110  another process makes that file
            await asyncio.sleep(LOOK)
        if not cap.expired():
            cap.reschedule(clock.now())

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
