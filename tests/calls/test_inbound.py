"""Where it costs less a customer is served on the call that he has made himself: served or called back, not both."""

import asyncio
from pathlib import Path

import pytest
from desk_lab import ENGLISH, MENU, PROMPTS, Shop, shop
from modem_lab import SHOP
from money_lab import NOON, cost_book, settings

from gateway.audio.prompts import Clip
from gateway.calls.menu import OrderMenu, Say
from gateway.calls.panic import PanicStop
from gateway.calls.pricing import priced
from gateway.numbers import PhoneNumber
from gateway.store import ledger
from gateway.store.database import Database
from gateway.store.inbound import InboundCalls

SHORT, LONG = 20.0, 120.0
"""Talks that cost less on a mobile customer's own freephone call than called back, and that cost more."""


async def order(place: Shop, *keys: str) -> None:
    """Ring the shop and key an order at its menu."""
    assert await place.customer.call(SHOP)
    for each in keys or ("1", "25#", "2#", "1"):
        assert await place.customer.pause(0.8, within=40)
        await place.customer.press(each)
    assert await place.customer.pause(1.5, within=60)


async def test_an_order_on_the_customers_own_call_is_kept_once_and_he_is_not_called_back(tmp_path: Path) -> None:
    async with shop(tmp_path, menu_for=SHORT) as place:
        await order(place)
        assert await place.kept("SELECT article, quantity FROM order_line") == [("25", 2)]
        assert await place.queued() == [], "the held request is forgotten with the order"
        place.customer.hang_up()
        await asyncio.sleep(5)
        assert await place.kept("SELECT state, outcome FROM request") == [("closed", "order")]
        assert await place.queued() == []
        assert not place.bench.off_hook


async def test_he_is_welcomed_and_asked_for_no_key_first(tmp_path: Path) -> None:
    async with shop(tmp_path, menu_for=SHORT) as place:
        await place.customer.call(SHOP)
        assert await place.customer.recognises(ENGLISH.sound((Clip("welcome"),)), within=20)


async def test_where_a_call_back_costs_less_he_hears_the_guidance(tmp_path: Path) -> None:
    async with shop(tmp_path, menu_for=LONG) as place:
        await place.customer.call(SHOP)
        assert await place.customer.recognises(PROMPTS.sound((Clip("guidance_accepted"),)), within=20)
        await asyncio.sleep(5)
        assert [sent for _, sent in await place.queued()] == [True]


async def test_who_leaves_before_anything_came_of_it_is_called_back(tmp_path: Path) -> None:
    async with shop(tmp_path, menu_for=SHORT) as place:
        await place.customer.call(SHOP)
        assert await place.customer.hears("speech", within=20)
        place.customer.hang_up()
        await asyncio.sleep(8)
        assert [sent for _, sent in await place.queued()] == [True]
        assert await place.kept("SELECT state FROM request") == [("open",)]
        assert await place.kept("SELECT * FROM attempt") == []
        assert not place.bench.off_hook


async def test_with_the_overseas_box_away_he_is_served_though_it_is_dearer(tmp_path: Path) -> None:
    async with shop(tmp_path, menu_for=LONG, peer_away=True) as place:
        await order(place)
        assert await place.kept("SELECT count(*) FROM orders") == [(1,)]


async def test_a_number_masked_while_we_lift_is_not_served(tmp_path: Path) -> None:
    async with shop(tmp_path, menu_for=SHORT) as place:
        await asyncio.sleep(1)
        commands = len(place.bench.events("at"))
        await place.customer.call(SHOP)
        while len(place.bench.events("at")) == commands:
            await asyncio.sleep(0.001)
        place.bench.modem.send_garbage(b"\r\nNMBR = O\r\n")
        await place.customer.press("125#2#1")
        await place.customer.hears("busy", within=20)
        await asyncio.sleep(1)
        assert await place.kept("SELECT count(*) FROM orders") == [(0,)]
        assert await place.queued() == []
        assert await place.kept("SELECT number FROM request") == [(None,)]
        assert not place.bench.off_hook


async def test_the_call_is_cut_at_its_longest_and_what_was_ordered_stays(tmp_path: Path) -> None:
    async with shop(tmp_path, menu_for=SHORT, max_call=30.0) as place:
        await order(place, "125#2#1")
        await place.customer.press("2")
        await asyncio.sleep(30)
        off, on = place.bench.times("off_hook"), place.bench.times("on_hook")
        assert on[-1] - off[-1] <= 31.0
        assert await place.kept("SELECT outcome, detail FROM attempt") == [("order", "cut at policy.max_call")]


async def test_the_panic_stop_ends_it(tmp_path: Path) -> None:
    stop = PanicStop(tmp_path / "stop")
    async with shop(tmp_path, menu_for=SHORT, stop=stop) as place:
        await place.customer.call(SHOP)
        assert await place.customer.hears("speech", within=20)
        stop.pull("fraud")
        await asyncio.sleep(2)
        assert not place.bench.off_hook


async def test_it_is_priced_as_what_it_was_an_inbound_call(tmp_path: Path) -> None:
    async with shop(tmp_path, menu_for=SHORT) as place:
        await order(place)
        place.customer.hang_up()
        await asyncio.sleep(5)
        (ended,) = await place.journal.database.read(ledger.unpriced)
        (number,) = await place.kept("SELECT number FROM request")
    assert ended.served_inbound and ended.number == PhoneNumber(number[0])
    ((_, seconds),) = ended.first_legs
    tables = {"line": [{"name": "a", "port": "p", "model": "usr5637", "number": SHOP, "incoming": "jp-freephone"}]}
    row = priced(cost_book(settings("domestic", tmp_path, **tables), tmp_path), ended)
    assert row.guidance is not None and row.guidance == 10 * -(-seconds // 22.5), "10 yen for each 22.5 s begun"
    assert (row.overseas, row.data, row.share) == (0, 0, 0)
    assert 0 <= seconds - ended.talk_seconds < 2


@pytest.mark.parametrize("kept", ["order", "message", ""])
async def test_after_a_crash_he_is_served_or_owed_a_call_back_but_not_both(tmp_path: Path, kept: str) -> None:
    async with shop(tmp_path, peer_away=False) as place:
        accepted = await place.journal.accept(
            PhoneNumber("+819012345678"), line="gone", called=SHOP, language="ja", at=NOON
        )
    database = Database.open(tmp_path / "domestic.db")
    calls = InboundCalls(database)
    assert await calls.begin(accepted.request, "gone", NOON)
    if kept == "order":
        await calls.place(accepted.request, (), NOON)
    elif kept == "message":
        await calls.keep_message(accepted.request, subject="s", sound=b"\xff", at=NOON)
    assert await calls.recover(NOON + 60) == 1
    assert await calls.recover(NOON + 60) == 0
    state = "SELECT state, (SELECT count(*) FROM outbox) FROM request"
    rows = await database.read(lambda connection: connection.execute(state).fetchall())
    assert rows == ([("closed", 0)] if kept else [("open", 1)])
    database.close()


async def test_a_request_that_has_gone_to_the_other_box_is_not_served_here(tmp_path: Path) -> None:
    async with shop(tmp_path) as place:
        accepted = await place.journal.accept(
            PhoneNumber("+819012345678"), line="gone", called=SHOP, language="ja", at=NOON
        )
        await place.journal.release(accepted.request)
        assert not await InboundCalls(place.journal.database).begin(accepted.request, "gone", NOON)


def test_without_a_check_node_the_menu_begins_as_ever() -> None:
    machine = OrderMenu(MENU)
    (welcome, main) = machine.start(0.0, inbound=True)
    assert welcome == Say((Clip("welcome"),)) and main == Say((Clip("main"),))
    assert machine.outcome == "left early"


@pytest.mark.parametrize(
    ("number", "line", "seconds", "cheaper"),
    [
        ("+819012345678", "free", 20.0, True),
        ("+819012345678", "free", 120.0, False),
        ("+81312345678", "free", 120.0, True),
        ("+819012345678", "a", 20.0, False),
    ],
)
def test_only_a_call_that_is_ours_to_pay_for_can_be_cheaper_than_a_call_back(
    tmp_path: Path, number: str, line: str, seconds: float, cheaper: bool
) -> None:
    box = settings("domestic", tmp_path, tariff={"expected_s": seconds})
    (chosen,) = (each for each in box.lines if each.name == line)
    assert cost_book(box, tmp_path).inbound_is_cheaper(chosen, PhoneNumber(number), NOON) is cheaper
