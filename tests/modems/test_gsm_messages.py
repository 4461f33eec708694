"""What a SIM does besides calls, on real pseudo-terminals: the network answers codes, and messages come and go."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from gsm_lab import SHOP

from gateway import clock
from gateway.bench.emulators.gsm import open_gsm_modem
from gateway.bench.emulators.gsm_modem import EmulatedGsmModem
from gateway.bench.emulators.gsm_pdu import deliver
from gateway.bench.exchange import Exchange
from gateway.bench.mobile import MobileSubscriber
from gateway.clock import Pace
from gateway.errors import GatewayError
from gateway.line import LineLost
from gateway.modems.gsm_messages import Message, ask_network, at_network, send_message, stored_messages
from gateway.modems.gsm_modem import Library
from gateway.numbers import PhoneNumber
from gateway.settings import LineSettings

WRITTEN = datetime(2027, 1, 15, 8, 30, 5, tzinfo=UTC)
SPEED = 5.0


def on_a_modem(
    folder: Path,
    work: Callable[[EmulatedGsmModem, LineSettings], Awaitable[None]],
    *,
    model: str = "ec25",
    speed: float,
) -> None:
    async def main() -> None:
        async with Exchange() as exchange:
            mobile = exchange.enrol(MobileSubscriber, SHOP)
            modem = open_gsm_modem(model, mobile, folder / "at", str(folder / "sound"))
            mobile.attach(modem)
            await work(modem, LineSettings(name="a", model=model, number=SHOP, port=str(folder / "at"), pin="1234"))
            modem.close()

    clock.run(main(), Pace.begin(speed))


def with_library(
    folder: Path, work: Callable[[EmulatedGsmModem, Library], Awaitable[None]], *, model: str = "ec25"
) -> None:
    async def main(modem: EmulatedGsmModem, settings: LineSettings) -> None:
        async with at_network(settings) as library:
            await work(modem, library)

    on_a_modem(folder, main, model=model, speed=SPEED)


@pytest.mark.parametrize("model", ["sim800", "sim7600", "ec25", "huawei", "telit", "zte"])
def test_a_code_is_answered_by_the_network(tmp_path: Path, model: str) -> None:
    async def work(_: EmulatedGsmModem, library: Library) -> None:
        assert await ask_network(library, "*100#") == "Balance: 12.34"

    with_library(tmp_path, work, model=model)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ('+CUSD: 0,"6B8B9AD800200033003000305186",72', "残高 300円"),
        ('+CUSD: 2,"Balance 3"', "Balance 3"),
        ('+CUSD:1,"Balance 3\r\n1 more",15', "Balance 3\r\n1 more"),
        ("+CUSD: 4", None),
        ("+CUSD: 2,", None),
    ],
)
def test_answers_of_all_forms_are_read_or_told_to_be_none(tmp_path: Path, line: str, answer: str | None) -> None:
    async def work(modem: EmulatedGsmModem, library: Library) -> None:
        modem.commands.ussd = line
        if answer is not None:
            assert await ask_network(library, "*100#") == answer
            return
        with pytest.raises(GatewayError, match=r"no answer to \*100#; does your operator know this code\?"):
            await ask_network(library, "*100#")
        assert await stored_messages(library) == []  # the modem is still of use

    with_library(tmp_path, work)


def test_what_is_no_code_is_not_sent(tmp_path: Path) -> None:
    async def work(_: EmulatedGsmModem, library: Library) -> None:
        with pytest.raises(GatewayError, match='"AT" is no code; it has digits'):
            await ask_network(library, "AT")

    with_library(tmp_path, work)


def test_messages_that_came_are_listed(tmp_path: Path) -> None:
    async def work(modem: EmulatedGsmModem, library: Library) -> None:
        modem.commands.kept = [
            deliver("+819012345678", "Call me back", WRITTEN),
            deliver("1500", "Your balance is below 5.00. " * 5, WRITTEN),
        ]
        first, second = await stored_messages(library)
        assert first == Message("+819012345678", "2027-01-15T08:30:05+00:00", "Call me back")
        assert first.sender_masked("JP") == "+81*****5678"
        assert second.text == "Your balance is below 5.00. " * 5
        assert second.sender_masked("JP").endswith("1500")

    with_library(tmp_path, work)


def test_a_message_is_sent_and_a_refused_one_is_told(tmp_path: Path) -> None:
    number = PhoneNumber("+819012345678")

    async def work(modem: EmulatedGsmModem, library: Library) -> None:
        await send_message(library, number, "hello")
        modem.faults.refused = {"+CMGS"}
        with pytest.raises(GatewayError, match=r"does not take the message to \+81\*\*\*\*\*5678"):
            await send_message(library, number, "hello")
        with pytest.raises(GatewayError, match="1 to 160 characters, not 161"):
            await send_message(library, number, "x" * 161)

    with_library(tmp_path, work)


def test_a_locked_sim_is_unlocked_first(tmp_path: Path) -> None:
    async def work(modem: EmulatedGsmModem, settings: LineSettings) -> None:
        modem.lock_sim()
        async with at_network(settings) as library:
            assert await ask_network(library, "*100#") == "Balance: 12.34"

    on_a_modem(tmp_path, work, speed=SPEED)


def test_without_a_network_nothing_can_be_asked(tmp_path: Path) -> None:
    async def work(modem: EmulatedGsmModem, settings: LineSettings) -> None:
        modem.coverage(False)
        with pytest.raises(LineLost, match="no network has let this SIM in"):
            async with at_network(settings):
                raise AssertionError("it has no network")

    on_a_modem(tmp_path, work, speed=20 * SPEED)


async def gateway(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from gateway.cli.main import main; main()", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    return process.returncode or 0, out.decode(), errors.decode()


def test_the_commands_tell_balance_and_messages_with_numbers_masked(tmp_path: Path) -> None:
    async def work(modem: EmulatedGsmModem, settings: LineSettings) -> None:
        modem.commands.kept = [deliver("+819012345678", "Call me back", WRITTEN)]
        at = ("--model", "ec25", settings.port)
        assert await gateway("line", "ussd", *at, "*100#") == (0, "Balance: 12.34\n", "")
        assert (await gateway("line", "sms", *at))[1] == "2027-01-15T08:30:05+00:00  +81*****5678  Call me back\n"
        assert "+819012345678" in (await gateway("line", "sms", "--unmask", "--json", *at))[1]
        assert (await gateway("line", "sms", "--to", "090-1234-5678", "--text", "hi", *at))[1] == "sent\n"

    on_a_modem(tmp_path, work, speed=1.0)


def test_an_analogue_line_has_no_network_to_ask(tmp_path: Path) -> None:
    async def main() -> None:
        code, _, errors = await gateway("line", "ussd", "--model", "usr5637", str(tmp_path / "at"), "*100#")
        assert (code, "a usr5637 is an analogue modem; only mobile lines have a SIM" in errors) == (1, True)

    asyncio.run(main())
