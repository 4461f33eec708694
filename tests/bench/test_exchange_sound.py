"""Who hears what through the exchange: tones, voices, keys, and what the line does to them."""

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest
from exchange_lab import CUSTOMER, LONDON, OVERSEAS, PERFECT, SHOP, Phone, events

from gateway import clock
from gateway.bench import sound
from gateway.bench.exchange import Exchange
from gateway.bench.settings import ExchangeSettings, WireSettings
from gateway.bench.wire import FRAME


@pytest.mark.parametrize("leaver", ["caller", "called"])
async def test_the_other_end_hears_the_tone_after_its_countrys_silence(leaver: str) -> None:
    async with Exchange(ExchangeSettings(wire=PERFECT)) as exchange:
        overseas, customer = Phone(exchange, OVERSEAS), Phone(exchange, CUSTOMER)
        overseas.call("011819012345678")
        await asyncio.sleep(6.0)
        customer.line.off_hook()
        await asyncio.sleep(1.0)
        gone, left = (overseas, customer) if leaver == "caller" else (customer, overseas)
        left.heard.clear()
        gone.line.on_hook()
        await asyncio.sleep(6.0)
        first = next(at for at, frame in enumerate(left.heard) if abs(frame).max() > 300) * 0.02
        assert first == pytest.approx(0.3 if left is customer else 4.0, abs=0.03)
        assert left.breaks == []


async def test_loop_current_breaks_where_the_settings_say_so() -> None:
    async with Exchange(ExchangeSettings(wire=WireSettings(loop_break=True))) as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(3.0)
        shop.line.off_hook()
        await asyncio.sleep(1.0)
        customer.line.on_hook()
        await asyncio.sleep(1.0)
        assert shop.breaks == [pytest.approx(4.35)]
        assert [event["number"] for event in events(exchange, "line_break")] == [SHOP]


async def test_sound_passes_both_ways_without_a_lost_sample() -> None:
    async with Exchange(ExchangeSettings(wire=PERFECT)) as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(3.0)
        shop.line.off_hook()
        await asyncio.sleep(0.5)
        rng = np.random.default_rng(1)
        up = rng.integers(-9000, 9000, 250 * FRAME).astype(np.int16)
        down = rng.integers(-9000, 9000, 250 * FRAME).astype(np.int16)
        customer.say(up)
        shop.say(down)
        customer.heard.clear()
        shop.heard.clear()
        await asyncio.sleep(5.1)
        assert np.array_equal(np.concatenate(shop.heard)[: len(up)], up)
        assert np.array_equal(np.concatenate(customer.heard)[: len(down)], down)


async def test_a_line_loses_level_and_adds_noise() -> None:
    wire = WireSettings(loss_db=7.0, noise_dbm=-50.0, echo_db=100)
    async with Exchange(ExchangeSettings(wire=wire)) as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(3.0)
        shop.line.off_hook()
        await asyncio.sleep(1.0)
        assert shop.level(0.5) == pytest.approx(-50.0, abs=1.0)
        customer.say(sound.tone((1000.0,), 2.0, -10.0))
        await asyncio.sleep(1.5)
        assert shop.level(1.0) == pytest.approx(-17.0, abs=0.1)


async def test_ones_own_voice_comes_back_weaker_and_later() -> None:
    wire = WireSettings(loss_db=0.0, noise_dbm=-100, echo_db=20.0, echo_ms=5.0)
    async with Exchange(ExchangeSettings(wire=wire)) as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(3.0)
        shop.line.off_hook()
        await asyncio.sleep(1.0)
        shop.heard.clear()
        spoken = np.random.default_rng(2).integers(-20000, 20000, 50 * FRAME).astype(np.int16)
        shop.say(spoken)
        await asyncio.sleep(1.1)
        echo = np.concatenate(shop.heard)[40 : 40 + len(spoken)]
        assert np.abs(echo - spoken / 10).max() <= 1.5


async def test_dial_tone_ringback_and_the_far_countrys_ringback_are_heard() -> None:
    async with Exchange(ExchangeSettings(wire=PERFECT)) as exchange:
        overseas = Phone(exchange, OVERSEAS)
        Phone(exchange, CUSTOMER)
        overseas.line.off_hook()
        await asyncio.sleep(1.0)
        dial = np.abs(np.fft.rfft(np.concatenate(overseas.heard[-25:])))
        assert sorted(int(place) * 2 for place in np.argsort(dial)[-2:]) == [350, 440]
        overseas.line.dial("011819012345678")
        await asyncio.sleep(1.0)
        assert overseas.level(0.5) == sound.SILENT_DBM0
        await asyncio.sleep(1.5)
        spectrum = np.abs(np.fft.rfft(np.concatenate(overseas.heard[-25:])))
        assert int(np.argmax(spectrum)) * 2 == 400


async def test_keys_are_logged_as_the_exchange_hears_them() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(3.0)
        shop.line.off_hook()
        await asyncio.sleep(0.5)
        customer.say(sound.tone((697.0, 1209.0), 0.1, -10.0))
        await asyncio.sleep(1.0)
        (key,) = events(exchange, "keyed")
        assert (key["number"], key["key"], key["call"]) == (CUSTOMER, "1", 1)
        assert key["onset"] == pytest.approx(3.5, abs=0.021)


async def test_both_sides_of_an_answered_call_are_recorded(tmp_path: Path) -> None:
    settings = ExchangeSettings(recordings=str(tmp_path / "rec"), wire=PERFECT)
    async with Exchange(settings) as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(3.01)
        shop.line.off_hook()
        customer.say(sound.tone((500.0,), 1.0, -10.0))
        await asyncio.sleep(2.51)
        shop.line.on_hook()
        (made,) = events(exchange, "recording")
        assert made["begins"] == pytest.approx(3.02)
        with wave.open(made["file"]) as file:
            both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        assert len(both) == pytest.approx(2.5 * sound.RATE, abs=FRAME)
        assert sound.level(both[:8000, 0]) == pytest.approx(-10, abs=0.1)
        assert not both[:, 1].any()


async def test_a_terminal_that_fails_is_hung_up_and_others_talk_on() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        bad = Phone(exchange, LONDON)
        customer.call("0355501234")
        await asyncio.sleep(3.0)
        shop.line.off_hook()
        bad.speak = lambda: np.zeros(7, np.int16)  # type: ignore[method-assign]
        bad.line.off_hook()
        await asyncio.sleep(1.0)
        assert not bad.line.off
        assert "7 samples instead of 160" in events(exchange, "terminal_failed")[0]["error"]
        assert shop.line.off
        assert len(shop.heard) >= 49


async def test_an_idle_exchange_has_nothing_to_do() -> None:
    async with Exchange() as exchange:
        phone = Phone(exchange, CUSTOMER)
        before = len(phone.heard)
        await asyncio.sleep(86_400.0)
        assert len(phone.heard) == before
        assert len(exchange.journal.events) == 1


async def test_a_late_exchange_catches_up_frame_by_frame() -> None:
    async with Exchange() as exchange:
        phone = Phone(exchange, CUSTOMER)
        phone.line.off_hook()
        await asyncio.sleep(1.0)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, clock.VirtualLoop)
        loop._jumping.now += 3.0  # the machine was away for three seconds
        await asyncio.sleep(1.0)
        assert len(phone.heard) == pytest.approx(5.0 / 0.02, abs=1)
        assert events(exchange, "late")[0]["seconds"] == pytest.approx(3.0, abs=0.1)
