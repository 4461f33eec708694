"""Calls through the exchange, told by its own log: who rings when, who hears what, who pays."""

import asyncio
import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway import clock
from gateway.bench import sound
from gateway.bench.exchange import Exchange
from gateway.bench.settings import ExchangeSettings, WireSettings
from gateway.bench.subscriber import Subscriber
from gateway.bench.wire import FRAME, CallerIdData, Samples
from gateway.errors import SettingsError

SHOP, CUSTOMER, OVERSEAS, LONDON = "+81355501234", "+819012345678", "+12125550123", "+442079460123"
PERFECT = WireSettings(echo_db=100, noise_dbm=-100, loss_db=0)


class Phone:
    """A terminal that writes everything down."""

    def __init__(self, exchange: Exchange, number: str, **how: Any) -> None:
        self.line: Subscriber = exchange.subscribe(number, **how)
        self.line.attach(self)
        self.bell: list[tuple[float, bool]] = []
        self.ids: list[CallerIdData] = []
        self.breaks: list[float] = []
        self.heard: list[Samples] = []
        self.out: list[Samples] = []

    def ringing(self, on: bool) -> None:
        self.bell.append((clock.now(), on))

    def caller_id(self, data: CallerIdData) -> None:
        self.ids.append(data)

    def line_break(self) -> None:
        self.breaks.append(clock.now())

    def speak(self) -> Samples:
        return self.out.pop(0) if self.out else np.zeros(FRAME, np.int16)

    def hear(self, sound: Samples) -> None:
        self.heard.append(sound)

    def say(self, spoken: Samples) -> None:
        whole = len(spoken) // FRAME * FRAME
        self.out += list(spoken[:whole].reshape(-1, FRAME))

    def call(self, digits: str) -> None:
        self.line.off_hook()
        self.line.dial(digits)

    def level(self, seconds: float) -> float:
        return sound.level(np.concatenate(self.heard[-round(seconds / 0.02) :]))


def events(exchange: Exchange, *names: str) -> list[dict[str, Any]]:
    return [event for event in exchange.journal.events if event["event"] in names]


def story(exchange: Exchange) -> list[str]:
    return [event["event"] for event in exchange.journal.events if event["event"] not in ("up", "dial", "ring")]


async def test_the_log_tells_a_whole_call_from_abroad_with_exact_times() -> None:
    async with Exchange() as exchange:
        overseas, customer = Phone(exchange, OVERSEAS), Phone(exchange, CUSTOMER)
        await asyncio.sleep(0.0123)
        overseas.call("011819012345678")
        await asyncio.sleep(7.0007)
        customer.line.off_hook()
        await asyncio.sleep(3.3303)
        customer.line.on_hook()
        await asyncio.sleep(1.0)
        overseas.line.on_hook()
        assert story(exchange) == [
            *("off_hook", "call", "caller_id", "off_hook", "answer"),
            *("on_hook", "release", "meter", "meter", "on_hook"),
        ]
        off, answer = events(exchange, "off_hook")
        assert off["t"] == pytest.approx(0.0123, abs=2e-6)
        assert answer["t"] == pytest.approx(7.013, abs=2e-6)
        assert answer["number"] == CUSTOMER
        payer, other = events(exchange, "meter")
        assert payer["number"] == OVERSEAS
        assert (payer["pays"], other["pays"]) == (True, False)
        assert payer["seconds"] == pytest.approx(3.3303, abs=2e-6)
        assert not exchange.calls


async def test_japan_shows_the_number_before_the_first_ring_and_rings_1_on_2_off() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(9.0)
        (shown,) = events(exchange, "caller_id")
        assert shown["t"] == pytest.approx(0.6 + 1.8)
        assert [(round(t, 6), on) for t, on in shop.bell] == [
            *((2.8, True), (3.8, False), (5.8, True), (6.8, False), (8.8, True)),
        ]
        assert shop.ids[0].number == "09012345678"
        assert shop.ids[0].called == SHOP


async def test_america_shows_the_number_a_second_after_the_first_burst() -> None:
    async with Exchange() as exchange:
        caller, called = Phone(exchange, "+12125550199"), Phone(exchange, OVERSEAS)
        caller.call("2125550123")
        await asyncio.sleep(9.0)
        assert [(round(t, 6), on) for t, on in called.bell] == [(0.6, True), (2.6, False), (6.6, True), (8.6, False)]
        assert events(exchange, "caller_id")[0]["t"] == pytest.approx(3.6)
        assert called.ids[0].number == "2125550199"


async def test_britain_shows_the_number_first_and_rings_twice_and_twice() -> None:
    async with Exchange() as exchange:
        caller, called = Phone(exchange, "+442079460999"), Phone(exchange, LONDON)
        caller.call("02079460123")
        await asyncio.sleep(6.0)
        assert [round(t - called.bell[0][0], 6) for t, _ in called.bell] == [0.0, 0.4, 0.6, 1.0, 3.0, 3.4, 3.6, 4.0]
        assert events(exchange, "caller_id")[0]["t"] == pytest.approx(called.bell[0][0] - 0.3)


async def test_ringing_never_drifts() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(170.0)
        begins = [t for t, on in shop.bell if on]
        assert len(begins) > 50
        assert begins[50] - begins[0] == pytest.approx(150.0, abs=1e-6)


@pytest.mark.parametrize(("digits", "reason"), [("1840355501234", "P"), ("1860355501234", None), ("0355501234", None)])
async def test_184_withholds_and_186_sends(digits: str, reason: str | None) -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call(digits)
        await asyncio.sleep(4.0)
        assert shop.ids[0].reason == reason
        assert shop.ids[0].number == (None if reason else "09012345678")


@pytest.mark.parametrize("reason", ["P", "O", "C", "S"])
@pytest.mark.parametrize("form", ["sdmf", "mdmf", "number-only"])
async def test_a_reason_and_a_form_hold_for_the_next_call_only(reason: Any, form: Any) -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        exchange.present(CUSTOMER, withheld=reason, form=form)
        for _ in range(2):
            customer.call("0355501234")
            await asyncio.sleep(4.0)
            customer.line.on_hook()
        first, second = shop.ids
        assert (first.number, first.reason, first.form) == (None, reason, form)
        assert (second.number, second.reason, second.form) == ("09012345678", None, "mdmf")


async def test_a_payphone_stays_one_whatever_is_dialled() -> None:
    async with Exchange() as exchange:
        payphone, shop = Phone(exchange, CUSTOMER, withheld="C"), Phone(exchange, SHOP)
        payphone.call("1860355501234")
        await asyncio.sleep(4.0)
        assert (shop.ids[0].number, shop.ids[0].reason) == (None, "C")


async def test_a_masked_number_comes_with_its_mask() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        exchange.present(CUSTOMER, form="masked")
        customer.call("0355501234")
        await asyncio.sleep(4.0)
        assert (shop.ids[0].number, shop.ids[0].reason, shop.ids[0].form) == ("09012345678", "O", "masked")


async def test_digits_may_come_one_by_one() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.line.off_hook()
        for digit in "0355501234":
            await asyncio.sleep(3.0)
            customer.line.dial(digit)
        await asyncio.sleep(4.0)
        assert shop.bell


async def test_digits_that_the_exchange_does_not_wait_for_are_logged_as_ignored() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.line.dial("1")
        customer.call("0355501234")
        customer.line.dial("5")
        await asyncio.sleep(4.0)
        shop.line.off_hook()
        customer.line.dial("7")
        assert [event.get("ignored", False) for event in events(exchange, "dial")] == [True, False, True, True]


async def test_who_dials_nothing_is_sent_away_after_a_while() -> None:
    async with Exchange() as exchange:
        customer = Phone(exchange, CUSTOMER)
        customer.line.off_hook()
        await asyncio.sleep(21.0)
        customer.line.dial("0355501234")
        await asyncio.sleep(3.0)
        assert events(exchange, "dial_tone_timeout")[0]["t"] == pytest.approx(20.0)
        assert not events(exchange, "call")


async def test_an_unknown_number_is_unobtainable() -> None:
    async with Exchange() as exchange:
        customer = Phone(exchange, CUSTOMER)
        customer.call("0355509999")
        await asyncio.sleep(2.0)
        assert events(exchange, "release")[0]["cause"] == "unobtainable"
        assert not exchange.calls


async def test_an_incomplete_number_is_tried_after_four_seconds() -> None:
    async with Exchange() as exchange:
        customer = Phone(exchange, CUSTOMER)
        customer.call("03555")
        await asyncio.sleep(6.0)
        assert events(exchange, "call")[0]["t"] == pytest.approx(4.0)
        assert events(exchange, "release")[0]["cause"] == "unobtainable"


@pytest.mark.parametrize("state", ["dial tone", "ringing", "itself"])
async def test_an_engaged_line_is_busy_and_does_not_ring(state: str) -> None:
    async with Exchange() as exchange:
        customer, shop, other = Phone(exchange, CUSTOMER), Phone(exchange, SHOP), Phone(exchange, LONDON)
        if state == "dial tone":
            shop.line.off_hook()
        elif state == "ringing":
            other.call("0081355501234")
            await asyncio.sleep(5.0)
        caller = shop if state == "itself" else customer
        bells = len(shop.bell)
        caller.call("0355501234")
        await asyncio.sleep(0.7)
        assert [(event["number"], event["caller"]) for event in events(exchange, "busy")] == [
            (SHOP, caller.line.number)
        ]
        assert events(exchange, "release")[-1]["cause"] == "busy"
        assert len(shop.bell) == bells


async def test_nobody_rings_for_ever() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(200.0)
        assert events(exchange, "release")[0]["cause"] == "no answer"
        assert shop.bell[-1][1] is False
        customer.line.on_hook()
        shop.line.off_hook()
        assert not events(exchange, "answer")


async def test_lifting_between_caller_id_and_ring_answers() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(2.45)
        shop.line.off_hook()
        await asyncio.sleep(2.0)
        assert events(exchange, "answer")
        assert shop.bell == []


async def test_a_terminal_that_answers_within_its_bell_is_not_rung_on() -> None:
    async with Exchange() as exchange:
        caller, called = Phone(exchange, "+12125550199"), Phone(exchange, OVERSEAS)
        rung = called.ringing

        def lift_at_once(on: bool) -> None:
            rung(on)
            called.line.off_hook()

        called.ringing = lift_at_once  # type: ignore[method-assign]
        caller.call("2125550123")
        await asyncio.sleep(10.0)
        assert [on for _, on in called.bell] == [True, False]
        assert called.bell[0][0] == called.bell[1][0]


async def test_who_lifts_as_the_bell_stops_gets_dial_tone() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        shop.ringing = lambda on: None if on else shop.line.off_hook()  # type: ignore[method-assign]
        customer.call("0355501234")
        await asyncio.sleep(3.0)
        customer.line.on_hook()
        await asyncio.sleep(1.0)
        assert shop.level(0.5) > -20
        shop.line.dial("09012345678")
        await asyncio.sleep(1.0)
        assert events(exchange, "call")[-1]["to"] == CUSTOMER


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


async def test_a_freephone_number_rings_on_the_shops_line_and_the_shop_pays() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP, also=["+81120123456"])
        customer.call("0120123456")
        await asyncio.sleep(3.0)
        assert shop.ids[0].called == "+81120123456"
        shop.line.off_hook()
        await asyncio.sleep(1.0)
        customer.line.on_hook()
        payer = next(event for event in events(exchange, "meter") if event["pays"])
        assert payer["number"] == SHOP
        assert payer["currency"] == "JPY"


async def test_the_log_is_on_disk_as_it_happens(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "exchange.jsonl"
    async with Exchange(ExchangeSettings(log=str(path))) as exchange:
        Phone(exchange, CUSTOMER).line.log("at", text="ATZ")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert [line["event"] for line in lines] == ["up", "at"]
        assert lines[1]["number"] == CUSTOMER
        assert lines[1]["wall"] == pytest.approx(clock.wall_clock())


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


async def test_a_line_that_is_taken_away_ends_its_call() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(3.0)
        shop.line.off_hook()
        exchange.unsubscribe(shop.line)
        assert not exchange.calls
        assert SHOP not in exchange.lines
        with pytest.raises(SettingsError, match="there is such a line already"):
            exchange.subscribe(CUSTOMER)


async def test_a_call_that_the_called_end_rejects_is_busy_for_the_caller() -> None:
    async with Exchange() as exchange:
        customer, shop = Phone(exchange, CUSTOMER), Phone(exchange, SHOP)
        customer.call("0355501234")
        await asyncio.sleep(3.0)
        (call,) = exchange.calls
        call.reject()
        await asyncio.sleep(1.0)
        (released,) = events(exchange, "release")
        assert (released["number"], released["by"], released["cause"]) == (SHOP, "called", "rejected")
        assert shop.bell[-1][1] is False
        assert not shop.line.engaged
        assert customer.level(1.0) > -25
