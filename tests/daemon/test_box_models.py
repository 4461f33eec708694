"""A box refuses to start with lines that can't do what its settings ask of them."""

from pathlib import Path

import pytest

from gateway.daemon.box import check_models
from gateway.errors import SettingsError
from gateway.settings import Settings, load

FILE = """
role = "domestic"
name = "osaka"
data = "data"
[[line]]
name = "a"
port = "/dev/null"
model = "{model}"
number = "+819011112222"
[guidance]
answer = "{answer}"
[link]
peer = "seattle"
[[link.route]]
name = "internet"
connect = "tcp://192.0.2.10:5810"
"""


def settings(folder: Path, model: str, answer: str) -> Settings:
    file = folder / "gateway.toml"
    file.write_text(FILE.format(model=model, answer=answer), encoding="utf-8")
    return load(file)


def test_the_free_trigger_is_for_mobile_lines_only(tmp_path: Path) -> None:
    check_models(settings(tmp_path, "sim7600", "reject"))
    check_models(settings(tmp_path, "usr5637", "answer"))
    with pytest.raises(SettingsError, match=r'line "a": a usr5637 can\'t refuse a call; set guidance.answer'):
        check_models(settings(tmp_path, "usr5637", "reject"))


def test_a_model_that_nobody_knows_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r'line "a": model "nokia" is not known; choose one of .*sim7600'):
        check_models(settings(tmp_path, "nokia", "answer"))
