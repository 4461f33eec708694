"""From dialling to the answer, by ear: most modems say OK or nothing long before anybody has answered.

While ringback sounds nobody has answered. Once it has stayed away for longer than its longest pause, or speech is
heard, somebody (or something) has. Busy, congestion and special information tones before any answer say why not.
"""

from dataclasses import dataclass

from gateway.audio.tones import ToneEvent
from gateway.line import Answer

RINGBACK_GONE = 4.6
"""Seconds without ringback that mean an answer: the longest pause in the world's ringback is 4 s (US, DE)."""
NEVER_RANG = 5.0
"""Seconds of silence without any ringback that mean an answer. Most modems open the path as soon as the digits are out,
and a call abroad takes some seconds to ring (ITU-T E.721: 5 s on average)."""
TOLD = 2.2
"""The same where the network has told of the answer: some modems do so when it begins to ring, and whoever rings is
heard within the 2 s of Japan's pause."""

TONES: dict[str, Answer] = {
    "busy": Answer.BUSY,
    "congestion": Answer.NETWORK,
    "sit": Answer.NETWORK,
    "dial": Answer.NETWORK,  # the exchange has given the call up
}
PRESENT = frozenset({"speech", "beep", "fax", "modem_answer"})
"""What is heard from whoever or whatever has answered."""


@dataclass
class AnswerWatch:
    """Feed it what the ears name, until it says ``answered`` or returns why not. Seconds since the path opened.

    ``told``: the network tells of the answer (``Voice.answer_told``).
    """

    ring_time: float
    told: bool = False
    answered: bool = False
    _rang: bool = False
    _sound_at: float = 0.0

    def feed(self, tones: list[ToneEvent], now: float) -> Answer | None:
        """Why nobody answers, once that is known; read ``answered`` otherwise."""
        for tone in tones:
            if tone.name in TONES:
                return TONES[tone.name]
            self._sound_at = now - (tone.at - tone.began) if tone.name == "silence" else now
            self._rang = self._rang or tone.name == "ringback"
            self.answered = self.answered or tone.name in PRESENT
        if now >= self.ring_time:
            return Answer.NO_ANSWER
        never_rang = TOLD if self.told else NEVER_RANG
        quiet_for = now - self._sound_at
        self.answered = self.answered or quiet_for >= (RINGBACK_GONE if self._rang else never_rang)
        return None
