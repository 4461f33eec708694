"""The labelled set: what is pressed, what becomes of it on the way, and what a decoder has to make of it.

A case is drawn from the seed and its own name, so that any seed gives another set of the same kind.
"""

import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from ears_sounds import (
    CODECS,
    HIGH,
    KEYS,
    LOW,
    RATE,
    Sound,
    alaw,
    clicks,
    key_tones,
    linear8,
    music,
    noise,
    power,
    resampled,
    rounded,
    sine,
    singing,
    speech,
    ulaw,
    with_losses,
    with_slips,
)
from numpy.random import Generator

VOICES = shutil.which("espeak-ng") is not None
ON_TELEPHONES = "0123456789*#"


@dataclass(frozen=True)
class Case:
    """One sound. ``group``: standard, impaired, order, hard order, mixed (all keys must be heard), reject (none), or
    a kind of sound without keys. ``onsets`` are seconds. ``played``: what this end said meanwhile, where there is echo.
    """

    name: str
    group: str
    keys: str
    onsets: tuple[float, ...]
    sound: Sound = field(repr=False)
    played: Sound | None = field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.sound) / RATE


Builder = Callable[[Generator], tuple[Sound, "Keyed | None"]]


class Keyed:
    """Keys laid out in time."""

    def __init__(self, random: Generator) -> None:
        self.keys = ""
        self.onsets: list[float] = []
        self.played: Sound | None = None
        self._random = random
        self._parts = [np.zeros(round((0.3 + random.uniform(0, 0.05)) * RATE))]

    def press(
        self,
        key: str,
        tone: float,
        pause: float,
        levels: tuple[float, float] = (-10, -10),
        offsets: tuple[float, float] = (0, 0),
        ramp: float = 0.001,
    ) -> Sound:
        """Add a key; the returned sound of it may be changed in place."""
        self.keys += key
        self.onsets.append(sum(map(len, self._parts)) / RATE)
        sound = key_tones(self._random, key, tone, levels, offsets, ramp)
        self._parts += [sound, np.zeros(round(pause * RATE))]
        return sound

    def sound(self) -> Sound:
        """All of it, with some silence behind."""
        return np.concatenate([*self._parts, np.zeros(round(0.4 * RATE))])


def shuffled(random: Generator, rounds: int) -> list[str]:
    """All sixteen keys in random order, several times."""
    return [str(key) for _ in range(rounds) for key in random.permutation(list(KEYS))]


def plain(
    random: Generator,
    *,
    tone: float = 0.05,
    pause: float = 0.05,
    levels: tuple[float, float] = (-10, -10),
    offsets: tuple[float, float] = (0, 0),
    floor: float | None = -65,
    hole: float = 0,
    rounds: int = 2,
) -> tuple[Sound, Keyed]:
    """Keys all alike, over idle noise of ``floor`` dBm0; ``hole`` seconds of each are missing in the middle."""
    keyed, last = Keyed(random), ""
    for number, key in enumerate(shuffled(random, rounds)):
        last = last if pause < 0.06 and number % 2 and last else key
        pressed = keyed.press(last, tone, pause, levels, offsets)
        if hole:
            start = int(len(pressed) * random.uniform(0.3, 0.5))
            pressed[start : start + round(hole * RATE)] = 0
    sound = keyed.sound()
    return sound + (noise(random, len(sound), power(floor)) if floor else 0), keyed


def by_hand(random: Generator, levels: tuple[float, float], change: Callable[[Sound], Sound]) -> tuple[Sound, Keyed]:
    """Keys as a person presses them, changed on their way."""
    keyed = Keyed(random)
    for key in shuffled(random, 4):
        keyed.press(key, random.uniform(0.08, 0.25), random.uniform(0.08, 0.2), levels, ramp=0.003)
    sound = keyed.sound()
    return change(np.round(sound + noise(random, len(sound), power(-62)))), keyed


def with_echo(random: Generator, decibels: float, language: str | None) -> tuple[Sound, Keyed]:
    """Keys over the echo of a prompt that is ``decibels`` above both tones."""
    keyed = Keyed(random)
    for key in random.choice(list(ON_TELEPHONES), 24):
        keyed.press(str(key), random.uniform(0.065, 0.25), random.uniform(0.08, 0.5), (-15, -15), ramp=0.003)
    sound = keyed.sound()
    said = speech(random, len(sound) / RATE + 1, language)[: len(sound)]
    keyed.played = said * np.sqrt(power(-14))
    path = np.array([1, *random.uniform(-0.4, 0.4, 5)])
    echo = np.convolve(said, path / np.sqrt((path**2).sum()))[: len(said)]
    return ulaw(sound + echo * np.sqrt(2 * power(-15)) * 10 ** (decibels / 20)), keyed


def order(random: Generator, *, hard: bool = False, mixed: bool = False) -> tuple[Sound, Keyed]:
    """4 to 16 keys from one telephone. ``hard``: prompt echo, hum, a codec, lost frames. ``mixed``: everything else."""
    while True:
        levels = (random.uniform(-24, -3), random.uniform(-24, -3))
        if -8 <= levels[1] - levels[0] <= 4:
            break
    offsets = (random.uniform(-1.5, 1.5), random.uniform(-1.5, 1.5))
    keyed = Keyed(random)
    for key in random.choice(list(ON_TELEPHONES), random.integers(4, 17)):
        pause = float(np.exp(random.uniform(np.log(0.06), np.log(0.8))))
        keyed.press(str(key), random.uniform(0.06, 0.25), pause, levels, offsets, random.uniform(0, 0.005))
    sound = keyed.sound()
    sound += noise(random, len(sound), power(min(levels)) / 10 ** (random.uniform(15, 40) / 10))
    if mixed:
        return _mixed(random, sound, max(levels)), keyed
    if hard:
        return _hard(random, sound, keyed, power(levels[0]) + power(levels[1])), keyed
    return (sound, ulaw(sound), alaw(sound))[random.integers(3)], keyed


def _hard(random: Generator, sound: Sound, keyed: Keyed, tones: float) -> Sound:
    said = speech(random, len(sound) / RATE + 1, str(random.choice(("ja", "en-gb", "en-us", "cmn", "es"))))[
        : len(sound)
    ]
    keyed.played = said * np.sqrt(power(-14))
    sound = sound + said * np.sqrt(tones) * 10 ** (random.uniform(-25, -10) / 20)
    sound += sine(random, random.choice((50, 60)), (len(sound) + 1) / RATE, random.uniform(-60, -35))[: len(sound)]
    codec = (ulaw, alaw, linear8, CODECS["ulaw, alaw"])[random.integers(4)]
    return with_losses(random, codec(np.round(sound)), 0.005, str(random.choice(("zero", "repeat", "fade"))))


def _mixed(random: Generator, sound: Sound, loudest: float) -> Sound:
    if random.random() < 0.5:
        rate = int(random.choice((16000, 44100, 48000)))
        sound = resampled(np.round(resampled(sound, RATE, rate)), rate, RATE)
    if random.random() < 0.5:
        sound = sound + random.uniform(-400, 400)
    if random.random() < 0.4:
        late, gain = int(random.uniform(0.005, 0.02) * RATE), 10 ** (-random.uniform(12, 25) / 20)
        sound = sound + gain * np.concatenate([np.zeros(late), sound[:-late]])
    if random.random() < 0.4:
        sound = sound + sine(random, 400, (len(sound) + 1) / RATE, loudest - random.uniform(14, 25))[: len(sound)]
    return (linear8 if random.random() < 0.3 else ulaw)(np.round(sound))


# --- no keys -------------------------------------------------------------------------------------------------------


def near_misses(random: Generator, seconds: float) -> Sound:
    """One tone; two of one group; a pair too far off; a pair with a third tone; a pair too short."""
    parts: list[Sound] = []
    while sum(map(len, parts)) < seconds * RATE:
        level, length = random.uniform(-22, -5), random.uniform(0.05, 0.3)
        low, high = random.choice(LOW), random.choice(HIGH)
        third = random.choice([tone for tone in random.permutation([LOW, HIGH])[0] if tone not in (low, high)])
        off = 1 + random.choice((-1, 1)) * random.uniform(0.04, 0.05)
        kind: list[tuple[float, float]] = [
            [(low, 0)],
            [(tone, 0) for tone in random.choice(LOW, 2, replace=False)],
            [(low * off, 0), (high * off, 0)],
            [(low, 0), (high, 0), (third, random.uniform(-3, 1))],
            [(low, 0), (high, 0)],
        ][number := random.integers(5)]
        length = random.uniform(0.01, 0.02) if number == 4 else length
        sound = sum(sine(random, hertz, length, level + more) for hertz, more in kind)
        parts += [sound, np.zeros(round(random.uniform(0.06, 0.2) * RATE))]
    sound = np.concatenate(parts)[: int(seconds * RATE)]
    return sound + noise(random, len(sound), power(-65))


PROGRESS: dict[str, list[tuple[tuple[float, ...], float]]] = {
    "dial": [((350, 440), 3), ((), 0.2), ((425,), 3), ((), 0.2), ((400,), 3)],
    "busy": [((480, 620), 0.5), ((), 0.5), ((400,), 0.375), ((), 0.375), ((425,), 0.48), ((), 0.48)],
    "ringback": [((440, 480), 2), ((), 1), ((400, 450), 0.4), ((), 0.2), ((425,), 1), ((), 1)],
    "special information": [((950,), 0.33), ((1400,), 0.33), ((1800,), 0.33), ((), 0.5)],
    "fax": [((1100,), 0.5), ((), 1), ((2100,), 3), ((), 0.5)],
    "multi-frequency": [(pair, 0.06) for pair in ((700, 900), (900, 1100), (1100, 1300), (1300, 1500), (700, 1100))],
}


def progress(random: Generator, steps: list[tuple[tuple[float, ...], float]], seconds: float) -> Sound:
    """Call-progress and signalling tones, over and over."""
    level, parts = random.uniform(-22, -8), []
    while sum(map(len, parts)) < seconds * RATE:
        for tones, length in steps:
            silence = np.zeros(round(length * RATE))
            parts.append(sum((sine(random, hertz, length, level) for hertz in tones), silence))
    sound = np.concatenate(parts)[: int(seconds * RATE)]
    return sound + noise(random, len(sound), power(-65))


def talk(random: Generator, make: Callable[..., Sound], seconds: float) -> tuple[Sound, None]:
    """Voices or tunes of the usual loudness."""
    return make(random, seconds) * np.sqrt(power(random.uniform(-20, -8))), None


def bare(random: Generator, make: Callable[..., Sound]) -> tuple[Sound, None]:
    """What has its loudness already."""
    return make(random), None


# --- the plan ------------------------------------------------------------------------------------------------------


def _standard(share: float) -> Iterator[tuple[str, Builder]]:
    for off in (0.5, 1.0, 1.5, 1.8):
        for low, high in ((1, 1), (-1, -1), (1, 0), (0, -1), (1, -1), (-1, 1)):
            yield f"{off} % off", partial(plain, offsets=(low * off, high * off))
    for twist in range(-8, 6):
        levels = (-6 - max(twist, 0), -6 + min(twist, 0))
        yield f"twist {twist:+} dB", partial(plain, levels=levels)
    for level in (0, -3, -6, -9, -12, -15, -18, -21, -24, -25):
        yield f"{level} dBm0", partial(plain, levels=(level, level), floor=-72)
    for ratio in (30, 24, 20, 18, 15):
        yield f"{ratio} dB over noise", partial(plain, floor=-10 - ratio, rounds=4)
    for rate in (2, 5, 10):
        yield f"{rate} clicks/s", partial(_clicked, rate=rate)
    for name, codec in CODECS.items():
        for levels in ((-9, -10), (-21, -20)):
            yield name, partial(by_hand, levels=levels, change=codec)


def _timing(share: float) -> Iterator[tuple[str, Builder]]:
    for on, off in ((50, 50), (40, 40), (70, 70), (100, 100)):
        for floor in (None, -65):
            yield f"{on}/{off} ms", partial(plain, tone=on / 1000, pause=off / 1000, floor=floor)
    for tone in (40, 42, 45, 60):
        yield f"{tone} ms long", partial(plain, tone=tone / 1000, pause=0.06)
    for pause in (30, 32, 35, 45):
        yield f"{pause} ms apart", partial(plain, pause=pause / 1000)
    for hole in (5, 8, 10):
        yield f"{hole} ms interruption", partial(plain, tone=0.12, pause=0.08, hole=hole / 1000)


def _clicked(random: Generator, rate: float) -> tuple[Sound, Keyed]:
    sound, keyed = by_hand(random, (-12, -12), lambda sound: sound)
    return sound + clicks(random, len(sound), rate), keyed


def _reject(share: float) -> Iterator[tuple[str, Builder]]:
    for off in (3.5, -3.5, 4.0, -4.0):
        yield f"{off} % off", partial(plain, offsets=(off, off))
    for tone in (15, 18, 20, 22, 23):
        yield f"{tone} ms long", partial(plain, tone=tone / 1000, pause=0.06)
    for level in (-55, -60):
        yield f"{level} dBm0", partial(plain, levels=(level, level), floor=-72)


def _impaired(share: float) -> Iterator[tuple[str, Builder]]:
    for lost in (0.01, 0.03):
        for how in ("zero", "repeat", "fade"):
            yield f"{lost:.0%} lost, {how}", partial(_lossy, share=lost, how=how)
    for slipped in (0.02, 0.05):
        yield f"{slipped:.0%} slipped", partial(_slipped, share=slipped)
    if VOICES:
        for echo in (-25, -20, -15, -12, -10, -6):
            for language in ("en-gb", "ja", "en-us", None)[: max(1, round(4 * share))]:
                yield f"echo {echo} dB", partial(with_echo, decibels=echo, language=language)


def _lossy(random: Generator, share: float, how: str) -> tuple[Sound, Keyed]:
    return by_hand(random, (-10, -10), lambda sound: with_losses(random, sound, share, how))


def _slipped(random: Generator, share: float) -> tuple[Sound, Keyed]:
    return by_hand(random, (-10, -10), lambda sound: with_slips(random, sound, share))


def _without_keys(share: float) -> Iterator[tuple[str, str, Builder]]:
    if VOICES:
        for number in range(round(24 * share)):
            yield "speech", f"speech {number}", partial(talk, make=speech, seconds=80)
    for number in range(round(10 * share)):
        yield "music", f"music {number}", partial(talk, make=music, seconds=60)
        yield "singing", f"singing {number}", partial(talk, make=singing, seconds=60)
    for number in range(round(3 * share)):
        yield "near misses", f"near misses {number}", partial(bare, make=partial(near_misses, seconds=40))
    for name, steps in PROGRESS.items():
        yield "progress tones", name, partial(bare, make=partial(progress, steps=steps, seconds=20))
    yield "noise", "white", partial(bare, make=partial(noise, length=40 * RATE, mean_square=power(-15)))
    yield "noise", "clicks", partial(bare, make=partial(clicks, length=40 * RATE, a_second=20))
    yield "noise", "hum", partial(bare, make=_hum)


def _hum(random: Generator) -> Sound:
    base = random.choice((50, 60))
    return sum(sine(random, base * partial, 40, -18 - 3 * partial) for partial in range(1, 30))


def plan(share: float) -> Iterator[tuple[str, str, Builder]]:
    """(group, name, how to make it); ``share`` of the full number of the large groups."""
    for group, builders in (
        ("standard", _timing),
        ("standard", _standard),
        ("reject", _reject),
        ("impaired", _impaired),
    ):
        yield from ((group, name, build) for name, build in builders(share))
    yield from (("order", f"order {number}", order) for number in range(round(200 * share)))
    if VOICES:
        hard = partial(order, hard=True)
        yield from (("hard order", f"hard order {number}", hard) for number in range(round(100 * share)))
    yield from (("mixed", f"mixed {number}", partial(order, mixed=True)) for number in range(round(60 * share)))
    yield from _without_keys(share)


def make(seed: str, number: int, group: str, name: str, build: Builder) -> Case:
    """One case of the plan."""
    random = np.random.default_rng([zlib.crc32(seed.encode()), number])
    sound, keyed = build(random)
    if keyed is None:
        return Case(name, group, "", (), rounded(sound))
    played = None if keyed.played is None else rounded(keyed.played)
    return Case(name, group, keyed.keys, tuple(keyed.onsets), rounded(sound), played)
