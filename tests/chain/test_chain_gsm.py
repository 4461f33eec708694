"""The whole chain over mobile lines: what the customer keys stands at the shop, whichever modem at either end."""

from pathlib import Path
from typing import Any

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
from gateway.bench.emulators.gsm_codec import CodecMissing, CodecName, codec_named
from gateway.bench.pulse import missing, sound_cards
from gateway.bench.rig import Plan, Rig
from gateway.errors import GatewayError

pytestmark = pytest.mark.timeout(600)  # a failure gets a second and slower run

GSM = ("sim800", "sim7600", "ec25", "huawei")
FURTHER = ("telit", "zte")
PSTN = ("usr5637", "conexant", "rockwell", "usr5637")
SPEED = 6.0
SPEED_OF_FOUR = 4.0
"""Four lines' ears must not want more than half of a core, for another test runs beside this one."""
MIXED = pytest.mark.soak


def order_through(rig: Rig) -> None:
    """A customer on each line at once; all of them get what they keyed, and every line comes free."""
    customers = [
        CallOrder(caller=customer_number(index), called=shop, mood="patient", keys=ORDER, seed=index)
        for index, shop in enumerate(rig.plan.numbers("domestic"))
    ]
    results = call_all(rig, customers)
    assert [result.failed for result in results] == [None] * len(customers)
    orders = await_orders(rig, len(customers))
    await_lines_free(rig)
    for model, customer in zip(rig.plan.models, customers, strict=True):
        assert [order["articles"] for order in orders if order["number"] == customer.caller] == [ORDERED], model


@pytest.mark.parametrize(
    ("domestic", "overseas"),
    [
        (GSM, GSM[::-1]),
        pytest.param(FURTHER, FURTHER[::-1], marks=MIXED),
        pytest.param(GSM, PSTN, marks=MIXED),
        pytest.param(PSTN, GSM, marks=MIXED),
    ],
)
def test_an_order_over_mobile_lines_stands_at_the_shop(
    tmp_path: Path, domestic: tuple[str, ...], overseas: tuple[str, ...]
) -> None:
    plan = Plan(lines=len(domestic), models=domestic, overseas_models=overseas, speed=SPEED_OF_FOUR)
    at_a_speed_that_holds(plan, tmp_path, orders_on_all_lines)


def orders_on_all_lines(rig: Rig) -> None:
    order_through(rig)
    for index in range(rig.plan.lines):
        story = story_of(rig, customer_number(index))
        assert story.first_leg_s is not None and story.first_leg_s <= 5.0
        assert story.talk is not None and story.talk.keyed == "".join(ORDER.split())


def test_with_the_free_trigger_the_first_leg_is_never_answered_and_never_billed(tmp_path: Path) -> None:
    extra: dict[Any, Any] = {"domestic": {"guidance": {"answer": "reject", "settle": 3.0}}}
    plan = Plan(lines=1, models=("sim7600",), overseas_models=("ec25",), speed=SPEED, extra=extra)
    at_a_speed_that_holds(plan, tmp_path, one_rejected_and_called_back)


def one_rejected_and_called_back(rig: Rig) -> None:
    customer = CallOrder(
        caller=customer_number(1), called=rig.plan.number("domestic", 1), mood="patient", keys=ORDER, seed=1
    )
    assert rig.call(customer).failed is None
    assert [order["articles"] for order in await_orders(rig, 1)] == [ORDERED]
    await_lines_free(rig)
    story = story_of(rig, customer.caller)
    assert story.first.off_hook_at is None
    assert story.first.cause == "rejected"
    assert story.first.meters == []


@pytest.mark.soak
@pytest.mark.parametrize("codec", ["gsm", "amr"])
def test_through_the_codec_of_the_air_keys_arrive_all_the_same(tmp_path: Path, codec: CodecName) -> None:
    try:
        codec_named(codec)
    except CodecMissing as missing:
        pytest.skip(str(missing))
    plan = Plan(lines=1, models=("sim7600",), overseas_models=("ec25",), speed=SPEED, codec=codec)
    at_a_speed_that_holds(plan, tmp_path, order_through)


@pytest.mark.soak
@pytest.mark.timeout(450)
@pytest.mark.parametrize("models", [GSM, FURTHER])
def test_an_order_over_alsa_sound_stands_at_the_shop(tmp_path: Path, models: tuple[str, ...]) -> None:
    """In real time, for sound cards know no other."""
    if why := missing():
        pytest.skip(why)
    names = [f"{country}{line}" for country in ("jp", "us") for line in range(1, len(models) + 1)]
    cards = {name: (f"{name}_box", f"{name}_net") for name in names}
    plan = Plan(lines=len(models), models=models, overseas_models=models[::-1], cards=cards)
    for folder in (tmp_path / "once", tmp_path / "again"):
        with sound_cards(folder / "pulse", tuple(names)), Rig(folder / "rig", plan) as rig:
            try:
                order_through(rig)
                return
            except (AssertionError, GatewayError):
                late = max((event["seconds"] for event in rig.events() if event["event"] == "late"), default=0.0)
                if not late:
                    raise
    pytest.skip(f"this machine is too busy for sound in real time: it was late by {late:.1f} s")
