"""The bench's own sounds: levels, keys, WAV files."""

import random
import struct
from pathlib import Path

import numpy as np
import pytest

from gateway.bench import sound
from gateway.bench.dtmf import KeyEar
from gateway.bench.wire import FRAME


def frames(samples: sound.Samples) -> list[sound.Samples]:
    padded = np.concatenate([samples, sound.silence(0.1)])
    return [padded[at : at + FRAME] for at in range(0, len(padded) - FRAME + 1, FRAME)]


def keys_heard(samples: sound.Samples) -> str:
    ear = KeyEar()
    return "".join(key.key for at, frame in enumerate(frames(samples)) for key in ear.hear(frame, at * 0.02))


def test_a_full_scale_sine_is_at_3_dbm0() -> None:
    assert sound.level(sound.tone((1000.0,), 1.0, sound.FULL_SCALE_DBM0)) == pytest.approx(3.17, abs=0.01)
    assert sound.level(sound.tone((400.0,), 1.0, -20.0)) == pytest.approx(-20.0, abs=0.05)
    assert sound.level(sound.silence(1.0)) == sound.SILENT_DBM0


def test_noise_has_its_level() -> None:
    assert sound.level(sound.noise(5.0, -50.0, seed=1)) == pytest.approx(-50.0, abs=0.2)


def test_a_progress_tone_loops_without_a_seam() -> None:
    loop = sound.cadence(((0.375, (400.0,)), (0.375, ())), -15.0)
    assert len(loop) % FRAME == 0
    assert len(loop) % round(0.75 * sound.RATE) == 0


@pytest.mark.parametrize("seed", range(6))
def test_every_key_of_a_human_hand_is_heard_once(seed: int) -> None:
    rng = random.Random(seed)
    text = "".join(rng.choices(sound.KEYS, k=24))
    pressed = np.concatenate([sound.silence(rng.uniform(0, 0.02))] + [sound.Finger().press(key, rng) for key in text])
    assert keys_heard(pressed) == text


def test_onset_and_length_of_a_key_are_told_to_the_window() -> None:
    finger = sound.Finger(on=(0.12, 0.12), gap=(0.2, 0.2))
    ear = KeyEar()
    pressed = np.concatenate([sound.silence(0.1), finger.press("7", random.Random(1))])
    heard = [key for at, frame in enumerate(frames(pressed)) for key in ear.hear(frame, 5.0 + at * 0.02)]
    assert len(heard) == 1
    assert heard[0].onset == pytest.approx(5.1, abs=0.011)
    assert heard[0].seconds == pytest.approx(0.12, abs=0.021)


@pytest.mark.parametrize(
    "frequencies", [(941.0, 1633.0), (697.0, 1209.0)], ids=["a # sent as D is heard as D", "1 is 1"]
)
def test_keys_are_told_apart_by_both_tones(frequencies: tuple[float, float]) -> None:
    assert keys_heard(sound.tone(frequencies, 0.1)) == {941.0: "D", 697.0: "1"}[frequencies[0]]


@pytest.mark.parametrize(
    "frequencies", [(697.0,), (950.0, 1400.0), (350.0, 440.0), (697.0, 770.0), (400.0,), (697.0, 1209.0, 1336.0)]
)
def test_other_tones_are_no_keys(frequencies: tuple[float, ...]) -> None:
    assert keys_heard(sound.tone(frequencies, 0.3)) == ""


def test_a_tone_of_20_ms_is_no_key_and_a_short_dropout_does_not_double_one() -> None:
    key = sound.tone((770.0, 1336.0), 0.2)
    assert keys_heard(key[:160]) == ""
    key[800:880] = 0
    assert keys_heard(key) == "5"


def test_noise_is_no_key() -> None:
    rough = np.clip(sound.noise(20.0, -10.0, seed=3), -32768, 32767).astype(np.int16)
    assert keys_heard(rough) == ""


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    spoken = sound.tone((440.0,), 0.5)
    sound.write_wav(tmp_path / "a.wav", spoken)
    assert np.array_equal(sound.read_wav(tmp_path / "a.wav"), spoken)


def test_a_mu_law_file_is_read_too(tmp_path: Path) -> None:
    codes = bytes(range(256))
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 0, b"WAVE", b"fmt ", 16, 7, 1, 8000, 8000, 1, 8, b"data", 256)
    (tmp_path / "law.wav").write_bytes(head + codes)
    heard = sound.read_wav(tmp_path / "law.wav")
    assert (heard[0x00], heard[0x80], heard[0xFF], heard[0x8F]) == (-32124, 32124, 0, 16764)  # ITU-T G.711, table 2a


def test_a_sound_file_that_is_not_usable_is_named(tmp_path: Path) -> None:
    with pytest.raises(sound.BadSound, match=r"none\.wav: no such sound file"):
        sound.read_wav(tmp_path / "none.wav")
    (tmp_path / "text.wav").write_text("hello")
    with pytest.raises(sound.BadSound, match=r"text\.wav: not a WAV file"):
        sound.read_wav(tmp_path / "text.wav")
    recording = sound.StereoRecording(tmp_path / "stereo.wav")
    recording.add(spoken := sound.silence(0.02), spoken)
    recording.close()
    with pytest.raises(
        sound.BadSound, match=r"stereo\.wav: has coding 1, 2 channel\(s\), 16 bit, 8000 Hz; make it mono"
    ):
        sound.read_wav(tmp_path / "stereo.wav")
