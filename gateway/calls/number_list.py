"""A CSV file of telephone numbers or prefixes, read again as soon as it changes.

One number a row, E.164 with +, in the first column; the others are the owner's. Blank lines, lines that begin with
``#`` and a first line of column names are passed over.
"""

import csv
import logging
import re
from pathlib import Path

from gateway.errors import SettingsError

log = logging.getLogger(__name__)

_NUMBER = re.compile(r"\+[1-9][0-9]{0,14}")


class NumberList:
    """The numbers of one file. Where it goes bad later the last good list stays in force, and the log says so."""

    def __init__(self, path: Path, key: str) -> None:
        """``key``: the setting that names the file. Raises ``SettingsError`` where it can't be read or is wrong."""
        self._path, self._key = path, key
        self._stamp = self._signature()
        self._numbers = self._read()
        self._lengths = sorted(set(map(len, self._numbers)))

    def __len__(self) -> int:
        self._refresh()
        return len(self._numbers)

    def __contains__(self, e164: object) -> bool:
        self._refresh()
        return e164 in self._numbers

    def prefix_of(self, e164: str) -> str | None:
        """The shortest listed prefix that ``e164`` begins with."""
        self._refresh()
        return next((e164[:length] for length in self._lengths if e164[:length] in self._numbers), None)

    def _refresh(self) -> None:
        stamp = self._signature()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._numbers = self._read()
        except SettingsError as error:
            log.error("%s; the list as it was stays in force", error)
            return
        self._lengths = sorted(set(map(len, self._numbers)))
        log.info("%s: %d numbers", self._path, len(self._numbers))

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return (status.st_ino, status.st_mtime_ns, status.st_size)

    def _read(self) -> frozenset[str]:
        numbers: set[str] = set()
        try:
            with self._path.open(encoding="utf-8-sig", newline="") as file:
                for place, row in enumerate(csv.reader(file), 1):
                    cell = re.sub(r"[ ()-]", "", row[0]) if row else ""
                    if _NUMBER.fullmatch(cell):
                        numbers.add(cell)
                    elif cell and not row[0].startswith("#") and place > 1:
                        raise SettingsError(f'{self._key}: {self._path}: line {place}: "{row[0]}" is not like +8190')
        except OSError as error:
            raise SettingsError(f"{self._key}: {self._path}: can't be read: {error.strerror}") from None
        except (UnicodeDecodeError, csv.Error):
            raise SettingsError(f'{self._key}: {self._path}: not a CSV file in UTF-8; save it as "CSV UTF-8"') from None
        return frozenset(numbers)
