"""No talk is taken for a tone, whoever's; and the table of tones holds for sounds nobody has looked at.

The short forms belong to every run; the long ones are 3 h of talk and 20 fresh cases of each row.
"""

import shutil

import numpy as np
import pytest
from ears_talk import anyone
from tone_lab import PROGRESS, ROWS, Row, Sound, case, events, voices

COUNTRIES = ("JP", "US", "GB", "DE", "FR", "IN", "CN", "ES")
PIECES = 36
PIECE = 300.0
"""Seconds of talk in each of them: 3 h."""
LEVELS = (-10.0, -15.0, -20.0, -25.0, -30.0)
needs_voices = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def tones_in_talk(number: int, seconds: float) -> dict[str, int]:
    """How often each tone was named in so much talk, by the ears of a country."""
    random = np.random.default_rng([4, number])
    heard = 0.0
    named: dict[str, int] = {}
    while heard < seconds:
        sound: Sound = anyone(random)
        heard += len(sound) / 8000
        for event in events(sound, COUNTRIES[number % len(COUNTRIES)]):
            if event.name in PROGRESS:
                named[event.name] = named.get(event.name, 0) + 1
    return named


def named_in_time(random: np.random.Generator, row: Row, dbm0: float, *, cut: bool, beneath: bool) -> bool:
    """Whether a fresh case of the row is named in two periods, and nothing else is."""
    sound, began = case(random, row, dbm0, voices(), cut=cut, beneath=beneath)
    told = [event for event in events(sound, row.country) if event.name in PROGRESS]
    return {event.name for event in told} == {row.name} and told[0].at - began <= row.limit


@needs_voices
def test_no_tone_is_named_in_minutes_of_talk() -> None:
    assert tones_in_talk(1000, 100.0) == {}


@pytest.mark.soak
@needs_voices
@pytest.mark.parametrize("number", range(PIECES))
def test_no_tone_is_named_in_three_hours_of_talk(number: int) -> None:
    assert tones_in_talk(number, PIECE) == {}


@pytest.mark.soak
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_fresh_cases_of_every_row_are_all_named_in_two_periods(row: Row) -> None:
    random = np.random.default_rng([5, ROWS.index(row)])
    assert all(named_in_time(random, row, level, cut=False, beneath=False) for level in LEVELS * 4)
    for cut in (False, True) if row.cadence else ():
        assert all(named_in_time(random, row, level, cut=cut, beneath=True) for level in LEVELS * 4)
    if row.cadence:
        assert all(named_in_time(random, row, level, cut=True, beneath=False) for level in LEVELS * 4)
