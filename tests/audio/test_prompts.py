"""The prompt library joins clips into speech, and the shipped clips suit a telephone."""

import re
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest

from gateway.audio import numerals
from gateway.audio.pcm import level, power_to_dbm0, read_wav, write_wav
from gateway.audio.prompts import (
    COMMA,
    FULL_STOP,
    SHIPPED,
    Article,
    Clip,
    Digits,
    Number,
    Pause,
    PromptLibrary,
    Quantity,
    Yen,
)
from gateway.errors import PromptError
from gateway.line import SAMPLE_RATE, Samples

LIBRARIES = {language: PromptLibrary.open(language) for language in ("ja", "en")}
FILES = sorted(SHIPPED.glob("*/*.wav"))


def tone(seconds: float = 0.5, rate: int = SAMPLE_RATE) -> Samples:
    return (8000 * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * rate)) / rate)).astype(np.int16)


def seconds(sound: Samples) -> float:
    return len(sound) / SAMPLE_RATE


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_clip_that_is_shipped_is_wanted(language: numerals.Language) -> None:
    texts = tomllib.loads((SHIPPED / f"{language}.toml").read_text(encoding="utf-8"))["clips"]
    shipped = {path.stem for path in (SHIPPED / language).glob("*.wav")}
    assert shipped - set(numerals.clip_names(language)) - texts.keys() == {"beep", "guidance_tone"}


def test_every_clip_that_the_code_names_is_shipped() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in SHIPPED.parent.rglob("*.py"))
    named = re.findall(r'(?:Clip|_missed|_say_and_go)\("(\w+)"', code)
    assert len(named) > 20
    assert all(library.has(name) for name in named for library in LIBRARIES.values())


def test_a_shipped_clip_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(SHIPPED, tmp_path / "prompts")
    (tmp_path / "prompts" / "ja" / "n_25.wav").unlink()
    monkeypatch.setattr("gateway.audio.prompts.SHIPPED", tmp_path / "prompts")
    with pytest.raises(PromptError, match=r"n_25\.wav is missing; install the package again, or run make prompts"):
        PromptLibrary.open("ja")


def test_both_languages_have_the_same_prompts() -> None:
    ja, en = (
        tomllib.loads((SHIPPED / f"{language}.toml").read_text(encoding="utf-8"))["clips"] for language in ("ja", "en")
    )
    assert ja.keys() == en.keys()


def test_shipped_clips_are_8_khz_mono_and_small() -> None:
    assert all(read_wav(path)[1] == SAMPLE_RATE for path in FILES)
    assert sum(path.stat().st_size for path in FILES) < 6_000_000


@pytest.mark.parametrize("language", ["ja", "en"])
def test_shipped_speech_is_at_telephone_level_without_clipping(language: str) -> None:
    for path in sorted((SHIPPED / language).glob("*.wav")):
        sound = read_wav(path)[0].astype(np.float64)
        loudness = np.sqrt(np.convolve(sound**2, np.ones(160) / 160, "same"))
        active = power_to_dbm0(float(np.mean(sound[loudness > loudness.max() * 10 ** (-16 / 20)] ** 2)))
        assert -16 <= active <= -12, path
        assert np.abs(sound).max() < 0.9 * 32767, path


@pytest.mark.parametrize("language", ["ja", "en"])
def test_shipped_speech_begins_and_ends_softly_and_at_once(language: str) -> None:
    for path in sorted((SHIPPED / language).glob("*.wav")):
        sound = np.abs(read_wav(path)[0].astype(np.int32))
        assert sound[0] < 200 and sound[-1] < 200, path
        assert sound[:1200].max() > 400 and sound[-1200:].max() > 200, path


@pytest.mark.parametrize("language", ["ja", "en"])
def test_shipped_speech_stays_within_the_telephone_band(language: str) -> None:
    everything = np.concatenate([read_wav(path)[0] for path in sorted((SHIPPED / language).glob("*.wav"))])
    power = np.abs(np.fft.rfft(everything.astype(np.float64))) ** 2
    frequency = np.fft.rfftfreq(len(everything), 1 / SAMPLE_RATE)
    outside = power[(frequency < 180) | (frequency > 3700)].sum() / power.sum()
    assert 10 * np.log10(outside) < -25


@pytest.mark.parametrize("language", ["ja", "en"])
def test_guidance_is_over_within_3_2_seconds(language: str) -> None:
    assert seconds(LIBRARIES[language].sound((Clip("guidance_accepted"),))) <= 3.2


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_value_says_more_the_longer_it_is(language: str) -> None:
    library = LIBRARIES[language]
    for short, long in [
        ((Number(7),), (Number(7777),)),
        ((Digits("1"),), (Digits("1042"),)),
        ((Yen(4),), (Yen(1204),)),
    ]:
        assert seconds(library.sound(short)) < seconds(library.sound(long))


def test_clips_of_one_sentence_follow_closely_and_sentences_do_not(tmp_path: Path) -> None:
    for name in ("order_total", "order_kept"):
        write_wav(tmp_path / f"{name}.wav", tone())
    library = PromptLibrary.open("en", tmp_path)
    assert seconds(library.sound((Clip("order_total"), Clip("order_total")))) == pytest.approx(1 + COMMA)
    assert seconds(library.sound((Clip("order_kept"), Clip("order_kept")))) == pytest.approx(1 + FULL_STOP)


def test_a_pause_is_kept_at_both_ends_and_widens_a_gap(tmp_path: Path) -> None:
    write_wav(tmp_path / "order_total.wav", tone())
    library = PromptLibrary.open("en", tmp_path)
    total = Clip("order_total")
    assert seconds(library.sound((Pause(1), total, Pause(2), total, Pause(3)))) == pytest.approx(7)
    assert seconds(library.sound((Pause(0.5),))) == pytest.approx(0.5)
    assert len(library.sound(())) == 0


def test_silent_words_of_a_language_add_nothing() -> None:
    library = LIBRARIES["en"]
    assert library.has("order_number_end")
    assert len(library.sound((Clip("order_number_end"),))) == 0


def test_a_file_in_the_folder_replaces_the_shipped_clip(tmp_path: Path) -> None:
    write_wav(tmp_path / "goodbye.wav", tone())
    library = PromptLibrary.open("ja", tmp_path)
    assert np.array_equal(library.sound((Clip("goodbye"),)), tone())
    assert library.words((Clip("goodbye"),)) == "[goodbye]"
    assert np.array_equal(library.sound((Clip("beep"),)), LIBRARIES["ja"].sound((Clip("beep"),)))


def test_an_article_is_named_by_a_clip_of_its_number(tmp_path: Path) -> None:
    write_wav(tmp_path / "article_25.wav", tone(1.0))
    bare, named = PromptLibrary.open("en"), PromptLibrary.open("en", tmp_path)
    assert seconds(named.sound((Article("25"),))) > seconds(bare.sound((Article("25"),))) + 1
    assert named.words((Article("25"),)) == "25, [article_25],"


def test_the_clip_of_the_catalogue_goes_before_the_clip_of_the_number(tmp_path: Path) -> None:
    write_wav(tmp_path / "article_25.wav", tone(1.0))
    library = PromptLibrary.open("en", tmp_path)
    assert library.words((Article("25", "sample_tea_pot"),)) == "25, tea pot,"


@pytest.mark.parametrize(
    ("number", "same"), [("25", Number(25)), ("108", Number(108)), ("1042", Digits("1042")), ("007", Digits("007"))]
)
def test_short_article_numbers_are_read_as_numbers_and_long_ones_by_digit(number: str, same: Number | Digits) -> None:
    library = LIBRARIES["en"]
    assert np.array_equal(library.sound((Article(number),)), library.sound((same,)))


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_a_file_of_another_rate_is_fitted(tmp_path: Path, rate: int) -> None:
    write_wav(tmp_path / "goodbye.wav", tone(rate=rate), rate)
    sound = PromptLibrary.open("en", tmp_path).sound((Clip("goodbye"),))
    assert seconds(sound) == pytest.approx(0.5, abs=0.01)
    assert level(sound) == pytest.approx(level(tone()), abs=0.5)


def test_a_file_that_is_no_sound_is_named(tmp_path: Path) -> None:
    (tmp_path / "goodbye.wav").write_bytes(b"ID3 is no WAV")
    with pytest.raises(PromptError, match=r"goodbye\.wav: not a WAV file"):
        PromptLibrary.open("en", tmp_path)


def test_a_silent_file_is_named(tmp_path: Path) -> None:
    write_wav(tmp_path / "goodbye.wav", np.zeros(800, np.int16))
    with pytest.raises(PromptError, match=r"goodbye\.wav: nothing is to be heard in it"):
        PromptLibrary.open("en", tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="no such folder of prompts"):
        PromptLibrary.open("en", tmp_path / "nothing")


def test_a_missing_clip_is_named_with_the_remedy() -> None:
    with pytest.raises(PromptError, match=r'no prompt "hullo"; put hullo\.wav into the folder'):
        LIBRARIES["en"].sound((Clip("hullo"),))


def test_words_are_what_is_spoken() -> None:
    phrase = (
        Clip("order_item"),
        Article("25", "sample_tea_pot"),
        Quantity(2),
        Pause(FULL_STOP),
        Clip("order_number"),
        Digits("10"),
    )
    assert LIBRARIES["en"].words(phrase) == "Your order is article 25, tea pot, 2 pieces. Your order number is 1-0"
    assert LIBRARIES["ja"].words(phrase) == "ご注文は、25番、急須、2個。ご注文番号は、1-0"
