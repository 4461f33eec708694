"""The prompt library: phrases in, sound out.

A phrase is a tuple of clip names and spoken values. The shipped clips lie in ``gateway/prompts/LANGUAGE/*.wav``; a
vendor replaces any of them, or adds his own, by dropping a WAV file of the same name into a folder. ``numerals.py``
knows which clips make up a number in each language.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gateway.audio import numerals
from gateway.audio.numerals import Language, clip_names
from gateway.audio.pcm import SoundError, read_wav, resample, ulaw_decode, ulaw_encode
from gateway.errors import PromptError
from gateway.line import SAMPLE_RATE, Samples

SHIPPED = Path(__file__).parent.parent / "prompts"


@dataclass(frozen=True)
class Clip:
    """A recorded clip by its name: ``Clip("goodbye")`` is ``goodbye.wav``."""

    name: str


@dataclass(frozen=True)
class Number:
    """A whole number read as such, 0 to 99,999,999: twenty-five, にじゅうご."""

    value: int


@dataclass(frozen=True)
class Quantity:
    """How many pieces, with the language's counter, 0 to 99,999,999: two pieces, にこ."""

    value: int


@dataclass(frozen=True)
class Yen:
    """An amount of money, 0 to 99,999,999: four yen, よえん."""

    value: int


@dataclass(frozen=True)
class Digits:
    """Digits read one by one: ``Digits("1042")`` is one, zero, four, two."""

    text: str


@dataclass(frozen=True)
class Article:
    """An article: its number, then its name where there is a clip of it.

    The name is ``clip`` if given, else ``article_NUMBER.wav`` in the vendor's folder, if that exists.
    """

    number: str
    clip: str = ""


@dataclass(frozen=True)
class Pause:
    """Silence."""

    seconds: float


Part = Clip | Number | Quantity | Yen | Digits | Article | Pause
Phrase = tuple[Part, ...]

JOINT = 0.03
"""Seconds between the clips of one number."""
COMMA = 0.12
"""Seconds between a clip and a value, or two clips of one sentence."""
FULL_STOP = 0.4
"""Seconds after a clip whose text ends a sentence, and after a clip of the vendor's that we have no text of."""
ARTICLE_ENDING = "order_article_end"
"""The clip that follows an article's number: 番 in Japanese, nothing in English."""
DIGIT = 0.1
"""Seconds between digits, so that they can be written down."""


class PromptLibrary:
    """The clips of one language, all in memory (some 3 MB), the vendor's before the shipped ones."""

    def __init__(
        self, language: Language, clips: dict[str, Samples | bytes], texts: dict[str, str], replaced: frozenset[str]
    ) -> None:
        self.language: Language = language
        self._clips = clips  # bytes are G.711 µ-law
        self._texts = {name: text for name, text in texts.items() if name not in replaced}
        self._mid_sentence = {name for name, text in texts.items() if not text.endswith(("。", ".", "!", "?"))}

    @classmethod
    def open(cls, language: Language, replacement_folder: Path | None = None) -> "PromptLibrary":
        """The shipped clips of a language and what lies in ``replacement_folder``.

        Every file is read now, so that a bad one shows at start and not in the middle of a call. Raises ``PromptError``
        that names the file or folder.
        """
        texts: dict[str, str] = tomllib.loads((SHIPPED / f"{language}.toml").read_text(encoding="utf-8"))["clips"]
        shipped = {path.stem: path for path in (SHIPPED / language).glob("*.wav")}
        wanted = {"beep", "guidance_tone", *(name for name, text in texts.items() if text), *clip_names(language)}
        for name in sorted(wanted - shipped.keys()):
            raise PromptError(
                f"{SHIPPED / language / name}.wav is missing; install the package again, or run make prompts"
            )
        replaced: dict[str, Path] = {}
        if replacement_folder is not None:
            if not replacement_folder.is_dir():
                raise PromptError(f"{replacement_folder}: no such folder of prompts; correct `prompts` or leave it out")
            replaced = {path.stem: path for path in sorted(replacement_folder.glob("*.wav"))}
        clips = {name: _compact(_read(path)) for name, path in (shipped | replaced).items()}
        silent: dict[str, Samples | bytes] = {name: b"" for name, text in texts.items() if not text}
        return cls(language, silent | clips, texts, frozenset(replaced))

    def has(self, name: str) -> bool:
        """Whether there is such a clip. One that says nothing in this language counts."""
        return name in self._clips

    def sound(self, phrase: Phrase) -> Samples:
        """The whole phrase, 8 kHz mono, with the pauses of speech between its parts. Raises ``PromptError``."""
        pieces: list[Samples] = []
        wait = 0.0
        for part in phrase:
            if isinstance(part, Pause):
                wait = max(wait, part.seconds)
                continue
            for name, after in self._clips_of(part):
                clip = self._clip(name)
                if len(clip):
                    pieces += [_silence(wait), clip]
                    wait = after
        ends_in_pause = bool(phrase) and isinstance(phrase[-1], Pause)
        return np.concatenate([*pieces, _silence(wait if ends_in_pause else 0.0)])

    def words(self, phrase: Phrase) -> str:
        """The phrase in writing, for transcripts and logs; a clip without a text is its name in brackets."""
        space, comma, stop = ("", "、", "。") if self.language == "ja" else (" ", ",", ".")
        words = ""
        for part in phrase:
            if isinstance(part, Pause):
                open_ended = words and words[-1] not in "、。,.?!"
                words += (stop if part.seconds >= FULL_STOP else comma) if open_ended else ""
            elif text := self._words_of(part):
                words += (space if words else "") + text
        return words

    def _clips_of(self, part: Clip | Number | Quantity | Yen | Digits | Article) -> list[tuple[str, float]]:
        """Clip names, each with the seconds of silence due after it."""
        match part:
            case Clip(name):
                return [(name, self._pause_after(name))]
            case Article(number):
                value = Digits(number) if reads_as_digits(number) else Number(int(number))
                name = self._article_name(part)
                return [*self._clips_of(value), (ARTICLE_ENDING, COMMA), *([(name, COMMA)] if name else [])]
            case Number(value):
                return _joined(numerals.number(value, self.language), JOINT)
            case Quantity(value):
                return _joined(numerals.quantity(value, self.language), JOINT)
            case Yen(value):
                return _joined(numerals.yen(value, self.language), JOINT)
            case Digits(text):
                return _joined(numerals.digits(text), DIGIT)

    def _article_name(self, article: Article) -> str:
        own = f"article_{article.number}"
        return article.clip or (own if self.has(own) else "")

    def _words_of(self, part: Part) -> str:
        comma = "、" if self.language == "ja" else ", "
        match part:
            case Clip(name):
                return self._texts.get(name, f"[{name}]")
            case Article(number):
                name = self._article_name(part)
                words = f"{number}{self._texts.get(ARTICLE_ENDING, '')}{comma}"
                return f"{words}{self._texts.get(name, f'[{name}]')}{comma.rstrip()}" if name else words.rstrip()
            case Number(value):
                return str(value)
            case Quantity(value):
                return f"{value}個" if self.language == "ja" else f"{value} piece{'s' * (value != 1)}"
            case Yen(value):
                return f"{value:,}円" if self.language == "ja" else f"{value:,} yen"
            case Digits(text):
                return "-".join(text)
            case Pause():
                return ""

    def _pause_after(self, name: str) -> float:
        return COMMA if name in self._mid_sentence else FULL_STOP

    def _clip(self, name: str) -> Samples:
        try:
            clip = self._clips[name]
        except KeyError:
            remedy = f"put {name}.wav into the folder named by `prompts` in the settings"
            raise PromptError(f'there is no prompt "{name}"; {remedy}') from None
        return ulaw_decode(clip) if isinstance(clip, bytes) else clip


def _read(path: Path) -> Samples:
    try:
        samples, rate = read_wav(path)
    except SoundError as error:
        raise PromptError(str(error)) from None
    if not np.any(samples):
        raise PromptError(f"{path}: nothing is to be heard in it; record it again")
    return resample(samples, rate, SAMPLE_RATE) if rate != SAMPLE_RATE else samples


def _compact(sound: Samples) -> Samples | bytes:
    """As µ-law where nothing is lost by that, at half the memory: the shipped clips are."""
    codes = ulaw_encode(sound)
    return codes if np.array_equal(ulaw_decode(codes), sound) else sound


def reads_as_digits(number: str) -> bool:
    """Article numbers beyond three digits, or with a leading zero, are read digit by digit."""
    return len(number) > 3 or (len(number) > 1 and number.startswith("0"))


def _joined(names: tuple[str, ...], joint: float) -> list[tuple[str, float]]:
    return [(name, joint) for name in names[:-1]] + [(names[-1], COMMA)]


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)
