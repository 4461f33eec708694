"""``gateway tones listen``: what is printed, in which form, and what is said about bad input."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from gateway.audio.pcm import amplitude, to_samples, ulaw_encode, write_wav
from gateway.cli.main import cli
from gateway.line import Samples


def run(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(cli, ["tones", "listen", *arguments], input=stdin)


def busy(rate: int = 8000) -> Samples:
    """Three seconds of the British tone."""
    time = np.arange(3 * rate) / rate
    return to_samples(amplitude(-15.0) * np.sin(2 * np.pi * 400 * time) * (time % 0.75 < 0.375))


@pytest.fixture
def wav(tmp_path: Path) -> str:
    write_wav(tmp_path / "busy.wav", busy())
    return str(tmp_path / "busy.wav")


def test_each_name_stands_on_a_line_after_its_seconds(wav: str) -> None:
    (line,) = run(wav, "--country", "GB").output.splitlines()
    seconds, name, *rest = line.split()
    assert name == "busy"
    assert 0.75 < float(seconds) < 1.125
    assert rest == ["since", "0.00", "s,", "-15.0", "dBm0"]


def test_json_has_all_fields(wav: str) -> None:
    (line,) = run(wav, "--json").output.splitlines()
    assert json.loads(line).keys() == {"name", "at", "began", "level"}


@pytest.mark.parametrize(
    ("options", "data"),
    [
        ([], busy().tobytes()),
        (["--format", "ulaw"], ulaw_encode(busy())),
        (["--rate", "48000"], busy(48000).tobytes()),
    ],
)
def test_a_raw_stream_is_read_from_standard_input(options: list[str], data: bytes) -> None:
    assert [line.split()[1] for line in run("-", *options, stdin=data).output.splitlines()] == ["busy"]


def test_a_wav_file_of_any_rate_will_do(tmp_path: Path) -> None:
    write_wav(tmp_path / "busy.wav", busy(16000), 16000)
    assert " busy " in run(str(tmp_path / "busy.wav")).output


def test_a_picture_is_drawn(wav: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "call.png"
    result = run(wav, "--png", str(picture))
    assert result.exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert " busy " in result.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "name a WAV FILE"),
        (["-", "--device", "hw:9"], "one of them only"),
        (["nowhere.wav"], "nowhere.wav: can't be read"),
        (["-", "--country", "XX"], 'country "XX" is none'),
    ],
)
def test_bad_input_is_refused_with_its_name_and_remedy(arguments: list[str], complaint: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert complaint in str(result.exception)


def test_an_empty_stream_is_no_error(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = run("-", "--png", str(tmp_path / "nothing.png"))
    assert (result.exit_code, result.output) == (0, "")
