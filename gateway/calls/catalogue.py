"""The shop's articles as the order menu needs them, from a CSV file.

The first line names the columns: ``article`` (digits, as customers key them) and ``name``; optional are ``price``
(whole yen), ``clip`` (the name of a recorded clip of the article's name) and ``max`` (most pieces of it in one order).
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import MenuError

COLUMNS = ("article", "name", "price", "clip", "max")
LONGEST_NUMBER = 8
LARGEST_QUANTITY = 9999


@dataclass(frozen=True)
class CatalogueEntry:
    """One article. ``price`` in whole yen, ``max_quantity`` and ``clip`` where the file gives them."""

    number: str
    name: str
    price: int | None = None
    clip: str = ""
    max_quantity: int | None = None
    line: int = 0


@dataclass(frozen=True)
class Catalogue:
    """All articles by number."""

    entries: dict[str, CatalogueEntry]

    @property
    def longest(self) -> int:
        """Digits of the longest article number; 0 for an empty catalogue."""
        return max(map(len, self.entries), default=0)


def load_catalogue(path: Path) -> Catalogue:
    """Read and check a catalogue. Raises ``MenuError`` that lists everything wrong, each with file and line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise MenuError(f"{path}: the catalogue can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise MenuError(f"{path}: the catalogue is not UTF-8; save it as CSV UTF-8") from None
    rows = csv.reader(text.splitlines())
    header = [column.strip().lower() for column in next(rows, [])]
    problems = _check_header(header)
    entries: dict[str, CatalogueEntry] = {}
    for cells in rows if not problems else ():
        if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
            continue
        entry = _read_row(dict(zip(header, map(str.strip, cells), strict=False)), rows.line_num, problems)
        if entry.number in entries:
            first = entries[entry.number].line
            problems.append((rows.line_num, f"article {entry.number} is already on line {first}; remove one"))
        entries.setdefault(entry.number, entry)
    if not entries and not problems:
        problems.append((1, "there is no article in it; add a line such as 25,tea pot"))
    if problems:
        raise MenuError("\n".join(f"{path}:{line}: {problem}" for line, problem in sorted(problems)))
    return Catalogue(entries)


def _check_header(header: list[str]) -> list[tuple[int, str]]:
    problems = [(1, f'column "{c}" is missing; the first line must name it') for c in COLUMNS[:2] if c not in header]
    allowed = ", ".join(COLUMNS)
    return problems + [
        (1, f'column "{column}" is not known or twice; allowed, once each: {allowed}')
        for column in dict.fromkeys(header)
        if column not in COLUMNS or header.count(column) > 1
    ]


def _read_row(row: dict[str, str], line: int, problems: list[tuple[int, str]]) -> CatalogueEntry:
    number = row.get("article", "")
    if not (number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER):
        problems.append((line, f'article "{number}" must be 1 to {LONGEST_NUMBER} digits, so that it can be keyed'))
    if not row.get("name"):
        problems.append((line, f"article {number} has no name; add one"))
    return CatalogueEntry(
        number,
        row.get("name", ""),
        _whole(row, "price", line, 0, 9_999_999, problems),
        row.get("clip", ""),
        _whole(row, "max", line, 1, LARGEST_QUANTITY, problems),
        line,
    )


def _whole(
    row: dict[str, str], column: str, line: int, low: int, high: int, problems: list[tuple[int, str]]
) -> int | None:
    text = row.get(column, "")
    if not text:
        return None
    if text.isascii() and text.isdigit() and low <= int(text) <= high:
        return int(text)
    problems.append((line, f'{column} "{text}" must be a whole number from {low} to {high}'))
    return None
