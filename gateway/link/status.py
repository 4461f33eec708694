"""The link at a glance, in memory and in a small file that a technician's command reads while the daemon runs."""

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


class StatusFile:
    """Written by the link's thread, without syncing: it need not survive anything."""

    def __init__(self, folder: Path, peer: str) -> None:
        self.path = folder / FILES.replace("*", peer)
        self._written: LinkState | None = None
        self._written_at = float("-inf")

    def write(self, state: LinkState, now: float) -> None:
        """Write ``state`` if it has changed, or every 10 s. ``now``: monotonic. A full disk is not our affair."""
        if now < self._written_at + REWRITE and self._same(state):
            return
        self._written, self._written_at = state, now
        new = self.path.with_suffix(".new")
        with suppress(OSError):
            new.write_bytes(msgspec.json.encode(state))
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
    files = sorted(folder.glob(FILES))
    if not files:
        raise GatewayError(f"{folder}: no word from a daemon; start the box with gateway run")
    return [_read(file, now) for file in files]


def _read(file: Path, now: float) -> LinkState:
    try:
        age = now - file.stat().st_mtime
        state = msgspec.json.decode(file.read_bytes(), type=LinkState)
    except (OSError, msgspec.MsgspecError) as error:
        raise GatewayError(f"{file}: can't be read: {error}") from None
    if age > FRESH:
        raise GatewayError(f"{file}: no word from the daemon for {age:.0f} s; is it running?")
    return state
