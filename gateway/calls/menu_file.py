"""Reading a menu file and finding everything that is wrong with it, each with its line.

tomllib gives values without places, so the line of a key is looked up in the text: the tables' headers are followed,
and the first ``key =`` within the right table counts.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from gateway.audio.prompts import PromptLibrary
from gateway.calls.catalogue import Catalogue, load_catalogue
from gateway.calls.menu_nodes import (
    Check,
    Choice,
    HearOrder,
    Limits,
    Menu,
    MenuFile,
    Node,
    TakeOrder,
    Times,
    names,
    ways,
)
from gateway.errors import MenuError, PromptError

BUILT_IN = Path(__file__).parent.parent / "menus"


def built_in(language: str) -> Path:
    """The sample menu that comes with the gateway, ``ja`` or ``en``."""
    return BUILT_IN / f"{language}.toml"


def load_menu(path: Path, prompts: Path | None = None) -> Menu:
    """Read and check a menu with its catalogue and clips (``prompts``: the folder of the vendor's own).

    Raises ``MenuError`` that lists everything wrong, a line each, with file and line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        tables = tomllib.loads(text)
    except OSError as error:
        raise MenuError(f"{path}: the menu can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise MenuError(f"{path}: the menu is not UTF-8; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise MenuError(_explain_toml(path, str(error))) from None
    findings = Findings(path, _Lines(text))
    file = _convert(tables, findings)
    findings.raise_if_any()
    assert file is not None
    _check_ways(file, findings)
    catalogue = _catalogue(path.parent / file.catalogue, findings)
    _check_clips(file, catalogue, prompts, findings)
    findings.raise_if_any()
    return Menu(file.language, file.start, file.node, catalogue, file.times, file.limits)


class _Lines:
    """Where each key of a TOML text stands."""

    def __init__(self, text: str) -> None:
        self._place: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.splitlines(), 1):
            if header := re.match(r"\s*\[([^\[\]]+)\]", line):
                table = _split(header[1])
                self._place.setdefault(table, number)
            elif key := re.match(
                r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""", line
            ):
                self._place.setdefault((*table, *_split(key[1])), number)

    def of(self, *key: str) -> int:
        """The line of a key; of the table around it where it has no line of its own; 1 at last."""
        while key and key not in self._place:
            key = key[:-1]
        return self._place.get(key, 1)


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(r"""[\w-]+|"[^"]*"|'[^']*'""", dotted))


@dataclass
class Findings:
    """What is wrong, in the order of the file."""

    path: Path
    lines: _Lines
    found: list[tuple[int, str]] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    """Findings about other files, complete with their names."""

    def add(self, key: Iterable[str], problem: str) -> None:
        """A problem at the line of a key."""
        self.found.append((self.lines.of(*key), problem))

    def raise_if_any(self) -> None:
        """Raise them all as one ``MenuError``."""
        if self.found or self.elsewhere:
            here = [f"{self.path}:{line}: {problem}" for line, problem in sorted(self.found)]
            raise MenuError("\n".join([*here, *self.elsewhere]))


def _explain_toml(path: Path, error: str) -> str:
    place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", error)
    line = f":{place[1]}" if place and place[1] else ""
    what = error[: place.start()] if place else error
    if what.startswith(("Cannot overwrite", "Duplicate inline", "Cannot declare", "Cannot mutate")):
        what = "this key or table is given twice; remove one"
    return f"{path}{line}: not valid TOML: {what}"


# --- from tables to structs ---


def _convert(tables: dict[str, Any], findings: Findings) -> MenuFile | None:
    nodes: dict[str, Node] = {}
    raw = tables.get("node", {})
    for name, table in raw.items() if isinstance(raw, dict) else ():
        node = _struct(table, Node, ("node", name), findings)
        if node is not None:
            nodes[name] = node
    top = tables | {"node": {}}
    for name, kind in (("times", Times), ("limits", Limits)):
        if name in top and _struct(top[name], kind, (name,), findings) is None:
            del top[name]
    file: MenuFile | None = _struct(top, MenuFile, (), findings)
    return file and msgspec.structs.replace(file, node=nodes)


def _struct(value: Any, kind: Any, key: tuple[str, ...], findings: Findings) -> Any:
    """The value as a struct; ``None``, and a finding, where it does not fit."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        inner, problem = _explain(str(error), ".".join(key) or "the file")
        findings.add((*key, *inner), problem)
        return None


def _explain(error: str, table: str) -> tuple[list[str], str]:
    """msgspec's words as (key within the table, problem and remedy)."""
    what, _, where = error.partition(" - at `")
    inner = re.findall(r"\w+", where.rpartition("$")[2])
    if missing := re.search(r"missing required field `(\w+)`", what):
        return inner, f"{table} has no `{missing[1]}`; add it"
    if unknown := re.search(r"unknown field `(\w+)`", what):
        return [*inner, unknown[1]], f"{table}: `{unknown[1]}` is not known here; remove it or correct its spelling"
    if wrong := re.search(r"Invalid value '(.*)'", what):
        kinds = "check, choice, say, order, hear, record, connect, end"
        return inner, f'{table}: kind "{wrong[1]}" is not known; it is one of {kinds}'
    if wrong := re.search(r"Invalid enum value '(.*)'", what):
        allowed = "0 to 9, * and #" if inner[:1] == ["keys"] else '"ja" and "en"'
        return inner, f'{table}: "{wrong[1]}" is not allowed; allowed are {allowed}'
    return inner, f"{table}{'.' if inner else ''}{'.'.join(inner)}: {what[:1].lower()}{what[1:]}"


# --- does every way lead somewhere, and come to an end? ---


def _check_ways(file: MenuFile, findings: Findings) -> None:
    if file.start not in file.node:
        findings.add(("start",), f'start = "{file.start}": there is no [node.{file.start}]; add it or correct the name')
    elif not isinstance(file.node[file.start], Check):
        findings.add(
            ("start",),
            f'start = "{file.start}" must be a node of kind "check": only a key proves that a person answered',
        )
    for name, node in file.node.items():
        if isinstance(node, Choice) and not node.keys:
            findings.add(
                ("node", name, "keys"), f'node.{name} offers no key; add some to `keys`, or make it kind "say"'
            )
        for way in ways(node):
            if way.to not in file.node:
                where = ("keys", way.by) if isinstance(node, Choice) and way.by in node.keys else (way.by,)
                findings.add(
                    ("node", name, *where),
                    f'node.{name}: {".".join(where)} leads to "{way.to}", but there is no [node.{way.to}]; '
                    "add it or correct the name",
                )
    if findings.found:
        return
    for name in sorted(file.node.keys() - _reachable(file)):
        findings.add(("node", name), f"node.{name} can't be reached from {file.start}; lead to it or remove it")
    for circle in _silent_circles(file.node):
        round_trip = " → ".join([*circle, circle[0]])
        findings.add(
            ("node", circle[0]),
            f"the menu can never end for a caller who presses nothing: {round_trip}; "
            'let `next` or `otherwise` of one of them lead to a node of kind "end"',
        )


def _reachable(file: MenuFile) -> set[str]:
    seen: set[str] = set()
    ahead = [file.start]
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += [way.to for way in ways(file.node[name])]
    return seen


def _silent_circles(nodes: dict[str, Node]) -> list[list[str]]:
    """Each circle that a caller who presses nothing would go round in, once, from its first node in the file."""
    silent = {name: way.to for name, node in nodes.items() for way in ways(node) if way.silent}
    circles: list[list[str]] = []
    settled: set[str] = set()
    for start in nodes:
        path: list[str] = []
        name: str | None = start
        while name is not None and name not in settled and name not in path:
            path.append(name)
            name = silent.get(name)
        if name in path:
            circles.append(path[path.index(name) :])
        settled.update(path)
    return circles


# --- is everything there that it says? ---


def _catalogue(path: Path, findings: Findings) -> Catalogue:
    try:
        return load_catalogue(path)
    except MenuError as error:
        findings.elsewhere.append(str(error))
        return Catalogue({})


def _spoken(node: Node) -> list[tuple[str, str]]:
    """Key and clip name of everything that a node says by itself."""
    if isinstance(node, TakeOrder | HearOrder):
        return []
    welcome = names(node.welcome) if isinstance(node, Check) else ()
    return [("say", clip) for clip in names(node.say)] + [("welcome", clip) for clip in welcome]


def _check_clips(file: MenuFile, catalogue: Catalogue, prompts: Path | None, findings: Findings) -> None:
    try:
        library = PromptLibrary.open(file.language, prompts)
    except PromptError as error:
        findings.elsewhere.append(str(error))
        return
    remedy = "correct the name, or put {0}.wav into the folder of your own prompts"
    for name, node in file.node.items():
        for key, clip in _spoken(node):
            if not library.has(clip):
                findings.add(("node", name, key), f'node.{name}: there is no prompt "{clip}"; {remedy.format(clip)}')
    for entry in catalogue.entries.values():
        if entry.clip and not library.has(entry.clip):
            place = f"{findings.path.parent / file.catalogue}:{entry.line}"
            findings.elsewhere.append(f'{place}: there is no prompt "{entry.clip}"; {remedy.format(entry.clip)}')
