"""The diagnostics that a technician uses by hand: what is plugged in, the AT console, levels, the live view."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from gateway.audio.pcm import amplitude, to_samples
from gateway.bench.emulators import open_modem
from gateway.bench.exchange import Exchange
from gateway.cli import line_levels
from gateway.cli.line import COMMANDS, line
from gateway.cli.line_at import careful
from gateway.cli.line_choice import caller_in_words
from gateway.cli.line_list import rows_of, state_of
from gateway.cli.line_watch import as_text
from gateway.errors import GatewayError
from gateway.line import Heard
from gateway.modems.catalogue import DRIVERS
from gateway.modems.usb import USB_MODEMS, plugged_ports, usb_modem
from gateway.numbers import PhoneNumber, Withheld
from gateway.settings import LineSettings


def found(device: str, vendor: int, product: int, location: str, serial: str | None = None) -> Any:
    """What pyserial tells of a port."""
    return SimpleNamespace(
        device=device, vid=vendor, pid=product, location=location, serial_number=serial, product="X", description="n/a"
    )


def test_every_modem_of_the_table_names_a_model_that_we_drive() -> None:
    assert {modem.model for modem in USB_MODEMS} <= set(DRIVERS)
    numbers = [(modem.vendor, modem.product) for modem in USB_MODEMS]
    assert len(numbers) == len(set(numbers))


def test_ports_of_a_mobile_modem_are_told_apart_by_their_interface() -> None:
    ports = plugged_ports(
        [
            found("/dev/ttyUSB3", 0x2C7C, 0x0125, "1-1.2:1.3", "X1"),
            found("/dev/ttyUSB2", 0x2C7C, 0x0125, "1-1.2:1.2", "X1"),
            found("/dev/ttyUSB1", 0x2C7C, 0x0125, "1-1.2:1.1", "X1"),
            found("/dev/ttyACM0", 0x0BAF, 0x0303, "1-1.4"),
            found("/dev/ttyUSB9", 0x1A86, 0x7523, "1-1.5"),
            SimpleNamespace(device="/dev/ttyS0", vid=None, pid=None),
        ]
    )
    assert [(port.device, port.part, port.place) for port in ports] == [
        ("/dev/ttyACM0", "commands", "1-1.4"),
        ("/dev/ttyUSB1", "sound", "1-1.2"),
        ("/dev/ttyUSB2", "commands", "1-1.2"),
        ("/dev/ttyUSB3", "other", "1-1.2"),
        ("/dev/ttyUSB9", "", "1-1.5"),
    ]
    assert [port.modem.model if port.modem else None for port in ports] == ["usr5637", "ec25", "ec25", "ec25", None]


def test_a_family_of_products_is_known_by_the_bits_that_they_share() -> None:
    known = usb_modem(0x06E0, 0xF118)
    assert known is not None
    assert known.model == "multitech"
    assert usb_modem(0x06E0, 0xE118) is None


def test_a_line_whose_modem_is_missing_is_listed_as_such() -> None:
    settings = LineSettings(name="a", port="/dev/gateway/nowhere", model="usr5637", number="+81355500001")
    (row,) = rows_of([], (settings,))
    assert (row.line, row.state) == ("a", "not plugged in")


def test_a_port_that_a_process_holds_is_listed_with_its_name() -> None:
    master, slave = os.openpty()
    port = os.ttyname(slave)
    os.close(slave)
    try:
        assert state_of(port) == "free"
        hold = f"import sys; held = open({port!r}, 'rb', buffering=0); print(1, flush=True); sys.stdin.read()"
        with subprocess.Popen(
            [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            assert f"(process {holder.pid})" in state_of(port)
            holder.kill()
    finally:
        os.close(master)


@pytest.mark.parametrize(
    "text", ["ATI3", "AT", "ATZ", "ATE0V1", "AT+VCID=?", "AT+FCLASS=8", "ATS0=0", "AT&V", "AT+CSQ;+CREG?", "AT#CLS=8"]
)
def test_harmless_commands_are_sent(text: str) -> None:
    assert careful(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "ATDT0355501234", "atd 110", "ATD+819012345678;", "ATA", "AT#CLS=8;A", "AT+FCLASS=8;DT117", "AT&W", "AT&F",
        'AT+CPIN="1234"', "AT+CFUN=1,1", 'AT+QCFG="usbcfg",0x2C7C', "AT+VTX", "AT+VTR", "AT#VRX", "AT+FCLASS=8;+VTR",
        'AT+CUSD=1,"*100#"', "hello",
    ],
)  # fmt: skip
def test_commands_that_dial_answer_or_write_need_force(text: str) -> None:
    assert careful(text) is not None


def test_an_unknown_line_and_a_port_without_a_model_get_one_clear_line(tmp_path: Any) -> None:

    for arguments, words in (
        (["at", "/dev/ttyACM0", "ATI"], "--model"),
        (["at", "a", "--settings", str(tmp_path / "none.toml")], "no such settings file"),
        (["prove", "/dev/ttyACM0", "--model", "usr5637", "--loop", "b"], "--loop needs two lines"),
        (["at", "/dev/ttyACM0", "ATI", "--model", "hayes"], 'model "hayes" is not known; choose one of conexant'),
        (["watch", "/dev/ttyACM0", "--model", "usr5637", "--country", "japan"], 'country "japan" is not known'),
        (["probe", "--port", "/nowhere"], "/nowhere: no such port; plug the modem in or correct the port's name"),
    ):
        result = CliRunner().invoke(line, arguments)
        assert isinstance(result.exception, GatewayError)
        assert words in str(result.exception)
        assert 'line "' not in str(result.exception)


def test_the_live_view_shows_time_and_direction_and_stars_numbers() -> None:
    stamped = "2027-01-15 08:00:02.792000 < \\r\\nNMBR = 09012345678\\r\\n"
    assert as_text(stamped, unmask=False).plain == "08:00:02.792 < \\r\\nNMBR = *******5678\\r\\n"
    assert "09012345678" in as_text(stamped, unmask=True).plain


async def test_the_emulated_modem_answers_the_console(tmp_path: Any) -> None:
    from gateway.cli.line_at import AtConsole, NotSent
    from gateway.modems.commands import CommandChannel
    from gateway.modems.serial_port import SerialPort
    from gateway.modems.trace import Trace

    async with Exchange() as exchange:
        modem = open_modem("usr5637", exchange.subscribe("+81355500001"), tmp_path / "a")
        port = SerialPort(str(tmp_path / "a"), 115200, "a")
        console = AtConsole(5.0, force=False)
        console.channel = CommandChannel(port, Trace(None, port.name), console.tell, lambda lost: None)
        with pytest.raises(NotSent, match="it dials; start with --force"):
            await console.send("ATDT117")
        await console.close()
        modem.close()
        assert not any(event["event"] in ("off_hook", "at") for event in exchange.journal.events)


def test_the_manual_tells_of_every_command() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "line.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"`{name}`" not in manual] == []


def test_a_caller_is_told_masked_and_a_missing_number_with_its_reason() -> None:
    caller = PhoneNumber("+819012345678")
    assert caller_in_words(caller, unmask=False) == "from +81*****5678"
    assert caller_in_words(caller, unmask=True) == "from +819012345678"
    withheld = caller_in_words(Withheld("P"), unmask=True)
    assert withheld == "without a number (P: the number is withheld by the caller's wish)"


@pytest.mark.parametrize("arguments", [["record", "/nowhere/at/all.wav"], ["prove", "--out", "/proc/x"]])
def test_a_place_that_can_not_be_written_is_told_before_any_call(arguments: list[str], tmp_path: Path) -> None:
    command, *rest = arguments
    result = CliRunner().invoke(line, [command, str(tmp_path / "port"), *rest, "--model", "usr5637"])
    assert isinstance(result.exception, GatewayError)
    assert "name another" in str(result.exception)


def test_levels_are_judged() -> None:
    rng = np.random.default_rng(2)

    def sound(dbm0: float, seconds: float = 4.0) -> Any:
        return to_samples(rng.standard_normal(round(seconds * 8000)) * amplitude(dbm0) / np.sqrt(2))

    assert line_levels.judge_noise(sound(-60)).good
    assert not line_levels.judge_noise(sound(-30)).good
    assert line_levels.judge_speech(sound(-20)).good
    assert not line_levels.judge_speech(sound(-50)).good
    assert line_levels.judge_dial_tone(sound(-15)).good
    assert not line_levels.judge_dial_tone(sound(-60)).good


def test_echo_is_measured_before_and_after_cancelling() -> None:
    played = line_levels.noise(4.0)
    delayed = np.concatenate((np.zeros(40, np.int16), played))[: len(played)]
    echo = to_samples(delayed * 10 ** (-12 / 20))
    pieces = [Heard(echo[at : at + 160], played[at : at + 160]) for at in range(0, len(played), 160)]
    before, after = line_levels.judge_echo(pieces)
    assert abs(before.value - 12) < 1
    assert after.value > 25
    assert before.good
    assert after.good
