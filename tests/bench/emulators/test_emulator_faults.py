"""Faults on demand, and the trace that shows them."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from subscriber_line import CALLER, Line, Program, connected, into_voice

from gateway.bench.emulators import MODELS, MemoryPort, modem_on
from gateway.bench.emulators.models import UnknownModel
from gateway.bench.emulators.sound import tone


async def test_garbage_comes_as_it_is() -> None:
    async with connected("usr5637") as (line, program):
        line.modem.send_garbage(b"\xff\x00\x10\xfe")
        await asyncio.sleep(0.1)
        assert bytes(program.got) == b"\xff\x00\x10\xfe"


@pytest.mark.parametrize("size", [1, 2, 5])
async def test_split_writes_arrive_in_pieces_late_and_complete(size: int) -> None:
    async with connected("usr5637") as (line, program):
        await program.ok("AT+VCID=1")
        line.modem.split_writes(size, 0.03)
        program.arrived.clear()
        text = await program.command("ATI3", 5.0)
        assert text == "\r\nU.S. Robotics 56K FAX USB V1.2.23\r\n\r\nOK\r\n"
        assert max(len(data) for _, data in program.arrived) == size
        assert program.arrived[-1][0] - program.arrived[0][0] > 0.03 * (len(text) / size - 6)
        line.modem.split_writes(0, 0)
        assert await program.command("AT") == "\r\nOK\r\n"


async def test_a_wedged_modem_says_nothing_until_it_is_plugged_in_anew() -> None:
    async with connected("usr5637") as (line, program):
        await program.ok("AT+VCID=1")
        await into_voice("usr5637", program)
        line.modem.wedge()
        assert await program.command("AT", 60) == ""
        assert line.off  # that is what makes it bad
        line.modem.unplug()
        assert not line.off
        await asyncio.sleep(1)
        line.modem.replug()
        assert await program.command("ATE0") == "ATE0\r\r\nOK\r\n"
        await line.ring()
        assert program.got.endswith(b"\r\nRING\r\n")


async def test_an_unplugged_modem_is_gone_from_both_ends() -> None:
    async with connected("usr5637") as (line, program):
        await program.ok("AT+VCID=1")
        gone: list[bool] = []
        program.end.on_lost = lambda: gone.append(program.end.plugged)
        line.modem.unplug()
        assert gone == [False]
        program.got.clear()
        await line.ring()
        line.modem.caller_id(CALLER)
        assert await program.command("AT") == ""
        assert not line.off


@pytest.mark.parametrize(("fault", "said", "heard"), [("mute", False, True), ("deaf", True, False)])
async def test_one_way_audio_loses_one_way_only(fault: str, said: bool, heard: bool) -> None:
    async with connected("conexant") as (line, program):
        await into_voice("conexant", program)
        line.modem.one_way(**{fault: True})
        line.say(tone((440,), 2))
        await program.command("AT+VTR")
        program.end.write(b"\x80\xff" * 800)
        program.got.clear()
        await asyncio.sleep(0.5)
        assert (np.abs(line.heard()).max() > 1000) == said
        assert (np.frombuffer(bytes(program.got), np.uint8).max() > 140) == heard
        line.modem.one_way()
        program.got.clear()
        await asyncio.sleep(0.3)
        assert np.frombuffer(bytes(program.got), np.uint8).max() > 140


async def test_the_trace_has_every_byte_of_commands_and_counts_voice(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "trace.at"
    line, port = Line(), MemoryPort()
    line.modem = modem_on(port, "conexant", line, trace=path)
    program = Program(port)
    await program.command("ATE0")
    await into_voice("conexant", program)
    await program.command("AT+VTX")
    program.end.write(b"\x80" * 1600 + b"\x10\x03")
    await asyncio.sleep(1)
    line.modem.send_garbage(b"\xfe\x10q")
    line.modem.close()
    rows = [row.split(" ", 2) for row in path.read_text(encoding="ascii").splitlines()]
    times = [float(row[0]) for row in rows]
    assert times == sorted(times)
    told = [(row[1], row[2]) for row in rows]
    assert told[:3] == [(">", "ATE0\\r"), ("<", "ATE0\\r"), ("<", "\\r\\nOK\\r\\n")]
    at = told.index((">", "AT+VTX\\r"))
    assert told[at:] == [
        (">", "AT+VTX\\r"),
        ("<", "\\r\\nCONNECT\\r\\n"),
        (">", "[1600 bytes of voice]"),
        (">", "\\x10\\x03"),
        ("<", "\\r\\nOK\\r\\n"),
        ("<", "\\xfe\\x10q"),
        ("-", "unplugged"),
    ]


async def test_an_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownModel, match=r'"usr9000".*usr5637, conexant, rockwell'):
        modem_on(MemoryPort(), "usr9000", Line())
    assert set(MODELS) >= {"usr5637", "conexant", "rockwell"}
