"""The exchange as a program: ports for anybody's programs, calls from the command line, files that stay."""

import asyncio
import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from gateway.bench import settings
from gateway.bench.control import Control, e164
from gateway.bench.customers import CallOrder
from gateway.bench.emulators import MODELS
from gateway.bench.emulators.gsm_models import GSM_MODELS
from gateway.bench.exchange import Exchange
from gateway.errors import SettingsError

COMMAND = (sys.executable, "-c", "from gateway.cli.main import main; main()", "exchange")
SHOP, CUSTOMER = "+81355501234", "+819012345678"
SPEED = 20
FILE = f"""
log = "log/exchange.jsonl"
recordings = "recordings"
trace = "trace"
control = "x.sock"
[[modem]]
name = "shop"
model = "usr5637"
number = "{SHOP}"
port = "ports/shop"
[[handset]]
number = "+81312345678"
withheld = "C"
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)


class Port:
    """A program that holds the modem's port, with nothing but a descriptor."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.read = b""

    def until(self, wanted: bytes, within: float = 10.0) -> bytes:
        end = time.monotonic() + within
        while wanted not in self.read:
            assert time.monotonic() < end, f"no {wanted!r} in {self.read!r}"
            if select.select([self.fd], [], [], 0.05)[0]:
                with contextlib.suppress(BlockingIOError):
                    self.read += os.read(self.fd, 4096)
        before, self.read = self.read, b""
        return before

    def command(self, text: str, reply: bytes = b"OK\r\n") -> bytes:
        os.write(self.fd, text.encode() + b"\r")
        return self.until(reply)

    def close(self) -> None:
        os.close(self.fd)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("x")
    (folder / "x.toml").write_text(FILE)
    program = subprocess.Popen(
        [*COMMAND, "up", "--settings", str(folder / "x.toml"), "--speed", str(SPEED)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    )
    assert program.stdout is not None
    said = []
    for line in program.stdout:
        said.append(line.strip())
        if line.strip() == "ready":
            break
    assert any(line == f"shop: usr5637 on {SHOP} at {folder}/ports/shop" for line in said), said
    yield folder
    program.send_signal(signal.SIGTERM)
    assert program.wait(10) == 0
    assert not (folder / "x.sock").exists()
    assert not (folder / "ports" / "shop").exists()
    assert json.loads((folder / "log" / "exchange.jsonl").read_text().splitlines()[-1])["event"] == "down"


def call(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "call", "--settings", str(folder / "x.toml"), *arguments], stdout=subprocess.PIPE, text=True
    )


def test_any_program_sees_the_call_on_the_port_again_and_again(served: Path) -> None:
    for _ in range(2):  # a program that closes the port and comes back finds the modem as it was
        port = Port(served / "ports" / "shop")
        port.command("ATZ")
        port.command("AT+VCID=1")
        ringing = call(
            served, "--from", "09012345678", "--to", "0355501234", "--no-callback", "--timeout", "12", "--json"
        )
        assert b"NMBR=09012345678" in port.until(b"RING", within=20).replace(b" ", b"")
        out, _ = ringing.communicate(timeout=30)
        assert ringing.returncode == 1
        assert json.loads(out)["failed"] == "nobody answered"
        port.close()
    assert (served / "trace" / "shop.at").exists()


def test_a_withheld_caller_shows_none_and_an_answered_call_is_recorded(served: Path) -> None:
    port = Port(served / "ports" / "shop")
    port.command("ATZ")
    port.command("AT+VCID=1")
    ringing = call(served, "--from", CUSTOMER, "--to", SHOP, "--withheld", "P", "--no-callback", "--timeout", "20")
    assert b"NMBR=P" in port.until(b"RING", within=20).replace(b" ", b"")
    time.sleep(1.5 / SPEED)  # this model does not lift while it is rung
    port.command("AT+FCLASS=8")
    port.command("AT+VLS=1")
    time.sleep(5 / SPEED)
    port.command("ATH")
    out, _ = ringing.communicate(timeout=30)
    assert ringing.returncode == 1, out
    assert "dial digits=1840355501234" in out
    assert "hears busy" in out
    assert out.endswith("failed: nobody spoke\n")
    port.close()
    log = run("log", "--settings", str(served / "x.toml"), "--event", "answer", "--event", "recording")
    assert log.stdout.count("answer") == 1
    assert (served / "recordings").is_dir()


def test_a_configured_payphone_and_a_script_from_a_file(served: Path) -> None:
    (served / "script.toml").write_text(
        f'step = [{{do = "call", number = "{SHOP}"}}, {{do = "hear", what = "ringback"}}, {{do = "wait", seconds = 3}}]'
    )
    port = Port(served / "ports" / "shop")
    port.command("ATZ")
    port.command("AT+VCID=1")
    ringing = call(served, "--from", "0312345678", "--to", SHOP, "--script", str(served / "script.toml"))
    assert b"NMBR=C" in port.until(b"RING", within=20).replace(b" ", b"")
    assert ringing.wait(30) == 0
    port.close()


def test_what_can_not_be_done_is_said_in_one_line(served: Path, tmp_path: Path) -> None:
    socket = str(served / "x.sock")
    for arguments, complaint in (
        (("call", "--from", SHOP, "--to", CUSTOMER, "--exchange", socket), "that line has a modem"),
        (("call", "--from", "12", "--to", SHOP, "--exchange", socket), "number 12: not a number in JP or US or GB"),
        (
            ("call", "--from", CUSTOMER, "--to", SHOP, "--exchange", str(tmp_path / "no")),
            "start one with: gateway exch",
        ),
        (("call", "--from", CUSTOMER, "--to", SHOP, "--script", str(tmp_path / "no.toml")), "no.toml: no such file"),
        (
            ("call", "--from", CUSTOMER, "--to", SHOP, "--exchange", socket, "--keys", "12x"),
            "the call: keys: write keys 0-9 * # A-D",
        ),
        (("up", "--settings", str(served / "x.toml")), "another exchange serves it"),
        (("up", "--settings", str(tmp_path / "no.toml")), "no.toml: no such settings file; name one with --settings"),
    ):
        done = run(*arguments)
        assert done.returncode == 1, arguments
        assert complaint in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[modem]]\nname = 'a'\n", "modem[1].model is missing; add it"),
        ("[wire]\nechodb = 3\n", "wire.echodb is not a setting; remove it or correct its spelling"),
        ("[wire]\necho_db = 'x'\n", "wire.echo_db: expected `float`, got `str`"),
        ("x = = 1", "not valid TOML"),
        ("[[handset]]\nnumber = '+33142278186'\n", "set its country to JP, US or GB"),
        ("[[handset]]\nnumber = '+81312345678'\n" * 2, 'number "+81312345678" is given twice'),
        (
            "[[modem]]\nname='a'\nmodel='hayes'\nnumber='+81355501234'\nport='p'\n",
            "modem[1].model: 'hayes' is not one of con",
        ),
    ],
)
def test_a_wrong_settings_file_names_the_key(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(SettingsError) as raised:
        settings.load(tmp_path / "x.toml")
    assert str(raised.value).startswith(f"{tmp_path / 'x.toml'}: ")
    assert complaint in str(raised.value)


def test_the_sample_settings_are_good() -> None:
    sample = settings.load(Path(__file__).parents[2] / "docs" / "exchange.toml")
    assert {modem.model for modem in sample.modems} == {"usr5637", "conexant", "rockwell"}
    assert sample.tariffs


@pytest.mark.parametrize(
    ("number", "country", "expected"),
    [
        ("09012345678", None, CUSTOMER),
        ("2125550123", None, "+12125550123"),
        ("02079460123", "UK", "+442079460123"),
        (CUSTOMER, None, CUSTOMER),
    ],
)
def test_a_callers_number_may_be_national(number: str, country: str | None, expected: str) -> None:
    assert e164(number, country) == expected


async def test_two_callers_can_not_use_one_handset_and_a_gone_one_hangs_up(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with Exchange() as exchange, await Control(exchange).serve(path):
        exchange.subscribe(SHOP)
        order = CallOrder(caller=CUSTOMER, called=SHOP, timeout=1e6)
        _, first = await asyncio.open_unix_connection(str(path))
        first.write(msgspec.json.encode(order) + b"\n")
        await asyncio.sleep(5)
        assert exchange.lines[CUSTOMER].off
        answers, second = await asyncio.open_unix_connection(str(path))
        second.write(msgspec.json.encode(order) + b"\n")
        assert b"somebody else is using it" in await answers.readline()
        assert exchange.lines[CUSTOMER].off
        first.close()
        second.close()
        await asyncio.sleep(1.0)
        assert not exchange.lines[CUSTOMER].off


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        ("log", "can't be written: [NF][a-z ]*; name another file"),
        ("recordings", "can't be made: [NF][a-z ]*; name another folder"),
        ("trace", "can't be made: [NF][a-z ]*; name another folder"),
        ("control", "can't be served: [NF][a-z ]*; set another control"),
        ("port", "can't be made: [NF][a-z ]*; name another path"),
    ],
)
def test_a_place_that_can_not_be_written_to_is_named_at_the_start(tmp_path: Path, key: str, complaint: str) -> None:
    (tmp_path / "file").touch()
    modem = f"[[modem]]\nname = 'a'\nmodel = 'usr5637'\nnumber = '{SHOP}'\nport = "
    places = {"control": "x.sock", "port": "p"} | {key: "file/x"}
    head = "".join(f"{name} = '{place}'\n" for name, place in places.items() if name != "port")
    (tmp_path / "y.toml").write_text(f"{head}{modem}'{places['port']}'\n")
    done = run("up", "--settings", str(tmp_path / "y.toml"))
    assert done.returncode == 1
    assert re.search(complaint, done.stderr), done.stderr
    assert f"{tmp_path}/file/x" in done.stderr
    assert done.stderr.count("\n") == 1


def test_half_a_line_in_the_log_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "y.toml").write_text("log = 'y.jsonl'\n")
    up = '{"t": 0.0, "wall": 1.0, "event": "up"}'
    (tmp_path / "y.jsonl").write_text(f'{up}\n{{"t": 1.0, "wal{up}\n{{"t')
    done = run("log", "--settings", str(tmp_path / "y.toml"))
    assert done.returncode == 0
    assert done.stdout.split() == ["0.000000", "up"]
    assert "line 2 is no event" in done.stderr
    assert "line 3 is no event" in done.stderr


def test_every_emulated_model_can_be_served() -> None:
    assert set(get_args(settings.Analogue)) == MODELS.keys()
    assert set(get_args(settings.Mobile)) == GSM_MODELS.keys()
