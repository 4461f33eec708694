"""A technician's mistakes in a TOML file: each is told in one line, with the key and what to do."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from gateway.errors import SettingsError
from gateway.settings_file import convert, form, read, tables


class Bell(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, form("^[a-z]+$", "small letters")]
    tone: Literal["high", "low"] = "low"


class Tower(msgspec.Struct, forbid_unknown_fields=True):
    bells: tuple[Bell, ...] = msgspec.field(name="bell")
    clock: Bell | None = None


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "tower.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "bell is missing; add it"),
        ("[[bell]]\n", "bell[1].name is missing; add it"),
        ("[[bell]]\nname = 'a'\n[[bell]]\nname = 'b'\nton = 'low'", "bell[2].ton is not a setting; remove it or"),
        ("[[bell]]\nname = 'a'\n'a b-c' = 1", "bell[1].a b-c is not a setting"),
        ("[[bell]]\nname = 'A'", "bell[1].name: write small letters"),
        ("[[bell]]\nname = 'a'\ntone = 'loud'", "bell[1].tone: 'loud' is not one of high, low"),
        ("bell = []\nclock = {name = 'a', tone = ''}", "clock.tone: '' is not one of high, low"),
        ("bell = []\nhour = 3", "hour is no longer a setting; ask the clock"),
        ("bell = 3", "bell: expected `array`, got `int`"),
        ("bell = [\n", "not valid TOML: "),
        (b"bell = '\xe9'", "is not UTF-8; save it as UTF-8"),
        ("bell = []".encode("utf-16"), "is not UTF-8; save it as UTF-8"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_its_key(tmp_path: Path, text: str | bytes, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsError) as error:
        read(path, Tower, moved={"hour": "ask the clock"})
    assert str(error.value).startswith(f"{path}: {says}")
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_or_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: no such file$"):
        tables(tmp_path / "none.toml")
    with pytest.raises(SettingsError, match=r"none\.toml: write one first$"):
        read(tmp_path / "none.toml", Tower, missing="write one first")
    with pytest.raises(SettingsError, match="can't be read: Is a directory"):
        tables(tmp_path)


def test_a_byte_order_mark_as_windows_writes_it_is_no_mistake(tmp_path: Path) -> None:
    assert read(written(tmp_path, b"\xef\xbb\xbf[[bell]]\r\nname = 'a'\r\n"), Tower) == Tower(bells=(Bell(name="a"),))


def test_data_that_came_from_no_file_is_named_by_what_it_is() -> None:
    with pytest.raises(SettingsError, match=r"^step 2: expected `object`, got `str`$"):
        convert("ring", Bell, "step 2")
