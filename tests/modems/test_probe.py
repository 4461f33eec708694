"""Any modem is named by asking it, whatever it refuses; what stands between it and a call is said."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from gsm_lab import SHOP
from modem_lab import PluggedIn

from gateway import clock
from gateway.bench.emulators.gsm import open_gsm_modem
from gateway.bench.emulators.gsm_models import gsm_model_named
from gateway.bench.emulators.gsm_modem import EmulatedGsmModem
from gateway.bench.emulators.gsm_sound import SoundPort
from gateway.bench.emulators.models import model_named
from gateway.bench.emulators.modem import EmulatedModem
from gateway.bench.emulators.port import MemoryPort
from gateway.bench.exchange import Exchange
from gateway.bench.mobile import MobileSubscriber
from gateway.clock import Pace
from gateway.modems.commands import CommandChannel
from gateway.modems.probe import Finding, NoModem, Probe, mobile_profile, voice_profile
from gateway.modems.trace import Trace

SAID = [
    ("SIMCOM INCORPORATED SIMCOM_SIM7600E-H", "sim7600"),
    ("SIMCOM INCORPORATED A7670E-FASE", "sim7600"),
    ("SIMCOM_Ltd SIMCOM_SIM800C", "sim800"),
    ("SIMCOM_Ltd SIM868", "sim800"),
    ("Quectel EC25", "ec25"),
    ("Quectel EG25", "ec25"),
    ("huawei E1750", "huawei"),
    ("Telit LE910C1-EU", "telit"),
    ("ZTE CORPORATION MF190", "zte"),
    ("u-blox SARA-R410M", "generic"),
    ("", "generic"),
]


@asynccontextmanager
async def mobile(model: str) -> AsyncIterator[tuple[EmulatedGsmModem, Probe]]:
    async with Exchange() as exchange:
        line = exchange.enrol(MobileSubscriber, SHOP)
        port = MemoryPort()
        modem = EmulatedGsmModem(gsm_model_named(model), line, port, SoundPort(MemoryPort()))
        line.attach(modem)
        channel = channel_on(port)
        yield modem, Probe(channel)
        channel.close()
        modem.close()


def channel_on(port: MemoryPort) -> CommandChannel:
    return CommandChannel(PluggedIn(port.other_end, "memory"), Trace(None, "memory"), lambda _: None, lambda _: None)


@pytest.mark.parametrize(("text", "profile"), SAID)
def test_what_a_modem_says_of_itself_names_its_profile(text: str, profile: str) -> None:
    assert mobile_profile(text) == profile


@pytest.mark.parametrize("model", ["sim800", "sim7600", "ec25", "huawei", "telit", "zte"])
async def test_a_mobile_modem_is_named_and_ready(model: str) -> None:
    async with mobile(model) as (_, probe):
        found = await probe.run()
        assert (found.kind, found.profile, found.sim, found.registered) == ("mobile", model, "READY", True)
        assert found.operator == "BENCH MOBILE"
        assert found.signal == 21
        assert found.firmware
        assert found.missing == []


@pytest.mark.parametrize(
    "refused",
    [
        ("+CGMI", "+CGMM", "+CGMR", "+CCWA", "+CRC", "+CVHU", "+CEER", "+CUSD", "+CMEE"),
        ("+CPIN", "+CREG", "+CEREG", "+COPS", "+CSQ"),
    ],
)
async def test_a_modem_that_refuses_half_of_the_questions_is_named_all_the_same(refused: tuple[str, ...]) -> None:
    async with mobile("sim7600") as (modem, probe):
        modem.faults.refused = set(refused)
        found = await probe.run()
        assert (found.kind, found.profile) == ("mobile", "sim7600")
        assert found.missing == []


async def test_what_is_missing_is_said() -> None:
    async with mobile("ec25") as (modem, probe):
        modem.lock_sim()
        modem.change_signal(3)
        modem.faults.refused = {"+QPCMV", "+CLIP", "+CLCC", "+QINDCFG", "^DSCI"}
        found = await probe.run()
        text = "; ".join(found.missing)
        assert "set line.pin" in text
        assert "signal is weak (3 of 31)" in text
        assert "refuses AT+CLIP" in text
        assert "neither lists calls" in text
        assert "no voice" in text


async def test_a_modem_without_a_sim_or_a_network_is_told() -> None:
    async with mobile("sim800") as (modem, probe):
        modem.commands.sim.state = ""
        assert "there is no SIM" in (await probe.run()).missing[0]
    async with mobile("sim800") as (modem, probe):
        modem.coverage(False)
        assert "no network" in (await probe.run()).missing[0]


async def test_a_modem_that_falls_silent_half_way_keeps_what_it_said() -> None:
    async with mobile("ec25") as (modem, probe):
        modem._wire._office.journal.followers.append(lambda e: modem.wedge() if e.get("text") == "AT+COPS?" else None)
        found = await probe.run()
        assert found.kind == "mobile"
        assert "it stopped answering" in found.missing[-1]


async def test_where_nothing_answers_the_remedy_is_said() -> None:
    async with mobile("ec25") as (modem, probe):
        modem.wedge()
        with pytest.raises(NoModem, match="nothing answers AT; try --baud"):
            await probe.run()


@pytest.mark.parametrize("model", ["usr5637", "conexant", "rockwell"])
async def test_a_voice_modem_is_named(model: str) -> None:
    async with Exchange() as exchange:
        port = MemoryPort()
        modem = EmulatedModem(model_named(model), exchange.subscribe("+81355500001"), port)
        found: Finding = await Probe(channel_on(port)).run()
        modem.close()
    assert (found.kind, found.profile, found.missing) == ("voice", model, [])
    assert found.firmware


def test_a_voice_modem_that_nobody_knows_has_the_standards_profile() -> None:
    assert voice_profile(["ACME 56K"], rockwell=False) == "v253"
    assert voice_profile(["ACME 33K"], rockwell=True) == "rockwell"


def test_the_command_tells_it_in_json(tmp_path: Path) -> None:
    async def main() -> None:
        async with Exchange() as exchange:
            line = exchange.enrol(MobileSubscriber, SHOP)
            modem = open_gsm_modem("ec25", line, tmp_path / "at", str(tmp_path / "sound"))
            line.attach(modem)
            ports = ("--port", str(tmp_path / "at"), "--audio-port", str(tmp_path / "sound"))
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-c", "from gateway.cli.main import main; main()", "line", "probe", *ports, "--json"),
                stdout=asyncio.subprocess.PIPE,
            )
            said, _ = await process.communicate()
            modem.close()
        assert process.returncode == 0
        found = json.loads(said)
        assert (found["profile"], found["missing"]) == ("ec25", [])
        assert found["can"][f"open {tmp_path / 'sound'}"]

    clock.run(main(), Pace())
