"""Sounds and ears for the tests of tones; the tones themselves are those of the ears' benchmark."""

from functools import cache

import ears_sounds
import numpy as np
from ears_tones import BUSY, PROGRESS, ROWS, Row, Sound, case, events, tone

from gateway.audio.prompts import Clip, PromptLibrary

__all__ = ["BUSY", "PROGRESS", "ROWS", "Row", "Sound", "case", "events", "names", "noise", "silence", "sine", "speech"]
__all__ += ["tone", "voices"]


def sine(hertz: float, seconds: float, dbm0: float = -15.0) -> Sound:
    return ears_sounds.sine(np.random.default_rng(1), hertz, seconds, dbm0)


def silence(seconds: float) -> Sound:
    return np.zeros(round(seconds * ears_sounds.RATE))


def noise(like: Sound, below_db: float, seed: int = 1) -> Sound:
    """White, as long as ``like`` and so far below the power that it has while it sounds."""
    power = float(np.mean(np.square(like[like != 0])))
    return ears_sounds.noise(np.random.default_rng(seed), len(like), power * 10 ** (-below_db / 10))


@cache
def speech(clip: str = "order_confirm", language: str = "en") -> Sound:
    return PromptLibrary.open(language).sound((Clip(clip),)).astype(float)


@cache
def voices() -> Sound:
    """Half a minute of both languages' talk, of a mean square of 1 while somebody speaks."""
    clips = [speech(clip, language) for language in ("en", "ja") for clip in ("main", "order_confirm", "greeting")]
    sound = np.concatenate(clips)
    frames = np.square(sound[: len(sound) // 160 * 160]).reshape(-1, 160).mean(axis=1)
    return sound / np.sqrt(frames[frames > frames.max() * 1e-3].mean())


def names(sound: Sound, country: str = "JP") -> list[str]:
    return [event.name for event in events(sound, country)]
