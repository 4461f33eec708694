"""Who answers a call: people who say hello, machines with and without a beep, nobody; spoken by espeak-ng's voices."""

import subprocess
from dataclasses import dataclass

import numpy as np
from ears_sounds import RATE, Sound, band, noise, power, resampled, rounded, sine
from ears_tones import BUSY, FRAME, Row, tone
from numpy.random import Generator

from gateway.audio.tones import Answering, ToneListener

HELLO = {
    "ja": ("もしもし", "はい、もしもし。", "はい、やまだです。"),
    "en-us": ("Hello?", "Yes, hello?", "Hello, this is John.", "Smith residence, who's calling please?"),
    "en-gb": ("Hello?", "Good morning, John speaking."),
    "de": ("Hallo?", "Ja, bitte?", "Guten Tag, Müller am Apparat."),
    "fr-fr": ("Allô ?", "Oui, allô ?"),
    "es": ("¿Dígame?", "¿Sí, dígame?"),
    "it": ("Pronto?", "Pronto, chi parla?"),
    "ko": ("여보세요?",),
}
GREETING = {
    "ja": (
        "ただいま でんわに でることが できません。はっしんおんの あとに、おなまえと ごようけんを おはなしください。",
    ),
    "en-us": (
        "Hi, you have reached the Smiths. We can't come to the phone right now. Please leave your name and number "
        "after the tone and we will call you back.",
        "You have reached a voice mailbox. At the tone, please record your message.",
    ),
    "en-gb": ("Hello, this is John. I'm afraid I can't take your call at the moment, so please leave a message.",),
    "de": ("Guten Tag. Leider sind wir zur Zeit nicht erreichbar. Bitte hinterlassen Sie uns eine Nachricht.",),
    "fr-fr": ("Bonjour, nous sommes absents pour le moment, merci de laisser un message après le bip sonore.",),
    "es": ("Hola, en este momento no podemos atenderle. Por favor, deje su mensaje después de la señal.",),
    "it": ("Salve, in questo momento non possiamo rispondere. Lasciate un messaggio dopo il segnale acustico.",),
    "ko": ("지금은 전화를 받을 수 없습니다. 삐 소리가 난 후에 메시지를 남겨 주세요.",),
}
VARIANTS = ("", "+m1", "+m3", "+m5", "+m7", "+f1", "+f2", "+f4", "+klatt2", "+croak")
BEEPS = (850.0, 1000.0, 1400.0, 2000.0)
TRIES = 50


@dataclass
class Answers:
    """Of ``TRIES`` each: judged as what they were; ``beeps`` whose end was known within half a second."""

    people: int = 0
    twice: int = 0
    """People who say it again after a second and a half."""
    with_beep: int = 0
    without_beep: int = 0
    beeps: int = 0
    nobody: int = 0


def judge(random: Generator) -> Answers:
    """``TRIES`` of each kind, each voice at -28 to -12 dBm0 over noise 18 to 40 dB below."""
    verdict = Answers()
    for _ in range(TRIES):
        said = _say(random, HELLO)
        quiet = np.zeros(round(random.uniform(0.1, 1.0) * RATE))
        verdict.people += _who(random, [quiet, said, np.zeros(6 * RATE)]) == ("person", None)
        again = [quiet, said, np.zeros(3 * RATE // 2), said, np.zeros(5 * RATE)]
        verdict.twice += _who(random, again) == ("person", None)
        greeting = [quiet, _say(random, GREETING)]
        verdict.without_beep += _who(random, [*greeting, np.zeros(5 * RATE)])[0] == "machine"
        beep = sine(random, random.choice(BEEPS), random.uniform(0.2, 0.9), 0) / np.sqrt(power(0))
        greeting += [np.zeros(round(random.uniform(0.2, 1.2) * RATE)), beep]
        who, over = _who(random, [*greeting, np.zeros(4 * RATE)])
        verdict.with_beep += who == "machine"
        verdict.beeps += over is not None and 0 <= over - sum(map(len, greeting)) / RATE < 0.5
        row: Row = BUSY[random.integers(len(BUSY))]
        busy = tone(row, 4.0, 0, since=random.uniform(0, row.period)) / np.sqrt(power(0))
        verdict.nobody += _who(random, [quiet, busy])[0] == "nobody"
    return verdict


def _say(random: Generator, words: dict[str, tuple[str, ...]]) -> Sound:
    """Of a mean square of 1 while somebody speaks."""
    language = str(random.choice(list(words)))
    text, voice = str(random.choice(words[language])), language + str(random.choice(VARIANTS))
    pitch, pace = str(random.integers(10, 95)), str(random.integers(110, 220))
    command = ["espeak-ng", "-v", voice, "-p", pitch, "-s", pace, "--stdout", text]
    data = subprocess.run(command, check=True, capture_output=True).stdout[44:]
    sound = band(resampled(np.frombuffer(data[: len(data) // 2 * 2], np.int16).astype(float), 22050, RATE))
    frames = np.square(sound[: len(sound) // FRAME * FRAME]).reshape(-1, FRAME).mean(axis=1)
    loud = np.flatnonzero(frames > frames.max() * 1e-3)
    return sound[loud[0] * FRAME : (loud[-1] + 1) * FRAME] / np.sqrt(frames[frames > frames.max() * 1e-2].mean())


def _who(random: Generator, parts: list[Sound]) -> tuple[str | None, float | None]:
    """Who answered in the end, and when a machine's greeting was over."""
    level = random.uniform(-28, -12)
    sound = np.concatenate(parts) * np.sqrt(power(level))
    samples = rounded(sound + noise(random, len(sound), power(level - random.uniform(18, 40))))
    listener, answering, over = ToneListener(), Answering(), None
    for at in range(0, len(samples), FRAME):
        now = (at + FRAME) / RATE
        answering.hear(listener.feed(samples[at : at + FRAME]), now)
        if over is None and answering.answered is not None and answering.answered.value == "machine":
            over = now if answering.greeting_over else None
    return answering.answered.value if answering.answered else None, over
