"""Every row of the country table is named in time, through noise, speech and 8 bits, and nothing else ever is."""

import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tone_lab import BUSY, PROGRESS, ROWS, Row, case, events, names, noise, silence, sine, speech, tone, voices

import gateway
from gateway.audio.dtmf import encode
from gateway.audio.pcm import linear8_decode, linear8_encode, read_wav, to_samples, ulaw_decode, ulaw_encode
from gateway.audio.tones import ToneListener
from gateway.line import Samples

TALK = {"speech", "silence"}


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("level", [-10.0, -20.0, -30.0])
def test_every_row_between_speech_is_named_within_two_periods(row: Row, level: float) -> None:
    for error in (-0.01, 0.01):
        heard = tone(row, 2 * row.period + 0.1, level, error=error, swell=15.0 if error < 0 else 20.0)
        noisy = heard + noise(heard, below_db=15.0)
        sound = np.concatenate([speech(), silence(0.2), noisy, silence(0.4), speech("main")])
        began = len(speech()) / 8000 + 0.2
        told = events(sound, row.country)
        assert {event.name for event in told} <= TALK | {row.name}
        first = next(event for event in told if event.name == row.name)
        assert began < first.at <= began + max(2 * row.period, 1.5)
        assert first.began == pytest.approx(began, abs=0.1)


@pytest.mark.parametrize("row", [row for row in ROWS if row.cadence], ids=str)
@pytest.mark.parametrize("number", range(3))
def test_a_cadence_that_is_cut_into_at_any_moment_is_named_within_two_periods(row: Row, number: int) -> None:
    random = np.random.default_rng([number, ROWS.index(row)])
    sound, began = case(random, row, -20.0, voices(), cut=True, beneath=False)
    told = [event for event in events(sound, row.country) if event.name in PROGRESS]
    assert {event.name for event in told} == {row.name}
    assert told[0].at - began <= row.limit


@pytest.mark.parametrize("row", BUSY, ids=str)
@pytest.mark.parametrize("cut", [False, True])
def test_words_beneath_a_cadence_do_not_hide_it(row: Row, cut: bool) -> None:
    for seed in (1, 2, 3, 32):  # in the last a word lies beneath Britain's second burst
        sound, began = case(np.random.default_rng(seed), row, -15.0, voices(), cut=cut, beneath=True)
        told = [event for event in events(sound, row.country) if event.name in PROGRESS]
        assert {event.name for event in told} == {row.name}
        assert told[0].at - began <= row.limit


def test_busy_tone_that_ends_in_mid_burst_stays_busy() -> None:
    british = next(row for row in BUSY if str(row) == "GB-busy")
    assert names(np.concatenate([tone(british, 2.475), silence(0.5)]), "GB") == ["busy"]


def test_a_french_dial_tone_is_no_long_ring() -> None:
    told = events(tone(Row("FR", "dial", (440,)), 2.0), "FR")
    assert [event.name for event in told] == ["dial"]
    assert told[0].at < 2.0


@pytest.mark.parametrize("row", BUSY, ids=str)
@pytest.mark.parametrize("country", ["JP", "US", "GB", "DE", "AU", "ZZ"])
def test_a_far_end_that_has_hung_up_is_known_in_two_and_a_half_seconds_whoevers_tone_it_is(
    row: Row, country: str
) -> None:
    sound = np.concatenate([speech(), tone(row, 4.0, -20.0)])
    told = [event for event in events(sound, country) if event.name in ("busy", "congestion")]
    assert told
    assert told[0].at - len(speech()) / 8000 <= 2.5


def test_an_unlisted_countrys_busy_tone_is_one_too() -> None:
    strange = Row("XX", "busy", (460,), (0.6, 0.55))
    assert names(tone(strange, 5)) == ["busy"]
    assert names(tone(Row("XX", "congestion", (460,), (0.15, 0.2)), 3)) == ["congestion"]


def test_two_partials_of_a_voice_are_no_busy_tone_however_regular() -> None:
    hummed = sine(410, 0.14) + sine(612, 0.14)
    assert set(names(np.tile(np.concatenate([hummed, silence(0.16)]), 6))) <= TALK


def test_three_partials_of_a_monotonous_voice_are_no_congestion_tone() -> None:
    hummed = sum((sine(hertz, 0.28) for hertz in (420, 560, 700)), silence(0.28))
    assert set(names(np.tile(np.concatenate([hummed, silence(0.3)]), 2), "US")) <= TALK


@pytest.mark.parametrize("row", [row for row in ROWS if row.name == "ringback"], ids=str)
def test_ringback_is_named_in_every_burst_and_silence_after_it(row: Row) -> None:
    told = events(tone(row, 4 * row.period), row.country)
    assert {event.name for event in told} == {"ringback", "silence"}
    rings = [event for event in told if event.name == "ringback"]
    assert len(rings) >= 4
    assert rings[0].at < 1.2
    gaps = [late.at - early.at for early, late in pairwise(told)]
    assert max(gaps) < 4.6, "an answer is assumed after that"


def test_speech_and_silence_are_told_apart() -> None:
    told = events(np.concatenate([silence(1.0), speech(), silence(2.0)]))
    assert [event.name for event in told] == ["silence", "speech", "silence"]
    assert told[1].at < 1.6
    assert told[1].level > -40
    assert told[2].began == pytest.approx(1.0 + len(speech()) / 8000, abs=0.4)


def test_a_short_hello_is_speech() -> None:
    hello = speech("greeting", "ja")[:6400]
    assert "speech" in names(np.concatenate([silence(0.5), hello, silence(1.0)]))


SIT = np.concatenate([sine(950, 0.33), sine(1400, 0.33), sine(1800, 0.33), silence(1.0)])
SHORT_SIT = np.concatenate([sine(913.8, 0.274), sine(1370.6, 0.274), sine(1776.7, 0.38), silence(1.0)])


@pytest.mark.parametrize("level_db", [0.0, -15.0])
@pytest.mark.parametrize(
    ("sound", "name"),
    [
        (SIT, "sit"),
        (SHORT_SIT, "sit"),
        (np.concatenate([SIT[:-8000], speech()]), "sit"),
        (np.concatenate([sine(1100, 0.5), silence(3.0)]), "fax"),
        (np.concatenate([sine(2100, 3.0), silence(1.0)]), "modem_answer"),
        (np.concatenate([sine(1000, 0.3), silence(0.5)]), "beep"),
        (np.concatenate([sine(1400, 1.0), silence(0.5)]), "beep"),
        (np.concatenate([speech(), silence(0.3), sine(850, 0.2), silence(0.5)]), "beep"),
    ],
    ids=["sit", "short sit", "sit then words", "fax", "modem", "beep", "long beep", "beep after words"],
)
def test_single_tones_are_named(sound: Samples, name: str, level_db: float) -> None:
    quieter = sound * 10 ** (level_db / 20)
    told = [other for other in names(quieter + noise(quieter, below_db=20.0)) if other not in TALK]
    assert told == [name]


def test_an_answer_tone_that_is_modulated_and_turns_its_phase_is_a_modems() -> None:
    time = np.arange(24000) / 8000
    turned = np.where(time % 0.9 < 0.45, 1, -1) * (1 + 0.2 * np.sin(2 * np.pi * 15 * time))
    assert "modem_answer" in names(sine(2100, 3.0) * turned)


@pytest.mark.parametrize("coding", ["linear8", "ulaw"])
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_eight_bits_are_enough(row: Row, coding: str) -> None:
    sound = to_samples(tone(row, 2 * row.period + 1, -28.0))
    eight = linear8_decode(linear8_encode(sound)) if coding == "linear8" else ulaw_decode(ulaw_encode(sound))
    assert row.name in names(eight, row.country)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_prompt_is_taken_for_a_tone(language: str) -> None:
    folder = Path(gateway.__file__).parent / "prompts" / language
    clips = [read_wav(path)[0] for path in sorted(folder.glob("*.wav")) if path.stem != "beep"]
    assert set(names(np.concatenate(clips))) <= TALK


def test_no_synthetic_voice_is_taken_for_a_tone() -> None:
    words = "Hello, who is there? Moshi moshi. I was wondering when the next shipment will arrive. Oh, really? Ooh, mm."
    for voice, pitch in (("en-gb+f2", 80), ("en-us+m3", 20), ("ja", 50), ("de+croak", 40), ("it+whisper", 60)):
        command = ["espeak-ng", "-v", voice, "-p", str(pitch), "-g", "8", "--stdout", words * 3]
        try:
            wav = subprocess.run(command, capture_output=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("espeak-ng is not installed")
        sound = np.frombuffer(wav[44 : len(wav) // 2 * 2], "<i2").astype(float)
        at_8_khz = np.interp(np.arange(0, len(sound), 22050 / 8000), np.arange(len(sound)), sound)
        assert set(names(at_8_khz)) <= TALK


def test_keys_are_neither_tones_nor_beeps_nor_speech() -> None:
    keys = [encode("159D#", tone=0.2, pause=0.2, twist=twist) for twist in (-8.0, 0.0, 4.0)]
    assert set(names(np.concatenate(keys))) <= {"silence"}


def test_steady_noise_is_silence_and_so_is_noise_that_begins() -> None:
    hiss = np.random.default_rng(1).normal(0, 1500, 40000)
    assert names(np.concatenate([silence(2.0), hiss, hiss / 3, hiss])) == ["silence"]


def test_leftovers_of_our_own_prompt_are_no_voice() -> None:
    played = to_samples(speech())
    left = to_samples(speech() * 10 ** (-26 / 20))
    for sent, heard in ((played, []), (np.zeros_like(played), ["speech"])):
        listener = ToneListener()
        told = [
            e.name for at in range(0, len(left), 160) for e in listener.feed(left[at : at + 160], sent[at : at + 160])
        ]
        assert [name for name in told if name == "speech"] == heard


ALL = np.concatenate([tone(ROWS[1], 3.0), speech(), SIT, tone(ROWS[6], 2.0), tone(ROWS[9], 2.0), silence(1.5)])


@pytest.mark.parametrize("chunk", [1, 37, 159, 160, 161, 1000, 10**6])
def test_any_chunking_gives_the_same_events(chunk: int) -> None:
    sound = ALL if chunk > 1 else ALL[:32000]
    assert events(sound, chunk=chunk) == events(sound)


@pytest.mark.parametrize("gain_db", [-12.0, -6.0, 6.0])
def test_gain_changes_levels_only(gain_db: float) -> None:
    told, other = events(ALL), events(ALL * 10 ** (gain_db / 20))
    assert [event.name for event in other] == [event.name for event in told]
    assert [event.at for event in other] == pytest.approx([event.at for event in told], abs=0.15)


@pytest.mark.parametrize("offset", [-3000, 500])
def test_an_offset_and_hum_change_nothing(offset: int) -> None:
    sound = tone(ROWS[2], 4.0, -25.0)
    assert names(sound + offset) == ["busy"]
    assert names(sound + sine(50, 4.0, -20.0)) == ["busy"]


def test_silence_and_full_scale_square_waves_are_no_tones() -> None:
    assert names(np.zeros(80000)) == ["silence"]
    for half_period in (1, 3, 20, 400):
        square = np.where(np.arange(80000) // half_period % 2, 32767, -32768)
        assert set(names(square)) <= TALK | {"dial"}


@settings(max_examples=40)
@given(st.binary(max_size=8000), st.integers(1, 3000))
def test_random_bytes_never_raise_nor_make_a_tone(data: bytes, chunk: int) -> None:
    sound = np.tile(np.frombuffer(data[: len(data) // 2 * 2], "<i2"), 3)
    assert {event.name for event in events(sound, chunk=chunk)} <= TALK
