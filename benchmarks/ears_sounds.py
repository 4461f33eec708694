"""Sounds for the ears' benchmark, made without any of the code that is measured: tones, noise, voices, tunes, lines.

All are float arrays in 16-bit units, 8 kHz. Levels are dBm0 with 3.14 dBm0 for a full-scale sine (ITU-T G.711, A-law).
"""

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.random import Generator

RATE = 8000
LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
KEYS = "123A456B789C*0#D"
Sound = np.ndarray


def amplitude(dbm0: float) -> float:
    """Peak of a sine."""
    return 32767 * 10 ** ((dbm0 - 3.14) / 20)


def power(dbm0: float) -> float:
    """Mean square of a sine."""
    return amplitude(dbm0) ** 2 / 2


def rounded(sound: Sound) -> Sound:
    """As 16-bit samples."""
    return np.clip(np.round(sound), -32768, 32767).astype(np.int16)


def sine(random: Generator, hertz: float, seconds: float, dbm0: float) -> Sound:
    """A sine of random phase."""
    time = np.arange(round(seconds * RATE)) / RATE
    return amplitude(dbm0) * np.sin(2 * np.pi * hertz * time + random.uniform(0, 2 * np.pi))


def key_tones(
    random: Generator, key: str, seconds: float, levels: tuple[float, float], offsets: tuple[float, float], ramp: float
) -> Sound:
    """One key. ``levels``: low, high tone in dBm0; ``offsets``: per cent; ``ramp``: seconds of rise and fall."""
    index = KEYS.index(key)
    low = sine(random, LOW[index // 4] * (1 + offsets[0] / 100), seconds, levels[0])
    sound = low + sine(random, HIGH[index % 4] * (1 + offsets[1] / 100), seconds, levels[1])
    rise = min(int(ramp * RATE), len(sound) // 2)
    if rise:
        shape = np.sin(np.pi / 2 * (np.arange(rise) + 0.5) / rise) ** 2
        sound[:rise] *= shape
        sound[-rise:] *= shape[::-1]
    return sound


def noise(random: Generator, length: int, mean_square: float) -> Sound:
    """White."""
    return random.standard_normal(length) * np.sqrt(mean_square)


def clicks(random: Generator, length: int, a_second: float) -> Sound:
    """Decaying bursts of 0.6 to 6 ms, up to full scale."""
    sound = np.zeros(length + 200)
    for _ in range(random.poisson(a_second * length / RATE)):
        at, size = random.integers(0, length), int(random.uniform(0.0006, 0.006) * RATE)
        burst = random.standard_normal(size) * np.exp(-np.arange(size) * 4 / size)
        sound[at : at + size] += burst * 32767 * 10 ** (random.uniform(-8, 0) / 20) / np.abs(burst).max()
    return sound[:length]


def band(sound: Sound, low: float = 300, high: float = 3400) -> Sound:
    """The telephone's band, with soft edges."""
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    gain = 1 / np.sqrt((1 + (low / np.maximum(hertz, 1)) ** 6) * (1 + (hertz / high) ** 12))
    return np.fft.irfft(spectrum * gain, len(sound))


def resampled(sound: Sound, source: int, target: int) -> Sound:
    """Another sample rate, by zero-padding or cutting the spectrum of the whole sound."""
    length = round(len(sound) * target / source)
    spectrum = np.fft.rfft(sound)
    bins = length // 2 + 1
    spectrum = np.pad(spectrum, (0, max(0, bins - len(spectrum))))[:bins]
    return np.fft.irfft(spectrum, length) * length / len(sound)


# --- voices and tunes ----------------------------------------------------------------------------------------------

SENTENCES = {
    "ja": (
        "お電話ありがとうございます。",
        "ご注文は{}個ですね。よろしければ1を押してください。",
        "はい、{}番の田中です。少々お待ちください。",
    ),
    "en-us": (
        "Thanks for calling, how can I help you?",
        "That would be {} boxes, correct?",
        "Oh no, not {}, it was the red one.",
    ),
    "en-gb": (
        "Good morning, warehouse speaking.",
        "We could send {} of them on Monday.",
        "Please hold, I shall look it up.",
    ),
    "de": ("Guten Tag, Sie sprechen mit dem Lager.", "Das wären dann {} Stück.", "Einen Augenblick, bitte."),
    "fr-fr": ("Bonjour, à qui ai-je l'honneur ?", "Il nous en faut {} pour lundi.", "Ne quittez pas."),
    "es": ("Buenas tardes, dígame.", "Son {} cajas en total.", "Ahora mismo se lo miro."),
    "it": ("Pronto, chi parla?", "Ne servono {} entro venerdì.", "Un attimo di pazienza."),
    "cmn": ("您好，请问有什么可以帮您？", "一共是{}件，对吗？", "请稍等。"),
    "ko": ("안녕하세요, 무엇을 도와드릴까요?", "모두 {} 개입니다.", "잠시만요."),
}
VARIANTS = ("", "+m1", "+m3", "+m5", "+m7", "+f1", "+f2", "+f4", "+croak", "+klatt2", "+whisper")


def speech(random: Generator, seconds: float, language: str | None = None) -> Sound:
    """Synthetic talk in the telephone's band, with a mean square of 1 while somebody speaks."""
    parts: list[Sound] = []
    while sum(map(len, parts)) < seconds * RATE:
        spoken = language or str(random.choice(list(SENTENCES)))
        words = " ".join(str(random.choice(SENTENCES[spoken])).format(random.integers(2, 900)) for _ in range(8))
        voice = spoken + str(random.choice(VARIANTS))
        pitch, pace = str(random.integers(10, 95)), str(random.integers(115, 220))
        command = ["espeak-ng", "-v", voice, "-p", pitch, "-s", pace, "--stdout", words]
        data = subprocess.run(command, check=True, capture_output=True).stdout[44:]
        parts.append(resampled(np.frombuffer(data[: len(data) // 2 * 2], np.int16).astype(float), 22050, RATE))
    sound = band(np.concatenate(parts)[: int(seconds * RATE)])
    frames = np.square(sound[: len(sound) // 160 * 160]).reshape(-1, 160).mean(axis=1)
    return sound / np.sqrt(frames[frames > frames.max() * 1e-3].mean())


def music(random: Generator, seconds: float) -> Sound:
    """Notes and chords in equal temperament, struck and fading, of a mean square of 1."""
    sound, at, tuning = np.zeros(int((seconds + 2) * RATE)), 0.0, random.uniform(0.97, 1.03)
    while at < seconds:
        beat = random.choice((0.08, 0.12, 0.2, 0.3, 0.5))
        time = np.arange(int(beat * random.uniform(0.7, 1.4) * RATE)) / RATE
        shape = np.minimum(1, time / 0.005) * np.exp(-time / random.uniform(0.1, 1.5))
        partials, fall = random.integers(1, 7), random.uniform(0.3, 0.9)
        for note in tuning * 440 * 2 ** (random.integers(-24, 26, random.integers(1, 4)) / 12):
            for partial in range(1, partials + 1):
                if note * partial < 3800:
                    wave = np.sin(2 * np.pi * note * partial * time + random.uniform(0, 6))
                    sound[int(at * RATE) :][: len(time)] += fall ** (partial - 1) * shape * wave
        at += beat
    sound = band(sound[: int(seconds * RATE)])
    return sound / np.sqrt(np.mean(sound**2))


def singing(random: Generator, seconds: float) -> Sound:
    """Held vowels two of whose partials lie on a key's tones: what fools detectors most. Mean square of 1."""
    sound, at = np.zeros(int((seconds + 2) * RATE)), 0.0
    while at < seconds:
        low, high = random.choice(LOW), random.choice(HIGH)
        candidates = random.uniform(85, 420, 200)
        miss = np.maximum(*(np.abs(tone / candidates / np.round(tone / candidates) - 1) for tone in (low, high)))
        note, length = candidates[miss.argmin()], random.uniform(0.05, 0.35)
        time = np.arange(int(length * RATE)) / RATE
        vibrato = 1 + random.uniform(0, 0.012) * np.sin(2 * np.pi * random.uniform(4, 7) * time)
        phase = 2 * np.pi * np.cumsum(note * (vibrato + random.uniform(-0.03, 0.03) * time / length)) / RATE
        formants = random.uniform((300, 900, 2200), (800, 1800, 3000))
        for partial in range(1, int(3800 / note) + 1):
            gain = sum(np.exp(-(((partial * note - formant) / 150) ** 2)) for formant in formants) + 0.03
            sound[int(at * RATE) :][: len(time)] += gain * np.sin(partial * phase + random.uniform(0, 6))
        at += length + random.uniform(0, 0.1)
    sound = band(sound[: int(seconds * RATE)])
    return sound / np.sqrt(np.mean(sound**2))


# --- the way through the network -----------------------------------------------------------------------------------


def ulaw(sound: Sound) -> Sound:
    """Through G.711 µ-law."""
    size = np.minimum(np.abs(sound), 32635) + 132
    segment = np.floor(np.log2(size)) - 7
    return np.sign(sound) * ((2 * (np.floor(size / 2 ** (segment + 3)) - 16) + 33) * 2 ** (segment + 2) - 132)


def alaw(sound: Sound) -> Sound:
    """Through G.711 A-law."""
    size = np.minimum(np.abs(sound), 32767) / 16
    step = 2.0 ** np.maximum(np.floor(np.log2(np.maximum(size, 1))) - 4, 0)
    return np.where(sound < 0, -1, 1) * np.minimum((np.floor(size / step) + 0.5) * step * 16, 32256)


def linear8(sound: Sound) -> Sound:
    """Through 8-bit linear."""
    return np.clip(np.round(sound / 256), -128, 127) * 256


def _outside(command: list[str], sound: Sound) -> Sound:
    """Through another program, which reads and writes raw 16-bit sound."""
    data = subprocess.run(command, input=rounded(sound).tobytes(), capture_output=True, check=True).stdout
    return np.pad(np.frombuffer(data, np.int16).astype(float), (0, len(sound)))[: len(sound)]


def _sox(kind: str, *options: str) -> list[str]:
    raw = "-t raw -r 8000 -e signed -b 16 -c 1 -"
    return ["sh", "-c", f"sox -D {raw} -t {kind} {' '.join(options)} - | sox -D -t {kind} - {raw}"]


def g726(sound: Sound) -> Sound:
    """Through G.726 at 32 kbit/s."""
    raw = ["-f", "s16le", "-ar", "8000", "-ac", "1"]
    with TemporaryDirectory() as folder:
        file = str(Path(folder) / "a.wav")
        head = ["ffmpeg", "-v", "error", "-y", *raw, "-i", "-", "-c:a", "g726", "-b:a", "32k", file]
        subprocess.run(head, input=rounded(sound).tobytes(), check=True, capture_output=True)
        return _outside(["ffmpeg", "-v", "error", "-i", file, *raw, "-"], sound)


CODECS = {
    "ulaw": ulaw,
    "alaw": alaw,
    "8-bit": linear8,
    "ulaw, alaw": lambda sound: alaw(np.round(ulaw(sound))),
    "16 kHz": lambda sound: resampled(np.round(resampled(sound, RATE, 16000)), 16000, RATE),
    "48 kHz": lambda sound: resampled(np.round(resampled(sound, RATE, 48000)), 48000, RATE),
}
if shutil.which("sox"):
    CODECS["GSM-FR"] = lambda sound: _outside(_sox("gsm"), sound)
    CODECS["AMR 12.2"] = lambda sound: _outside(_sox("amr-nb", "-C", "7"), sound)
if shutil.which("ffmpeg"):
    CODECS["G.726"] = g726


def with_losses(random: Generator, sound: Sound, share: float, concealment: str) -> Sound:
    """Some frames of 20 ms replaced: by ``zero``, by a ``repeat`` of the last, or by repeats that ``fade``."""
    sound = sound.copy()
    last, gain = np.zeros(160), 1.0
    for at in range(0, len(sound) - 159, 160):
        if random.random() < share:
            gain = {"zero": 0.0, "repeat": 1.0, "fade": gain * 0.5}[concealment]
            sound[at : at + 160] = last * gain
        else:
            last, gain = sound[at : at + 160].copy(), 1.0
    return sound


def with_slips(random: Generator, sound: Sound, share: float) -> Sound:
    """Some frames of 20 ms left out or played twice, as a jitter buffer does."""
    frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    times = random.choice((0, 1, 2), len(frames), p=(share / 2, 1 - share, share / 2))
    return np.repeat(frames, times, axis=0).reshape(-1)
