"""A wrong menu file gets every fault named, with its line and the remedy."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gateway.audio.pcm import write_wav
from gateway.calls.catalogue import CatalogueEntry, load_catalogue
from gateway.calls.menu_file import built_in, load_menu
from gateway.calls.menu_nodes import Choice
from gateway.cli.menu import menu as command
from gateway.errors import MenuError

GOOD = """\
language = "en"
catalogue = "articles.csv"
start = "greeting"

[times]
key = 5.0

[node.greeting]
kind = "check"
say = "greeting"
next = "main"
machine = "bye"

[node.main]
kind = "choice"
say = ["main"]
keys = { 1 = "order", "*" = "main" }
otherwise = "bye"

[node.order]
kind = "order"
next = "bye"
back = "main"
otherwise = "bye"

[node.bye]
kind = "end"
say = "goodbye"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "articles.csv").write_text("article,name\n25,tea pot\n", encoding="utf-8")
    return tmp_path


def fault(folder: Path, text: str, prompts: Path | None = None) -> str:
    """The error of a menu, without the folder's name."""
    (folder / "menu.toml").write_text(text, encoding="utf-8")
    with pytest.raises(MenuError) as caught:
        load_menu(folder / "menu.toml", prompts)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_byte_order_mark_as_windows_writes_it_is_no_fault(folder: Path) -> None:
    (folder / "menu.toml").write_text(GOOD, encoding="utf-8-sig")
    assert load_menu(folder / "menu.toml").start == "greeting"
    assert fault(folder, "\ufeff" + GOOD.replace("key = 5.0", "key = ")).startswith("menu.toml:6: not valid TOML")


def test_a_good_menu_is_read(folder: Path) -> None:
    (folder / "menu.toml").write_text(GOOD, encoding="utf-8")
    menu = load_menu(folder / "menu.toml")
    assert menu.times.key == 5.0
    assert isinstance(menu.nodes["main"], Choice)
    assert menu.nodes["main"].keys == {"1": "order", "*": "main"}
    assert menu.catalogue.entries["25"].name == "tea pot"


WRONG = {
    "unknown node": (
        ('next = "main"', 'next = "mian"'),
        'menu.toml:11: node.greeting: next leads to "mian", but there is no [node.mian]; add it or correct the name',
    ),
    "unknown node behind a key": (
        ('1 = "order"', '1 = "ordre"'),
        'menu.toml:17: node.main: keys.1 leads to "ordre", but there is no [node.ordre]; add it or correct the name',
    ),
    "unreachable node": (
        ('[node.bye]', '[node.news]\nkind = "say"\nsay = "goodbye"\nnext = "bye"\n\n[node.bye]'),
        "menu.toml:26: node.news can't be reached from greeting; lead to it or remove it",
    ),
    "missing setting": (
        ('back = "main"\n', ""),
        "menu.toml:20: node.order has no `back`; add it",
    ),
    "never ends": (
        ('otherwise = "bye"\n\n[node.bye]', 'otherwise = "again"\n\n[node.again]\nkind = "say"\nsay = "main"\n'
         'next = "order"\n\n[node.bye]'),
        "menu.toml:20: the menu can never end for a caller who presses nothing: order → again → order; let `next` or "
        '`otherwise` of one of them lead to a node of kind "end"',
    ),
    "missing prompt": (
        ('say = "goodbye"', 'say = "our_farewell"'),
        'menu.toml:28: node.bye: there is no prompt "our_farewell"; correct the name, or put our_farewell.wav into the '
        "folder of your own prompts",
    ),
    "start that does not exist": (
        ('start = "greeting"', 'start = "hello"'),
        'menu.toml:3: start = "hello": there is no [node.hello]; add it or correct the name',
    ),
    "start that is no check": (
        ('start = "greeting"', 'start = "main"'),
        'menu.toml:3: start = "main" must be a node of kind "check": only a key proves that a person answered',
    ),
    "key that no telephone has": (
        ('1 = "order"', '11 = "order"'),
        'menu.toml:17: node.main: "11" is not allowed; allowed are 0 to 9, * and #',
    ),
    "choice without keys": (
        ('{ 1 = "order", "*" = "main" }', "{}"),
        'menu.toml:17: node.main offers no key; add some to `keys`, or make it kind "say"',
    ),
    "unknown kind": (
        ('kind = "order"', 'kind = "odrer"'),
        'menu.toml:21: node.order: kind "odrer" is not known; it is one of check, choice, say, order, hear, record, '
        "connect, end",
    ),
    "misspelt setting": (
        ('back = "main"', 'bakc = "main"'),
        "menu.toml:23: node.order: `bakc` is not known here; remove it or correct its spelling",
    ),
    "unknown setting": (
        ('back = "main"', 'back = "main"\nvolume = 3'),
        "menu.toml:24: node.order: `volume` is not known here; remove it or correct its spelling",
    ),
    "wrong type": (
        ("key = 5.0", 'key = "long"'),
        "menu.toml:6: times.key: expected `float`, got `str`",
    ),
    "out of range": (
        ("key = 5.0", "key = 0"),
        "menu.toml:6: times.key: expected `float` > 0.0",
    ),
    "language": (
        ('language = "en"', 'language = "fr"'),
        'menu.toml:1: the file: "fr" is not allowed; allowed are "ja" and "en"',
    ),
    "key given twice": (
        ('machine = "bye"', 'machine = "bye"\nnext = "bye"'),
        "menu.toml:13: not valid TOML: this key or table is given twice; remove one",
    ),
    "table given twice": (
        ("[node.order]", "[node.main]"),
        "menu.toml:20: not valid TOML: this key or table is given twice; remove one",
    ),
    "no TOML": (
        ("[times]", "[times"),
        "menu.toml:5: not valid TOML: Expected ']' at the end of a table declaration",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "error"), WRONG.values(), ids=WRONG.keys())
def test_a_fault_is_named_with_its_line_and_the_remedy(folder: Path, change: tuple[str, str], error: str) -> None:
    assert change[0] in GOOD
    assert error in fault(folder, GOOD.replace(*change, 1)).splitlines()


def test_all_faults_of_one_kind_come_at_once(folder: Path) -> None:
    errors = fault(
        folder, GOOD.replace('next = "main"', 'next = "a"').replace('back = "main"', 'back = "b"')
    ).splitlines()
    assert [error.split(":")[1] for error in errors] == ["11", "23"]


def test_a_circle_is_named_once_and_without_the_way_that_leads_into_it(folder: Path) -> None:
    circle = GOOD.replace('otherwise = "bye"\n\n[node.order]', 'otherwise = "order"\n\n[node.order]')
    circle = circle.replace('back = "main"\notherwise = "bye"', 'back = "main"\notherwise = "main"')
    errors = fault(folder, circle.replace('machine = "bye"', 'machine = "main"')).splitlines()
    assert [error for error in errors if "main → order → main;" in error] == errors


def test_a_circle_that_a_key_leaves_is_fine_if_silence_ends_it(folder: Path) -> None:
    (folder / "menu.toml").write_text(GOOD, encoding="utf-8")
    assert "main" in load_menu(folder / "menu.toml").nodes["main"].keys.values()  # type: ignore[union-attr]


def test_keys_in_a_table_of_their_own_have_their_own_lines(folder: Path) -> None:
    inline = 'keys = { 1 = "order", "*" = "main" }\notherwise = "bye"\n'
    table = 'otherwise = "bye"\n\n[node.main.keys]\n1 = "order"\n"*" = "mian"\n'
    assert fault(folder, GOOD.replace(inline, table)).startswith("menu.toml:21: node.main: keys.* leads to")


def test_a_prompt_of_the_vendors_own_is_found_in_his_folder(folder: Path) -> None:
    own = GOOD.replace('say = "goodbye"', 'say = "our_farewell"')
    assert "our_farewell" in fault(folder, own)
    write_wav(folder / "our_farewell.wav", np.full(800, 1000, np.int16))
    load_menu(folder / "menu.toml", folder)


def test_a_broken_prompt_in_the_folder_is_named(folder: Path) -> None:
    (folder / "goodbye.wav").write_bytes(b"MP3")
    assert "goodbye.wav: not a WAV file" in fault(folder, GOOD, folder)


CATALOGUES = {
    "no name": ("article,name\n25,\n", "articles.csv:2: article 25 has no name; add one"),
    "letters": (
        "article,name\nA5,pot\n",
        'articles.csv:2: article "A5" must be 1 to 8 digits, so that it can be keyed',
    ),
    "twice": ("article,name\n25,pot\n31,cup\n25,can\n", "articles.csv:4: article 25 is already on line 2; remove one"),
    "price": (
        "article,name,price\n25,pot,12.5\n",
        'articles.csv:2: price "12.5" must be a whole number from 0 to 9999999',
    ),
    "max": ("article,name,max\n25,pot,0\n", 'articles.csv:2: max "0" must be a whole number from 1 to 9999'),
    "column missing": ("article\n25\n", 'articles.csv:1: column "name" is missing; the first line must name it'),
    "column unknown": (
        "article,name,colour\n25,pot,red\n",
        'articles.csv:1: column "colour" is not known or twice; allowed, once each: article, name, price, clip, max',
    ),
    "empty": ("article,name\n", "articles.csv:1: there is no article in it; add a line such as 25,tea pot"),
    "clip": (
        "article,name,clip\n25,pot,our_pot\n",
        'articles.csv:2: there is no prompt "our_pot"; correct the name, '
        "or put our_pot.wav into the folder of your own prompts",
    ),
}


@pytest.mark.parametrize(("text", "error"), CATALOGUES.values(), ids=CATALOGUES.keys())
def test_a_fault_in_the_catalogue_is_named_with_its_line(folder: Path, text: str, error: str) -> None:
    (folder / "articles.csv").write_text(text, encoding="utf-8")
    assert error in fault(folder, GOOD).splitlines()


def test_a_missing_catalogue_is_named(folder: Path) -> None:
    (folder / "articles.csv").unlink()
    assert fault(folder, GOOD) == "articles.csv: the catalogue can't be read: No such file or directory"


def test_a_catalogue_saved_by_a_spreadsheet_is_read(folder: Path) -> None:
    (folder / "articles.csv").write_bytes('article,name,price\r\n25,"急須, 赤",2400\r\n\r\n'.encode("utf-8-sig"))
    assert load_catalogue(folder / "articles.csv").entries == {"25": CatalogueEntry("25", "急須, 赤", 2400, line=2)}


def test_check_says_ok_with_a_summary() -> None:
    result = CliRunner().invoke(command, ["check", str(built_in("ja"))])
    assert result.exit_code == 0
    assert "ok. 9 nodes with 15 ways, 2 ends, language ja, 4 articles" in result.output


def test_check_of_a_missing_file_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(MenuError, match="the menu can't be read: No such file"):
        load_menu(tmp_path / "nothing.toml")
