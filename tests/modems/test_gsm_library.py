"""The library serves beside the calls and never in them: no call object, no thread, no line of its own."""

import ast
import asyncio
import threading
from pathlib import Path
from typing import Any

import gsmmodem.modem
import gsmmodem.serial_comms
import pytest
from gsm_lab import SHOP, each_model, gsm_lab
from modem_lab import CUSTOMER, next_call

import gateway
from gateway.line import Answer
from gateway.numbers import PhoneNumber

TAKEN = {
    "gsmmodem.exceptions": {"CommandError", "GsmModemException", "TimeoutException"},
    "gsmmodem.modem": {"GsmModem", "ReceivedSms"},
    "gsmmodem.serial_comms": {"SerialComms"},
}
OF_CALLS = [
    (gsmmodem.modem.Call, "__init__"),
    (gsmmodem.modem.GsmModem, "dial"),
    (gsmmodem.modem.GsmModem, "connect"),
    (gsmmodem.modem.GsmModem, "_handleModemNotification"),
    (gsmmodem.modem.GsmModem, "_handleIncomingCall"),
    (gsmmodem.serial_comms.SerialComms, "_readLoop"),
]


def test_nothing_of_the_library_that_makes_calls_is_imported() -> None:
    for path in Path(gateway.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gsmmodem"):
                assert {name.name for name in node.names} <= TAKEN[node.module or ""], path
            elif isinstance(node, ast.Import):
                assert not [name for name in node.names if name.name.startswith("gsmmodem")], path


@each_model
async def test_calls_both_ways_touch_neither_its_call_objects_nor_its_read_loop(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def used(*_: Any, **__: Any) -> None:
        raise AssertionError("the library's own calls")

    for owner, name in OF_CALLS:
        monkeypatch.setattr(owner, name, used)
    async with gsm_lab(model) as bench:
        await bench.telephone.call("0" + SHOP[3:])
        async with bench.line.answered(await next_call(bench.line)) as voice:
            await voice.hear()
        bench.telephone.wire.on_hook()
        bench.telephone.answers_at_ring = 1
        await asyncio.sleep(1.0)
        async with bench.line.dialled(PhoneNumber(CUSTOMER)) as result:
            assert not isinstance(result, Answer)
        assert bench.line.library.activeCalls == {}
        working = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
        assert [name for name in working if name.startswith('line "a"')] in ([], ['line "a": memory_0'])


@each_model
async def test_a_call_between_its_commands_and_bad_bytes_is_heard(model: str) -> None:
    async with gsm_lab(model) as bench:
        bench.modem.faults.clip_after = 0.03

        async def ask_on_and_on() -> None:
            while True:
                assert await bench.line.library.run(lambda library: library.signalStrength) == 21
                bench.modem.send_garbage(b"\xff\x00\xfe\r\n")

        asking = asyncio.create_task(ask_on_and_on())
        for _ in range(10):
            await bench.telephone.call("0" + SHOP[3:])
            call = await next_call(bench.line)
            assert call.caller == PhoneNumber(CUSTOMER)
            await bench.line.reject(call)
            bench.telephone.wire.on_hook()
            await asyncio.sleep(0.3)
        assert not asking.done()
        asking.cancel()
