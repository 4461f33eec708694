"""``gateway dtmf``: what is printed, in which form, and what is said about bad input."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from gateway.audio.dtmf import encode
from gateway.audio.pcm import amplitude, read_wav, to_samples, ulaw_encode, write_wav
from gateway.cli.main import cli


def run(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(cli, ["dtmf", *arguments], input=stdin, catch_exceptions=True)


@pytest.fixture
def wav(tmp_path: Path) -> str:
    write_wav(tmp_path / "keys.wav", encode("12#"))
    return str(tmp_path / "keys.wav")


def test_decode_prints_seconds_and_key_a_line(wav: str) -> None:
    assert run("decode", wav).output.splitlines() == ["0.035 1", "0.235 2", "0.435 #"]


def test_decode_names_each_of_several_files(wav: str) -> None:
    lines = run("decode", wav, wav).output.splitlines()
    assert [line for line in lines if line.startswith("FILE")] == [f"FILE {wav}"] * 2
    assert len(lines) == 8


def test_decode_json_has_all_fields(wav: str) -> None:
    down, up = (json.loads(line) for line in run("decode", "--json", wav).output.splitlines()[:2])
    assert {"event", "key", "at", "onset", "level", "twist", "offset", "confidence", "file"} == set(down)
    assert (down["event"], down["key"], up["event"], up["key"]) == ("down", "1", "up", "1")
    assert up["ended"] == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize(
    ("options", "data"),
    [
        ([], encode("90").tobytes()),
        (["--format", "ulaw"], ulaw_encode(encode("90"))),
        (["--format", "s16", "--rate", "16000"], np.repeat(encode("90"), 2).tobytes() + b"\x00"),
    ],
)
def test_decode_reads_a_raw_stream_from_standard_input(options: list[str], data: bytes) -> None:
    assert [line.split()[1] for line in run("decode", *options, "-", stdin=data).output.splitlines()] == ["9", "0"]


def test_decode_takes_out_the_echo_of_what_was_played(tmp_path: Path) -> None:
    time = np.arange(80_000) / 8000
    played = to_samples(
        amplitude(-9) * np.sin(2 * np.pi * 770 * time) + amplitude(-9) * np.sin(2 * np.pi * 1336 * time)
    )
    write_wav(tmp_path / "a.ref.wav", played)
    write_wav(tmp_path / "a.wav", to_samples(played * 0.2))
    assert run("decode", str(tmp_path / "a.wav")).output.split()[1:] == ["5"]
    with_reference = run("decode", "--played", "{}.ref.wav", str(tmp_path / "a.wav"))
    assert (with_reference.exit_code, with_reference.output.count("\n") <= 1) == (0, True)


def test_encode_writes_what_decode_reads(tmp_path: Path) -> None:
    target = tmp_path / "out.wav"
    made = run("encode", "0 a 9", "-o", str(target), "--rate", "16000", "--tone", "0.06", "--level", "-12")
    assert (made.exit_code, read_wav(target)[1]) == (0, 16000)
    assert [line.split()[1] for line in run("decode", str(target)).output.splitlines()] == ["0", "A", "9"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("decode", "missing.wav"), "missing.wav: can't be read"),
        (("decode", "--played", "x.wav", "-"), "--played needs a WAV FILE"),
        (("encode", "12x", "-o", "out.wav"), '"X" is not a DTMF key'),
        (("encode", " ", "-o", "out.wav"), "no KEYS given"),
        (("encode", "12", "-o", "-"), "-o needs the name of a WAV file"),
        (("encode", "12", "-o", "out.wav", "--tone", "1e9"), "tone is 1e+09 s; it may be from 0.001 to 60 s"),
        (("encode", "12", "-o", "out.wav", "--level", "nan"), "level is nan dBm0; it may be from -60 to 3.17 dBm0"),
        (("encode", "12", "-o", "no/such/folder/out.wav"), "can't be written"),
    ],
)
def test_bad_input_is_named_with_its_reason(arguments: tuple[str, ...], complaint: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert complaint in str(result.exception)


@pytest.mark.parametrize("arguments", [("decode", "-"), ("encode", "12", "-o", "out.wav")])
@pytest.mark.parametrize("rate", ["0", "1000000000"])
def test_a_rate_that_no_sound_has_is_refused_with_the_rates_that_may_be(arguments: tuple[str, ...], rate: str) -> None:
    result = run(*arguments, "--rate", rate)
    assert (result.exit_code, "4000<=x<=192000" in result.output) == (2, True)
