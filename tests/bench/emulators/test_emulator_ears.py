"""The modem's own ears and codecs, against sounds made from their definitions."""

import numpy as np
import pytest

from gateway.bench.emulators import dle
from gateway.bench.emulators.ears import Ears
from gateway.bench.emulators.sound import DTMF, MULAW, SIGNED, UNSIGNED, Codec, Encoding, VoiceFormat
from gateway.bench.wire import FRAME, Samples

RATE = 8000


def tones(seconds: float, *frequencies: float, level: float = 5000.0) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    return sum((level * np.sin(2 * np.pi * hz * time) for hz in frequencies), np.zeros(len(time))).astype(np.int16)


def keys(sound: Samples, shift: int = 0) -> str:
    ears = Ears()
    sound = np.concatenate([np.zeros(shift, np.int16), sound])
    frames = (sound[start : start + FRAME] for start in range(0, len(sound) - FRAME + 1, FRAME))
    return "".join(heard.digit_on for frame in frames if (heard := ears.hear(frame)).digit_on)


def typed(text: str, on: float, off: float, **how: float) -> Samples:
    return np.concatenate([np.concatenate([tones(on, *DTMF[key], **how), tones(off)]) for key in text])


@pytest.mark.parametrize("shift", range(0, 160, 23))
@pytest.mark.parametrize(("on", "off"), [(0.05, 0.05), (0.065, 0.055), (0.1, 0.1), (0.3, 0.04)])
def test_every_key_is_heard_once_wherever_the_frames_fall(on: float, off: float, shift: int) -> None:
    assert keys(typed("1234567890*#ABCD77", on, off), shift) == "1234567890*#ABCD77"


@pytest.mark.parametrize("level", [800, 3000, 15000])
def test_keys_are_heard_at_any_usual_level(level: float) -> None:
    assert keys(typed("159D", 0.08, 0.08, level=level)) == "159D"


def test_keys_off_frequency_by_one_and_a_half_percent_are_heard() -> None:
    for key, (low, high) in DTMF.items():
        assert keys(np.concatenate([tones(0.1, low * 1.015, high * 0.985), tones(0.1)])) == key


@pytest.mark.parametrize("frequencies", [(440,), (941,), (350, 440), (697, 770), (950, 1400), (1209, 1336)])
def test_other_tones_are_no_key(frequencies: tuple[float, ...]) -> None:
    assert keys(tones(1.0, *frequencies)) == ""


@pytest.mark.parametrize("shift", range(0, 160, 23))
def test_a_tone_of_twenty_milliseconds_is_no_key_yet(shift: int) -> None:
    assert keys(typed("159D", 0.02, 0.1), shift) == ""


def test_noise_is_no_key() -> None:
    assert keys(np.random.default_rng(7).normal(0, 4000, 60 * RATE).astype(np.int16)) == ""


@pytest.mark.parametrize("encoding", [UNSIGNED, SIGNED, MULAW], ids=lambda encoding: encoding.name)
def test_a_codec_gives_back_every_code(encoding: Encoding) -> None:
    codes = bytes(range(256))
    back = encoding.encode(encoding.decode(codes))
    assert [a for a, b in zip(codes, back, strict=True) if a != b] in ([], [0x7F])  # mu-law has two zeros


def test_mu_law_has_the_values_of_the_standard() -> None:
    # ITU-T G.711, tables 2a and 2b: 14-bit decision values, here as 16 bits.
    assert MULAW.decode(bytes([0x80, 0x00, 0xFF, 0x8F, 0xEF])).tolist() == [32124, -32124, 0, 16764, 132]
    assert MULAW.encode(np.array([32767, -32768, 0, 4], np.int16)) == bytes([0x80, 0x00, 0xFF, 0xFF])


@pytest.mark.parametrize("encoding", [UNSIGNED, SIGNED, MULAW], ids=lambda encoding: encoding.name)
def test_silence_is_silence(encoding: Encoding) -> None:
    assert not encoding.decode(encoding.silence).any()
    assert encoding.encode(np.zeros(3, np.int16)) == encoding.silence * 3


@pytest.mark.parametrize("hz", [300, 1000, 2000, 3000])
def test_seven_thousand_two_hundred_hertz_there_and_back_keeps_tone_and_level(hz: int) -> None:
    codec = Codec(VoiceFormat(UNSIGNED, 7200))
    sound = tones(1.0, hz, level=10000)
    there = [codec.to_program(sound[start : start + FRAME]) for start in range(0, len(sound), FRAME)]
    assert {len(data) for data in there} == {144}
    back = np.concatenate([codec.to_line(data) for data in there])[800:]
    spectrum = np.abs(np.fft.rfft(back * np.hanning(len(back)), RATE)) ** 2
    assert np.argmax(spectrum) == hz
    assert spectrum[hz - 20 : hz + 21].sum() / spectrum.sum() > 0.99
    assert 0.8 < back.std() / sound.std() < 1.1


@pytest.mark.parametrize(
    ("voice", "wire"),
    [
        (b"\x01\x02", b"\x01\x02"),
        (b"\x10", b"\x10\x10"),
        (b"\x10\x10", b"\x10\x1a"),
        (b"\x10\x10\x10", b"\x10\x1a\x10\x10"),
        (b"\x01\x10\x02\x10\x10", b"\x01\x10\x10\x02\x10\x1a"),
    ],
)
@pytest.mark.parametrize("size", range(1, 8))
def test_shielding_is_undone_by_the_other_side_in_any_pieces(voice: bytes, wire: bytes, size: int) -> None:
    assert dle.shield(voice) == wire
    stream, heard = dle.HostStream(), b""
    wire += b"\x10\x03rest"
    code = None
    for start in range(0, len(wire), size):
        stream.feed(wire[start : start + size])
        while code is None and (item := stream.next()) is not None:
            if isinstance(item, dle.Code):
                code = item.code
            else:
                heard += item
    assert (heard, code, stream.rest()) == (voice, b"\x03", b"rest")
