"""Calls through the exchange, told by its own log: dialling, answer, end, who pays."""

import asyncio
import json
from pathlib import Path

import pytest
from exchange_lab import CUSTOMER, LONDON, OVERSEAS, SHOP, Phone, events, story

from gateway import clock
from gateway.bench.exchange import Exchange
from gateway.bench.settings import ExchangeSettings
from gateway.errors import SettingsError


async def test_the_log_tells_a_whole_call_from_abroad_with_exact_times() -> None:
    async with Exchange() as exchange:
        overseas, customer = Phone(exchange, OVERSEAS), Phone(exchange, CUSTOMER)
        await asyncio.sleep(0.0123)
        overseas.call("011819012345678")
        await asyncio.sleep(7.0007)
        customer.line.off_hook()
        await asyncio.sleep(3.3303)
        customer.line.on_hook()
        await asyncio.sleep(1.0)
        overseas.line.on_hook()
        assert story(exchange) == [
            *("off_hook", "call", "caller_id", "off_hook", "answer"),
            *("on_hook", "release", "meter", "meter", "on_hook"),
        ]
        off, answer = events(exchange, "off_hook")
        assert off["t"] == pytest.approx(0.0123, abs=2e-6)
        assert answer["t"] == pytest.approx(7.013, abs=2e-6)
        assert answer["number"] == CUSTOMER
        payer, other = events(exchange, "meter")
        assert payer["number"] == OVERSEAS
        assert (payer["pays"], other["pays"]) == (True, False)
        assert payer["seconds"] == pytest.approx(3.3303, abs=2e-6)
        assert not exchange.calls


async def test_digits_may_come_one_by_one() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.line.off_hook()
        for digit in "0355501234":
            await asyncio.sleep(3.0)
            customer.line.dial(digit)
        await asyncio.sleep(4.0)
        assert shop.bell


async def test_digits_that_the_exchange_does_not_wait_for_are_logged_as_ignored() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.line.dial("1")
        customer.call("0355501234")
        customer.line.dial("5")
        await asyncio.sleep(4.0)
        shop.line.off_hook()
        customer.line.dial("7")
        assert [event.get("ignored", False) for event in events(exchange, "dial")] == [True, False, True, True]


async def test_who_dials_nothing_is_sent_away_after_a_while() -> None:
    async with Exchange() as exchange:
        customer = Phone(exchange, CUSTOMER)
        customer.line.off_hook()
        await asyncio.sleep(21.0)
        customer.line.dial("0355501234")
        await asyncio.sleep(3.0)
        assert events(exchange, "dial_tone_timeout")[0]["t"] == pytest.approx(20.0)
        assert not events(exchange, "call")


async def test_an_unknown_number_is_unobtainable() -> None:
    async with Exchange() as exchange:
        customer = Phone(exchange, CUSTOMER)
        customer.call("0355509999")
        await asyncio.sleep(2.0)
        assert events(exchange, "release")[0]["cause"] == "unobtainable"
        assert not exchange.calls


async def test_an_incomplete_number_is_tried_after_four_seconds() -> None:
    async with Exchange() as exchange:
        customer = Phone(exchange, CUSTOMER)
        customer.call("03555")
        await asyncio.sleep(6.0)
        assert events(exchange, "call")[0]["t"] == pytest.approx(4.0)
        assert events(exchange, "release")[0]["cause"] == "unobtainable"


@pytest.mark.parametrize("state", ["dial tone", "ringing", "itself"])
async def test_an_engaged_line_is_busy_and_does_not_ring(state: str) -> None:
    async with Exchange() as exchange:
        customer, shop, other = Phone(exchange, CUSTOMER), Phone(exchange, SHOP), Phone(exchange, LONDON)
        if state == "dial tone":
            shop.line.off_hook()
        elif state == "ringing":
            other.call("0081355501234")
            await asyncio.sleep(5.0)
        caller = shop if state == "itself" else customer
        bells = len(shop.bell)
        caller.call("0355501234")
        await asyncio.sleep(0.7)
        assert [(event["number"], event["caller"]) for event in events(exchange, "busy")] == [
            (SHOP, caller.line.number)
        ]
        assert events(exchange, "release")[-1]["cause"] == "busy"
        assert len(shop.bell) == bells


async def test_the_log_is_on_disk_as_it_happens(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "exchange.jsonl"
    async with Exchange(ExchangeSettings(log=str(path))) as exchange:
        Phone(exchange, CUSTOMER).line.log("at", text="ATZ")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert [line["event"] for line in lines] == ["up", "at"]
        assert lines[1]["number"] == CUSTOMER
        assert lines[1]["wall"] == pytest.approx(clock.wall_clock())


async def test_a_line_that_is_taken_away_ends_its_call() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(3.0)
        shop.line.off_hook()
        exchange.unsubscribe(shop.line)
        assert not exchange.calls
        assert SHOP not in exchange.lines
        with pytest.raises(SettingsError, match="there is such a line already"):
            exchange.subscribe(CUSTOMER)


async def test_a_call_that_the_called_end_rejects_is_busy_for_the_caller() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(3.0)
        (call,) = exchange.calls
        call.reject()
        await asyncio.sleep(1.0)
        (released,) = events(exchange, "release")
        assert (released["number"], released["by"], released["cause"]) == (SHOP, "called", "rejected")
        assert shop.bell[-1][1] is False
        assert not shop.line.engaged
        assert customer.level(1.0) > -25
