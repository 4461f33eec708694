"""Talk of every voice that espeak-ng has: what no tone may ever be heard in. Random, from a seed; nothing is kept."""

import re
import subprocess
from functools import cache

import numpy as np
from ears_sounds import RATE, SENTENCES, Sound, amplitude, band, noise, power, resampled, ulaw
from numpy.random import Generator

HUMS = (
    "Mm. Hmm. Ooh, oh, ah? La la la. Yes. No! Hello? Hallo. Moshi moshi. Pronto. Uh-huh. Well... Aaah. Ooo. Eee. Nnn."
)
"""Steady vowels and nasals: what comes nearest to a tone."""


def anyone(random: Generator) -> Sound:
    """A minute or two of one voice, its language, pitch, pace, level, noise and coding at random; int16 values."""
    data = b""
    while len(data) < RATE:  # some voices crash espeak-ng, some say nothing
        data = _said(random)
    sound = resampled(np.frombuffer(data[: len(data) // 2 * 2], np.int16).astype(float), 22050, RATE)
    sound = band(sound) if random.random() < 0.7 else sound
    sound *= amplitude(random.uniform(-30, -3)) / max(1.0, np.abs(sound).max())
    sound += noise(random, len(sound), power(random.uniform(-75, -45)))
    return np.round(ulaw(sound) if random.random() < 0.5 else sound)


def _said(random: Generator) -> bytes:
    """16-bit samples at 22,050 Hz."""
    languages, variants = _voices()
    language = str(random.choice(languages))
    voice = language + str(random.choice(variants))
    pitch, pace, gap = (str(random.integers(*limits)) for limits in ((0, 100), (90, 300), (0, 20)))
    words = " ".join(_sentence(random, language) for _ in range(14))
    command = ["espeak-ng", "-v", voice, "-p", pitch, "-s", pace, "-g", gap, "--stdout", words]
    return subprocess.run(command, check=False, capture_output=True).stdout[44:]


def _sentence(random: Generator, language: str) -> str:
    kind = random.random()
    if kind < 0.2:
        return HUMS
    if kind < 0.5:
        return " ".join(str(random.integers(0, 10 ** random.integers(1, 8))) for _ in range(4)) + "."
    chosen = language if language in SENTENCES else str(random.choice(("en-us", "de", "fr-fr", "es", "it")))
    return str(random.choice(SENTENCES[chosen])).format(random.integers(2, 900))


@cache
def _voices() -> tuple[list[str], list[str]]:
    """Languages, and the variants of a voice, "" among them."""
    languages = re.findall(r"^\s*\d+\s+(\S+)", _listed("--voices"), re.MULTILINE)
    variants = re.findall(r"!v/(\S+)", _listed("--voices=variant"))
    return sorted(languages), ["", *(f"+{name}" for name in sorted(variants))]


def _listed(option: str) -> str:
    return subprocess.run(["espeak-ng", option], check=True, capture_output=True, text=True).stdout
