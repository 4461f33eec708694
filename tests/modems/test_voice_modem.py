"""A line on each voice modem: calls are told once, answered fast, and the line comes free whatever happens."""

import asyncio

import pytest
from modem_lab import ABROAD, CUSTOMER, PluggedIn, lab, next_call, tone

from gateway import clock
from gateway.line import Answer, CallEnded, LineLost, Voice
from gateway.modems.profiles import PROFILES
from gateway.modems.voice_modem import PROBE, VoiceModem
from gateway.numbers import PhoneNumber, Withheld

MODELS = ["usr5637", "conexant", "rockwell"]
EMULATED = [
    *((model, model) for model in MODELS),
    ("conexant", "zoom3095"),
    ("v253", "usr-external"),
    ("v253", "usr5637"),
]
SHOP_DIALLED = "0355500001"
CALLER = PhoneNumber(CUSTOMER)
CALLED = PhoneNumber(CUSTOMER)


@pytest.mark.parametrize(("model", "emulated"), EMULATED)
async def test_a_call_is_answered_within_a_blink_and_the_line_is_free_again(model: str, emulated: str) -> None:
    async with lab(model, emulated=emulated) as bench:
        await bench.telephone.call(SHOP_DIALLED)
        call = await next_call(bench.line)
        async with bench.line.answered(call):
            assert bench.off_hook
        assert not bench.off_hook
        assert call.caller == CALLER
        assert bench.times("off_hook")[0] - bench.times("caller_id_sent")[0] <= 0.040


@pytest.mark.parametrize("model", MODELS)
async def test_a_number_alone_does_not_wait_for_the_second_ring(model: str) -> None:
    async with lab(model, number=ABROAD, customer="+12125550199") as bench:
        bench.exchange.present("+12125550199", form="number-only")
        await bench.telephone.call("2125550101")
        call = await next_call(bench.line)
        async with bench.line.answered(call):
            pass
        assert call.caller == PhoneNumber("+12125550199")
        assert bench.times("off_hook")[0] - bench.times("caller_id_sent")[0] <= 0.300


@pytest.mark.parametrize("reason", ["P", "O", "C", "S"])
async def test_a_withheld_call_is_told_with_its_reason(reason: str) -> None:
    async with lab() as bench:
        bench.exchange.present(CUSTOMER, withheld=reason)  # type: ignore[arg-type]
        await bench.telephone.call(SHOP_DIALLED)
        assert (await next_call(bench.line)).caller == Withheld(reason)  # type: ignore[arg-type]


@pytest.mark.parametrize("model", MODELS)
async def test_a_number_that_is_masked_in_the_same_breath_is_never_told(model: str) -> None:
    async with lab(model) as bench:
        bench.exchange.present(CUSTOMER, form="masked")
        await bench.telephone.call(SHOP_DIALLED)
        assert (await next_call(bench.line)).caller == Withheld("O")


async def test_a_number_that_is_masked_later_is_taken_back_while_the_call_lasts() -> None:
    async with lab() as bench:
        await bench.telephone.call(SHOP_DIALLED)
        call = await next_call(bench.line)
        assert call.caller == CALLER
        bench.modem.send_garbage(b"\r\nNMBR=P\r\n")
        await asyncio.sleep(0.01)
        assert call.caller == Withheld("P")


async def test_a_number_that_is_masked_in_a_long_call_is_taken_back() -> None:
    async with lab("rockwell") as bench:
        await bench.telephone.call(SHOP_DIALLED)
        call = await next_call(bench.line)
        async with bench.line.answered(call) as voice:
            voice.play(tone(500, 12))
            await asyncio.sleep(10)
            bench.modem.send_garbage(b"\r\nNMBR = P\r\n")  # the modem speaks in lines while it plays
            await voice.played()
        assert call.caller == Withheld("P")


async def test_a_caller_id_that_never_came_is_unavailable_at_the_second_ring() -> None:
    async with lab() as bench:
        bench.modem.spoil_caller_id()
        await bench.telephone.call(SHOP_DIALLED)
        assert (await next_call(bench.line)).caller == Withheld("O")
        assert bench.telephone.wire.number == CUSTOMER
        assert len([event for event in bench.events("ring") if event["on"]]) == 2


async def test_a_conexant_on_a_japanese_line_is_told_so_or_it_would_hear_no_caller_id() -> None:
    async with lab("conexant") as bench:
        assert "AT+GCI=00" in [event["text"] for event in bench.events("at")]


async def test_each_call_is_told_once_and_the_next_one_is_another() -> None:
    async with lab() as bench:
        for _ in range(3):
            await bench.telephone.call(SHOP_DIALLED)
            call = await next_call(bench.line)
            await asyncio.sleep(4.0)  # it rings on
            async with bench.line.answered(call):
                await asyncio.sleep(0.5)
            bench.telephone.wire.on_hook()
            await asyncio.sleep(1.0)
        with pytest.raises(TimeoutError):
            await next_call(bench.line, within=60.0)


async def test_a_caller_who_gave_up_is_not_answered() -> None:
    async with lab() as bench:
        await bench.telephone.call(SHOP_DIALLED)
        call = await next_call(bench.line)
        await asyncio.sleep(1.0)
        bench.telephone.wire.on_hook()
        await asyncio.sleep(8.0)
        with pytest.raises(CallEnded):
            async with bench.line.answered(call):
                pass
        assert not bench.times("off_hook")


async def test_a_modem_that_refuses_to_lift_during_a_burst_is_asked_again_right_after_it() -> None:
    async with lab(number=ABROAD, customer="+12125550199") as bench:
        await bench.telephone.call("2125550101")
        call = await next_call(bench.line)
        bursts = [event["t"] for event in bench.events("ring") if event["on"]]
        await asyncio.sleep(bursts[0] + 6.5 - clock.now())  # well within the second burst
        async with bench.line.answered(call):
            pass
        ends = [event["t"] for event in bench.events("ring") if not event["on"]]
        assert 0 < bench.times("off_hook")[0] - ends[1] < 0.1


class Trouble(Exception):
    pass


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("trouble", [Trouble, CallEnded, asyncio.CancelledError])
async def test_the_line_comes_free_however_an_answered_call_ends(model: str, trouble: type[BaseException]) -> None:
    async with lab(model) as bench:
        await bench.telephone.call(SHOP_DIALLED)
        call = await next_call(bench.line)
        with pytest.raises(trouble):
            async with bench.line.answered(call) as voice:
                await voice.hear()
                raise trouble
        assert not bench.off_hook
        assert len(bench.times("on_hook")) == 1


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("after", [0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.4])
async def test_the_line_comes_free_when_cancelled_at_any_moment_of_answering(model: str, after: float) -> None:
    async with lab(model) as bench:

        async def serve() -> None:
            async with bench.line.answered(call) as voice:
                while True:
                    await voice.hear()

        await bench.telephone.call(SHOP_DIALLED)
        call = await next_call(bench.line)
        task = asyncio.create_task(serve())
        await asyncio.sleep(after)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
        assert not bench.off_hook
        bench.telephone.wire.on_hook()
        await asyncio.sleep(1.0)
        await bench.telephone.call(SHOP_DIALLED)
        assert (await next_call(bench.line)).caller == CALLER  # and it serves the next one


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("after", [0.005, 0.3, 1.0, 2.0, 4.0, 6.0])
async def test_the_line_comes_free_when_cancelled_at_any_moment_of_dialling(model: str, after: float) -> None:
    async with lab(model) as bench:

        async def serve() -> None:
            async with bench.line.dialled(CALLED) as voice:
                assert not isinstance(voice, Answer)
                while True:
                    await voice.hear()

        task = asyncio.create_task(serve())
        await asyncio.sleep(after)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
        assert not bench.off_hook
        async with bench.line.dialled(CALLED) as voice:  # and it serves the next one
            assert not isinstance(voice, Answer)


@pytest.mark.parametrize("model", MODELS)
async def test_dialling_gives_a_voice_path_at_once_for_ears_to_judge(model: str) -> None:
    async with lab(model, number=ABROAD) as bench:
        async with bench.line.dialled(CALLED) as voice:
            assert not isinstance(voice, Answer)
            assert clock.now() - bench.times("atd")[0] < 6.0
        dialled = "".join(event["digits"] for event in bench.events("dial"))
        assert dialled == "011819012345678"
        assert not bench.off_hook


async def test_the_prefix_of_a_branch_exchange_is_dialled_first() -> None:
    async with lab(number=ABROAD, dial_prefix="9,", international_prefix="0111") as bench:
        async with bench.line.dialled(CALLED):
            pass
        assert bench.events("atd")[0]["digits"].lstrip("T") == "9,0111819012345678"


@pytest.mark.parametrize("model", MODELS)
async def test_no_dial_tone_is_an_answer_and_not_a_fault(model: str) -> None:
    async with lab(model) as bench:
        bench.modem.one_way(deaf=True)
        async with bench.line.dialled(CALLED) as answer:
            assert answer is Answer.NO_DIAL_TONE
        assert not bench.off_hook


@pytest.mark.parametrize("model", MODELS)
async def test_an_unplugged_modem_is_lost_within_half_a_second_and_named(model: str) -> None:
    async with lab(model) as bench:
        waiting = asyncio.create_task(next_call(bench.line))
        await asyncio.sleep(1.0)
        bench.modem.unplug()
        with pytest.raises(LineLost, match='line "a": memory'):
            await asyncio.wait_for(waiting, 0.5)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("what", ["wedge", "unplug"])
async def test_a_modem_that_fails_in_a_call_is_lost_and_the_line_comes_free(model: str, what: str) -> None:
    async with lab(model) as bench:

        async def talk(voice: Voice) -> None:
            while True:
                await voice.hear()

        await bench.telephone.call(SHOP_DIALLED)
        call = await next_call(bench.line)
        with pytest.raises(LineLost):
            async with bench.line.answered(call) as voice:
                await voice.hear()
                getattr(bench.modem, what)()
                began = clock.now()
                await talk(voice)
        assert clock.now() - began < 8.0
        assert not bench.off_hook


@pytest.mark.parametrize("model", MODELS)
async def test_what_is_said_of_a_modem_that_wedges_in_dialling_names_no_number(model: str) -> None:
    async with lab(model) as bench:
        bench.modem.wedge()
        with pytest.raises(LineLost, match="no end to") as lost:
            async with asyncio.timeout(5.0), bench.line.dialled(CALLED):
                raise AssertionError("it was deaf")
        assert CALLED.e164[-4:] not in str(lost.value)


async def test_a_modem_that_fell_asleep_while_idle_is_noticed() -> None:
    async with lab() as bench:
        bench.modem.wedge()
        with pytest.raises(LineLost, match="does not answer"):
            await next_call(bench.line, within=PROBE + 5.0)


@pytest.mark.parametrize("model", MODELS)
async def test_a_line_left_in_mid_call_by_a_crash_is_taken_over(model: str) -> None:
    async with lab(model) as bench:
        await bench.telephone.call(SHOP_DIALLED)
        crashed = bench.line.answered(await next_call(bench.line))
        await (await crashed.__aenter__()).hear()
        bench.plugged.open = False  # the program is gone, but the modem never saw DTR drop
        successor = VoiceModem(bench.settings, PROFILES[model], PluggedIn(bench.port.other_end, "b"))
        assert bench.off_hook
        await successor.open()
        assert not bench.off_hook
        bench.telephone.wire.on_hook()
        await asyncio.sleep(2.0)
        await bench.telephone.call(SHOP_DIALLED)
        assert (await next_call(successor)).caller == CALLER
        await successor.close()
        with pytest.raises(LineLost):
            await crashed.__aexit__(None, None, None)


async def test_a_line_that_loses_its_modem_is_served_again_once_it_is_plugged_in() -> None:
    async with lab() as bench:
        bench.modem.unplug()
        await asyncio.sleep(1.0)
        bench.modem.replug()
        bench.port.other_end.open()
        again = VoiceModem(bench.settings, PROFILES["usr5637"], PluggedIn(bench.port.other_end, "a"))
        await again.open()
        await bench.telephone.call(SHOP_DIALLED)
        assert (await next_call(again)).caller == CALLER
        await again.close()


async def test_the_wrong_model_is_named_with_what_the_modem_refused() -> None:
    async with lab("v253", emulated="rockwell", opened=False) as bench:
        with pytest.raises(LineLost, match=r'ERROR to AT\+VCID=1; is model = "v253" right'):
            await bench.line.open()
        assert not bench.plugged.open


@pytest.mark.parametrize("size", [1, 2, 7])
async def test_bytes_in_crumbs_and_garbage_between_them_change_nothing(size: int) -> None:
    async with lab("conexant", opened=False) as bench:
        bench.modem.split_writes(size, 0.002)
        await bench.line.open()
        bench.modem.send_garbage(b"\xff\x00\x80garbage\r\n")
        await bench.telephone.call(SHOP_DIALLED)
        call = await next_call(bench.line)
        assert call.caller == CALLER
