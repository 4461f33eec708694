"""What a mobile line needs before any call: the SIM and its PIN, the network; and what the library does besides."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from gsm_lab import SHOP, GsmLab, gsm_lab
from modem_lab import next_call

from gateway import clock
from gateway.bench.emulators.gsm import open_gsm_modem
from gateway.bench.exchange import Exchange
from gateway.bench.mobile import MobileSubscriber
from gateway.clock import Pace
from gateway.errors import SettingsError
from gateway.line import LineLost
from gateway.modems import gsm_setup
from gateway.modems.catalogue import open_line
from gateway.modems.gsm_line import GsmLine
from gateway.settings import LineSettings


@pytest.fixture(autouse=True)
def no_pin_was_ever_wrong() -> None:
    gsm_setup._WRONG_PINS.clear()


def pins(bench: GsmLab) -> list[str]:
    """The PINs that were entered."""
    return [event["text"] for event in bench.events("at") if event["text"].startswith("AT+CPIN=")]


async def test_a_locked_sim_is_unlocked_by_its_pin() -> None:
    async with gsm_lab("sim7600", opened=False, pin="1234") as bench:
        bench.modem.lock_sim()
        await bench.line.open()
        assert len(pins(bench)) == 1
        await bench.telephone.call("0" + SHOP[3:])
        await next_call(bench.line)


async def test_a_locked_sim_without_a_pin_says_what_is_missing() -> None:
    async with gsm_lab("sim7600", opened=False) as bench:
        bench.modem.lock_sim()
        with pytest.raises(LineLost, match=r'line "a": .*the SIM wants its PIN; set line.pin'):
            await bench.line.open()


async def test_a_wrong_pin_is_tried_once_and_never_again() -> None:
    for time in range(3):
        async with gsm_lab("sim7600", opened=False, pin="9999") as bench:
            bench.modem.lock_sim()
            with pytest.raises(LineLost, match="correct it"):
                await bench.line.open()
            assert len(pins(bench)) == (time == 0)


async def test_the_last_try_but_one_is_left_to_people() -> None:
    async with gsm_lab("sim7600", opened=False, pin="1234") as bench:
        bench.modem.lock_sim()
        bench.modem.commands.sim.tries = 1
        with pytest.raises(LineLost, match="one try left"):
            await bench.line.open()
        assert pins(bench) == []


@pytest.mark.parametrize(("state", "remedy"), [("SIM PUK", "unblock it with its PUK"), ("", "there is no SIM")])
async def test_a_sim_that_can_not_be_used_is_told_with_the_remedy(state: str, remedy: str) -> None:
    async with gsm_lab("sim7600", opened=False, pin="1234") as bench:
        bench.modem.commands.sim.state = state
        with pytest.raises(LineLost, match=remedy):
            await bench.line.open()
        assert pins(bench) == []


async def test_a_sim_that_is_still_being_read_is_waited_for() -> None:
    async with gsm_lab("sim7600", opened=False) as bench:
        bench.modem.commands.sim.state = ""
        asyncio.get_running_loop().call_later(4.0, setattr, bench.modem.commands.sim, "state", "READY")
        await bench.line.open()


async def test_a_network_that_is_still_being_found_is_waited_for() -> None:
    async with gsm_lab("sim7600", opened=False) as bench:
        bench.modem.coverage(False)
        asyncio.get_running_loop().call_later(10.0, bench.modem.coverage, True)
        await bench.line.open()


async def test_no_network_is_told_with_the_remedy() -> None:
    async with gsm_lab("sim7600", opened=False) as bench:
        bench.modem.coverage(False)
        with pytest.raises(LineLost, match="no network has let this SIM in; check aerial"):
            await bench.line.open()


async def test_a_modem_that_refuses_caller_id_is_no_use() -> None:
    async with gsm_lab("sim7600", opened=False) as bench:
        bench.modem.faults.refused = {"+CLIP"}
        with pytest.raises(LineLost, match="no caller would ever be known"):
            await bench.line.open()


async def test_a_modem_that_refuses_half_of_the_setup_serves_all_the_same() -> None:
    async with gsm_lab("sim800", opened=False) as bench:
        bench.modem.faults.refused = {"+CRC", "+CVHU", "+CCWA", "+CMEE", "+DDET", "+COPS", "+CSQ", "+CGMR", "+CPIN"}
        await bench.line.open()
        await bench.telephone.call("0" + SHOP[3:])
        await next_call(bench.line)


async def test_a_signal_that_becomes_weak_is_told_once_and_the_line_serves_on(caplog: pytest.LogCaptureFixture) -> None:
    async with gsm_lab("huawei") as bench:
        for level in (15, 7, 6):
            bench.modem.change_signal(level)
            await asyncio.sleep(31.0)
        said = [record.message for record in caplog.records if "signal is weak" in record.message]
        assert len(said) == 1
        assert "the signal is weak (7 of 31); move the aerial" in said[0]
        bench.modem.change_signal(20)
        await asyncio.sleep(31.0)
        bench.modem.change_signal(3)
        await asyncio.sleep(31.0)
        assert "(3 of 31)" in caplog.records[-1].message
        await bench.telephone.call("0" + SHOP[3:])
        await next_call(bench.line)


def test_a_mobile_line_without_a_place_for_its_sound_is_refused_with_the_remedy(tmp_path: Path) -> None:
    async def main() -> None:
        async with Exchange() as exchange:
            line = exchange.enrol(MobileSubscriber, SHOP)
            modem = open_gsm_modem("ec25", line, tmp_path / "at", str(tmp_path / "sound"))
            settings = LineSettings(name="a", model="ec25", number=SHOP, port=str(tmp_path / "at"))
            with pytest.raises(SettingsError, match=r'line "a": a ec25 has its sound elsewhere; set line\.audio'):
                async with open_line(settings):
                    raise AssertionError("it has no sound")
            modem.close()

    clock.run(main(), Pace())


def test_the_library_sends_messages_and_asks_the_network_between_calls(tmp_path: Path) -> None:
    """On a real pseudo-terminal: USSD and short messages in the library's thread, a call unharmed beside them."""

    async def main() -> None:
        async with Exchange() as exchange:
            mobile = exchange.enrol(MobileSubscriber, SHOP)
            ports = {"port": str(tmp_path / "at"), "audio": str(tmp_path / "sound")}
            modem = open_gsm_modem("ec25", mobile, tmp_path / "at", ports["audio"])
            mobile.attach(modem)
            async with open_line(LineSettings(name="a", model="ec25", number=SHOP, **ports)) as line:
                assert isinstance(line, GsmLine)
                answer = await line.library.run(lambda library: library.sendUssd("*100#"))
                assert answer.message == "Balance: 12.34"
                sent = await line.library.run(lambda library: library.sendSms("+819012345678", "hello"))
                assert sent.reference == 1
                assert await line.library.run(lambda library: library.imei) == "350000000000006"
                other = exchange.subscribe("+819012345678")
                other.off_hook()
                other.dial("0" + SHOP[3:])
                await next_call(line)  # type: ignore[arg-type]
            modem.close()

    clock.run(main(), Pace.begin(5.0))


async def test_a_modem_that_wedges_upon_the_pin_is_lost_the_pin_neither_told_nor_taken_for_wrong() -> None:
    async with gsm_lab("sim7600", opened=False, pin="1234") as bench:
        bench.modem.lock_sim()

        def fail(event: dict[str, Any]) -> None:
            if event["event"] == "at" and event["text"].startswith("AT+CPIN="):
                bench.modem.wedge()

        bench.exchange.journal.followers.append(fail)
        with pytest.raises(LineLost, match=r"no reply to AT\+CPIN") as lost:
            await bench.line.open()
        assert "1234" not in str(lost.value)
        assert not gsm_setup._WRONG_PINS


async def test_not_even_a_debugging_log_tells_the_pin(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with gsm_lab("sim7600", opened=False, pin="1234") as bench:
        bench.modem.lock_sim()
        await bench.line.open()
        assert len(pins(bench)) == 1
    assert "1234" not in caplog.text


@pytest.mark.parametrize("answer", ["+CME ERROR: 14", "+CME ERROR: 515"])
async def test_a_modem_that_is_busy_for_ever_is_opened_without_what_it_does_not_say(answer: str) -> None:
    async with gsm_lab("sim7600", opened=False) as bench:
        bench.modem.faults.refused = {"+CSQ", "+COPS"}
        bench.modem.commands.error = lambda number: answer  # type: ignore[method-assign]
        await bench.line.open()
        assert len(bench.commands("AT+CSQ")) == 1


async def test_a_sim_that_is_busy_when_the_pin_comes_has_not_refused_it() -> None:
    async with gsm_lab("sim7600", opened=False, pin="1234") as bench:
        bench.modem.lock_sim()
        bench.modem.commands.sim.unlock = lambda pin: False  # type: ignore[method-assign]
        bench.modem.commands.error = lambda number: "+CME ERROR: 14"  # type: ignore[method-assign]
        with pytest.raises(LineLost, match="the SIM is busy"):
            await bench.line.open()
        assert not gsm_setup._WRONG_PINS


@pytest.mark.parametrize("slow", [0.4, 0.6, 0.8, 1.2])
async def test_a_modem_that_answers_its_first_at_late_is_understood_all_the_same(slow: float) -> None:
    async with gsm_lab("sim7600", opened=False) as bench:
        bench.modem.coverage(False)
        bench.modem._at._latency = slow

        def awake(event: dict[str, Any]) -> None:
            if event["event"] == "at" and len(bench.commands("AT")) > 1:
                bench.modem._at._latency = bench.modem.model.latency

        bench.exchange.journal.followers.append(awake)
        with pytest.raises(LineLost, match="no network has let this SIM in"):
            await bench.line.open()
