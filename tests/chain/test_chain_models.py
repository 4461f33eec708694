"""One call on every model in every language: what the customer keys is what stands at the shop."""

from pathlib import Path

import pytest
from chain_lab import (
    ORDER,
    ORDERED,
    at_a_speed_that_holds,
    await_lines_free,
    await_orders,
    call_all,
    customer_number,
    story_of,
)

from gateway.bench.customers import CallOrder
from gateway.bench.rig import Plan, Rig

pytestmark = pytest.mark.timeout(600)  # a failure gets a second and slower run

MODELS = ("usr5637", "conexant", "rockwell")


@pytest.mark.parametrize(("language", "mood"), [("ja", "patient"), ("en", "hasty")])
def test_an_order_keyed_on_any_modem_stands_at_the_shop(tmp_path: Path, language: str, mood: str) -> None:
    def scenario(rig: Rig) -> None:
        customers = [
            CallOrder(caller=customer_number(index), called=shop, mood=mood, keys=ORDER, seed=index)
            for index, shop in enumerate(rig.plan.numbers("domestic"))
        ]
        results = call_all(rig, customers)
        assert [result.failed for result in results] == [None] * len(MODELS)
        orders = await_orders(rig, len(customers))
        await_lines_free(rig)
        for model, customer in zip(MODELS, customers, strict=True):
            story = story_of(rig, customer.caller)
            assert story.first_leg_s is not None and story.first_leg_s <= 5.0, model
            assert [leg.dialled for leg in story.back] == [f"011{customer.caller[1:]}"], model
            assert story.talk is not None and story.talk.keyed == "".join(ORDER.split()), model
            assert [order["articles"] for order in orders if order["number"] == customer.caller] == [ORDERED], model

    plan = Plan(lines=len(MODELS), models=MODELS, language=language, speed=8.0)
    at_a_speed_that_holds(plan, tmp_path, scenario)
