"""A wrong settings file is answered in one line that names the key and the remedy."""

from pathlib import Path

import pytest

from gateway.errors import SettingsError
from gateway.settings import load

GOOD = """
role = "domestic"
name = "osaka"
data = "data"
[[line]]
name = "a"
port = "/dev/gateway/a"
model = "usr5637"
number = "+81612345678"
[link]
peer = "seattle"
[[link.route]]
name = "internet"
connect = "tcp://192.0.2.1:5810"
"""


def settings_file(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_count_from_the_settings_file(tmp_path: Path) -> None:
    settings = load(settings_file(tmp_path, GOOD))
    assert settings.store == tmp_path / "data" / "gateway.db"
    assert settings.lines[0].name == "a"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('role = "domestic"\n', "", "role is missing; add it"),
        ('port = "/dev/gateway/a"\n', "", r"line\[1\].port is missing; add it"),
        ('model = "usr5637"', 'modle = "usr5637"', "modle is not a setting; remove it or correct its spelling"),
        ('role = "domestic"', 'role = "inland"', "role: invalid enum value"),
        ("+81612345678", "0612345678", r"line\[1\].number"),
        ('name = "a"', "name = 7", r"line\[1\].name: expected `str`, got `int`"),
        ('data = "data"', "data = ", "not valid TOML"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(SettingsError, match=says) as error:
        load(settings_file(tmp_path, GOOD.replace(old, new)))
    assert "gateway.toml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: no such settings file"):
        load(tmp_path / "nowhere.toml")


def test_two_lines_can_share_neither_name_nor_port(tmp_path: Path) -> None:
    second = '[[line]]\nname = "%s"\nport = "%s"\nmodel = "usr5637"\nnumber = "+81612345679"\n[link]'
    for name, port in (("a", "/dev/other"), ("b", "/dev/gateway/a")):
        with pytest.raises(SettingsError, match="two lines"):
            load(settings_file(tmp_path, GOOD.replace("[link]", second % (name, port))))
