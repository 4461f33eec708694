"""Makes the shipped prompts: reads ``LANGUAGE.toml``, writes ``LANGUAGE/*.wav``. Run by ``make prompts``.

English is spoken by espeak-ng, Japanese by Open JTalk with the voice "Mei" (``requirements.txt`` here). The sound is
fitted to the telephone: 8 kHz, 300 to 3400 Hz, silence trimmed, active speech at −14 dBm0 (ITU-T P.56's idea of level:
pauses do not count), no clipping. Nothing else in the gateway needs this script or what it needs.
"""

import argparse
import functools
import struct
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyopenjtalk
from scipy import signal

HERE = Path(__file__).parent
RATE = 8000
SPEECH_DBM0 = -14.0
TONE_DBM0 = -14.0
FULL_SCALE_DBM0 = 3.17  # a sine of amplitude 1.0, as in ITU-T G.711 µ-law
PEAK = 0.84  # of full scale: what a µ-law or 8-bit line takes without clipping
MARGIN = 0.012  # seconds left before and after the speech
FADE = 0.006

Sound = npt.NDArray[np.float64]

ENGLISH_VOICE = "en-gb"
ENGLISH_WORDS_A_MINUTE = 165
JAPANESE_SPEED = 1.05
PACE = {"guidance_accepted": 1.1, "n": 0.92, "q": 0.92, "y": 0.92, "d": 0.85}
"""By clip or kind: faster than the others where it is paid for by the second, slower where it is written down."""


def main() -> None:
    """Speak everything, or only the clips and the language named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--language", choices=("ja", "en"), help="only this one")
    parser.add_argument("--readings", action="store_true", help="print how each Japanese text is read; write nothing")
    parser.add_argument("name", nargs="*", help="only these clips")
    options = parser.parse_args()
    if options.readings:
        for name, text in texts("ja"):
            print(f"{name:24} {text}  {''.join(word['pron'] for word in japanese_words(text))}")
        return
    for language in [options.language] if options.language else ["ja", "en"]:
        folder = HERE / language
        folder.mkdir(exist_ok=True)
        wanted = [(name, text) for name, text in texts(language) if not options.name or name in options.name]
        for name, text in wanted:
            write(folder / f"{name}.wav", fitted(speak(language, name, text)))
        for name, tone in (("beep", beep()), ("guidance_tone", acceptance_tone())):
            if not options.name or name in options.name:
                write(folder / f"{name}.wav", tone)
        if not options.name:
            remove_others(folder, {name for name, _ in wanted} | {"beep", "guidance_tone"})


def texts(language: str) -> Iterator[tuple[str, str]]:
    """(clip name, what the synthesiser is to read) for every clip that is spoken."""
    file = tomllib.loads((HERE / f"{language}.toml").read_text(encoding="utf-8"))
    for name, text in file["clips"].items():
        if text:
            yield name, file.get("readings", {}).get(name, text)
    yield from japanese_numbers() if language == "ja" else english_numbers()


def japanese_numbers() -> Iterator[tuple[str, str]]:
    """Numbers, counted pieces, yen and digits; Open JTalk knows the sound changes (六個 ロッコ, 八千 ハッセン)."""
    for value in (*range(1, 100), *range(100, 1000, 100), *range(1000, 10000, 1000)):
        yield f"n_{value}", str(value)
    yield "n_0", "ゼロ"
    yield "n_man", "万"
    for value in (*range(1, 100), *range(100, 1000, 100)):
        yield f"q_{value}", f"{value}個"
    yield "q_pieces", "個"
    for value in range(4, 100, 10):
        yield f"y_{value}", f"{value}円"
    yield "y_yen", "円"
    for digit, word in enumerate(("ゼロ", "いち", "にー", "さん", "よん", "ごー", "ろく", "なな", "はち", "きゅう")):
        yield f"d_{digit}", word


def english_numbers() -> Iterator[tuple[str, str]]:
    """Numbers, their joints, pieces, yen and digits."""
    for value in (*range(100), *range(100, 1000, 100)):
        yield f"n_{value}", str(value)
    for value in range(100, 1000, 100):
        yield f"n_{value}_and", f"{value} and"
    for name, word in (("n_and", "and"), ("n_thousand", "thousand"), ("n_million", "million")):
        yield name, word
    for name, word in (("q_piece", "piece"), ("q_pieces", "pieces"), ("y_yen", "yen")):
        yield name, word
    for digit in range(10):
        yield f"d_{digit}", str(digit)


def speak(language: str, name: str, text: str) -> tuple[Sound, int]:
    """(sound, rate) as the synthesiser gives it."""
    pace = PACE.get(name, PACE.get(name.partition("_")[0], 1.0))
    return speak_japanese(text, pace) if language == "ja" else speak_english(text, pace)


def speak_japanese(text: str, pace: float) -> tuple[Sound, int]:
    """Open JTalk, 48 kHz."""
    labels = pyopenjtalk.make_label(japanese_words(text))
    sound, rate = pyopenjtalk.synthesize(labels, speed=JAPANESE_SPEED * pace)
    return np.asarray(sound, np.float64), rate


def japanese_words(text: str) -> list[dict[str, Any]]:
    """Open JTalk's analysis; eight pieces are はっこ, as people count, and not はちこ."""
    words: list[dict[str, Any]] = pyopenjtalk.run_frontend(text)
    for word, following in pairwise(words):
        if word["string"] == "八" and following["string"] == "個":
            phrase_head = word if word["chain_flag"] != 1 else words[words.index(word) - 1]
            phrase_head["acc"] -= 1  # the fall can't stand on a small ッ
            word["pron"] = "ハッ"
    return words


def speak_english(text: str, pace: float) -> tuple[Sound, int]:
    """espeak-ng, 22.05 kHz. What does not end a sentence is spoken as if it went on."""
    going_on = "" if text.endswith((".", "?")) or text.isdigit() else ","
    speed = str(round(ENGLISH_WORDS_A_MINUTE * pace))
    command = ["espeak-ng", "-v", ENGLISH_VOICE, "-s", speed, "--stdout", text + going_on]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    rate = int.from_bytes(data[24:28], "little")
    return np.frombuffer(data[44 : len(data) // 2 * 2], "<i2").astype(np.float64), rate


def fitted(spoken: tuple[Sound, int]) -> Sound:
    """Speech as it should leave for the telephone: full scale 1.0, 8 kHz."""
    sound, rate = spoken
    sound = trimmed(sound / np.abs(sound).max(), rate)
    narrow = signal.resample_poly(sound, RATE, rate)
    return levelled(signal.filtfilt(telephone_band(), [1.0], narrow, padlen=min(len(narrow) - 1, 600)))


@functools.cache
def telephone_band() -> Sound:
    """A filter from 250 to 3450 Hz (half amplitude, applied twice): flat within 300 to 3400 but for 1 dB."""
    taps: Sound = signal.firwin(255, [230, 3500], pass_zero=False, fs=RATE)
    return taps


def trimmed(sound: Sound, rate: int) -> Sound:
    """Without the silence around it, and faded at both ends so that joints do not click.

    For the synthesiser's full bandwidth: a final s hardly shows in the telephone's.
    """
    loudness = envelope(sound, rate)
    loud = np.flatnonzero(loudness > loudness.max() * 10 ** (-40 / 20))
    margin = round(MARGIN * rate)
    sound = sound[max(0, loud[0] - margin) : loud[-1] + margin].copy()
    ramp = np.sin(np.linspace(0, np.pi / 2, round(FADE * rate))) ** 2
    sound[: len(ramp)] *= ramp
    sound[-len(ramp) :] *= ramp[::-1]
    return sound


def levelled(sound: Sound) -> Sound:
    """Active speech at ``SPEECH_DBM0``; the few peaks beyond ``PEAK`` are rounded off."""
    loudness = envelope(sound, RATE)
    active = loudness > loudness.max() * 10 ** (-16 / 20)
    power = np.mean(sound[active] ** 2)
    sound = sound * np.sqrt(0.5 * 10 ** ((SPEECH_DBM0 - FULL_SCALE_DBM0) / 10) / power)
    knee = 0.6 * PEAK
    beyond = np.maximum(np.abs(sound) - knee, 0)
    rounded = np.minimum(np.abs(sound), knee) + (PEAK - knee) * np.tanh(beyond / (PEAK - knee))
    fitting: Sound = np.sign(sound) * rounded
    return fitting


def envelope(sound: Sound, rate: int) -> Sound:
    """Loudness over 20 ms around each sample, as RMS."""
    window = round(0.02 * rate)
    power = signal.fftconvolve(sound**2, np.ones(window) / window, mode="same")
    loudness: Sound = np.sqrt(np.maximum(power, 0))
    return loudness


def beep() -> Sound:
    """The signal to speak: 800 Hz, far from DTMF and from call-progress tones."""
    return tone(800, 0.35)


def acceptance_tone() -> Sound:
    """Two rising bell-like tones, a fourth apart, twice: taken for "yes" without a word."""
    low, high = bell(784, 0.28), bell(1047, 0.55)
    return np.concatenate([low, high, np.zeros(round(0.1 * RATE)), low, high])


def bell(frequency: float, seconds: float) -> Sound:
    """A tone with a soft second harmonic that dies away."""
    time = np.arange(round(seconds * RATE)) / RATE
    partials = np.sin(2 * np.pi * frequency * time) + 0.25 * np.sin(4 * np.pi * frequency * time) * np.exp(-time / 0.1)
    return shaped(partials * np.exp(-time / (0.6 * seconds)))


def tone(frequency: float, seconds: float) -> Sound:
    """A plain sine."""
    return shaped(np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE))


def shaped(sound: Sound) -> Sound:
    """Soft at both ends, at ``TONE_DBM0``."""
    ramp = np.sin(np.linspace(0, np.pi / 2, round(0.008 * RATE))) ** 2
    sound[: len(ramp)] *= ramp
    sound[-len(ramp) :] *= ramp[::-1]
    gain = float(np.sqrt(0.5 * 10 ** ((TONE_DBM0 - FULL_SCALE_DBM0) / 10) / np.mean(sound**2)))
    return sound * gain


def write(path: Path, sound: Sound) -> None:
    """A mono WAV of G.711 µ-law: half the size of 16 bits, and what a telephone line makes of it anyhow."""
    data = ulaw(sound)
    form = struct.pack("<HHIIHHH", 7, 1, RATE, RATE, 1, 8, 0)
    chunks = [(b"fmt ", form), (b"fact", struct.pack("<I", len(data))), (b"data", data + b"\xff" * (len(data) % 2))]
    body = b"".join(name + struct.pack("<I", len(chunk)) + chunk for name, chunk in chunks)
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)


def ulaw(sound: Sound) -> bytes:
    """ITU-T G.711: sign, 3 bits of segment, 4 bits of step, all inverted."""
    magnitude = np.minimum(np.rint(np.abs(sound) * 8159), 8158).astype(np.int32) + 33
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 5
    step = (magnitude >> (segment + 1)) & 15
    code: npt.NDArray[np.int32] = np.where(sound < 0, 128, 0) | segment << 4 | step
    return (~code & 255).astype(np.uint8).tobytes()


def remove_others(folder: Path, names: set[str]) -> None:
    """A clip that is no longer in the list goes."""
    for path in folder.glob("*.wav"):
        if path.stem not in names:
            path.unlink()


if __name__ == "__main__":
    main()
