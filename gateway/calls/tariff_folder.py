"""A box's rate decks on disk: every import kept, the newest in use, in ``<data>/tariffs``.

``imports.json`` lists the imports; it is replaced in one step after the deck itself is on disk, so that a crash leaves
the old state or the new one. An import replaces only the routes that are in its file, from the moment it takes effect.
"""

import asyncio
import json
import os
import shutil
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.calls.deck_file import check_rates, read_exchange, read_rates, write_rates
from gateway.calls.money import Exchange
from gateway.calls.tariff import Generation, RouteDeck, TariffError, Tariffs

SAMPLE_DECK = Path(__file__).parent.parent / "tariffs" / "sample_2026-11.csv"
SAMPLE_EXCHANGE = Path(__file__).parent.parent / "tariffs" / "sample_exchange_2026-11.csv"
BREATH = 250
"""Rows that are read before the event loop gets its turn: about 3 ms."""


@dataclass(frozen=True)
class Import:
    """One imported deck. Times are Unix seconds."""

    file: str
    source: str
    """The file's name as it was given."""
    routes: dict[str, int]
    """Route → number of rates."""
    zone: str
    effective: float
    imported_at: float


class TariffFolder:
    """``<data>/tariffs`` of one box."""

    def __init__(self, data: Path) -> None:
        self.path = data / "tariffs"
        self.manifest = self.path / "imports.json"
        self.exchange_file = self.path / "exchange.csv"

    def imports(self) -> list[Import]:
        """All of them, oldest first. Raises ``TariffError``."""
        try:
            return [Import(**each) for each in json.loads(self.manifest.read_text(encoding="utf-8"))]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as error:
            raise TariffError(f"{self.manifest}: can't be read ({error}); put it back from a backup") from None

    def import_deck(self, source: Path, *, zone: str, effective: float, now: float) -> Import:
        """Check a deck and put it into use from ``effective`` on. Raises ``TariffError``; then nothing has changed."""
        rates = check_rates(source)
        earlier = self.imports()
        name = f"{len(earlier) + 1:04}-{_stamp(now)}.csv"
        entry = Import(name, source.name, dict(Counter(rate.route for rate in rates)), zone, effective, now)
        with self._writable():
            write_rates(self.path / name, rates)
        self._replace(self.manifest, json.dumps([asdict(each) for each in [*earlier, entry]], indent=1) + "\n")
        return entry

    def import_exchange(self, source: Path, now: float) -> int:
        """Add exchange rates; a rate for a day that is known takes its place. Returns how many there are now."""
        rates = {(each.day, each.of, each.currency): each for each in read_exchange(source)}
        if self.exchange_file.exists():
            rates = {(each.day, each.of, each.currency): each for each in read_exchange(self.exchange_file)} | rates
            with self._writable():
                shutil.copyfile(self.exchange_file, self.path / f"exchange-{_stamp(now)}.csv")
        lines = [f"{each.day},{each.of},{each.currency},{each.rate}" for _, each in sorted(rates.items())]
        self._replace(self.exchange_file, "\n".join(["date,of,currency,rate", *lines]) + "\n")
        return len(rates)

    def stamp(self) -> tuple[Any, ...]:
        """Changes when something is imported."""
        return tuple(_signature(file) for file in (self.manifest, self.exchange_file))

    def load(self, at: float) -> Tariffs:
        """Decks in use at ``at`` (Unix time) and those that take effect later. Raises ``TariffError``."""
        steps = self._loading(at)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                tariffs: Tariffs = done.value
                return tariffs

    async def load_gently(self, at: float) -> Tariffs:
        """As ``load``, giving way to everything else on the event loop as it reads."""
        steps = self._loading(at)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                tariffs: Tariffs = done.value
                return tariffs
            await asyncio.sleep(0)

    def _loading(self, at: float) -> Generator[None, None, Tariffs]:
        """Reads and builds in small steps; returns the tariffs."""
        generations: dict[str, list[Generation]] = {}
        for entry in self._needed(at):
            decks = {route: RouteDeck(ZoneInfo(entry.zone)) for route in entry.routes}
            for count, rate in enumerate(read_rates(self.path / entry.file)):
                if rate.route in decks:
                    decks[rate.route].add(rate)
                if count % BREATH == 0:
                    yield
            for route, deck in decks.items():
                generations.setdefault(route, []).append(Generation(entry.effective, deck))
        return Tariffs(generations, Exchange(read_exchange(self.exchange_file) if self.exchange_file.exists() else ()))

    def _needed(self, at: float) -> list[Import]:
        """The imports of which a route is in use at ``at`` or later, each with just those routes."""
        needed: list[Import] = []
        served: set[str] = set()
        for entry in sorted(self.imports(), key=lambda each: (each.effective, each.imported_at), reverse=True):
            routes = {route: count for route, count in entry.routes.items() if route not in served}
            if entry.effective <= at:
                served |= routes.keys()
            if routes:
                needed.append(replace(entry, routes=routes))
        return needed

    @contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # the data folder: numbers will be in there
            self.path.mkdir(mode=0o700, exist_ok=True)
            yield
        except OSError as error:
            raise TariffError(f"{self.path}: can't be written: {error.strerror}; nothing was imported") from None

    def _replace(self, path: Path, text: str) -> None:
        part = path.with_name(path.name + ".part")
        with self._writable():
            with part.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            folder = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _stamp(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")


def _signature(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is replaced."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_ino, status.st_mtime_ns, status.st_size)
