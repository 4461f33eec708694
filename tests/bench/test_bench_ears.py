"""What a customer makes of what he hears, through a line's loss and noise."""

import math

import numpy as np
import pytest

from gateway.bench import sound
from gateway.bench.country import COUNTRIES
from gateway.bench.ears import Ears, Judgement, Recogniser, alternatives
from gateway.bench.wire import FRAME, Samples

NOISE = sound.noise(5.0, -60.0, seed=4)


def babble(seconds: float, seed: int = 1) -> Samples:
    """Speech-like: a voice of changing pitch and colour, in syllables."""
    rng = np.random.default_rng(seed)
    syllables = []
    for _ in range(math.ceil(seconds / 0.2)):
        times = np.arange(1440) / sound.RATE
        pitch, slope, colour = rng.uniform(100, 220), rng.uniform(-150, 150), rng.uniform(400, 2200)
        phase = 2 * np.pi * (pitch * times + slope * times**2 / 2)
        voice = sum(
            np.sin(n * phase + n * n) * np.exp(-(((n * pitch - colour) / 600) ** 2)) + np.sin(n * phase) / n
            for n in range(1, 14)
        )
        syllables += [voice * np.hanning(1440) * rng.uniform(1500, 4000), np.zeros(160)]
    return np.concatenate(syllables)[: round(seconds * sound.RATE)].astype(np.int16)


def lossy(clean: Samples) -> Samples:
    noisy = clean / 2 + np.resize(NOISE, len(clean))
    return noisy.astype(np.int16)


def first_judged(clean: Samples, since: float = 0.0) -> dict[Judgement, float]:
    """When each judgement was true first, in seconds from the beginning."""
    ears, first = Ears(), {}
    heard = lossy(clean)
    for at in range(len(heard) // FRAME):
        t = at * 0.02
        if ears.hear(heard[at * FRAME : (at + 1) * FRAME], t):
            for what in alternatives():
                if what not in first and ears.judge(what, since):
                    first[what] = t
    return first


CASES = [
    (region, name, expected, within)
    for region in ("JP", "US", "GB")
    for name, expected, within in (
        ("dial", "dial", 1.2),
        ("ringback", "ringback", 0.8),
        ("busy", "busy", 2.3),
        ("congestion", "busy", 2.3),
        ("unobtainable", "unobtainable", 1.5),
    )
]


@pytest.mark.parametrize(("region", "name", "expected", "within"), CASES)
@pytest.mark.parametrize("offset", [0, 37, 111])
def test_every_countrys_tones_are_told_apart(region: str, name, expected: str, within: float, offset: int) -> None:
    tone = np.tile(COUNTRIES[region].tones[name].samples, 10)[: 8 * sound.RATE]
    first = first_judged(np.concatenate([sound.silence(0.2), sound.silence(1)[:offset], tone]))
    tones = {what for what in first if what in ("dial", "ringback", "busy", "unobtainable", "speech")}
    assert tones == {expected}
    assert first[expected] <= within


def test_speech_is_speech_and_no_tone() -> None:
    first = first_judged(np.concatenate([sound.silence(1.0), babble(20.0)]))
    assert 1.0 < first["speech"] < 2.0
    assert not {"dial", "ringback", "busy", "unobtainable", "beep"} & set(first)


@pytest.mark.parametrize(
    "segments", [((1.0, (400.0,)), (1.0, ())), ((0.1, (400.0,)), (0.1, ())), ((1.0, (425.0,)), (4.0, ()))]
)
def test_a_tone_in_another_cadence_is_not_busy(segments) -> None:
    tone = np.tile(sound.cadence(segments, -15.0), 30)[: 10 * sound.RATE]
    assert "busy" not in first_judged(tone)


def test_noise_is_silence() -> None:
    assert set(first_judged(sound.silence(5.0))) == {"silence"}
    ears = Ears()
    loud = np.clip(sound.noise(5.0, -38.0, seed=1), -32768, 32767).astype(np.int16)
    for at in range(250):
        ears.hear(loud[at * FRAME : (at + 1) * FRAME], at * 0.02)
    assert ears.judge("silence", 0.0)


@pytest.mark.parametrize("frequency", [800.0, 1000.0, 1400.0])
def test_a_beep_is_told_when_it_has_ended(frequency: float) -> None:
    whole = np.concatenate([babble(2.0), sound.silence(0.5), sound.tone((frequency,), 0.4), sound.silence(1.0)])
    assert first_judged(whole)["beep"] == pytest.approx(2.9, abs=0.12)


def test_a_pause_needs_a_prompt_since_then() -> None:
    ears = Ears()
    whole = lossy(np.concatenate([babble(1.0), sound.silence(2.0)]))
    for at in range(len(whole) // FRAME):
        ears.hear(whole[at * FRAME : (at + 1) * FRAME], at * 0.02)
    assert ears.paused(1.5, since=0.0)
    assert not ears.paused(2.5, since=0.0)
    assert not ears.paused(1.5, since=1.5)


def test_what_is_skipped_is_no_silence() -> None:
    ears = Ears()
    for at in range(100):
        if 20 <= at < 60:
            ears.skip()
        else:
            ears.hear(sound.silence(0.02), at * 0.02)
    assert ears.silence() == pytest.approx(0.8, abs=0.05)


def recognised(reference: Samples, clean: Samples) -> float | None:
    """Seconds until it is recognised."""
    recogniser, heard = Recogniser(reference), lossy(clean)
    for at in range(len(heard) // FRAME):
        if recogniser.hear(heard[at * FRAME : (at + 1) * FRAME]):
            return (at + 1) * 0.02
    return None


@pytest.mark.parametrize("offset", [0, 53, 80, 121])
def test_a_known_sound_is_recognised_soon_after_its_first_three_seconds(offset: int) -> None:
    reference = babble(5.0, seed=7)
    clean = np.concatenate([babble(1.0, seed=8), sound.silence(1.0), sound.silence(1)[:offset], reference])
    seconds = recognised(reference, clean)
    assert seconds is not None
    assert 5.0 <= seconds <= 5.3


def test_another_sound_is_not_recognised() -> None:
    assert recognised(babble(2.0, seed=7), np.concatenate([babble(10.0, seed=9), sound.silence(1.0)])) is None
    assert recognised(babble(2.0, seed=7), sound.silence(4.0)) is None


def test_a_sound_too_short_to_be_recognised_is_refused() -> None:
    with pytest.raises(ValueError, match="half a second"):
        Recogniser(sound.silence(0.3))
