"""What emulated GSM modems print, byte by byte, as the facts on real ones have it; nothing of ours reads it here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from gateway.bench.emulators.gsm_models import gsm_model_named
from gateway.bench.emulators.gsm_modem import EmulatedGsmModem
from gateway.bench.emulators.gsm_sound import SoundPort
from gateway.bench.emulators.port import MemoryPort
from gateway.bench.exchange import Exchange
from gateway.bench.handset import Handset
from gateway.bench.mobile import MobileSubscriber
from gateway.bench.settings import ExchangeSettings

SIM = "+819011112222"
CUSTOMER = "+819012345678"


@dataclass
class Bench:
    """A modem as a program has it: what it said since the last ``take``."""

    exchange: Exchange
    modem: EmulatedGsmModem
    at: MemoryPort
    sound: MemoryPort
    customer: Handset
    said: bytearray = field(default_factory=bytearray)
    heard: bytearray = field(default_factory=bytearray)

    async def ask(self, text: str, wait: float = 0.3) -> bytes:
        """A command, and all that the modem says within the time."""
        self.said.clear()
        self.at.other_end.write(text.encode() + b"\r")
        await asyncio.sleep(wait)
        return bytes(self.said)


@asynccontextmanager
async def bench(model: str, *setup: str) -> AsyncIterator[Bench]:
    async with Exchange(ExchangeSettings(setup_s=0.1)) as exchange:
        line = exchange.enrol(MobileSubscriber, SIM)
        at, sound = MemoryPort(), MemoryPort()
        modem = EmulatedGsmModem(gsm_model_named(model), line, at, SoundPort(sound))
        line.attach(modem)
        made = Bench(exchange, modem, at, sound, Handset(exchange, exchange.subscribe(CUSTOMER)))
        at.other_end.on_data = made.said.extend
        sound.other_end.on_data = made.heard.extend
        for text in ("ATE0", *setup):
            await made.ask(text)
        made.said.clear()
        yield made
        modem.close()


async def rung(made: Bench, withheld: str | None = None) -> bytes:
    made.said.clear()
    await made.customer.call(SIM, withheld=withheld)  # type: ignore[arg-type]
    await asyncio.sleep(0.5)
    return bytes(made.said)


CLIPS = {
    "sim800": (b'+CLIP: "09012345678",129,"",0,"",0', b'+CLIP: "",128,"",0,"",1'),
    "sim7600": (b'+CLIP: "09012345678",129,,,,0', b'+CLIP: "",128,,,,1'),
    "ec25": (b'+CLIP: "09012345678",129,,,"",0', b'+CLIP: "",128,,,,1'),
    "huawei": (b'+CLIP: "09012345678",129,,,,0', b'+CLIP: "",128,,,,1'),
    "telit": (b'+CLIP: "09012345678",129,"",128,"",0', b'+CLIP: "",128,"",128,"",1'),
    "zte": (b'+CLIP: "09012345678",129,,,,0', b'+CLIP: "",128,,,,1'),
}


@pytest.mark.parametrize("model", CLIPS)
async def test_each_model_shows_and_withholds_in_its_own_form(model: str) -> None:
    shown, withheld = CLIPS[model]
    async with bench(model, "AT+CLIP=1") as made:
        said = await rung(made)
        assert b"RING" in said and said.index(b"RING") < said.index(shown)
    async with bench(model, "AT+CLIP=1") as made:
        assert withheld in await rung(made, "P")


async def test_without_clip_there_is_only_ring() -> None:
    async with bench("sim800") as made:
        assert (await rung(made)).split() == [b"RING"]


async def test_a_sim7600_ends_its_lines_twice() -> None:
    async with bench("sim7600") as made:
        assert await made.ask("AT+CSQ") == b"\r\r\n+CSQ: 21,99\r\r\n\r\r\nOK\r\r\n"


async def test_progress_comes_in_each_models_own_words() -> None:
    async def lines(model: str, *setup: str) -> list[bytes]:
        async with bench(model, *setup) as made:
            answering = asyncio.create_task(made.customer.answer(within=30))
            await made.ask(f"ATD{CUSTOMER};", wait=8.0)
            assert await answering
            made.customer.hang_up()
            await asyncio.sleep(0.5)
            return [line for line in bytes(made.said).split(b"\r\n") if line.strip()]

    assert await lines("huawei") == [b"^ORIG:1,0", b"OK", b"^CONF:1", b"^CONN:1,0", b"^CEND:1,4,104,16"]
    assert await lines("sim800") == [b"OK", b"NO CARRIER"]
    rows = [b'+QIND: "ccinfo",1,0,%d,0,0,"+819012345678",145' % state for state in (2, 3, 0, -1)]
    assert await lines("ec25", 'AT+QINDCFG="ccinfo",1') == [rows[0], b"OK", *rows[1:], b"NO CARRIER"]
    sim7600 = [line.strip(b"\r") for line in await lines("sim7600", "AT+CLCC=1")]
    assert [line for line in sim7600 if not line.startswith(b"+CLCC")] == [
        b"OK",
        b"VOICE CALL: BEGIN",
        b"VOICE CALL: END: 000004",
        b"NO CARRIER",
    ]


async def test_a_busy_number_is_busy_and_its_cause_can_be_asked() -> None:
    async with bench("sim800") as made:
        made.customer.lift()
        assert b"BUSY" in await made.ask(f"ATD{CUSTOMER};", wait=5.0)
        assert b"+CEER: User busy,17" in await made.ask("AT+CEER")


async def test_a_data_call_is_not_taken() -> None:
    async with bench("sim800") as made:
        assert b"NO CARRIER" in await made.ask(f"ATD{CUSTOMER}")


async def test_sound_is_320_bytes_each_way_every_20_ms_once_it_is_switched_on() -> None:
    async with bench("sim7600", "AT+CLIP=1") as made:
        await rung(made)
        assert b"OK" in await made.ask("ATA", wait=0.5)
        assert not made.heard
        assert b"OK" in await made.ask("AT+CPCMREG=1", wait=0.0) + await made.ask("", wait=1.0)
        assert len(made.heard) == pytest.approx(50 * 320, abs=2 * 320)
        made.sound.other_end.write(b"\x10\x20" * 160)
        await asyncio.sleep(0.1)
        assert made.modem.sound.underruns > 0  # type: ignore[attr-defined]  # after its 20 ms the program was silent


async def test_a_sim7600_opens_no_sound_before_the_call_stands_and_hangs_up_by_ath_only_when_told_so() -> None:
    async with bench("sim7600", "AT+CLIP=1") as made:
        assert b"ERROR" in await made.ask("AT+CPCMREG=1")
        await rung(made)
        await made.ask("ATA")
        await made.ask("ATH")
        assert b",1,0,0,0," in await made.ask("AT+CLCC")
        await made.ask("AT+CVHU=0")
        await made.ask("ATH")
        assert b"+CLCC" not in await made.ask("AT+CLCC")


async def test_a_rejected_caller_hears_busy_and_pays_nothing() -> None:
    async with bench("ec25", "AT+CLIP=1") as made:
        await rung(made)
        await made.ask("AT+CHUP")
        assert await made.customer.hears("busy", within=10)
        assert not [event for event in made.exchange.journal.events if event["event"] == "meter"]


async def test_a_second_call_waits_and_comes_in_after_the_first() -> None:
    async with bench("sim800", "AT+CLIP=1", "AT+CCWA=1") as made:
        await rung(made)
        await made.ask("ATA")
        other = Handset(made.exchange, made.exchange.subscribe("+819087654321"))
        made.said.clear()
        await other.call(SIM)
        await asyncio.sleep(1.0)
        assert b'+CCWA: "09087654321",129,1' in made.said
        said = await made.ask("AT+CHUP", wait=1.0)
        assert b'+CLIP: "09087654321"' in said


async def test_a_sim_is_blocked_by_three_wrong_pins() -> None:
    async with bench("ec25", "AT+CMEE=1") as made:
        made.modem.lock_sim()
        assert b"+CPIN: SIM PIN" in await made.ask("AT+CPIN?")
        for _ in range(3):
            assert b"+CME ERROR: 16" in await made.ask('AT+CPIN="0000"')
        assert b"+CPIN: SIM PUK" in await made.ask("AT+CPIN?")


async def test_out_of_coverage_nothing_is_dialled_and_callers_find_it_engaged() -> None:
    async with bench("ec25", "AT+CMEE=1") as made:
        made.modem.coverage(False)
        assert b"+CREG: 0,2" in await made.ask("AT+CREG?")
        assert b"+CME ERROR: 30" in await made.ask(f"ATD{CUSTOMER};")
        await made.customer.call(SIM)
        assert await made.customer.hears("busy", within=10)


async def test_quirks_come_on_demand() -> None:
    async with bench("sim800", "AT+CLIP=1") as made:
        made.modem.faults.phantom_row = '1,1,0,1,0,"",128'
        made.modem.faults.clip_without_ring = True
        assert b'+CLCC: 1,1,0,1,0,"",128' in await made.ask("AT+CLCC")
        said = await rung(made)
        assert b"RING" not in said and b"+CLIP" in said
        made.modem.faults.refused = {"+CSQ"}
        assert b"ERROR" in await made.ask("AT+CSQ")
