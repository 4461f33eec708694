"""Two-wire lines: what comes back of our own prompts, what the canceller leaves of it, and the keys heard over it."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ears_sounds import RATE, Sound, key_tones, linear8, noise, power, resampled, rounded, ulaw
from numpy.random import Generator

import gateway
from gateway.audio.dtmf import DtmfDetector, KeyDown
from gateway.audio.echo import EchoCanceller
from gateway.audio.pcm import read_wav

FRAME = 160
BLOCK = 800
"""Samples, 100 ms, in which echo and what is left of it are compared."""
SETTLED = 3.0
"""Seconds after which the canceller is judged."""
GONE = 10.0
"""dB less echo: the canceller has found it."""
GAINS = (-6.0, -10.0, -14.0, -20.0)
"""dB of the whole echo path; a hybrid against a line of another impedance returns -6 to -20."""
DELAYS = (0.0, 0.005, 0.03, 0.08, 0.15, 0.25)
CODINGS = {"16-bit": lambda sound: sound, "µ-law": ulaw, "8-bit": linear8}
CLIPS = ("main", "order_confirm", "message", "guidance_accepted")


def prompt(language: str, seconds: float) -> Sound:
    """So much of the shipped prompts, one after the other."""
    folder = Path(gateway.__file__).parent / "prompts" / language
    sounds = [resampled(samples.astype(float), rate, RATE) for samples, rate in map(read_wav, _files(folder))]
    return np.resize(np.concatenate(sounds), round(seconds * RATE))


def _files(folder: Path) -> list[Path]:
    return [folder / f"{clip}.wav" for clip in CLIPS]


def two_wire(random: Generator, sound: Sound, gain: float, delay: float) -> Sound:
    """The echo of a path that disperses for some 8 ms, with no gain at 0 Hz as behind a transformer."""
    response = random.standard_normal(96) * np.exp(-np.arange(96) / 20)
    response -= response.mean()
    response *= 10 ** (gain / 20) / np.sqrt(np.square(response).sum())
    echo = np.convolve(sound, response)[: len(sound)]
    return np.concatenate([np.zeros(round(delay * RATE)), echo])[: len(sound)]


def cancelled(heard: Sound, played: Sound, chunk: int = FRAME) -> Sound:
    """What the canceller makes of 16-bit samples."""
    canceller = EchoCanceller()
    chunks = range(0, len(heard), chunk)
    return np.concatenate([canceller.process(heard[at : at + chunk], played[at : at + chunk]) for at in chunks])


@dataclass
class Cancelling:
    """What became of the echo at one loudness."""

    lessened: list[float] = field(default_factory=list)
    """dB, from ``SETTLED`` on."""
    left: list[float] = field(default_factory=list)
    """dBm0."""
    found: list[float] = field(default_factory=list)
    """Seconds of echo until it was ``GONE``."""
    keys: int = 0
    heard: int = 0
    bare: int = 0
    """Heard without a canceller."""
    false: int = 0
    """Keys heard that nobody pressed, with it."""


def judge(random: Generator, coding: str, gain: float) -> Cancelling:
    """Both languages' prompts at every delay, with nobody at the far end; then with keys at -15 to -27 dBm0 a tone."""
    verdict, code = Cancelling(), CODINGS[coding]
    for delay in DELAYS:
        for language in ("ja", "en"):
            played = rounded(code(prompt(language, 15.0)))
            echo = two_wire(random, played, gain, delay) + noise(random, len(played), power(-65))
            _judge_echo(verdict, rounded(code(echo)), played)
            keys, sound = _pressed(random, len(played))
            heard = rounded(code(echo + sound))
            _judge_keys(verdict, keys, heard, played)
    return verdict


def _judge_echo(verdict: Cancelling, heard: Sound, played: Sound) -> None:
    before, after = (_blocks(sound) for sound in (heard, cancelled(heard, played)))
    loud = before > 0.01 * before.max()
    late = loud & (np.arange(len(loud)) * BLOCK >= SETTLED * RATE)
    verdict.lessened.append(float(10 * np.log10(before[late].sum() / after[late].sum())))
    verdict.left.append(float(10 * np.log10(after[late].mean() / power(0))))
    gone = 10 * np.log10(before[loud] / np.maximum(after[loud], 1)) >= GONE
    thrice = np.flatnonzero(gone[:-2] & gone[1:-1] & gone[2:])
    verdict.found.append(float(thrice[0]) * BLOCK / RATE if len(thrice) else float("inf"))


def _blocks(sound: Sound) -> Sound:
    return np.square(sound[: len(sound) // BLOCK * BLOCK].astype(float)).reshape(-1, BLOCK).mean(axis=1)


def _pressed(random: Generator, length: int) -> tuple[str, Sound]:
    """Keys of 80 ms every 0.3 s from the first second on, one level for all."""
    level = random.uniform(-27, -15)
    sound, keys = np.zeros(length), ""
    for at in range(RATE, length - RATE, round(0.3 * RATE)):
        keys += str(random.choice(list("0123456789*#")))
        tones = key_tones(random, keys[-1], 0.08, (level, level), (0.0, 0.0), 0.002)
        sound[at : at + len(tones)] = tones
    return keys, sound


def _judge_keys(verdict: Cancelling, keys: str, heard: Sound, played: Sound) -> None:
    verdict.keys += len(keys)
    ours, false = _matched(keys, cancelled(heard, played))
    verdict.heard += ours
    verdict.false += false
    verdict.bare += _matched(keys, heard)[0]


def _matched(keys: str, sound: Sound) -> tuple[int, int]:
    """Keys heard in their 0.3 s, and others."""
    right = false = 0
    for event in DtmfDetector().feed(sound):
        if isinstance(event, KeyDown):
            place = round((event.onset - 1.0) / 0.3)
            fits = 0 <= place < len(keys) and keys[place] == event.key and abs(event.onset - 1 - 0.3 * place) < 0.05
            right, false = right + fits, false + (not fits)
    return right, false
