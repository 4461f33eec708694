"""The exchange's own clock-stamped log: one JSON object a line, flushed at once. ``docs/bench.md`` lists the events.

Whoever measures the gateway reads this, not the gateway's opinion of itself.
"""

import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from gateway import clock
from gateway.errors import SettingsError

Event = dict[str, Any]

KEPT = 50_000
"""Events kept in memory for whoever runs the exchange in process."""

_log = logging.getLogger(__name__)


class Journal:
    """Stamps events with bench seconds since it was opened and Unix time. Make it where a loop runs."""

    def __init__(self, path: Path | None = None) -> None:
        self._start = clock.now()
        self.events: deque[Event] = deque(maxlen=KEPT)
        self.followers: list[Callable[[Event], None]] = []
        self._encoder = msgspec.json.Encoder()
        self._file = None
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = path.open("ab", buffering=0)
            except OSError as error:
                raise SettingsError(f"log {path}: can't be written: {error.strerror}; name another file") from None

    def now(self) -> float:
        """Bench seconds since the journal was opened."""
        return clock.now() - self._start

    def record(self, event: str, number: str | None = None, call: int | None = None, **fields: object) -> Event:
        """Write an event down; returns it as written."""
        entry: Event = {"t": round(self.now(), 6), "wall": round(clock.wall_clock(), 6), "event": event}
        if number is not None:
            entry["number"] = number
        if call is not None:
            entry["call"] = call
        entry.update((key, value) for key, value in fields.items() if key not in entry)
        self.events.append(entry)
        self._write(entry)
        for follower in tuple(self.followers):
            follower(entry)
        return entry

    def _write(self, entry: Event) -> None:
        if self._file is None:
            return
        try:
            self._file.write(self._encoder.encode(entry) + b"\n")
        except OSError as error:
            _log.error("the event log ends here: %s", error)
            self._file.close()
            self._file = None

    def close(self) -> None:
        """No event after this reaches the disk."""
        if self._file is not None:
            self._file.close()
            self._file = None
