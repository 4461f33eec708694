"""PCM: G.711, 8-bit linear, sample rates, levels, WAV files."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audio import pcm
from gateway.audio.pcm import (
    RAW_FORMATS,
    Resampler,
    SoundError,
    alaw_decode,
    alaw_encode,
    amplitude,
    level,
    linear8_decode,
    linear8_encode,
    read_wav,
    resample,
    to_samples,
    ulaw_decode,
    ulaw_encode,
    write_wav,
)
from gateway.line import Samples

EVERY_VALUE = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = bytes(range(256))


def sine(frequency: float, rate: int, seconds: float = 1.0, dbm0: float = -10.0) -> Samples:
    return to_samples(amplitude(dbm0) * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate))


def test_ulaw_has_the_values_of_the_recommendation() -> None:
    assert ulaw_decode(bytes([0x00, 0x80, 0x0F, 0x8F, 0x7F, 0xFF])).tolist() == [-32124, 32124, -16764, 16764, 0, 0]
    assert ulaw_encode(np.zeros(2, np.int16)) == b"\xff\xff"


def test_alaw_has_the_values_of_the_recommendation() -> None:
    assert alaw_decode(bytes([0xD5, 0x55, 0xAA, 0x2A])).tolist() == [8, -8, 32256, -32256]


@pytest.mark.parametrize(
    ("encode", "decode"),
    [(ulaw_encode, ulaw_decode), (alaw_encode, alaw_decode), (linear8_encode, linear8_decode)],
    ids=["ulaw", "alaw", "linear8"],
)
def test_a_codec_gives_back_its_own_levels_and_the_nearest_one_to_anything_else(encode, decode) -> None:
    levels = np.unique(decode(EVERY_CODE)).astype(np.int32)
    assert (decode(encode(levels.astype(np.int16))) == levels).all()
    error = np.abs(decode(encode(EVERY_VALUE)).astype(np.int32) - EVERY_VALUE)
    nearest = np.minimum(
        np.abs(EVERY_VALUE - levels[np.clip(np.searchsorted(levels, EVERY_VALUE) - 1, 0, len(levels) - 1)]),
        np.abs(EVERY_VALUE - levels[np.clip(np.searchsorted(levels, EVERY_VALUE), 0, len(levels) - 1)]),
    )
    assert (error == nearest).all()


def test_level_of_a_full_scale_sine_is_3_17_dbm0_and_of_silence_a_floor() -> None:
    assert level(sine(1000, 8000, dbm0=3.17)) == pytest.approx(3.17, abs=0.01)
    assert level(sine(1000, 8000, dbm0=-25)) == pytest.approx(-25, abs=0.01)
    assert level(np.zeros(100, np.int16)) == pcm.SILENCE_DBM0
    assert level(np.zeros(0, np.int16)) == pcm.SILENCE_DBM0


RATES = [
    (7200, 8000),
    (8000, 7200),
    (8000, 16000),
    (16000, 8000),
    (44100, 8000),
    (8000, 44100),
    (48000, 8000),
    (8000, 48000),
]


@pytest.mark.parametrize(("source", "target"), RATES)
def test_resampled_tone_is_the_tone_itself(source: int, target: int) -> None:
    got = resample(sine(1000, source), source, target)
    want = sine(1000, target)
    assert len(got) == len(want)
    error = (got.astype(float) - want)[target // 20 : -target // 20]
    assert 10 * np.log10((np.mean(error**2) + 1e-9) / np.mean(want.astype(float) ** 2)) < -70


def test_resampling_down_keeps_out_what_would_fold_back() -> None:
    assert level(resample(sine(5000, 16000), 16000, 8000)[400:-400]) < -70


@pytest.mark.parametrize(("source", "target"), RATES)
@pytest.mark.parametrize("chunk", [1, 37, 160, 100_000])
def test_resampler_gives_the_same_for_any_chunks(source: int, target: int, chunk: int) -> None:
    sound = np.random.default_rng(1).integers(-9000, 9000, source // 20).astype(np.int16)
    stream = Resampler(source, target)
    pieces = [stream.feed(sound[at : at + chunk]) for at in range(0, len(sound), chunk)]
    assert (np.concatenate([*pieces, stream.flush()]) == resample(sound, source, target)).all()


def test_resampler_of_equal_rates_changes_nothing() -> None:
    sound = sine(440, 8000, 0.1)
    assert (resample(sound, 8000, 8000) == sound).all()


def test_resampler_refuses_a_rate_of_zero() -> None:
    with pytest.raises(SoundError, match="above zero"):
        Resampler(0, 8000)


def test_wav_comes_back_as_written(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", sine(440, 16000, 0.1), 16000)
    samples, rate = read_wav(tmp_path / "a.wav")
    assert rate == 16000
    assert (samples == sine(440, 16000, 0.1)).all()


def wav(kind: int, bits: int, channels: int, data: bytes) -> bytes:
    header = (
        kind.to_bytes(2, "little")
        + channels.to_bytes(2, "little")
        + (8000).to_bytes(4, "little")
        + (8000 * channels * bits // 8).to_bytes(4, "little")
        + (channels * bits // 8).to_bytes(2, "little")
        + bits.to_bytes(2, "little")
    )
    chunks = b"fmt " + len(header).to_bytes(4, "little") + header + b"LIST\x03\x00\x00\x00abc\x00"
    chunks += b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + (len(chunks) + 4).to_bytes(4, "little") + b"WAVE" + chunks


TONE = sine(440, 8000, 0.05)


@pytest.mark.parametrize(
    ("kind", "bits", "data", "tolerance"),
    [
        (1, 8, linear8_encode(TONE), 128),
        (1, 16, TONE.tobytes(), 0),
        (1, 24, b"".join(int(v << 8).to_bytes(3, "little", signed=True) for v in TONE.tolist()), 0),
        (1, 32, (TONE.astype(np.int32) << 16).tobytes(), 0),
        (3, 32, (TONE / 32768).astype("<f4").tobytes(), 1),
        (6, 8, alaw_encode(TONE), 512),
        (7, 8, ulaw_encode(TONE), 512),
    ],
)
def test_every_common_wav_format_is_read(tmp_path: Path, kind: int, bits: int, data: bytes, tolerance: int) -> None:
    (tmp_path / "a.wav").write_bytes(wav(kind, bits, 1, data))
    samples, rate = read_wav(tmp_path / "a.wav")
    assert rate == 8000
    assert np.abs(samples.astype(int) - TONE).max() <= tolerance


def test_stereo_is_mixed(tmp_path: Path) -> None:
    both = np.stack([TONE, np.zeros_like(TONE)], axis=1)
    (tmp_path / "a.wav").write_bytes(wav(1, 16, 2, both.tobytes()))
    samples, _ = read_wav(tmp_path / "a.wav")
    assert np.abs(samples - TONE / 2).max() <= 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not a WAV file"),
        (b"OggS" + bytes(100), "not a WAV file"),
        (wav(1, 16, 1, b"")[:12], "holds no sound"),
        (wav(2, 4, 1, bytes(10)), "not supported"),
        (wav(1, 16, 0, bytes(10)), "not supported"),
    ],
)
def test_a_bad_wav_is_named_with_a_remedy(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "bad.wav").write_bytes(content)
    with pytest.raises(SoundError, match=rf"bad\.wav.*{complaint}"):
        read_wav(tmp_path / "bad.wav")


def test_a_missing_wav_is_named(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match=r"none\.wav: can't be read"):
        read_wav(tmp_path / "none.wav")


@given(st.binary(max_size=200))
def test_random_bytes_never_raise_but_sound_errors(data: bytes) -> None:
    for width, to_linear in RAW_FORMATS.values():
        assert len(to_linear(data[: len(data) // width * width])) == len(data) // width
    with contextlib.suppress(SoundError):
        pcm.parse_wav(b"RIFF" + bytes(4) + b"WAVE" + data, "x")
