"""Six typical callers, as ``docs/menu.md`` shows them.

To write the page anew: ``python tests/calls/test_menu_transcripts.py``.
"""

import re
import textwrap
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from menu_caller import Call

from gateway.audio.prompts import PromptLibrary
from gateway.calls.menu_drawing import draw_menu, to_svg
from gateway.calls.menu_file import built_in, load_menu
from gateway.protocols.messages import OrderLine

PAGE = Path(__file__).parents[2] / "docs" / "menu.md"
PICTURE = PAGE.with_suffix(".svg")
ROOM = 78


def first_time(call: Call) -> None:
    for keys in ("1", "1", "25#", "2#", "1"):
        call.answer(keys, after=1.5)
    call.stay_silent()


def regular(call: Call) -> None:
    call.wait(1.5)
    call.press("1125#2#1")
    call.stay_silent()


def two_articles(call: Call) -> None:
    for keys in ("1", "1", "25#", "3#", "2", "25#", "2#", "3", "108#", "1#", "1"):
        call.answer(keys)
    call.stay_silent()


def mistaken(call: Call) -> None:
    for keys in ("1", "1", "77#", "40#", "50#", "5#", "*"):
        call.answer(keys)
    call.wait(2.0)
    call.press("3")
    call.wait(4.0)
    call.hang_up()


def complaint(call: Call) -> None:
    call.answer("1")
    call.answer("2")
    call.stay_silent()


def nobody(call: Call) -> None:
    call.stay_silent()


CALLERS: dict[str, tuple[Callable[[Call], None], dict[str, float]]] = {
    "Hears everything to the end and orders two tea pots": (first_time, {"shop_answers_after": 0.6}),
    "Knows the way and types ahead": (regular, {"shop_answers_after": 0.6}),
    "Corrects a quantity, then adds a second article; the shop's box answers late": (
        two_articles,
        {"shop_answers_after": 16.0},
    ),
    "Keys an article that does not exist, too many pieces, and gives up": (mistaken, {}),
    "Has a complaint": (complaint, {}),
    "Is an answering machine": (nobody, {}),
}


def ring(language: str, caller: str) -> Call:
    script, settings = CALLERS[caller]
    call = Call(load_menu(built_in(language)), PromptLibrary.open(language), **settings)  # type: ignore[arg-type]
    script(call)
    return call


def transcript(language: str, caller: str) -> str:
    """One call in writing, wrapped, keys pressed in a row on one line."""
    call = ring(language, caller)
    rows: list[tuple[float, str, str]] = []
    for line in call.transcript:
        if rows and line.who == "caller" == rows[-1][1] and line.what.startswith("[") and rows[-1][2].endswith("]"):
            rows[-1] = (*rows[-1][:2], rows[-1][2] + line.what)
        elif line.what != "…":
            rows.append((line.at, line.who, line.what))
    text = "\n".join(_row(*row) for row in rows)
    return f"```\n{text}\n```\nOutcome: {call.outcome}; orders: {_orders(call)}.\n"


def _row(at: float, who: str, what: str) -> str:
    head = f"{int(at) // 60}:{int(at) % 60:02d}  {who:8}"
    lines = textwrap.wrap(what, ROOM) if what[0].isascii() and " " in what else _wrap_wide(what)
    return ("\n" + " " * (len(head) + 1)).join([f"{head} {lines[0]}", *lines[1:]])


def _wrap_wide(text: str) -> list[str]:
    lines = [""]
    for letter in text:
        width = sum(1 + (unicodedata.east_asian_width(each) in "WF") for each in lines[-1])
        if width >= ROOM and letter not in "、。":
            lines.append("")
        lines[-1] += letter
    return lines


def _orders(call: Call) -> str:
    return (
        "; ".join(", ".join(f"{line.quantity} of {line.article}" for line in lines) for lines in call.orders) or "none"
    )


def chapter() -> str:
    """The chapter of transcripts."""
    parts = []
    for language, name in (("en", "English"), ("ja", "Japanese")):
        parts += [f"### {name}\n"]
        parts += [f"**{caller}**\n\n{transcript(language, caller)}" for caller in CALLERS]
    return "\n".join(parts)


def write_page() -> None:
    """Put the transcripts into the page, between its two marks."""
    page = PAGE.read_text(encoding="utf-8")
    marks = r"(<!-- transcripts -->\n).*(<!-- end of transcripts -->)"
    PAGE.write_text(re.sub(marks, lambda m: m[1] + "\n" + chapter() + "\n" + m[2], page, flags=re.S), encoding="utf-8")
    PICTURE.write_text(picture(), encoding="utf-8")


def picture() -> str:
    """The drawing on the page."""
    return to_svg(draw_menu(load_menu(built_in("en")), PromptLibrary.open("en"), "The built-in order menu"))


ORDERS = {first_time: [(OrderLine("25", 2),)], regular: [(OrderLine("25", 2),)],
          two_articles: [(OrderLine("25", 2), OrderLine("108", 1))]}  # fmt: skip


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("caller", CALLERS)
def test_each_typical_caller_gets_what_he_keyed_and_nothing_else(caller: str, language: str) -> None:
    call = ring(language, caller)
    assert call.orders == ORDERS.get(CALLERS[caller][0], [])
    assert call.over


def test_the_page_shows_the_calls_as_they_are() -> None:
    assert chapter() in PAGE.read_text(encoding="utf-8")
    assert picture() == PICTURE.read_text(encoding="utf-8")


if __name__ == "__main__":
    write_page()
