"""DTMF: what must be heard, what must not, and what may not matter."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audio.dtmf import KEYS, DtmfDetector, DtmfDetectors, KeyDown, KeyEvent, KeyUp, encode
from gateway.audio.pcm import (
    SoundError,
    alaw_decode,
    alaw_encode,
    amplitude,
    linear8_decode,
    linear8_encode,
    read_wav,
    resample,
    to_samples,
    ulaw_decode,
    ulaw_encode,
)
from gateway.line import Samples

PROMPTS = Path(__file__).parents[2] / "gateway" / "prompts"


def events(sound: Samples, chunk: int = 100_000) -> list[KeyEvent]:
    detector = DtmfDetector()
    heard = [event for at in range(0, len(sound), chunk) for event in detector.feed(sound[at : at + chunk])]
    return heard + detector.flush()


def heard(sound: Samples) -> str:
    return "".join(event.key for event in events(sound) if isinstance(event, KeyDown))


def noise(length: int, dbm0: float, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(length) * amplitude(dbm0) / np.sqrt(2)


def noisy(sound: Samples, dbm0: float = -45.0) -> Samples:
    return to_samples(sound + noise(len(sound), dbm0))


def tones(frequencies: dict[float, float], seconds: float = 0.2) -> Samples:
    """Sines (Hz: dBm0) between two silences."""
    time = np.arange(round(seconds * 8000)) / 8000
    sound = sum(amplitude(dbm0) * np.sin(2 * np.pi * hertz * time) for hertz, dbm0 in frequencies.items())
    return to_samples(np.pad(sound, 2000))


ORDER = "0123456789*#ABCD"
CALL = noisy(encode(ORDER, tone=0.08, pause=0.07, level=-12, twist=2))


def test_all_sixteen_keys_are_heard_once_each_and_in_order() -> None:
    assert heard(CALL) == ORDER


def test_a_key_comes_with_its_times_level_twist_and_offset() -> None:
    sound = np.concatenate([np.zeros(4000, np.int16), encode("5", tone=0.15, level=-13, twist=-3, offset=1.2)])
    down, up = events(noisy(sound, -60))
    assert isinstance(down, KeyDown)
    assert isinstance(up, KeyUp)
    assert down.onset == pytest.approx(0.5, abs=0.003)
    assert 0.030 <= down.at - 0.5 <= 0.036
    assert up.ended == pytest.approx(0.65, abs=0.005)
    assert down.level == pytest.approx(-13, abs=0.1)
    assert down.twist == pytest.approx(-3, abs=0.1)
    assert down.offset == pytest.approx(1.2, abs=0.02)
    assert down.confidence > 0.99


def test_a_key_still_down_at_the_end_goes_up_with_flush() -> None:
    detector = DtmfDetector()
    assert [type(event) for event in detector.feed(encode("7", tone=0.1, pause=0))] == [KeyDown]
    assert [event.key for event in detector.flush()] == ["7"]
    assert detector.flush() == []


def test_a_key_that_is_not_clear_is_decided_36_ms_after_its_onset() -> None:
    downs = [event for event in events(noisy(encode(ORDER, level=-12), -24)) if isinstance(event, KeyDown)]
    assert "".join(down.key for down in downs) == ORDER
    assert all(down.at - down.onset >= 0.036 for down in downs if down.confidence < 0.97)
    assert any(down.confidence < 0.97 for down in downs)


# --- limits of Q.24, ETSI ES 201 235-3 and NTT ---------------------------------------------------------------------


@pytest.mark.parametrize("milliseconds", [40, 42, 45, 50, 100, 1000])
def test_tones_of_40_ms_and_more_are_keys(milliseconds: int) -> None:
    assert heard(noisy(encode(ORDER, tone=milliseconds / 1000, pause=0.06))) == ORDER


@pytest.mark.parametrize("milliseconds", [5, 10, 15, 20, 23])
def test_tones_of_23_ms_and_less_are_none(milliseconds: int) -> None:
    assert heard(noisy(encode(ORDER, tone=milliseconds / 1000, pause=0.06), -60)) == ""


@pytest.mark.parametrize("milliseconds", [30, 35, 40, 60])
def test_the_same_key_twice_is_two_keys_from_30_ms_of_pause(milliseconds: int) -> None:
    assert heard(noisy(encode("5500##", tone=0.05, pause=milliseconds / 1000), -60)) == "5500##"


@pytest.mark.parametrize("milliseconds", [40, 50])
def test_the_same_key_after_nothing_but_zeros_is_another_press_though_its_phases_nearly_fit(milliseconds: int) -> None:
    first = encode("5", tone=0.05, pause=milliseconds / 1000)
    for late in range(100):
        assert heard(np.concatenate([first, encode("5", tone=0.1)[late:]])) == "55", late


@pytest.mark.parametrize("milliseconds", [1, 5, 10])
@pytest.mark.parametrize("at", [0.02, 0.05])
def test_an_interruption_of_10_ms_does_not_make_two_keys(milliseconds: int, at: float) -> None:
    sound = encode("8", tone=0.12).copy()
    sound[round(at * 8000) : round(at * 8000) + milliseconds * 8] = 0
    assert heard(noisy(sound)) == "8"


@pytest.mark.parametrize("lost", [1, 2])
def test_lost_packets_in_the_middle_of_a_key_do_not_make_two(lost: int) -> None:
    sound = encode("8", tone=0.24).copy()
    sound[800 : 800 + lost * 160] = 0
    assert heard(sound) == "8"


@pytest.mark.parametrize("offset", [-1.8, -1.0, 1.0, 1.8])
def test_frequencies_up_to_1_8_per_cent_off_are_keys(offset: float) -> None:
    assert heard(noisy(encode(ORDER, offset=offset, tone=0.05, pause=0.05))) == ORDER


@pytest.mark.parametrize("offset", [-5.0, -3.5, -3.0, 3.0, 3.5, 5.0])
def test_frequencies_3_per_cent_off_are_none(offset: float) -> None:
    assert heard(noisy(encode(ORDER, offset=offset))) == ""


@pytest.mark.parametrize("twist", [-8, -4, 4, 5])
def test_twist_from_8_dB_reverse_to_5_dB_is_heard(twist: float) -> None:  # noqa: N802 - dB is written so
    assert heard(noisy(encode(ORDER, twist=twist, level=-14))) == ORDER


@pytest.mark.parametrize("dbm0", [-25, -18, -9, -3, 0])
def test_levels_from_0_to_minus_25_dbm0_are_heard(dbm0: float) -> None:
    assert heard(noisy(encode(ORDER, level=dbm0, tone=0.05), -60)) == ORDER


def test_a_level_of_minus_55_dbm0_is_not() -> None:
    assert heard(encode(ORDER, level=-55)) == ""


def test_keys_are_heard_at_15_db_signal_to_noise() -> None:
    assert heard(noisy(encode(ORDER * 4, tone=0.05, pause=0.05, level=-10), -25)) == ORDER * 4


# --- what is no key ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sound",
    [
        tones({697: -10}),
        tones({697: -10, 770: -10}),
        tones({1209: -10, 1477: -10}),
        tones({697: -10, 1209: -10, 941: -11}),
        tones({770: -10, 1336: -10, 1633: -12}),
        tones({350: -10, 440: -10}),
        tones({480: -10, 620: -10}),
        tones({400: -10}),
        tones({950: -10}),
        tones({1400: -10}),
        tones({700: -10, 900: -10}),
        tones({752: -10, 1504: -10}),
        tones({233 * n: -10 - 2 * n for n in range(1, 9)}),
        tones({697: -10, 1209: -25}),
    ],
)
def test_other_tones_are_no_keys(sound: Samples) -> None:
    assert heard(noisy(sound, -55)) == ""


def after(milliseconds: int, dbm0: float, fading: float = 1.0) -> Samples:
    """A key's tones, which fade within so many seconds to a third, so long after another note of that level."""
    time = np.arange(1600) / 8000
    note = to_samples(amplitude(dbm0) * np.sin(2 * np.pi * 523 * time))
    pressed = to_samples(encode("5", tone=0.2, pause=0, level=-9) * np.exp(-time / fading))
    return np.concatenate([note, np.zeros(milliseconds * 8, np.int16), pressed])


def test_two_notes_that_follow_a_note_are_no_key() -> None:
    assert heard(noisy(after(0, -6), -55)) == ""


@pytest.mark.parametrize(("milliseconds", "dbm0"), [(40, -6), (0, -22)])
def test_a_key_is_heard_that_follows_a_pause_or_something_quieter(milliseconds: int, dbm0: float) -> None:
    assert heard(noisy(after(milliseconds, dbm0), -55)) == "5"


def test_a_key_like_one_that_was_pressed_before_may_follow_a_note() -> None:
    before = encode("2", tone=0.1, level=-9)
    assert heard(noisy(np.concatenate([before, after(0, -6, fading=20)]), -55)) == "25"


def test_tones_that_follow_a_note_are_a_key_once_they_have_not_faded_for_80_ms() -> None:
    down = events(noisy(after(0, -6, fading=20), -55))[0]
    assert isinstance(down, KeyDown)
    assert down.at - down.onset >= 0.08


@pytest.mark.parametrize("offset", [-1.6, 1.6])
def test_a_first_key_far_off_its_tones_beside_a_dial_tone_is_heard(offset: float) -> None:
    sound = np.concatenate([np.zeros(2400), encode("7", tone=0.15, level=-9, twist=-8, offset=offset)])
    dial = amplitude(-22) * np.sin(2 * np.pi * 400 * np.arange(len(sound)) / 8000)
    assert heard(noisy(to_samples(sound + dial), -60)) == "7"


def test_tones_that_swell_and_stop_are_no_key() -> None:
    sound = encode("5", tone=0.1, level=-6) * np.exp2(np.minimum(np.arange(1600) - 800, 0) / 120)
    assert heard(noisy(to_samples(sound), -60)) == ""


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_no_key(seed: int) -> None:
    assert heard(to_samples(noise(80_000, -12, seed))) == ""


@pytest.mark.parametrize("period", [2, 3, 5, 8, 10, 11, 37, 800])
def test_full_scale_square_waves_are_no_keys(period: int) -> None:
    wave = np.where(np.arange(16_000) // period % 2, 32767, -32768).astype(np.int16)
    assert heard(wave) == ""


@pytest.mark.parametrize("value", [0, 1, -1, 5000, 32767, -32768])
def test_silence_and_direct_current_are_no_keys(value: int) -> None:
    assert heard(np.full(8000, value, np.int16)) == ""


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_shipped_prompt_holds_a_key(language: str) -> None:
    clips = sorted((PROMPTS / language).glob("*.wav"))
    assert clips
    for clip in clips:
        sound, rate = read_wav(clip)
        assert heard(resample(sound, rate, 8000)) == "", clip.name


@settings(max_examples=60)
@given(st.binary(max_size=4000), st.integers(1, 700))
def test_random_bytes_never_raise(data: bytes, chunk: int) -> None:
    events(np.frombuffer(data[: len(data) // 2 * 2], np.int16), chunk)


# --- what may not matter -------------------------------------------------------------------------------------------

MESSY = noisy(
    np.concatenate(
        [encode(ORDER, tone=0.06, pause=0.05, offset=1), encode("1122", tone=0.3), tones({697: -9, 1240: -9})]
    ),
    -30,
)


@pytest.mark.parametrize("chunk", [1, 7, 39, 40, 41, 80, 160, 161, 333, 1000, 8000])
def test_chunks_of_any_size_give_exactly_the_same_events(chunk: int) -> None:
    assert events(MESSY, chunk) == events(MESSY)


@given(st.lists(st.integers(0, 900), max_size=40))
@settings(max_examples=20)
def test_chunks_of_mixed_sizes_give_exactly_the_same_events(sizes: list[int]) -> None:
    detector, at, got = DtmfDetector(), 0, []
    for size in [*sizes, len(MESSY)]:
        got += detector.feed(MESSY[at : at + size])
        at += size
    assert got + detector.flush() == events(MESSY)


@pytest.mark.parametrize("decibels", [-12, -6, 6, 9])
def test_gain_does_not_matter(decibels: float) -> None:
    assert heard(to_samples(CALL * 10 ** (decibels / 20))) == ORDER


@pytest.mark.parametrize("offset", [-3000, -400, 400, 3000])
def test_direct_current_does_not_matter(offset: int) -> None:
    assert heard(to_samples(CALL.astype(float) + offset)) == ORDER


@pytest.mark.parametrize("rate", [7200, 16000, 44100, 48000])
def test_another_sample_rate_does_not_matter(rate: int) -> None:
    assert heard(resample(resample(CALL, 8000, rate), rate, 8000)) == ORDER


@pytest.mark.parametrize(
    "codec",
    [
        lambda sound: ulaw_decode(ulaw_encode(sound)),
        lambda sound: alaw_decode(alaw_encode(sound)),
        lambda sound: linear8_decode(linear8_encode(sound)),
    ],
    ids=["ulaw", "alaw", "linear8"],
)
def test_the_codec_does_not_matter(codec) -> None:
    assert heard(codec(CALL)) == ORDER


def test_clicks_do_not_matter() -> None:
    sound = CALL.astype(float)
    random = np.random.default_rng(5)
    for at in random.integers(0, len(sound) - 40, 12):
        sound[at : at + 20] += random.standard_normal(20) * 12000
    assert heard(to_samples(sound)) == ORDER


@pytest.fixture(scope="module")
def crowd() -> tuple[Samples, list[list[KeyEvent]]]:
    """32 lines, each with its own level, noise, clicks and lost packets, and what each hears alone."""
    random = np.random.default_rng(3)
    sounds = []
    for line in range(32):
        sound = np.roll(MESSY, 1237 * line) * 10 ** (random.uniform(-12, 3) / 20)
        sound += noise(len(sound), random.uniform(-60, -18), line)
        for at in random.integers(0, len(sound) - 160, 8):
            sound[at : at + 160] = 0 if line % 3 else random.standard_normal(160) * 9000
        sounds.append(to_samples(sound))
    return np.stack(sounds), [events(sound, 160) for sound in sounds]


@pytest.mark.parametrize("chunk", [37, 160, 700])
def test_many_lines_at_once_hear_what_each_would_hear_alone(
    chunk: int, crowd: tuple[Samples, list[list[KeyEvent]]]
) -> None:
    lines, alone = crowd
    together = DtmfDetectors(32)
    got: list[list[KeyEvent]] = [[] for _ in lines]
    for at in range(0, lines.shape[1], chunk):
        for line, new in enumerate(together.feed(lines[:, at : at + chunk])):
            got[line] += new
    for line, new in enumerate(together.flush()):
        got[line] += new
    assert got == alone
    assert sum(map(len, got)) > 1000


# --- making keys ---------------------------------------------------------------------------------------------------


def test_encoded_keys_have_the_length_asked_for() -> None:
    assert len(encode("12", tone=0.05, pause=0.1)) == 2400
    assert len(encode("")) == 0


@pytest.mark.parametrize("key", ["x", "12", "", "¥"])
def test_what_is_no_key_is_refused_by_name(key: str) -> None:
    with pytest.raises(SoundError, match="not a DTMF key"):
        encode([key])


def test_every_key_is_its_two_frequencies() -> None:
    for key in KEYS:
        (down,) = [event for event in events(encode(key)) if isinstance(event, KeyDown)]
        assert (down.key, abs(down.offset) < 0.01, abs(down.twist) < 0.05) == (key, True, True)
