"""Lost lines come back by themselves, the others undisturbed; a box that has none left gives up."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import numpy as np
import pytest
from modem_lab import tone
from recovery_lab import NUMBERS, RecoveryLab, recovery_lab

import gateway.daemon.supervise as supervise
from gateway import clock
from gateway.line import LineLost
from gateway.modems.catalogue import ModemLine
from gateway.modems.recovery import Rung
from gateway.settings import LineSettings


@pytest.fixture(autouse=True)
def on_usb(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel of a test machine knows no such port: pretend that each hangs on a USB hub."""
    monkeypatch.setattr(supervise, "usb_place", lambda port: "1-1.2")


async def until(condition: Any, within: float) -> float:
    """How long it took to come true."""
    began = clock.now()
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.05)
    return clock.now() - began


async def call_line(lab: RecoveryLab, name: str, seconds: float) -> None:
    """The customer calls, and says a tone for so long."""
    lab.telephone.saying = tone(1000, seconds)
    await lab.telephone.call("0" + NUMBERS[name].removeprefix("+81"))
    await until(lambda: len(lab.heard[name]) > 10, 30.0)


async def test_a_replugged_modem_serves_again_within_ten_seconds() -> None:
    async with recovery_lab() as lab:
        for away in (0.3, 2.0, 7.0, 30.0):
            lab.modems["a"].unplug()
            await until(lambda: not lab.supervisor.serving["a"], 1.0)
            await asyncio.sleep(away)
            lab.modems["a"].replug()
            assert await until(lambda: lab.supervisor.serving["a"], 10.0) <= 10.0
        assert [rung for _, rung, _ in lab.helper.done] == []
        assert len(lab.openings("b")) == 1


async def test_a_wedged_modem_is_served_again_within_a_minute_and_the_other_lines_call_is_unharmed() -> None:
    async with recovery_lab() as lab:
        await call_line(lab, "b", 150.0)
        await asyncio.sleep(25.0)
        begun, frames = clock.now(), len(lab.heard["b"])
        lab.modems["a"].wedge()
        took = await until(lambda: not lab.supervisor.serving["a"], 60.0)
        took += await until(lambda: lab.supervisor.serving["a"], 60.0)
        assert took <= 60.0
        assert [rung for _, rung, _ in lab.helper.done] == [Rung.REBIND, Rung.POWER]
        assert lab.helper.spared == [{"1-1.2"}] * 2  # where line b hangs, which is in a call
        heard = np.concatenate(lab.heard["b"][frames:])
        assert len(heard) / 8000 == pytest.approx(clock.now() - begun, abs=0.1)
        assert np.abs(heard).reshape(-1, 160).max(axis=1).min() > 4000  # not one frame is missing its tone
        assert len(lab.openings("b")) == 1


async def test_a_modem_that_wedges_just_after_it_was_looked_at_is_served_again_within_the_minute() -> None:
    async with recovery_lab() as lab:
        await asyncio.sleep(31.0)
        lab.modems["a"].wedge()
        took = await until(lambda: not lab.supervisor.serving["a"], 60.0)
        took += await until(lambda: lab.supervisor.serving["a"], 60.0)
        assert took <= 60.0


async def test_a_modem_that_wedges_in_mid_call_is_let_go_and_recovered() -> None:
    async with recovery_lab() as lab:
        await call_line(lab, "a", 5.0)
        lab.modems["a"].wedge()
        await until(lambda: not lab.supervisor.serving["a"], 10.0)
        assert await until(lambda: lab.supervisor.serving["a"], 60.0) < 30.0
        assert not lab.subscribers["a"].off


async def test_the_strongest_rung_is_taken_ever_more_rarely() -> None:
    async with recovery_lab() as lab:
        lab.modems["a"].unplug()
        lab.modems["a"].replug = lambda: None  # type: ignore[method-assign]
        await asyncio.sleep(3 * 3600.0)
        times = [at for _, _, at in lab.helper.done]
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert [round(gap / 60) for gap in gaps] == [1, 5, 15, 60, 60]
        assert times[0] > 50.0
        assert lab.supervisor.serving["b"]


async def test_a_box_without_any_line_gives_up_in_the_end_and_asks_for_a_restart() -> None:
    async with recovery_lab() as lab:
        for modem in lab.modems.values():
            modem.unplug()
            modem.replug = lambda: None  # type: ignore[method-assign]
        assert lab.helper.restarts == 0
        await until(lambda: lab.helper.restarts == 1, 1000.0)
        assert clock.now() > 900.0


async def test_a_box_whose_only_modem_is_wedged_at_start_cures_it_before_it_refuses_to_run() -> None:
    async with recovery_lab() as first:
        lab = first
        for modem in lab.modems.values():
            modem.wedge()
        again = supervise.Supervisor(lab.settings[:1], lab.open, lab.serve, lab.helper)
        ready = asyncio.Event()
        lab.ports["a"].other_end.close()
        task = asyncio.create_task(again.run(ready.set))
        await until(lambda: ready.is_set() or task.done(), 60.0)
        assert ready.is_set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_box_whose_port_is_missing_at_start_refuses_at_once() -> None:
    async with recovery_lab() as lab:
        lab.modems["a"].unplug()
        again = supervise.Supervisor(lab.settings[:1], lab.open, lab.serve, lab.helper)
        began = clock.now()
        with pytest.raises(LineLost, match="no such port"):
            await again.run(lambda: None)
        assert clock.now() == began


async def test_lines_are_live_while_they_serve_or_recover_and_not_when_one_hangs() -> None:
    async with recovery_lab() as lab:
        for _ in range(20):
            await asyncio.sleep(30.0)
            assert lab.supervisor.live
        lab.modems["a"].unplug()
        for _ in range(20):
            await asyncio.sleep(30.0)
            assert lab.supervisor.live
        assert lab.helper.served > 0


async def test_a_line_whose_task_hangs_is_not_live() -> None:
    async with recovery_lab() as lab:
        lab.modems["a"].unplug()
        lab.supervisor._open = hangs
        await asyncio.sleep(110.0)
        assert lab.supervisor.live
        await asyncio.sleep(60.0)
        assert not lab.supervisor.live


@asynccontextmanager
async def hangs(line: LineSettings) -> AsyncIterator[ModemLine]:
    """An opening that never comes to an end."""
    await asyncio.Event().wait()
    yield cast(ModemLine, None)
