"""Several boxes as real processes: the cheapest is asked, another one when it is gone or has no line."""

import json
import sqlite3
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from chain_lab import (
    ORDER,
    ORDERED,
    at_a_speed_that_holds,
    await_all_closed,
    await_lines_free,
    await_orders,
    customer_number,
    stories_of,
    story_of,
)

from gateway.bench.customers import CallOrder
from gateway.bench.process import ask
from gateway.bench.rig import Box, Plan, Rig
from gateway.bench.toml import to_toml

pytestmark = pytest.mark.timeout(600)

ONE_SHOP = Plan(boxes=("domestic", "overseas", "overseas2"), language="en", speed=8.0)
ROUTES = {"domestic": "jp-fixed", "overseas": "us-dear", "overseas2": "us-cheap"}
DECK = """route,prefix,name,currency,connect_fee,rate_per_min,first_s,increment_s
jp-fixed,81,Japan,JPY,0,60,60,60
us-dear,81,Japan,JPY,0,30,60,60
us-cheap,81,Japan,JPY,0,20,60,60
"""


def change(rig: Rig, box: Box, how: Callable[[dict[str, Any]], None]) -> None:
    """What a technician changes in a settings file."""
    path = rig.settings_of(box)
    settings = tomllib.loads(path.read_text(encoding="utf-8"))
    how(settings)
    path.write_text(to_toml(settings), encoding="utf-8")


def give_prices(rig: Rig) -> None:
    """The second overseas box is cheaper."""
    deck = rig.folder / "deck.csv"
    deck.write_text(DECK, encoding="utf-8")

    def name_routes(settings: dict[str, Any]) -> None:
        for line in settings["line"]:
            line["route"] = ROUTES[settings["name"]]
        for link in settings["link"] if settings["role"] == "domestic" else ():
            link["line_routes"] = [ROUTES[link["peer"]]]

    for box in rig.plan.boxes:
        change(rig, box, name_routes)
    ask("tariff", "import", str(deck), "--from", "2000-01-01", "--settings", str(rig.settings_of("domestic")))


def is_up(rig: Rig, peer: Box) -> bool:
    """Whether the shop reaches a box, by its own word."""
    told = json.loads(ask("link", "status", "--json", "--settings", str(rig.settings_of("domestic"))))
    return any(route["state"] == "up" for link in told if link["peer"] == peer for route in link["routes"])


def await_links(rig: Rig, **up: bool) -> None:
    for peer, wanted in up.items():
        rig.wait(lambda peer=peer, wanted=wanted: is_up(rig, peer) is wanted, f"{peer} up: {wanted}", 60)  # type: ignore[misc]


def order_of(rig: Rig, customer: int, box: Box = "domestic") -> None:
    """A customer who orders, called back by whichever box."""
    rig.call(CallOrder(caller=customer_number(customer), called=rig.plan.number(box, 1), keys=ORDER, timeout=120))


def called_by(rig: Rig, customer: int) -> list[Box]:
    """Which boxes dialled a customer, by the exchange's log."""
    dialled = [leg.caller for leg in story_of(rig, customer_number(customer)).back]
    return [box for number in dialled for box in rig.plan.boxes if number in rig.plan.numbers(box)]


def routes_priced(rig: Rig) -> list[str]:
    """Of the rate deck, by which the shop's ledger priced call-backs, in order."""
    with closing(sqlite3.connect(rig.folder / "domestic" / "data" / "gateway.db")) as store:
        return [route for (route,) in store.execute("SELECT route FROM ledger WHERE talk_seconds > 0 ORDER BY at")]


def judge_choice(rig: Rig) -> None:
    order_of(rig, 1)
    assert called_by(rig, 1) == ["overseas2"], "the cheaper one"
    await_lines_free(rig)
    await_all_closed(rig, 60)
    rig.boxes["overseas2"].kill()
    await_links(rig, overseas2=False)
    order_of(rig, 2)
    assert called_by(rig, 2) == ["overseas"], "the one that is left"
    rig.restart("overseas2")
    await_links(rig, overseas2=True)
    order_of(rig, 3)
    assert called_by(rig, 3) == ["overseas2"], "the cheaper one again"
    assert [order["articles"] for order in await_orders(rig, 3)] == [ORDERED] * 3
    rig.wait(lambda: len(routes_priced(rig)) == 3, "three rows in the ledger", 60)
    assert routes_priced(rig) == ["us-cheap", "us-dear", "us-cheap"]


def test_the_cheaper_box_calls_back_and_the_other_while_it_is_gone(tmp_path: Path) -> None:
    at_a_speed_that_holds(ONE_SHOP, tmp_path, judge_choice, give_prices)


def judge_hand_over(rig: Rig) -> None:
    shop = rig.plan.number("domestic", 1)
    holds_the_line = {
        "step": [
            {"do": "call", "number": shop},
            {"do": "listen", "within": 20.0},
            {"do": "hang up"},
            {"do": "answer", "within": 120.0},
            {"do": "answers", "keys": "1", "within": 45.0},
            {"do": "wait", "seconds": 40.0},
            {"do": "hang up"},
        ]
    }

    def is_talking() -> bool:
        return any(leg.off_hook_at for story in stories_of(rig) for leg in story.back)

    with ThreadPoolExecutor(1) as beside:
        beside.submit(rig.call, CallOrder(caller=customer_number(1), called=shop, script=holds_the_line))
        rig.wait(is_talking, "the first customer has the only line of the cheaper box", 60)
        order_of(rig, 2)
    assert called_by(rig, 1) == ["overseas2"]
    assert called_by(rig, 2) == ["overseas"], "the cheaper one gave it back, its line being taken"
    await_lines_free(rig)
    for box in ("overseas", "overseas2"):
        rig.boxes[box].kill()
    await_links(rig, overseas=False, overseas2=False)
    rig.call(CallOrder(caller=customer_number(3), called=shop, callback=False, timeout=60))
    rig.restart("overseas")
    await_all_closed(rig, 200)
    assert called_by(rig, 3)[:1] == ["overseas"], "accepted while nobody was up; the first that came up calls back"
    assert "overseas2" not in called_by(rig, 3)


def prepare_hand_over(rig: Rig) -> None:
    give_prices(rig)
    change(rig, "overseas2", lambda settings: settings.update(callback={"give_back": 8.0, "human_check": 60.0}))
    change(rig, "overseas", lambda settings: settings.update(callback={"ring_time": 10.0}, retry={"no_answer": []}))


def test_what_one_box_has_no_line_for_another_serves_and_so_does_the_first_that_comes_up(tmp_path: Path) -> None:
    at_a_speed_that_holds(ONE_SHOP, tmp_path, judge_hand_over, prepare_hand_over)


def judge_two_shops(rig: Rig) -> None:
    order_of(rig, 1, "domestic")
    order_of(rig, 2, "domestic2")
    for place, shop in enumerate(("domestic", "domestic2"), 1):
        rig.wait(lambda shop=shop: len(rig.orders(shop)) == 1, f"an order at {shop}", 60)  # type: ignore[misc]
        assert [order["number"] for order in rig.orders(shop)] == [customer_number(place)]


def test_two_shops_share_a_box_and_each_gets_its_own_customers_orders(tmp_path: Path) -> None:
    plan = Plan(boxes=("domestic", "domestic2", "overseas"), language="en", speed=8.0)
    at_a_speed_that_holds(plan, tmp_path, judge_two_shops)
