"""No key is heard where nobody pressed one: in talk, near misses, signalling tones and noise.

The short forms belong to every run; the long ones are 3 h of each, in sounds that nobody has looked at.
"""

import shutil

import numpy as np
import pytest
from ears_cases import PROGRESS, clicks, near_misses, noise, power, progress
from ears_sounds import RATE, Sound, rounded
from ears_talk import anyone

from gateway.audio.dtmf import DtmfDetector, KeyDown

PIECES = 36
PIECE = 300
"""Seconds in each of them: 3 h."""
needs_voices = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def keys(sound: Sound) -> str:
    return "".join(event.key for event in DtmfDetector().feed(rounded(sound)) if isinstance(event, KeyDown))


def keys_in_talk(number: int, seconds: float) -> str:
    random = np.random.default_rng([6, number])
    length, heard = 0, ""
    while length < seconds * RATE:
        sound = anyone(random)
        length += len(sound)
        heard += keys(sound)
    return heard


def keys_in_tones(number: int, seconds: float) -> str:
    random = np.random.default_rng([7, number])
    return "".join(keys(progress(random, steps, seconds / len(PROGRESS))) for steps in PROGRESS.values())


def keys_in_near_misses(number: int, seconds: float) -> str:
    return keys(near_misses(np.random.default_rng([8, number]), seconds))


def keys_in_noise(number: int, seconds: float) -> str:
    random, length = np.random.default_rng([9, number]), round(seconds * RATE / 2)
    return keys(noise(random, length, power(random.uniform(-30, -5)))) + keys(clicks(random, length, a_second=20))


@needs_voices
def test_no_key_is_heard_in_minutes_of_talk() -> None:
    assert keys_in_talk(1000, 100) == ""


@pytest.mark.parametrize("heard", [keys_in_tones, keys_in_near_misses, keys_in_noise])
def test_no_key_is_heard_in_minutes_of_what_is_none(heard) -> None:
    assert heard(1000, 240) == ""


@pytest.mark.soak
@needs_voices
@pytest.mark.parametrize("number", range(PIECES))
def test_no_key_is_heard_in_three_hours_of_talk(number: int) -> None:
    assert keys_in_talk(number, PIECE) == ""


@pytest.mark.soak
@pytest.mark.parametrize("heard", [keys_in_tones, keys_in_near_misses, keys_in_noise])
@pytest.mark.parametrize("number", range(PIECES))
def test_no_key_is_heard_in_three_hours_of_what_is_none(heard, number: int) -> None:
    assert heard(number, PIECE) == ""
