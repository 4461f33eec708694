"""Customers: what they do, and that they judge by sound alone."""

import asyncio
import itertools
from pathlib import Path

import numpy as np
import pytest

from gateway.bench import script, sound
from gateway.bench.customers import MOODS, CallOrder, carry_out, customer, moody
from gateway.bench.exchange import Exchange
from gateway.bench.handset import Handset
from gateway.bench.script import Script, ScriptError
from gateway.bench.settings import ExchangeSettings, WireSettings
from gateway.errors import SettingsError

SHOP, CUSTOMER, OVERSEAS = "+81355501234", "+819012345678", "+12125550123"


def speech(seconds: float) -> sound.Samples:
    rng = np.random.default_rng(3)
    loud = np.repeat(rng.uniform(0.2, 1.0, round(seconds * 10) + 1), 800)[: round(seconds * sound.RATE)]
    return (rng.standard_normal(len(loud)) * loud * 2500).astype(np.int16)


class Gateway:
    """The shop's two lines, as customers know them: guidance, then the call back with a menu of so many prompts."""

    def __init__(self, exchange: Exchange, prompts: int = 3) -> None:
        self.exchange = exchange
        self.prompts = prompts
        self.shop = Handset(exchange, exchange.subscribe(SHOP))
        self.overseas = Handset(exchange, exchange.subscribe(OVERSEAS))

    async def run(self) -> None:
        await self.shop.answer(within=600, after=0.1)
        await self.shop._utter(speech(3.0))
        self.shop.hang_up()
        await self.call_back()

    async def call_back(self) -> None:
        for _ in range(4):
            await self.overseas.call(CUSTOMER)
            if await self.overseas.hears("ringback", within=10) and await self.answered():
                for _ in range(self.prompts):
                    await self.overseas._utter(speech(1.5))
                    await asyncio.sleep(4.0)
                await self.overseas._utter(speech(1.0))
                await asyncio.sleep(1.0)
                self.overseas.hang_up()
                return
            self.overseas.hang_up()
            await asyncio.sleep(20.0)

    async def answered(self) -> bool:
        for _ in range(200):
            if any(
                event["event"] == "answer" and event["caller"] == OVERSEAS for event in self.exchange.journal.events
            ):
                return True
            await asyncio.sleep(0.1)
        return False


def keyed(exchange: Exchange) -> str:
    return "".join(e["key"] for e in exchange.journal.events if e["event"] == "keyed" and e["number"] == CUSTOMER)


def of_the_customer(exchange: Exchange, name: str) -> list[dict]:
    return [e for e in exchange.journal.events if e["event"] == name and e["number"] == CUSTOMER]


async def test_the_ready_made_customer_is_called_back_and_keys_his_order() -> None:
    async with Exchange() as exchange:
        gateway = asyncio.create_task(Gateway(exchange).run())
        handset = Handset(exchange, exchange.subscribe(CUSTOMER), seed=3)
        result = await script.run(handset, customer(SHOP, "1 25# 9"))
        assert result.failed is None
        assert keyed(exchange) == "125#9"
        assert not handset.off_hook
        assert handset.shown is not None
        assert handset.shown.number == "01012125550123"
        heard = dict.fromkeys(note["heard"] for note in result.notes if "heard" in note)
        assert list(heard) == ["silence", "ringback", "speech", "busy", "bell"]
        await gateway


async def test_a_customer_in_a_hurry_presses_into_the_prompt() -> None:
    async with Exchange() as exchange:
        gateway = asyncio.create_task(Gateway(exchange).run())
        handset = Handset(exchange, exchange.subscribe(CUSTOMER))
        result = await script.run(handset, customer(SHOP, "1 2 3", barge_in=True))
        assert result.failed is None
        answered = next(e["t"] for e in exchange.journal.events if e["event"] == "answer" and e["caller"] == OVERSEAS)
        assert of_the_customer(exchange, "keyed")[0]["onset"] - answered < 1.5
        await gateway


async def test_keys_are_pressed_at_a_humans_pace_the_same_for_the_same_seed() -> None:
    timings = []
    for _ in range(2):
        async with Exchange() as exchange:
            customer_, shop = (Handset(exchange, exchange.subscribe(number), seed=9) for number in (CUSTOMER, SHOP))
            await customer_.call(SHOP)
            await shop.answer()
            await customer_.press("0123456789*#")
            await asyncio.sleep(0.5)
            keys = of_the_customer(exchange, "keyed")
            assert "".join(key["key"] for key in keys) == "0123456789*#"
            assert all(60 <= key["ms"] <= 220 for key in keys)
            gaps = [b["onset"] - a["onset"] - a["ms"] / 1000 for a, b in itertools.pairwise(keys)]
            assert all(0.05 <= gap <= 0.45 for gap in gaps)
            timings.append([(key["onset"], key["ms"]) for key in keys])
    assert timings[0] == timings[1]


async def test_the_echo_of_ones_own_keys_is_no_prompt() -> None:
    async with Exchange(ExchangeSettings(wire=WireSettings(echo_db=6.0, echo_ms=30.0))) as exchange:
        customer_, shop = (Handset(exchange, exchange.subscribe(number)) for number in (CUSTOMER, SHOP))
        await customer_.call(SHOP)
        await shop.answer()
        pressing = asyncio.create_task(customer_.press("1234567890"))
        assert not await customer_.hears("sound", within=10.0)
        await pressing


async def test_rings_are_counted_for_each_call() -> None:
    async with Exchange() as exchange:
        customer_, shop = (Handset(exchange, exchange.subscribe(number)) for number in (CUSTOMER, SHOP))
        for _ in range(2):
            await customer_.call(SHOP)
            called = exchange.journal.now()
            assert await shop.answer(rings=3)
            rung = [e for e in exchange.journal.events if e["event"] == "ring" and e["on"] and e["t"] > called]
            assert len(rung) == 3
            customer_.hang_up()
            await asyncio.sleep(1.0)
            shop.hang_up()
        await customer_.call(SHOP)
        await shop.until(lambda: shop.rings == 2, within=20)
        customer_.hang_up()
        await asyncio.sleep(20.0)
        await customer_.call(SHOP)
        await shop.until(lambda: shop.rings > 0, within=20)
        assert not await shop.answer(rings=3, within=5.0)


async def test_what_is_spoken_arrives() -> None:
    async with Exchange() as exchange:
        customer_, shop = (Handset(exchange, exchange.subscribe(number)) for number in (CUSTOMER, SHOP))
        await customer_.call(SHOP)
        await shop.answer()
        assert not await shop.hears("speech", within=2.0)
        await asyncio.gather(customer_._utter(speech(2.0)), shop.hears("speech", within=2.0))
        assert await shop.pause(0.5, within=0.1) is False
        assert await shop.hears("silence", within=2.0)


async def test_nobody_there_is_told_from_a_busy_line() -> None:
    async with Exchange() as exchange:
        handset = Handset(exchange, exchange.subscribe(CUSTOMER))
        other = Handset(exchange, exchange.subscribe(SHOP))
        wanted = CallOrder(caller=CUSTOMER, called=SHOP, timeout=15.0)
        assert (await carry_out(handset, wanted)).failed == "nobody answered"
        other.lift()
        assert (await carry_out(handset, wanted)).failed == "busy"


async def test_a_plain_call_is_done_when_it_was_heard_out() -> None:
    async with Exchange() as exchange:
        gateway = asyncio.create_task(Gateway(exchange).run())
        handset = Handset(exchange, exchange.subscribe(CUSTOMER))
        result = await carry_out(handset, CallOrder(caller=CUSTOMER, called=SHOP, keys="1 2 3", callback=True))
        assert result.failed is None
        assert keyed(exchange) == "123"
        await gateway


async def test_a_call_back_that_is_asked_for_and_does_not_come_is_told() -> None:
    async with Exchange() as exchange:
        gateway = asyncio.create_task(Gateway(exchange).run())
        handset = Handset(exchange, exchange.subscribe(CUSTOMER))
        gateway_gone = asyncio.get_running_loop().call_later(7.0, gateway.cancel)
        result = await carry_out(handset, CallOrder(caller=CUSTOMER, called=SHOP, callback=True, timeout=30.0))
        assert result.failed == "not called back within 30 s"
        gateway_gone.cancel()


@pytest.mark.parametrize("mood", MOODS)
@pytest.mark.parametrize("seed", [1, 2])
async def test_every_mood_ends_with_the_receiver_on(mood, seed: int) -> None:
    async with Exchange() as exchange:
        gateway = asyncio.create_task(Gateway(exchange).run())
        handset = Handset(exchange, exchange.subscribe(CUSTOMER))
        order = CallOrder(caller=CUSTOMER, called=SHOP, keys="1 2 3", mood=mood, seed=seed)
        result = await carry_out(handset, order)
        assert result.failed is None
        assert result.notes[0]["is"] == mood
        assert not handset.off_hook
        assert keyed(exchange) == {"never answers": "", "hangs up at once": "", "gives up": "1"}.get(mood, "123")
        gateway.cancel()


def test_the_random_customer_is_somebody_else_with_another_seed() -> None:
    import random

    made = {str(moody("leaves early", SHOP, "1", random.Random(seed)).steps[2]) for seed in range(5)}
    assert len(made) == 5


async def test_withheld_by_wish_is_dialled_with_184_and_payphones_are_the_networks_doing() -> None:
    async with Exchange() as exchange:
        handset, shop = (Handset(exchange, exchange.subscribe(number)) for number in (CUSTOMER, SHOP))
        for reason in ("P", "C"):
            await handset.call(SHOP, withheld=reason)
            await asyncio.sleep(3.0)
            assert shop.shown is not None
            assert (shop.shown.number, shop.shown.reason) == (None, reason)
            handset.hang_up()
        dialled = [note["digits"] for note in handset.notes if note.get("did") == "dial"]
        assert dialled == ["1840355501234", "0355501234"]


async def test_a_dead_line_gives_no_dial_tone() -> None:
    async with Exchange() as exchange:
        handset = Handset(exchange, exchange.subscribe(CUSTOMER))
        handset.line.dead = True
        result = await carry_out(handset, CallOrder(caller=CUSTOMER, called=SHOP))
        assert result.failed == "no dial tone"


STEPS = """
seed = 4
[[step]]
do = "call"
number = "+81355501234"
[[step]]
do = "hear"
what = "ringback"
[[step]]
do = "hear"
what = "guidance.wav"
within = 20
[[step]]
do = "repeat"
times = 2
steps = [ {do = "wait", seconds = 0.5}, {do = "press", keys = "5"} ]
[[step]]
do = "speak"
wav = "guidance.wav"
[[step]]
do = "hear"
what = "busy"
"""


async def test_a_script_from_a_file_is_done_step_by_step(tmp_path: Path) -> None:
    sound.write_wav(tmp_path / "guidance.wav", speech(3.0))
    (tmp_path / "a.toml").write_text(STEPS)
    made = script.load(tmp_path / "a.toml")
    async with Exchange() as exchange:
        handset, shop = (Handset(exchange, exchange.subscribe(number)) for number in (CUSTOMER, SHOP))
        run = asyncio.create_task(script.run(handset, made))
        await shop.answer(after=0.1)
        await shop.speak_wav(tmp_path / "guidance.wav")
        assert await shop.hears("speech", within=10)
        assert await shop.hears("silence", within=10)
        shop.hang_up()
        result = await run
        assert result.failed is None
        assert keyed(exchange) == "55"


async def test_a_step_that_does_not_come_out_is_named_with_what_was_heard_instead() -> None:
    made = script.build({"step": [{"do": "lift"}, {"do": "hear", "what": "speech", "within": 3}]}, "x", Path())
    async with Exchange() as exchange:
        handset = Handset(exchange, exchange.subscribe(CUSTOMER))
        result = await script.run(handset, made)
        assert not result.ok
        assert result.failed == "step 2 (hear): no speech within 3 s; heard 400"
        assert not handset.off_hook


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ({"do": "sing"}, r"step 2 \(sing\): .*sing"),
        ({"do": "wait"}, r"step 2 \(wait\): seconds is missing; add it"),
        ({"do": "press", "keys": "12x"}, r"step 2 \(press\): keys: "),
        ({"do": "hear", "what": "laughter"}, r'step 2 \(hear\): can\'t hear "laughter"; say speech, '),
        ({"do": "speak", "wav": "no.wav"}, r"step 2 \(speak\): .*no\.wav: no such sound file"),
        ({"do": "call", "number": "1", "loud": True}, r"step 2 \(call\): loud is not a setting"),
        (
            {"do": "repeat", "times": 2, "steps": [{"do": "wait"}]},
            r"step 2 \(repeat\): .*steps\[1\].seconds is missing",
        ),
        ("wait", r"step 2: expected `object`, got `str`"),
    ],
)
def test_a_wrong_step_is_named(step: object, complaint: str, tmp_path: Path) -> None:
    with pytest.raises((ScriptError, SettingsError), match="script: " + complaint):
        script.build({"step": [{"do": "lift"}, step]}, "script", tmp_path)


def test_a_script_without_steps_or_with_a_wrong_head_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="step 1 is missing"):
        script.build({}, "script", tmp_path)
    with pytest.raises(SettingsError, match="script: sed is not a setting"):
        script.build({"sed": 1, "step": [{"do": "lift"}]}, "script", tmp_path)


def test_a_script_made_in_code_equals_one_from_a_file() -> None:
    made = script.build({"step": [{"do": "hang up"}, {"do": "answer", "rings": 2}]}, "x", Path())
    assert made == Script(steps=(script.HangUp(), script.Answer(rings=2)))
