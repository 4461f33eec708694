"""Our own prompts are taken out of what comes in; keys pressed into them are not."""

from functools import cache

import ears_echo
import numpy as np
import numpy.typing as npt
import pytest
from ears_echo import cancelled
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audio.dtmf import DtmfDetector, KeyDown, encode
from gateway.audio.echo import EchoCanceller
from gateway.audio.pcm import (
    amplitude,
    level,
    linear8_decode,
    linear8_encode,
    to_samples,
    ulaw_decode,
    ulaw_encode,
)
from gateway.audio.prompts import Clip, PromptLibrary
from gateway.line import Samples

Floats = npt.NDArray[np.float64]
CODINGS = {
    "ulaw": lambda sound: ulaw_decode(ulaw_encode(to_samples(sound))),
    "linear8": lambda sound: linear8_decode(linear8_encode(to_samples(sound))),
}


@cache
def prompt(language: str) -> Samples:
    """Some 12 s of speech."""
    clips = [Clip("main"), Clip("order_confirm")]
    return PromptLibrary.open(language).sound(tuple(clips))[: 12 * 8000]


def two_wire(sound: Samples, gain_db: float, delay: float, seed: int = 1) -> Floats:
    return ears_echo.two_wire(np.random.default_rng(seed), sound, gain_db, delay)


def keys(sound: Samples) -> str:
    return "".join(event.key for event in DtmfDetector().feed(sound) if isinstance(event, KeyDown))


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize(("gain_db", "delay"), [(-6, 0.0), (-10, 0.003), (-14, 0.05), (-10, 0.13), (-20, 0.25)])
def test_a_prompts_echo_is_gone_after_a_second_of_speech(
    coding: str, language: str, gain_db: float, delay: float
) -> None:
    played = CODINGS[coding](prompt(language))
    heard = CODINGS[coding](two_wire(played, gain_db, delay))
    left = cancelled(heard, played)
    late = slice(round((1.3 + delay) * 8000), None)  # the clips begin with some silence
    floor = -46.0 if coding == "linear8" else -60.0  # the steps of 8-bit sound
    assert level(left[late]) < max(level(heard[late]) - 18, floor)


@pytest.mark.parametrize("delay", [0.005, 0.08, 0.25])
def test_a_path_of_any_shape_is_found_even_if_the_first_guess_was_wrong(delay: float) -> None:
    played = CODINGS["ulaw"](prompt("ja"))
    for seed in range(8):
        heard = CODINGS["ulaw"](two_wire(played, -14, delay, seed))
        late = slice(4 * 8000, None)
        assert level(cancelled(heard, played)[late]) < level(heard[late]) - 18


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize(("gain_db", "key_level"), [(-10, -27.0), (-14, -30.0)])
def test_keys_pressed_into_a_prompt_on_a_two_wire_line_are_all_heard_and_no_others(
    coding: str, gain_db: float, key_level: float
) -> None:
    played = CODINGS[coding](prompt("ja"))
    rng = np.random.default_rng(5)
    pressed = "".join(rng.choice(list("0123456789*#"), 40))
    typed = encode(pressed, tone=0.08, pause=0.12, level=key_level)
    far = np.zeros(len(played))
    far[4000 : 4000 + len(typed)] = typed
    heard = CODINGS[coding](far + two_wire(played, gain_db, 0.004))
    assert keys(cancelled(heard, played)) == pressed
    assert keys(heard) != pressed, "the echo is loud enough to matter"


def test_learning_goes_on_beneath_the_keys_and_does_no_harm_to_them() -> None:
    played = prompt("en")
    typed = encode("159#" * 15, tone=0.1, pause=0.1, level=-12.0)[: len(played)].astype(float)
    echo = two_wire(played, -12, 0.08)
    left = cancelled(to_samples(typed + echo), played)
    assert level(to_samples(left[16000:] - typed[16000:])) < level(to_samples(echo[16000:])) - 10


def test_a_path_that_changes_in_mid_call_is_found_again() -> None:
    played = np.concatenate([prompt("en"), prompt("en")])
    half = len(played) // 2
    heard = to_samples(np.concatenate([two_wire(played, -10, 0.2)[:half], two_wire(played, -10, 0.01)[half:]]))
    left = cancelled(heard, played)
    late = slice(half + 3 * 8000, None)
    assert level(left[late]) < level(heard[late]) - 12


def test_where_nothing_is_played_what_comes_in_is_left_as_it_is() -> None:
    heard = prompt("ja")
    assert np.array_equal(cancelled(heard, np.zeros_like(heard)), heard)


@pytest.mark.parametrize("played", ["ja", "noise"])
def test_without_an_echo_the_far_end_is_next_to_unchanged(played: str) -> None:
    heard = prompt("en")
    noise = to_samples(np.random.default_rng(2).normal(0, 3000, len(heard)))
    ours = noise if played == "noise" else np.resize(prompt("ja"), len(heard))
    left = cancelled(heard, ours)
    assert level(to_samples(left.astype(float) - heard)) < level(heard) - 20
    assert level(left) <= level(heard) + 0.01


def test_no_second_gets_louder() -> None:
    played = prompt("ja")
    heard = to_samples(np.random.default_rng(2).normal(0, 1000, len(played)) + two_wire(played, -8, 0.03))
    left = cancelled(heard, played)
    for at in range(0, len(heard) - 7999, 8000):
        assert level(left[at : at + 8000]) <= level(heard[at : at + 8000]) + 0.1


@pytest.mark.parametrize("chunk", [1, 7, 159, 160, 161, 800, 100_000])
def test_any_chunking_gives_the_same_sound(chunk: int) -> None:
    played = prompt("en")[: 2 * 8000 if chunk < 100 else None]
    heard = to_samples(two_wire(played, -8, 0.02) + np.random.default_rng(3).normal(0, 100, len(played)))
    difference = cancelled(heard, played).astype(int) - cancelled(heard, played, chunk)
    assert np.abs(difference).max() <= 1, "but for rounding"


@settings(max_examples=30)
@given(st.binary(max_size=4000), st.binary(max_size=4000))
def test_random_sound_never_raises(heard: bytes, played: bytes) -> None:
    size = min(len(heard), len(played)) // 2 * 2
    canceller = EchoCanceller()
    for _ in range(4):
        left = canceller.process(np.frombuffer(heard[:size], "<i2"), np.frombuffer(played[:size], "<i2"))
        assert len(left) == size // 2
        assert left.dtype == np.int16


def test_full_scale_square_waves_stay_in_range() -> None:
    square = np.where(np.arange(16000) // 20 % 2, 32767, -32768).astype(np.int16)
    left = cancelled(square, square)
    assert level(left[8000:]) < level(square) - 20
    assert amplitude(3.17) == pytest.approx(32767)
