"""A mobile modem that fails in mid-call is recovered by the ladder, its neighbour's call undisturbed."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from desk_lab import ENGLISH, JAPAN, MENU
from gsm_lab import MODELS, each_model
from mobile_box_lab import NUMBERS, mobile_box
from modem_lab import CUSTOMER

import gateway.daemon.supervise as supervise
from gateway import clock
from gateway.bench.handset import Handset
from gateway.calls.admission import Admission
from gateway.calls.callback import Callback
from gateway.calls.dialogue import Script
from gateway.calls.policy import Policy
from gateway.calls.queue import CallQueue
from gateway.line import Line
from gateway.modems.recovery import Rung
from gateway.protocols.messages import CallRequest
from gateway.settings import CallbackSettings, LineSettings, RetrySettings
from gateway.store.database import Database
from gateway.store.journal import Overseas


@pytest.fixture(autouse=True)
def on_usb(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel of a test machine knows no such port: pretend that each hangs on a USB hub."""
    monkeypatch.setattr(supervise, "usb_place", lambda port: "1-1.2")


@each_model
async def test_a_modem_that_wedges_in_mid_call_serves_again_and_its_neighbours_call_is_whole(model: str) -> None:
    async with mobile_box(model) as box:
        await box.in_a_call("b")
        await box.in_a_call("a")
        begun, frames = clock.now(), len(box.heard["b"])
        box.modems["a"].wedge()
        assert await box.until(lambda: not box.supervisor.serving["a"], 60.0) <= 7.2
        assert await box.until(lambda: box.supervisor.serving["a"], 60.0) <= 40.0
        assert box.rungs == [Rung.REBIND, Rung.POWER]
        assert not box.subscribers["a"].off
        heard = np.concatenate(box.heard["b"][frames:])
        assert len(heard) / 8000 == pytest.approx(clock.now() - begun, abs=0.1)
        assert np.abs(heard).reshape(-1, 160).max(axis=1).min() > 4000  # not one frame is missing its tone
        assert box.openings["b"] == 1


async def test_a_modem_whose_sound_has_died_is_reset_at_once() -> None:
    async with mobile_box(MODELS[1]) as box:
        await box.in_a_call("a")
        box.modems["a"].sound.stalled = True
        assert await box.until(lambda: not box.supervisor.serving["a"], 60.0) <= 4.2
        assert not box.subscribers["a"].off
        await box.until(lambda: box.supervisor.serving["a"], 60.0)
        assert box.supervisor.ladders["a"].taken == {Rung.RESET: 1}
        assert box.rungs == []


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("after", [0.0, 3.0, 12.0])
async def test_a_box_that_is_stopped_while_a_modem_is_wedged_in_a_call_stops(model: str, after: float) -> None:
    async with mobile_box(model) as box:
        await box.in_a_call("a")
        box.modems["a"].wedge()
        await asyncio.sleep(after)
        stopped = clock.now()
    assert clock.now() - stopped < 15.0


@each_model
async def test_who_was_called_by_a_modem_that_wedged_is_called_once_more_and_orders(tmp_path: Path, model: str) -> None:
    database = Database.open(tmp_path / "overseas.db")
    journal = Overseas(database, "domestic")
    policy = Policy(JAPAN, frozenset(NUMBERS.values()))
    queue = CallQueue(journal)

    async def serve(line: Line, settings: LineSettings) -> None:
        await Callback(
            line=line,
            queue=queue,
            journal=journal,
            admission=Admission(policy),
            line_settings=settings,
            settings=CallbackSettings(ring_time=20.0),
            retry=RetrySettings(network=(60.0, 60.0)),
            scripts={"en": Script(MENU, ENGLISH)},
            hand_over=lambda: None,
        ).serve()

    async with mobile_box(model, serve) as box:
        customer = Handset(box.exchange, box.exchange.lines[CUSTOMER])
        now = clock.wall_clock()
        request = CallRequest("r1", CUSTOMER, now, NUMBERS["a"], "en")
        await database.write(lambda connection: journal.effect(connection, request, now))
        queue.changed()
        assert await customer.answer()
        assert await customer.hears("speech", within=20)
        (name,) = [name for name, subscriber in box.subscribers.items() if subscriber.off]
        box.modems[name].wedge()
        await box.until(lambda: not box.supervisor.serving[name], 10.0)
        customer.hang_up()
        assert await customer.answer(within=120.0)
        assert await customer.hears("speech", within=20)
        await customer.press("1125#2#1")
        assert await customer.pause(1.5, within=60)
        customer.hang_up()
        await box.until(lambda: all(box.supervisor.serving.values()), 60.0)
        await asyncio.sleep(600.0)
        assert len([event for event in box.exchange.journal.events if event["event"] == "atd"]) == 2
        rows = await database.read(
            lambda connection: connection.execute("SELECT outcome FROM attempt ORDER BY attempt").fetchall()
        )
        assert [outcome for (outcome,) in rows] == ["line lost", "order"]
    database.close()
