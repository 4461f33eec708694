"""Real boxes with rate decks and caps: a call is booked, priced both ways when it ends, and settled."""

import json
from pathlib import Path
from typing import Any

import pytest
from chain_lab import ORDER, ORDERED, at_a_speed_that_holds, await_lines_free, await_orders, customer_number

from gateway.bench.customers import CallOrder
from gateway.bench.process import ask
from gateway.bench.rig import BOXES, Box, Plan, Rig
from gateway.calls.tariff_folder import SAMPLE_DECK

pytestmark = pytest.mark.timeout(600)

PLAN = Plan(language="en", speed=8.0)

TARIFF = {"domestic": "", "overseas": '[tariff]\ncurrency = "USD"\n'}
CAPS = {"domestic": "spend_day = 1000", "overseas": "spend_day = 5"}
ROUTES = {"domestic": "jp-fixed", "overseas": "us-voip"}


def give_prices(rig: Rig) -> None:
    """What a technician does before a box may dial under a cap. The sample's prices, for a machine of any date."""
    deck, exchange = rig.folder / "deck.csv", rig.folder / "exchange.csv"
    deck.write_text(SAMPLE_DECK.read_text(encoding="utf-8").replace("2026-11-01", ""), encoding="utf-8")
    exchange.write_text("date,of,currency,rate\n2000-01-01,USD,JPY,150\n", encoding="utf-8")
    for box in BOXES:
        settings = rig.settings_of(box)
        text = settings.read_text(encoding="utf-8").replace("[[line]]", f'[[line]]\nroute = "{ROUTES[box]}"')
        text = text.replace("[link]", '[link]\nline_routes = ["us-voip"]')
        settings.write_text(text.replace("[policy]", f"{TARIFF[box]}[policy]\n{CAPS[box]}"), encoding="utf-8")
        ask("tariff", "import", str(deck), "--from", "2000-01-01", "--settings", str(settings))
        ask("tariff", "exchange", str(exchange), "--settings", str(settings))


def judge_money(rig: Rig) -> None:
    (shop,) = rig.plan.numbers("domestic")
    rig.call(CallOrder(caller=customer_number(1), called=shop, keys=ORDER, timeout=120))
    (order,) = await_orders(rig, 1)
    assert order["articles"] == ORDERED
    await_lines_free(rig)

    def told(box: Box, *words: str) -> Any:
        return json.loads(ask(*words, "--json", "--settings", str(rig.settings_of(box))))

    rig.wait(lambda: told("domestic", "report", "savings")["total"]["answered"] == 1, "the ledger's row", 60)
    total = told("domestic", "report", "savings")["total"]
    assert float(total["direct"]) > float(total["cost"]) > 0
    overseas = told("overseas", "policy", "status")["booked"]
    assert 0 < float(overseas["day"]) < 0.5, "settled, far below the worst case"


def test_a_call_is_booked_priced_both_ways_and_settled(tmp_path: Path) -> None:
    at_a_speed_that_holds(PLAN, tmp_path, judge_money, give_prices)


def offer_freephone(rig: Rig) -> None:
    give_prices(rig)
    settings = rig.settings_of("domestic")
    text = settings.read_text(encoding="utf-8").replace("[[line]]", '[[line]]\nincoming = "jp-freephone"')
    text = text.replace("[policy]", '[tariff]\nexpected_s = 20\n[guidance]\nmenu = "cheaper"\n[policy]')
    settings.write_text(text, encoding="utf-8")


def judge_freephone(rig: Rig) -> None:
    (shop,) = rig.plan.numbers("domestic")
    keys = ORDER.split(maxsplit=1)[1]
    rig.call(CallOrder(caller=customer_number(1), called=shop, keys=keys, callback=False, timeout=120))
    (order,) = await_orders(rig, 1)
    assert order["articles"] == ORDERED
    await_lines_free(rig)
    (call,) = rig.calls("domestic")
    assert (call["state"], call["outcome"], call["attempts"]) == ("closed", "order", 0)
    assert rig.calls("overseas") == [], "nobody calls him back"
    report = ask("report", "savings", "--json", "--settings", str(rig.settings_of("domestic")))
    assert float(json.loads(report)["total"]["overseas"]) == 0


def test_a_freephone_caller_for_whom_a_call_back_is_dearer_orders_on_his_own_call(tmp_path: Path) -> None:
    at_a_speed_that_holds(PLAN, tmp_path, judge_freephone, offer_freephone)
