"""``gateway tones listen``: what is printed, in which form, and what is said about bad input."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from modem_lab import PluggedIn, lab

from gateway.audio.dtmf import encode
from gateway.audio.pcm import amplitude, to_samples, ulaw_encode, write_wav
from gateway.audio.tones import ToneListener
from gateway.cli.main import cli
from gateway.cli.tones_line import seize
from gateway.cli.tones_picture import COLOURS, KEY
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


def test_a_picture_has_a_bar_for_each_name_and_each_key_over_its_moment(tmp_path: Path) -> None:
    pyplot = pytest.importorskip("matplotlib.image")
    keys = encode("159", tone=0.1, pause=0.1, level=-10.0)
    call = np.concatenate([np.zeros(8000, np.int16), busy(), np.zeros(16000, np.int16), keys])
    write_wav(tmp_path / "call.wav", call)
    run(str(tmp_path / "call.wav"), "--png", str(tmp_path / "call.png"))
    pixels = pyplot.imread(str(tmp_path / "call.png"))[..., :3]
    for colour in (COLOURS["busy"], COLOURS["silence"], KEY):
        wanted = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
        assert (np.abs(pixels - wanted).max(axis=2) < 0.02).sum() > 100, colour


def test_a_table_of_ones_own_is_listened_for(tmp_path: Path) -> None:
    time = np.arange(5 * 8000) / 8000
    sound = to_samples(amplitude(-15.0) * np.sin(2 * np.pi * 330 * time) * (time % 2.0 < 0.9))
    write_wav(tmp_path / "island.wav", sound)
    (tmp_path / "island.toml").write_text("[QZ]\nbusy = {hz = [330], seconds = [0.9, 1.1]}\n")
    own = ("--table", str(tmp_path / "island.toml"), "--country", "QZ")
    assert " busy " in run(str(tmp_path / "island.wav"), *own).output
    assert " busy " not in run(str(tmp_path / "island.wav")).output


def test_seconds_end_a_stream(wav: str) -> None:
    assert run(wav, "--seconds", "1").output == ""
    endless = busy().tobytes() * 3
    assert run("-", "--seconds", "2", stdin=endless).output.count("busy") == 1


async def test_a_line_off_hook_is_listened_to_and_comes_free() -> None:
    heard: list[Samples] = []

    def enough(sound: Samples) -> bool:
        heard.append(sound)
        return sum(map(len, heard)) < 3 * 8000

    async with lab("usr5637", opened=False) as bench:
        await seize(bench.settings, enough, PluggedIn(bench.port.other_end, "modem"))
        assert not bench.off_hook
    told = ToneListener("JP").feed(np.concatenate(heard))
    assert [event.name for event in told] == ["dial"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "name a WAV FILE"),
        (["-", "--device", "hw:9"], "one of them only"),
        (["nowhere.wav"], "nowhere.wav: can't be read"),
        (["-", "--port", "/dev/gateway/a"], "one of them only"),
        (["--port", "/dev/gateway/a"], "--model"),
        (["--port", "/dev/gateway/a", "--model", "sim800"], "gateway line listen"),
        (["--port", "/dev/gateway/a", "--model", "usr"], 'model "usr" is not known; choose one of'),
        (["--port", "/dev/gateway/nowhere", "--model", "usr5637"], "/dev/gateway/nowhere"),
        (["-", "--country", "XX"], 'country "XX" is none'),
        (["-", "--table", "nowhere.toml"], "nowhere.toml: the table of tones can't be read"),
        (["-", "--png", "nowhere/call.png"], "nowhere/call.png: can't be written: there is no folder nowhere"),
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
