"""A machine is not given the menu: it gets a short message, after its beep; a person is never taken for one."""

import asyncio
from pathlib import Path

import numpy as np
from desk_lab import ENGLISH, abroad

from gateway.audio.pcm import amplitude, to_samples, write_wav
from gateway.audio.prompts import Clip
from gateway.line import Samples
from gateway.settings import RetrySettings

ONCE = RetrySettings(busy=(), no_answer=(), left_early=(), network=(), machine=())
MESSAGE = ENGLISH.sound((Clip("machine_message"),))


def greeting(folder: Path, *, seconds: float, beep: bool) -> Path:
    words = ENGLISH.sound((Clip("main"), Clip("order_confirm")))[: round(seconds * 8000)]
    tone = to_samples(amplitude(-12.0) * np.sin(2 * np.pi * 1000 * np.arange(4000) / 8000))
    pieces: list[Samples] = [words, np.zeros(4000, np.int16), tone if beep else tone[:0]]
    path = folder / "greeting.wav"
    write_wav(path, np.concatenate(pieces))
    return path


async def test_a_machine_gets_the_message_after_its_beep_and_no_menu(tmp_path: Path) -> None:
    async with abroad(tmp_path, retry=ONCE) as box:
        await box.ask()
        assert await box.customer.answer()
        await box.customer.speak_wav(greeting(tmp_path, seconds=6.5, beep=True))
        assert await box.customer.recognises(MESSAGE, within=6)
        await box.until("closed")
        assert await box.outcomes() == ["machine"]


async def test_a_machine_without_a_beep_gets_it_once_it_has_fallen_silent(tmp_path: Path) -> None:
    async with abroad(tmp_path, retry=ONCE) as box:
        await box.ask()
        assert await box.customer.answer()
        await box.customer.speak_wav(greeting(tmp_path, seconds=6.5, beep=False))
        assert await box.customer.recognises(MESSAGE, within=8)
        await box.until("closed")
        assert await box.outcomes() == ["machine"]


async def test_a_machine_that_hangs_up_is_a_machine(tmp_path: Path) -> None:
    async with abroad(tmp_path, retry=ONCE) as box:
        await box.ask()
        assert await box.customer.answer()
        await box.customer.speak_wav(greeting(tmp_path, seconds=6.5, beep=False))
        box.customer.hang_up()
        await box.until("closed")
        assert await box.outcomes() == ["machine"]


async def test_a_person_who_says_hello_is_led_through_the_menu(tmp_path: Path) -> None:
    async with abroad(tmp_path, retry=ONCE) as box:
        await box.ask()
        assert await box.customer.answer()
        await box.customer.speak_wav(greeting(tmp_path, seconds=1.5, beep=False))
        assert await box.customer.pause(0.8, within=40)
        await box.customer.press("1")
        await asyncio.sleep(1)
        box.customer.hang_up()
        await box.until("closed")
        assert await box.outcomes() == ["talked"]


async def test_a_key_shows_that_a_long_speech_was_a_persons(tmp_path: Path) -> None:
    async with abroad(tmp_path, retry=ONCE) as box:
        await box.ask()
        assert await box.customer.answer()
        await box.customer.speak_wav(greeting(tmp_path, seconds=6.5, beep=False))
        await box.customer.press("1")
        await asyncio.sleep(3)
        box.customer.hang_up()
        await box.until("closed")
        assert await box.outcomes() == ["talked"]
