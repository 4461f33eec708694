"""The overseas boxes that a domestic one has, as they stand: who is up, who is asked for whom, who waits for them."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from gateway import clock
from gateway.calls.box_choice import OverseasBox, ranked
from gateway.calls.least_cost import CostBook
from gateway.errors import StoreError
from gateway.link.peer import FreeLines, Peer
from gateway.numbers import PhoneNumber
from gateway.settings import Settings
from gateway.store.hand_over import Choice
from gateway.store.journal import Domestic

log = logging.getLogger(__name__)

LOOK = 0.5
"""Seconds between two looks whether a box has come up for those who wait."""


class OverseasBoxes:
    """Made before the links are; ``peers`` is filled in once they stand. ``book`` gives the prices as they are now."""

    def __init__(self, settings: Settings, book: Callable[[], CostBook]) -> None:
        self.peers: Sequence[Peer] = ()
        self._links = {link.peer: link for link in settings.links}
        self._book = book
        loop = asyncio.get_running_loop()
        self._wall_clock = loop.wall_clock if isinstance(loop, clock.PacedLoop | clock.VirtualLoop) else time.time
        self._asked: dict[str, tuple[FreeLines | None, int]] = {}

    @property
    def all_away(self) -> bool:
        """None of them has been heard for as long as its ``away_limit``."""
        return all(self.is_away(peer.name) for peer in self.peers)

    def is_away(self, name: str) -> bool:
        """That one has not, or is in the settings no more."""
        heard_at = next((peer.heard_at for peer in self.peers if peer.name == name), None)
        return heard_at is None or self._wall_clock() - heard_at > self._links[name].away_limit

    def rank(self, number: PhoneNumber) -> list[Choice]:
        """``store.hand_over.Rank``. A single box gets its requests at once: there is no other to keep them for.

        A box whose link does not stand yet is one that is not up: another link may bring its word before.
        """
        alone = len(self._links) == 1
        peers = {peer.name: peer for peer in self.peers}
        boxes = [
            OverseasBox(name, alone or peer.up, self._free(peer))
            if (peer := peers.get(name))
            else OverseasBox(name, alone)
            for name in self._links
        ]
        return ranked(boxes, self._book(), number, self._wall_clock())

    def asked(self, name: str) -> None:
        """A request went to that box: one line less, until it tells anew."""
        peer = next(peer for peer in self.peers if peer.name == name)
        told, since = self._asked.get(name, (None, 0))
        self._asked[name] = (peer.free_lines, since + 1 if told is peer.free_lines else 1)

    def wake(self) -> None:
        """Look into the outbox now."""
        for peer in self.peers:
            peer.wake()

    async def serve_waiting(self, journal: Domestic) -> None:
        """Send what waited for a box to come up, until cancelled."""
        while len(self.peers) > 1:
            await asyncio.sleep(LOOK)
            if not any(peer.up for peer in self.peers):
                continue
            try:
                if await journal.waiting() and (sent := await journal.release_held()):
                    log.info("%d requests that waited for a box to come up are on their way", sent)
            except StoreError as error:
                log.error("requests that wait for a box can't be looked at: %s", error)
            except Exception:
                log.exception("this should not happen; going on, since callers wait")

    def _free(self, peer: Peer) -> int | None:
        told, since = self._asked.get(peer.name, (None, 0))
        if peer.free_lines is None:
            return None
        return peer.free_lines.count - (since if told is peer.free_lines else 0)
