"""The drawing shows every node and every way, and nothing lies on anything else."""

import shutil
import struct
import xml.etree.ElementTree as ElementTree
from itertools import combinations
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.audio.prompts import PromptLibrary
from gateway.calls.menu_drawing import CARD, CARD_WIDTH, Arrow, Box, Drawing, Words, draw_menu, to_png, to_svg
from gateway.calls.menu_file import built_in, load_menu
from gateway.calls.menu_nodes import ways
from gateway.cli.menu import menu as command
from gateway.errors import MenuError


def drawing(language: str) -> Drawing:
    return draw_menu(load_menu(built_in(language)), PromptLibrary.open(language), "menu")  # type: ignore[arg-type]


def cards(picture: Drawing) -> list[Box]:
    return [shape for shape in picture.shapes if isinstance(shape, Box) and shape.fill == CARD]


def words(picture: Drawing) -> list[str]:
    return [shape.text for shape in picture.shapes if isinstance(shape, Words)]


def test_every_node_has_one_card_and_every_way_a_row() -> None:
    menu, picture = load_menu(built_in("en")), drawing("en")
    assert len(cards(picture)) == len(menu.nodes)
    rows = [text.removeprefix("↩ ") for text in words(picture)]
    for name, node in menu.nodes.items():
        assert name in rows
        for way in ways(node):
            assert way.to in rows
    assert sum(isinstance(shape, Arrow) for shape in picture.shapes) == len(menu.nodes) - 1


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_card_lies_on_another_or_off_the_paper(language: str) -> None:
    picture = drawing(language)
    for one, other in combinations(cards(picture), 2):
        beside = one.x + CARD_WIDTH <= other.x or other.x + CARD_WIDTH <= one.x
        assert beside or one.y + one.height <= other.y or other.y + other.height <= one.y
    for card in cards(picture):
        assert card.x + card.width < picture.width
        assert card.y + card.height < picture.height


def test_japanese_words_fit_into_their_card() -> None:
    assert "発信音のあとに、お話しください。終わりまし" in words(drawing("ja"))


def test_svg_is_well_formed_and_escapes_what_it_quotes() -> None:
    tree = ElementTree.fromstring(to_svg(Drawing(10, 10, (Words(1, 1, "<&>"), Box(0, 0, 1, 1, "#fff")))))
    assert [element.text for element in tree if element.tag.endswith("text")] == ["<&>"]
    ElementTree.fromstring(to_svg(drawing("ja")))


def test_png_has_the_size_of_the_drawing(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = drawing("en")
    to_png(picture, tmp_path / "menu.png")
    width, height = struct.unpack(">II", (tmp_path / "menu.png").read_bytes()[16:24])
    assert abs(width - 2 * picture.width) <= 2
    assert abs(height - 2 * picture.height) <= 2


def test_png_without_a_japanese_font_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    font_manager = pytest.importorskip("matplotlib.font_manager")
    monkeypatch.setattr(font_manager, "get_font_names", lambda: ["DejaVu Sans"])
    with pytest.raises(MenuError, match="no Japanese font found; apt-get install fonts-ipafont-gothic"):
        to_png(drawing("ja"), tmp_path / "menu.png")


def test_draw_writes_beside_the_shell_as_svg_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, ["draw", str(built_in("en"))])
    assert result.output == "en.svg: drawn\n"
    assert (tmp_path / "en.svg").read_text(encoding="utf-8").startswith("<svg")


def test_draw_refuses_another_kind_of_picture(tmp_path: Path) -> None:
    shutil.copy(built_in("en"), tmp_path)
    result = CliRunner().invoke(command, ["draw", str(tmp_path / "en.toml"), "-o", "menu.jpg"])
    assert str(result.exception) == "menu.jpg: the picture's name must end in .svg or .png"
