"""The link at a glance, in memory and in a small file that a technician's command reads while the daemon runs."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gateway.errors import GatewayError

FILES = "link-*.json"
FRESH = 15.0
"""Seconds: a file that is older was left by a daemon that no longer runs; it is written at least every 10 s."""

REWRITE = 10.0


@dataclass(frozen=True)
class RouteStatus:
    """One route: its state ("up", "suspect", "down") and smoothed round trip in seconds, if known."""

    name: str
    state: str
    round_trip: float | None


@dataclass(frozen=True)
class LinkState:
    """The link at a glance. ``heard_at``: Unix time of the last sign of life; ``queued``: messages the peer lacks;
    ``counts``: what was dropped, by reason.
    """

    peer: str
    routes: tuple[RouteStatus, ...]
    heard_at: float
    queued: int
    counts: dict[str, int]
    free_lines: int | None = None
    """Of an overseas peer, less the requests that wait there; None if it does not say."""


class StatusFile:
    """Written by the link's thread, without syncing: it need not survive anything.

    Where systemd gives the daemon a folder in memory (``RUNTIME_DIRECTORY``), the file is there, to spare the card, and
    what lies in the data folder only points to it.
    """

    def __init__(self, folder: Path, peer: str) -> None:
        self.path = folder / FILES.replace("*", peer)
        in_memory = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
        self._file = Path(in_memory) / self.path.name if in_memory else self.path
        self._written: LinkState | None = None
        self._written_at = float("-inf")

    def write(self, state: LinkState, now: float) -> None:
        """Write ``state`` if it has changed, or every 10 s. ``now``: monotonic. A full disk is not our affair."""
        if now < self._written_at + REWRITE and self._same(state):
            return
        first = self._written is None
        self._written, self._written_at = state, now
        new = self._file.with_suffix(".new")
        with suppress(OSError):
            new.write_bytes(msgspec.json.encode(state))
            new.rename(self._file)
            if first and self._file != self.path:
                self._point()

    def _point(self) -> None:
        if self.path.is_symlink() and self.path.readlink() == self._file:
            return
        new = self.path.with_suffix(".new")
        new.unlink(missing_ok=True)
        new.symlink_to(self._file)
        new.rename(self.path)

    def _same(self, state: LinkState) -> bool:
        old = self._written
        ways = [(route.name, route.state) for route in state.routes]
        return (
            old is not None
            and ways == [(route.name, route.state) for route in old.routes]
            and (state.queued, state.counts) == (old.queued, old.counts)
        )


def read(folder: Path, now: float) -> list[LinkState]:
    """What the daemon of the box with this data folder says, by peer. Raises ``GatewayError`` if none runs."""
    files = sorted(file for file in folder.glob(FILES) if file.exists())
    if not files:
        raise GatewayError(f"{folder}: no word from a daemon; start the box with gateway run")
    return [_read(file, now) for file in files]


def _read(file: Path, now: float) -> LinkState:
    try:
        age = now - file.stat().st_mtime
        state = msgspec.json.decode(file.read_bytes(), type=LinkState)
    except (OSError, msgspec.MsgspecError) as error:
        why = getattr(error, "strerror", error)
        raise GatewayError(f"{file}: can't be read: {why}; run this as root or as the gateway's user") from None
    if age > FRESH:
        raise GatewayError(f"{file}: no word from the daemon for {age:.0f} s; is it running?")
    return state
