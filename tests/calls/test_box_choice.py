"""Which overseas box is asked: one that is reached, then the cheapest, then one with a free line, then by order."""

from pathlib import Path

import pytest
from money_lab import NOON, settings

from gateway.calls.box_choice import OverseasBox, ranked
from gateway.calls.least_cost import CostBook
from gateway.calls.tariff_folder import TariffFolder
from gateway.numbers import PhoneNumber

CUSTOMER = PhoneNumber("+819012345678")
LANDLINE = PhoneNumber("+81355501234")
DECK = """route,prefix,name,currency,connect_fee,rate_per_min,first_s,increment_s,days,hours
us-a,81,Japan,JPY,0,30,60,60,,
us-a2,8190,mobiles,JPY,0,10,60,60,,
us-b,81,Japan,JPY,0,20,60,60,,
us-b,81,Japan at night,JPY,0,40,60,60,,22:00-06:00
"""


@pytest.fixture
def book(tmp_path: Path) -> CostBook:
    """Without a spend cap."""
    return book_of(tmp_path)


def book_of(tmp_path: Path, **policy: int) -> CostBook:
    """boise has two kinds of lines, reno one; salem's prices are not known."""
    route = [{"name": "n", "connect": "tcp://127.0.0.1:1"}]
    links = [
        {"peer": "boise", "line_routes": ["us-a", "us-a2"], "route": route},
        {"peer": "reno", "line_routes": ["us-b"], "route": route},
        {"peer": "salem", "route": route},
    ]
    (tmp_path / "deck.csv").write_text(DECK, encoding="utf-8")
    folder = TariffFolder(tmp_path)
    folder.import_deck(tmp_path / "deck.csv", zone="Asia/Tokyo", effective=0.0, now=1.0)
    return CostBook(settings("domestic", tmp_path, link=links, policy=policy), folder.load(NOON))


def order(book: CostBook, number: PhoneNumber, *boxes: OverseasBox, at: float = NOON) -> list[tuple[str, str]]:
    return [(choice.peer, choice.route) for choice in ranked(boxes, book, number, at)]


BOISE, RENO, SALEM = (OverseasBox(name, up=True, free=2) for name in ("boise", "reno", "salem"))


def test_the_cheapest_for_this_number_comes_first_and_its_line_is_named(book: CostBook) -> None:
    assert order(book, CUSTOMER, BOISE, RENO) == [("boise", "us-a2"), ("reno", "us-b")]
    assert order(book, LANDLINE, BOISE, RENO) == [("reno", "us-b"), ("boise", "us-a")]


def test_it_is_the_price_of_the_moment_that_counts(book: CostBook) -> None:
    night = NOON + 11 * 3600
    assert order(book, LANDLINE, BOISE, RENO, at=night) == [("boise", "us-a"), ("reno", "us-b")]


def test_a_box_whose_prices_are_not_known_comes_after_those_that_are(book: CostBook) -> None:
    assert order(book, CUSTOMER, SALEM, RENO) == [("reno", "us-b"), ("salem", "")]


def test_under_a_spend_cap_a_box_without_a_price_is_not_asked_though_no_other_is_up(tmp_path: Path) -> None:
    down = OverseasBox("reno", up=False)
    assert order(book_of(tmp_path, spend_day=1000), CUSTOMER, SALEM, down) == [("reno", "us-b")]
    assert order(book_of(tmp_path), CUSTOMER, SALEM, down)[0] == ("salem", "")


def test_a_box_that_cannot_be_reached_comes_last_however_cheap(book: CostBook) -> None:
    assert order(book, CUSTOMER, OverseasBox("boise", up=False, free=2), RENO)[0] == ("reno", "us-b")
    choices = ranked([OverseasBox("boise", up=False), RENO], book, CUSTOMER, NOON)
    assert [choice.up for choice in choices] == [True, False]


@pytest.mark.parametrize(
    ("free", "first"),
    [
        ((3, 9), "east"),  # both have a free line: the order of the file
        ((0, 1), "west"),
        ((-3, -1), "west"),  # fewer wait
        ((0, None), "west"),  # an older box says nothing: it may have one
    ],
)
def test_at_one_price_a_free_line_decides_and_then_the_order(tmp_path: Path, free: tuple[int, int], first: str) -> None:
    route = [{"name": "n", "connect": "tcp://127.0.0.1:1"}]
    links = [{"peer": name, "route": route} for name in ("east", "west")]
    book = CostBook(settings("domestic", tmp_path, link=links), TariffFolder(tmp_path).load(NOON))
    boxes = [OverseasBox(name, up=True, free=count) for name, count in zip(("east", "west"), free, strict=True)]
    assert order(book, CUSTOMER, *boxes)[0] == (first, "")


def test_every_way_to_call_back_names_its_box(book: CostBook) -> None:
    ways = [way for way in book.ways(CUSTOMER, 120, NOON) if way.kind == "call back"]
    assert [(way.box, way.route) for way in ways[:1]] == [("boise", "us-a2")]
    assert {way.box for way in ways} == {"boise", "reno"}
