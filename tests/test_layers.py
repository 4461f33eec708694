"""Imports point down: each package of the floor plan knows only what stands beneath it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "gateway"

VOCABULARY = {"errors", "clock", "numbers", "line", "settings", "settings_file", "settings_forms"}
PURE = {"protocols", "audio"}
MAY_IMPORT = {
    "errors": set(),
    "clock": set(),
    "numbers": set(),
    "line": {"errors", "numbers"},
    "settings_file": {"errors"},
    "settings_forms": {"settings_file"},
    "settings": {"errors", "settings_file", "settings_forms"},
    "protocols": {"errors", "numbers", "line"},
    "audio": {"errors", "line", "numbers"},
    "store": VOCABULARY | {"protocols"},
    "modems": VOCABULARY | PURE,
    "calls": VOCABULARY | PURE | {"store"},
    "link": VOCABULARY | PURE | {"store"},
    "daemon": VOCABULARY | PURE | {"store", "modems", "calls", "link"},
    "bench": {"errors", "clock", "numbers", "line", "settings_file", "settings_forms"},
    "cli": VOCABULARY | PURE | {"store", "modems", "calls", "link", "daemon", "bench"},
}
NO_CLOCKS_NO_WIRES = {"asyncio", "threading", "time", "serial", "zmq", "socket", "subprocess"}
THREADS_LIVE_IN = {"store/database.py", "link/peer.py", "modems/gsm_modem.py", "modems/sound_card.py"}

FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "gateway" and len(parts) > 1:
            assert parts[1] == room or parts[1] in MAY_IMPORT[room], f"{ids(path)} may not import {name}"


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) in PURE], ids=ids)
def test_protocols_and_audio_know_neither_time_nor_wires(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports_of(path)} & NO_CLOCKS_NO_WIRES


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) not in {"bench", "cli"}], ids=ids)
def test_threads_live_in_four_files_only(path: Path) -> None:
    if ids(path) not in THREADS_LIVE_IN:
        assert "threading" not in {name.split(".")[0] for name in imports_of(path)}


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_no_file_grows_beyond_a_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 420
