"""Numbers are read in the language's way: the clips' own texts, joined, are what a speaker would say."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audio import numerals
from gateway.audio.prompts import SHIPPED

UNITS = ["", "いち", "に", "さん", "よん", "ご", "ろく", "なな", "はち", "きゅう"]
HUNDREDS = [
    "",
    "ひゃく",
    "にひゃく",
    "さんびゃく",
    "よんひゃく",
    "ごひゃく",
    "ろっぴゃく",
    "ななひゃく",
    "はっぴゃく",
    "きゅうひゃく",
]
THOUSANDS = ["", "せん", "にせん", "さんぜん", "よんせん", "ごせん", "ろくせん", "ななせん", "はっせん", "きゅうせん"]
COUNTED = ["", "いっこ", "にこ", "さんこ", "よんこ", "ごこ", "ろっこ", "ななこ", "はっこ", "きゅうこ"]


def below_hundred(value: int) -> str:
    tens, units = divmod(value, 10)
    return ("" if not tens else ("" if tens == 1 else UNITS[tens]) + "じゅう") + UNITS[units]


def spoken_ja(clip: str) -> str:
    """What a Japanese clip says, by hand-written rules that know nothing of the code under test."""
    if clip in ("n_man", "q_pieces", "y_yen", "n_0"):
        return {"n_man": "まん", "q_pieces": "こ", "y_yen": "えん", "n_0": "ゼロ"}[clip]
    kind, value = clip.split("_")[0], int(clip.split("_")[1])
    number = THOUSANDS[value // 1000] + HUNDREDS[value // 100 % 10] + below_hundred(value % 100)
    if kind == "q":
        tail = value % 10
        if tail:
            return below_hundred(value - tail) + COUNTED[tail]
        return re.sub("じゅう$", "じゅっ", re.sub("([ひびぴ])ゃく$", r"\1ゃっ", number)) + "こ"
    if kind == "y":
        return below_hundred(value - 4) + "よえん"
    return number


JAPANESE = {
    0: "ゼロ", 4: "よん", 7: "なな", 9: "きゅう", 10: "じゅう", 14: "じゅうよん", 25: "にじゅうご", 100: "ひゃく",
    105: "ひゃくご", 300: "さんびゃく", 365: "さんびゃくろくじゅうご", 600: "ろっぴゃく", 800: "はっぴゃく",
    1000: "せん", 1042: "せんよんじゅうに", 3000: "さんぜん", 3333: "さんぜんさんびゃくさんじゅうさん",
    8000: "はっせん",
    8888: "はっせんはっぴゃくはちじゅうはち", 10000: "いちまん", 10001: "いちまんいち", 20_300: "にまんさんびゃく",
    99_999: "きゅうまんきゅうせんきゅうひゃくきゅうじゅうきゅう", 100_000: "じゅうまん",
    1_260_000: "ひゃくにじゅうろくまん",
}  # fmt: skip


@pytest.mark.parametrize(("value", "reading"), JAPANESE.items())
def test_japanese_numbers(value: int, reading: str) -> None:
    assert "".join(map(spoken_ja, numerals.number(value, "ja"))) == reading


PIECES = {
    0: "ゼロこ", 1: "いっこ", 2: "にこ", 3: "さんこ", 4: "よんこ", 6: "ろっこ", 8: "はっこ", 10: "じゅっこ",
    16: "じゅうろっこ", 20: "にじゅっこ", 98: "きゅうじゅうはっこ", 100: "ひゃっこ", 101: "ひゃくいっこ",
    300: "さんびゃっこ",
    310: "さんびゃくじゅっこ", 1000: "せんこ", 1500: "せんごひゃっこ", 10000: "いちまんこ",
}  # fmt: skip


@pytest.mark.parametrize(("value", "reading"), PIECES.items())
def test_japanese_pieces(value: int, reading: str) -> None:
    assert "".join(map(spoken_ja, numerals.quantity(value, "ja"))) == reading


YEN = {
    4: "よえん", 14: "じゅうよえん", 40: "よんじゅうえん", 104: "ひゃくよえん", 400: "よんひゃくえん",
    1204: "せんにひゃくよえん", 10000: "いちまんえん", 26_472: "にまんろくせんよんひゃくななじゅうにえん",
}  # fmt: skip


@pytest.mark.parametrize(("value", "reading"), YEN.items())
def test_japanese_yen(value: int, reading: str) -> None:
    assert "".join(map(spoken_ja, numerals.yen(value, "ja"))) == reading


ENGLISH = {
    0: "0", 7: "7", 25: "25", 100: "100", 105: "100and 5", 999: "900and 99", 1000: "1 thousand",
    1005: "1 thousand and 5", 1100: "1 thousand 100", 1204: "1 thousand 200and 4",
    12_345: "12 thousand 300and 45", 20_000: "20 thousand",
    99_999: "99 thousand 900and 99", 100_001: "100 thousand and 1", 3_000_000: "3 million",
    2_000_009: "2 million and 9",
}  # fmt: skip


@pytest.mark.parametrize(("value", "reading"), ENGLISH.items())
def test_english_numbers(value: int, reading: str) -> None:
    clips = numerals.number(value, "en")
    assert " ".join(clip.removeprefix("n_").replace("_and", "and") for clip in clips) == reading


def english_value(clips: tuple[str, ...]) -> int:
    """What the clips say, counted back."""
    total = group = 0
    for clip in clips:
        word = clip.removeprefix("n_").removesuffix("_and")
        if word in ("thousand", "million"):
            total, group = total + group * {"thousand": 1000, "million": 1_000_000}[word], 0
        elif word.isdigit():
            group += int(word)
    return total + group


def japanese_value(clips: tuple[str, ...]) -> int:
    total = group = 0
    for clip in clips:
        word = clip.removeprefix("n_")
        total, group = (total + group * 10_000, 0) if word == "man" else (total, group + int(word))
    return total + group


@given(st.integers(0, numerals.MAXIMUM))
def test_every_number_says_its_value(value: int) -> None:
    assert english_value(numerals.number(value, "en")) == value
    assert japanese_value(numerals.number(value, "ja")) == value


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_number_to_99999_is_made_of_clips_that_are_shipped(language: numerals.Language) -> None:
    shipped = {path.stem for path in (SHIPPED / language).glob("*.wav")}
    named = {f"d_{digit}" for digit in range(10)}
    for read in (numerals.number, numerals.quantity, numerals.yen):
        for value in (*range(10_000), *range(10_000, 100_000, 7)):
            named.update(read(value, language))
    assert named <= shipped
    assert named <= set(numerals.clip_names(language))
    assert set(numerals.clip_names(language)) <= shipped


def test_english_pieces_are_counted() -> None:
    assert numerals.quantity(1, "en") == ("n_1", "q_piece")
    assert numerals.quantity(2, "en") == ("n_2", "q_pieces")


def test_digits_are_read_one_by_one() -> None:
    assert numerals.digits("1042") == ("d_1", "d_0", "d_4", "d_2")


@pytest.mark.parametrize("text", ["", "1a", "１２", "-1"])
def test_anything_but_digits_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="row of digits"):
        numerals.digits(text)


def test_a_number_beyond_the_largest_is_refused() -> None:
    with pytest.raises(ValueError, match="can't be read out"):
        numerals.number(numerals.MAXIMUM + 1, "ja")
