"""Which of the shipped prompts were spoken, judged from a recording of the line: a matched filter for each clip.

The gateway is not asked: what counts is what came down the wire. ``Transcriber`` follows a recording that still grows;
``transcribe`` reads a whole one and says where each prompt ended or was cut short.
"""

import itertools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gateway.bench.emulators.sound import MULAW
from gateway.bench.sound import RATE, BadSound
from gateway.bench.wire import Samples

PROMPTS = Path(__file__).parent.parent / "prompts"
BEGINNING = RATE
"""Samples of a clip that are compared at most: a second tells any two of them apart."""
SHORTEST = RATE // 8
MULAW_MONO_8000 = bytes.fromhex("07000100401f0000")
WINDOW = 2 * BEGINNING
HOP = WINDOW - BEGINNING
ALIKE = 0.75
"""Normalised correlation from which it is that clip; 8-bit sound of a modem gives 0.95 and more."""
APART = round(0.23 * RATE)
"""Samples between the beginnings of two clips at least: a digit, or what is heard of a prompt cut short."""
BLOCK = RATE // 20
WAV_HEADER = 44
"""Bytes before the sound in a file that Python's ``wave`` wrote."""
PAUSE = 0.45
"""Seconds between two clips of one sentence at most."""
SENTENCE_ENDS = ("。", ".", "!", "?", "？")
MULTIPLIERS = {"man": 10_000, "thousand": 1_000, "million": 1_000_000}
SILENT = 60.0
"""Root mean square below which a block is silence (about −51 dBm0)."""


@dataclass(frozen=True)
class Said:
    """A prompt on the line, seconds from the recording's start; ``end`` is its own length's until it is known."""

    clip: str
    text: str
    begin: float
    end: float
    cut: bool = False


class Transcriber:
    """Fed with sound as it comes; gives the prompts that began in it, about a second later."""

    def __init__(self, language: str) -> None:
        clips = _clips(language)
        self._texts = clip_texts(language)
        self._names = list(clips)
        self._clips = clips
        beginnings = np.zeros((len(clips), WINDOW), np.float32)
        self._lengths = np.array([min(len(clip), BEGINNING) for clip in clips.values()])
        for row, clip, length in zip(beginnings, clips.values(), self._lengths, strict=True):
            row[:length] = clip[:length]
        self._norms = np.sqrt(np.sum(beginnings**2, axis=1))
        self._filters = np.conj(np.fft.rfft(beginnings, axis=1)).astype(np.complex64)
        self._waiting = np.zeros(0, np.float32)
        self._start = 0
        self._said_to = 0.0

    @property
    def heard_to(self) -> float:
        """Seconds up to which every prompt that has begun is known."""
        return self._start / RATE

    def hear(self, sound: Samples) -> list[Said]:
        """Take more of the recording."""
        self._waiting = np.concatenate([self._waiting, sound.astype(np.float32)])
        said: list[Said] = []
        while len(self._waiting) >= WINDOW:
            said += self._look(self._waiting[:WINDOW])
            self._waiting = self._waiting[HOP:]
            self._start += HOP
        return said

    def hear_all(self, sound: Samples) -> list[Said]:
        """Take the rest of the recording, to its end."""
        return self.hear(np.concatenate([sound, np.zeros(WINDOW, np.int16)]))

    def _look(self, window: npt.NDArray[np.float32]) -> list[Said]:
        """The clips that begin in the first ``HOP`` samples of a window."""
        if float(np.sqrt(np.mean(window**2))) < SILENT / 4:
            return []
        found = np.fft.irfft(self._filters * np.fft.rfft(window), axis=1)[:, :HOP]
        energy = np.concatenate([[0.0], np.cumsum(window.astype(np.float64) ** 2)])
        begins: list[tuple[float, int, int]] = []
        for index, length in enumerate(self._lengths):
            power = energy[length : length + HOP] - energy[:HOP]
            loud = power > SILENT**2 * length
            alike = np.where(loud, found[index] / (np.sqrt(np.maximum(power, 1.0)) * self._norms[index]), 0.0)
            best = int(np.argmax(alike))
            while alike[best] >= ALIKE:
                begins.append((float(alike[best]) * float(length) ** 0.25, best, index))
                alike[max(0, best - length) : best + length] = 0.0
                best = int(np.argmax(alike))
        return self._choose(begins)

    def _choose(self, begins: list[tuple[float, int, int]]) -> list[Said]:
        """Where several clips fit one place, the one that fits best; a longer match counts for more."""
        chosen: list[tuple[int, int]] = []
        for _, place, index in sorted(begins, reverse=True):
            if all(abs(place - other) >= APART for other, _ in chosen):
                chosen.append((place, index))
        said = []
        for place, index in sorted(chosen):
            begin = (self._start + place) / RATE
            if begin >= self._said_to:
                name = self._names[index]
                said.append(Said(name, self._texts[name], begin, begin + len(self._clips[name]) / RATE))
                self._said_to = begin + APART / RATE
        return said


def transcribe(sound: Samples, language: str) -> list[Said]:
    """The prompts of a whole recording with their ends; ``cut`` where one was stopped in the middle."""
    said = Transcriber(language).hear_all(sound)
    blocks = sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.float32)
    loud = np.sqrt(np.mean(blocks**2, axis=1)) > SILENT
    following = [each.begin for each in said[1:]] + [len(sound) / RATE] * bool(said)
    return [_ended(each, loud, then) for each, then in zip(said, following, strict=True)]


def _ended(said: Said, loud: npt.NDArray[np.bool_], following: float) -> Said:
    """Cut short where half a second of silence follows well before the clip's end, or the next one begins.

    ``following``: when the next one begins, or the recording ends.
    """
    first, last = int(said.begin * RATE / BLOCK), int(said.end * RATE / BLOCK)
    voiced = np.flatnonzero(loud[first : last + 1])
    heard_to = said.begin + (int(voiced[-1]) + 1) * BLOCK / RATE if len(voiced) else said.begin
    heard_to = min(heard_to, following)
    cut = said.end - heard_to > 0.5
    return replace(said, end=min(heard_to if cut else said.end, following), cut=cut)


def sentences(said: Sequence[Said], language: str) -> list[Said]:
    """Clips that followed one another joined to sentences, numbers written in figures."""
    joined: list[list[Said]] = []
    for each in said:
        last = joined[-1][-1] if joined else None
        if last is None or last.cut or each.begin - last.end > PAUSE or last.text.endswith(SENTENCE_ENDS):
            joined.append([])
        joined[-1].append(each)
    space = "" if language == "ja" else " "
    return [
        Said(group[0].clip, space.join(_words(group, language)), group[0].begin, group[-1].end, group[-1].cut)
        for group in joined
    ]


def _words(group: Sequence[Said], language: str) -> list[str]:
    """The words of clips; a row of number clips is added up, a row of digits hyphened."""
    words: list[str] = []
    for kind, row in itertools.groupby(group, lambda each: each.clip.split("_")[0]):
        clips = [each.clip for each in row]
        if kind == "n":
            words.append(f"{_added_up(clips):,}")
        elif kind == "d":
            words.append("-".join(clip[2:] for clip in clips))
        elif kind in ("q", "y"):
            words += [_counted(clip, language) for clip in clips]
        else:
            words += [each.text for each in group if each.clip in clips]
    return [word for word in words if word]


def _added_up(clips: Sequence[str]) -> int:
    total = 0
    for clip in clips:
        figures = clip.split("_")[1]
        total = total + int(figures) if figures.isdecimal() else total * MULTIPLIERS.get(figures, 1)
    return total


def _counted(clip: str, language: str) -> str:
    kind, figures = clip.split("_", 1)
    if not figures.isdecimal():
        return ({"q": "個", "y": "円"} if language == "ja" else {"q": figures, "y": "yen"})[kind]
    if language == "ja":
        return f"{figures}{'個' if kind == 'q' else '円'}"
    return f"{figures} {'pieces' if kind == 'q' else 'yen'}"


def read_side(path: Path, side: int, start: int = 0) -> Samples:
    """One side (0 left: the caller's, 1 right) of a stereo recording from a sample on, also while it still grows."""
    data = np.fromfile(path, "<i2", offset=min(WAV_HEADER + start * 4, path.stat().st_size))
    return data[: len(data) // 2 * 2].reshape(-1, 2)[:, side].astype(np.int16)


def clip_texts(language: str) -> dict[str, str]:
    """Clip name → its words; a number's clip says its figures."""
    texts: dict[str, str] = tomllib.loads((PROMPTS / f"{language}.toml").read_text(encoding="utf-8"))["clips"]
    numbers = {path.stem: path.stem.split("_")[1] for path in (PROMPTS / language).glob("[ndqy]_*.wav")}
    return numbers | texts


def _clips(language: str) -> dict[str, Samples]:
    texts = clip_texts(language)
    clips = {name: read_clip(PROMPTS / language / f"{name}.wav") for name, text in sorted(texts.items()) if text}
    return {name: clip for name, clip in clips.items() if len(clip) >= SHORTEST}


def read_clip(path: Path) -> Samples:
    """A shipped prompt: WAV, µ-law, mono, 8 kHz. Raises ``BadSound``."""
    data = path.read_bytes()
    at = 12
    chunks: dict[bytes, bytes] = {}
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        chunks[data[at : at + 4]] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    form = chunks.get(b"fmt ", b"")[:8]
    if form != MULAW_MONO_8000:
        raise BadSound(f"{path}: not a µ-law WAV of 8000 Hz; make the prompts again with make prompts")
    return MULAW.decode(chunks[b"data"])
