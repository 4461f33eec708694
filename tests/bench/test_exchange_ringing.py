"""Who rings when, and what is shown of the caller, country by country."""

import asyncio
from typing import Any

import pytest
from exchange_lab import CUSTOMER, LONDON, OVERSEAS, SHOP, Phone, events

from gateway.bench.exchange import Exchange


async def test_japan_shows_the_number_before_the_first_ring_and_rings_1_on_2_off() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(9.0)
        (shown,) = events(exchange, "caller_id")
        assert shown["t"] == pytest.approx(0.6 + 1.8)
        assert [(round(t, 6), on) for t, on in shop.bell] == [
            *((2.8, True), (3.8, False), (5.8, True), (6.8, False), (8.8, True)),
        ]
        assert shop.ids[0].number == "09012345678"
        assert shop.ids[0].called == SHOP


async def test_america_shows_the_number_a_second_after_the_first_burst() -> None:
    async with Exchange() as exchange:
        caller, called = Phone(exchange, "+12125550199"), Phone(exchange, OVERSEAS)
        caller.call("2125550123")
        await asyncio.sleep(9.0)
        assert [(round(t, 6), on) for t, on in called.bell] == [(0.6, True), (2.6, False), (6.6, True), (8.6, False)]
        assert events(exchange, "caller_id")[0]["t"] == pytest.approx(3.6)
        assert called.ids[0].number == "2125550199"


async def test_britain_shows_the_number_first_and_rings_twice_and_twice() -> None:
    async with Exchange() as exchange:
        caller, called = Phone(exchange, "+442079460999"), Phone(exchange, LONDON)
        caller.call("02079460123")
        await asyncio.sleep(6.0)
        assert [round(t - called.bell[0][0], 6) for t, _ in called.bell] == [0.0, 0.4, 0.6, 1.0, 3.0, 3.4, 3.6, 4.0]
        assert events(exchange, "caller_id")[0]["t"] == pytest.approx(called.bell[0][0] - 0.3)


async def test_ringing_never_drifts() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(170.0)
        begins = [t for t, on in shop.bell if on]
        assert len(begins) > 50
        assert begins[50] - begins[0] == pytest.approx(150.0, abs=1e-6)


@pytest.mark.parametrize(("digits", "reason"), [("1840355501234", "P"), ("1860355501234", None), ("0355501234", None)])
async def test_184_withholds_and_186_sends(digits: str, reason: str | None) -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call(digits)
        await asyncio.sleep(4.0)
        assert shop.ids[0].reason == reason
        assert shop.ids[0].number == (None if reason else "09012345678")


@pytest.mark.parametrize("reason", ["P", "O", "C", "S"])
@pytest.mark.parametrize("form", ["sdmf", "mdmf", "number-only"])
async def test_a_reason_and_a_form_hold_for_the_next_call_only(reason: Any, form: Any) -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        exchange.present(CUSTOMER, withheld=reason, form=form)
        for _ in range(2):
            customer.call("0355501234")
            await asyncio.sleep(4.0)
            customer.line.on_hook()
        first, second = shop.ids
        assert (first.number, first.reason, first.form) == (None, reason, form)
        assert (second.number, second.reason, second.form) == ("09012345678", None, "mdmf")


async def test_a_payphone_stays_one_whatever_is_dialled() -> None:
    async with Exchange() as exchange:
        payphone, shop = Phone(exchange, CUSTOMER, withheld="C"), Phone(exchange, SHOP)
        payphone.call("1860355501234")
        await asyncio.sleep(4.0)
        assert (shop.ids[0].number, shop.ids[0].reason) == (None, "C")


async def test_a_masked_number_comes_with_its_mask() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        exchange.present(CUSTOMER, form="masked")
        customer.call("0355501234")
        await asyncio.sleep(4.0)
        assert (shop.ids[0].number, shop.ids[0].reason, shop.ids[0].form) == ("09012345678", "O", "masked")


async def test_nobody_rings_for_ever() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(200.0)
        assert events(exchange, "release")[0]["cause"] == "no answer"
        assert shop.bell[-1][1] is False
        customer.line.on_hook()
        shop.line.off_hook()
        assert not events(exchange, "answer")


async def test_lifting_between_caller_id_and_ring_answers() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(2.45)
        shop.line.off_hook()
        await asyncio.sleep(2.0)
        assert events(exchange, "answer")
        assert shop.bell == []


async def test_a_terminal_that_answers_within_its_bell_is_not_rung_on() -> None:
    async with Exchange() as exchange:
        caller, called = Phone(exchange, "+12125550199"), Phone(exchange, OVERSEAS)
        rung = called.ringing

        def lift_at_once(on: bool) -> None:
            rung(on)
            called.line.off_hook()

        called.ringing = lift_at_once  # type: ignore[method-assign]
        caller.call("2125550123")
        await asyncio.sleep(10.0)
        assert [on for _, on in called.bell] == [True, False]
        assert called.bell[0][0] == called.bell[1][0]


async def test_who_lifts_as_the_bell_stops_gets_dial_tone() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        shop.ringing = lambda on: None if on else shop.line.off_hook()  # type: ignore[method-assign]
        customer.call("0355501234")
        await asyncio.sleep(3.0)
        customer.line.on_hook()
        await asyncio.sleep(1.0)
        assert shop.level(0.5) > -20
        shop.line.dial("09012345678")
        await asyncio.sleep(1.0)
        assert events(exchange, "call")[-1]["to"] == CUSTOMER


async def test_a_freephone_number_rings_on_the_shops_line_and_the_shop_pays() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP, also=["+81120123456"])
        customer.call("0120123456")
        await asyncio.sleep(3.0)
        assert shop.ids[0].called == "+81120123456"
        shop.line.off_hook()
        await asyncio.sleep(1.0)
        customer.line.on_hook()
        payer = next(event for event in events(exchange, "meter") if event["pays"])
        assert payer["number"] == SHOP
        assert payer["currency"] == "JPY"
