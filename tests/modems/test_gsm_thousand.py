"""A thousand calls: who is known is never taken for withheld, and who withholds is never taken for known."""

import asyncio
import random

import pytest
from gsm_lab import SHOP, gsm_lab
from modem_lab import next_call

from gateway.numbers import PhoneNumber, Withheld

CALLS = 250
CHATTER = ("^RSSI:19", "+CREG: 1", "+CSQ: 20,99", "^BOOT:1,0", '+CLCC: 3,1,0,1,0,"",128', "+CGEV: ME DETACH", "^HCSQ:1")


@pytest.mark.parametrize("model", ["sim800", "sim7600", "ec25", "huawei", "telit", "zte"])
@pytest.mark.parametrize("reason", [None, "P"])
async def test_a_thousand_calls_are_told_for_what_they_are(model: str, reason: str | None) -> None:
    rng = random.Random(f"{model}{reason}")
    expected = PhoneNumber("+819012345678") if reason is None else Withheld("P")
    async with gsm_lab(model) as bench:
        wire, faults = bench.telephone.wire, bench.modem.faults
        for number in range(CALLS):
            faults.clip_after = rng.uniform(0.0, 0.5)
            faults.chatter = tuple(rng.choices(CHATTER, k=rng.randrange(4)))
            bench.exchange.present(wire.number, withheld="P" if reason else None)
            wire.off_hook()
            wire.dial("0" + SHOP[3:])
            call = await next_call(bench.line)
            assert call.caller == expected, number
            await asyncio.sleep(rng.choice((0.0, 0.0, 0.2)))
            await bench.line.reject(call)
            assert call.caller == expected, number
            wire.on_hook()
            await asyncio.sleep(rng.uniform(0.05, 0.5))
        assert bench.line._rung.empty()
