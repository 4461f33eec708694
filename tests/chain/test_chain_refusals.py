"""Who is never accepted and never dialled, and who is although his modem says little."""

from pathlib import Path

import pytest
from chain_lab import (
    ORDER,
    ORDERED,
    at_a_speed_that_holds,
    await_lines_free,
    await_orders,
    brisk,
    call_all,
    customer_number,
    stories_of,
    story_of,
)

from gateway.bench.customers import CallOrder
from gateway.bench.rig import Plan, Rig
from gateway.bench.settings import Reason
from gateway.bench.story import dialled_by

pytestmark = pytest.mark.timeout(600)  # a failure gets a second and slower run

REASONS: tuple[Reason, ...] = ("P", "O", "C", "S")


def test_a_caller_without_a_number_is_never_accepted_and_never_dialled(tmp_path: Path) -> None:
    def scenario(rig: Rig) -> None:
        shops = rig.plan.numbers("domestic")
        call_all(
            rig,
            [
                CallOrder(caller=customer_number(index), called=shop, withheld=reason, callback=False, timeout=15)
                for index, (reason, shop) in enumerate(zip(REASONS, shops, strict=True))
            ],
        )
        await_lines_free(rig)
        rig.wait(lambda: len(rig.calls()) >= len(REASONS), "every caller on record", 30)
        assert all(call["refused"] and not call["request"] for call in rig.calls())
        assert dialled_by(rig.events(), rig.plan.numbers("overseas")) == []
        answered = {story.first.withheld for story in stories_of(rig) if story.first.off_hook_at is not None}
        assert answered == {"P"}  # who withheld by wish hears the hint; the others ring on

    models = ("usr5637", "conexant", "rockwell", "usr5637")
    at_a_speed_that_holds(Plan(lines=len(REASONS), models=models, speed=10.0), tmp_path, scenario)


def test_a_number_that_is_masked_afterwards_is_not_dialled_and_a_bare_number_is(tmp_path: Path) -> None:
    def scenario(rig: Rig) -> None:
        masked_shop, bare_shop = rig.plan.numbers("domestic")
        masked, bare = customer_number(1), customer_number(2)
        script = brisk("patient", bare_shop, seed=1)
        script["step"][0]["form"] = "number-only"
        call_all(
            rig,
            [
                CallOrder(caller=masked, called=masked_shop, form="masked", callback=False, timeout=20),
                CallOrder(caller=bare, called=bare_shop, script=script),
            ],
        )
        orders = await_orders(rig, 1)
        await_lines_free(rig)
        assert [(order["number"], order["articles"]) for order in orders] == [(bare, ORDERED)]
        assert story_of(rig, masked).back == []
        assert [leg.dialled for leg in story_of(rig, bare).back] == [f"011{bare[1:]}"]
        assert story_of(rig, bare).back[0].keyed == "".join(ORDER.split())

    at_a_speed_that_holds(Plan(lines=2, speed=10.0), tmp_path, scenario)
