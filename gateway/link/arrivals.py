"""Letters that came in: opened, judged by what their sender may say, applied in one commit."""

import logging
import sqlite3
from dataclasses import dataclass

from gateway.errors import StoreError
from gateway.protocols import messages
from gateway.protocols.letters import Role, may_send, plausible
from gateway.protocols.messages import Message
from gateway.store import inbox
from gateway.store.database import Database

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message, and where its acknowledgement goes: the wire's index, the connection, the sequence."""

    wire: int
    origin: bytes
    sequence: int
    message: Message


class Arrivals:
    """What ``peer``, a box of ``role``, sends. ``counts`` gets one more by the reason for whatever is not taken."""

    def __init__(
        self, peer: str, role: Role, database: Database, effects: inbox.Effect, counts: dict[str, int]
    ) -> None:
        self._peer, self._role, self._counts = peer, role, counts
        self._database, self._effects = database, effects

    def open(self, body: bytes) -> Message | None:
        """The message in a letter; None, and counted, if it is none or the sender may not say it."""
        try:
            message = messages.decode(body)
        except (messages.BadMessage, RecursionError):
            message = None
        if message is None or not plausible(message):
            self._counts["malformed"] += 1
            return None
        if not may_send(self._role, message):
            if not self._counts["role"]:
                log.error("link: %s sent a %s, which its role forbids", self._peer, type(message).__name__)
            self._counts["role"] += 1
            return None
        return message

    def apply(self, letters: list[Arrival], at: float) -> tuple[list[Arrival], list[Message]]:
        """Put letters on disk; those that are, to be acknowledged, and the messages among them that were new.

        One that can't be applied is left out and does not hold up the others. Raises ``StoreError``.
        """

        def work(connection: sqlite3.Connection) -> list[bool]:
            return [
                inbox.take(connection, self._peer, each.sequence, each.message, at=at, effect=self._effects)
                for each in letters
            ]

        try:
            fresh = self._database.write_blocking(work, quiet=True)
        except StoreError:
            raise
        except Exception as error:
            if len(letters) > 1:  # one of them is at fault
                return self._apply_each(letters, at)
            log.error("link: message %s can't be applied: %r", letters[0].message.id, error)
            self._counts["not applied"] += 1
            return [], []
        self._counts["duplicate"] += fresh.count(False)
        return letters, [letter.message for letter, new in zip(letters, fresh, strict=True) if new]

    def _apply_each(self, letters: list[Arrival], at: float) -> tuple[list[Arrival], list[Message]]:
        done = [self.apply([letter], at) for letter in letters]
        return [one for applied, _ in done for one in applied], [one for _, news in done for one in news]
