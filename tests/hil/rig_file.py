"""``rig.toml``: the real lines that the tests in this folder run on, where the variable GATEWAY_RIG names it.

``docs/hil.md`` explains every key.
"""

import os
from pathlib import Path
from typing import Annotated

import msgspec

from gateway.errors import SettingsError
from gateway.modems.catalogue import profile_of
from gateway.settings import LineSettings
from gateway.settings_file import read
from gateway.settings_forms import Name, NotNegative

VARIABLE = "GATEWAY_RIG"


class Loop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[loop]]``: two lines that can ring each other. ``ours`` is judged, ``far`` is its far end."""

    ours: Name
    far: Name


class RigFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    lines: Annotated[tuple[LineSettings, ...], msgspec.Meta(min_length=2)] = msgspec.field(name="line")
    loops: Annotated[tuple[Loop, ...], msgspec.Meta(min_length=1)] = msgspec.field(name="loop")
    pause: NotNegative = 2.0
    """Seconds between two tests, for the exchange to forget the last call."""

    def line(self, name: str) -> LineSettings:
        """By its name."""
        return next(line for line in self.lines if line.name == name)


def load(path: Path) -> RigFile:
    """Read and check it. Raises ``SettingsError`` that names the key."""
    rig = read(path, RigFile)
    names = [line.name for line in rig.lines]
    for line in rig.lines:
        if names.count(line.name) > 1:
            raise SettingsError(f'{path}: two lines are named "{line.name}"; give each [[line]] its own name')
        profile_of(line.model)
    used = [name for loop in rig.loops for name in (loop.ours, loop.far)]
    for name in used:
        if name not in names:
            raise SettingsError(f'{path}: no [[line]] is named "{name}"; the lines are {", ".join(names)}')
    if any(loop.ours == loop.far for loop in rig.loops):
        raise SettingsError(f"{path}: a line can't ring itself; name two lines in each [[loop]]")
    return rig


def chosen() -> RigFile | None:
    """The rig that the environment names; None: the bench."""
    named = os.environ.get(VARIABLE)
    return load(Path(named)) if named else None
