"""Call progress by ear: what the exchange, a machine or a person at the far end says, in a stream."""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from gateway.audio.pcm import power_to_dbm0
from gateway.audio.tones_cadence import Cadence, Named
from gateway.audio.tones_single import SingleTones
from gateway.audio.tones_spectrum import FULL_SCALE, HOP, HOP_TIME, Hop, Spectrum
from gateway.audio.tones_table import Table, tones_heard_in
from gateway.line import Samples

SILENCE = 0.8
"""Seconds without voice, tone or key that are a silence; the pauses of busy tones are shorter."""
VOICE_WINDOW = 15
VOICE_HOPS = 6
"""So many voiced hops of the last ``VOICE_WINDOW``, 0.3 s, are speech."""
OWN_ECHO = 0.004
"""A voice at this share of the power that we send at that time, -24 dB, is what the canceller has left of our own."""
OWN_FADES = 0.85
"""How that power is forgotten, hop by hop: an echo comes up to 250 ms later."""


@dataclass(frozen=True)
class ToneEvent:
    """Something was recognised.

    ``name``: dial, ringback, busy, congestion, sit, fax, modem_answer, beep, speech, silence.

    ``at``: when it was certain; ``began``: when it began; seconds of sound since the stream began. ``level`` in dBm0.
    """

    name: str
    at: float
    began: float
    level: float


class ToneListener:
    """Names tones, speech and silence in 8 kHz sound. One object a call.

    Each is named once, when it is certain: what follows, until something else is named, is more of the same. Ringback
    is named again with every burst. ``country`` (ISO 3166)
    comes first where two countries' tones differ in name only; those of Japan, the US, the UK and Germany are always
    listened for. ``further``: a table of tones (``read_table``) that comes before ours.
    """

    def __init__(self, country: str = "JP", further: Table | None = None) -> None:
        self._rest = np.zeros(0, np.int16)
        self._rest_played = np.zeros(0, np.int16)
        self._spectrum = Spectrum()
        self._cadence = Cadence(tones_heard_in(country, further))
        self._singles = SingleTones()
        self._hops = 0
        self._voiced = 0  # a bit for each of the last hops, the newest lowest
        self._sounding_at = 0
        self._own = 0.0
        self._state = ""

    def feed(self, samples: Samples, played: Samples | None = None) -> list[ToneEvent]:
        """What was recognised in these samples; any chunking gives the same.

        ``played``, as long as ``samples``, is what we sent meanwhile: leftovers of its echo are not taken for a voice.
        """
        sound = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        own = np.zeros(len(samples), np.int16) if played is None else played
        own = np.concatenate([self._rest_played, own]) if len(self._rest_played) else own
        whole = len(sound) // HOP * HOP
        events: list[ToneEvent] = []
        for at in range(0, whole, HOP):
            sent = own[at : at + HOP].astype(np.float32)
            self._own = max(OWN_FADES * self._own, float(np.dot(sent, sent)) / HOP / FULL_SCALE)
            events += self._hear(self._spectrum.hop(sound[at : at + HOP]))
        self._rest, self._rest_played = sound[whole:].copy(), own[whole:].copy()
        return events

    def _hear(self, hop: Hop) -> list[ToneEvent]:
        self._hops += 1
        found = [self._cadence.hear(hop), self._singles.hear(hop), self._voice(hop)]
        if hop.tonal or self._cadence.sounding or self._singles.sounding:
            self._sounding_at = self._hops
        names = [named for named in found if named is not None]
        if not names and self._hops - self._sounding_at >= SILENCE / HOP_TIME:
            names = [Named("silence", self._sounding_at + 1, hop.power)]
        return [self._event(named) for named in names if self._is_news(named)]

    def _voice(self, hop: Hop) -> Named | None:
        voiced = hop.voiced and hop.power > OWN_ECHO * self._own
        self._voiced = (self._voiced << 1 | voiced) & ((1 << VOICE_WINDOW) - 1)
        if self._voiced.bit_count() < VOICE_HOPS:
            return None
        self._sounding_at = self._hops
        return Named("speech", self._hops - self._voiced.bit_length() + 1, hop.power)

    def _is_news(self, named: Named) -> bool:
        """Whether it is not what goes on anyway."""
        news = named.name not in (self._state, "beep") or named.name in ("beep", "ringback")
        self._state = named.name
        return news

    def _event(self, named: Named) -> ToneEvent:
        level = power_to_dbm0(named.power * FULL_SCALE)
        return ToneEvent(named.name, self._hops * HOP_TIME, (named.began - 1) * HOP_TIME, level)


class Answered(Enum):
    """Who is there."""

    PERSON = "person"
    MACHINE = "machine"
    NOBODY = "nobody"


GREETING = 4.5
"""Seconds of speech without a silence that only a machine speaks unasked, the time to notice a silence included."""
SENTENCE = 1.5
"""Seconds of speech that are a sentence, not a word; ..."""
BREATH = 1.3
"""... and of silence after it in which a machine only draws breath: who said hello waits for longer."""
BEGINNING = 5.0
"""Seconds from the first word in which such a speech must begin to be a greeting."""
NO_BEEP = 2.5
"""Seconds of silence after a machine's greeting when no beep is to be expected any more."""
LONGEST_GREETING = 40.0
ENGAGED = frozenset({"busy", "congestion", "dial"})
"""Tones that exchanges give to whoever is left on the line."""


class Answering:
    """Judges from what the listener names: answered by a person, a machine, nobody; whether the far end has gone.

    Feed it the events and the time, both in the stream's seconds since the call was put through.
    """

    def __init__(self) -> None:
        self.answered: Answered | None = None
        self.hung_up = False
        self._now = 0.0
        self._first_word: float | None = None
        self._speaking_since: float | None = None
        self._silent_since: float | None = None
        self._sentence = 0.0  # seconds of the last speech
        self._machine_since = 0.0
        self._beeped = False

    def hear(self, events: list[ToneEvent], now: float) -> None:
        """Take in what was recognised up to ``now``; then read ``answered`` (None: not known yet) and ``hung_up``."""
        self._now = now
        for event in events:
            self._take(event)
        if self._speaking_since is not None and now - self._speaking_since >= GREETING:
            self._is_machine()

    @property
    def greeting_over(self) -> bool:
        """Of a machine: its beep has been heard, or none has come in the silence after its greeting."""
        if self._beeped or self._now - self._machine_since >= LONGEST_GREETING:
            return True
        return self._silent_since is not None and self._now - self._silent_since >= NO_BEEP

    def _take(self, event: ToneEvent) -> None:
        name, silent_since = event.name, self._silent_since
        self._silent_since = event.began if name == "silence" else None
        if name == "speech":
            breathed = silent_since is not None and event.began - silent_since < BREATH
            self._speaks(event.began, self._sentence if breathed and self._sentence > SENTENCE else 0.0)
            return
        self._sentence = 0.0 if self._speaking_since is None else event.began - self._speaking_since
        self._speaking_since = None
        if name in ENGAGED:
            self.hung_up = self.hung_up or self._first_word is not None
        if name in ENGAGED | {"sit"}:
            self.answered = self.answered or Answered.NOBODY
        elif name == "modem_answer" or (name in ("beep", "fax") and self._first_word is not None):
            self._beeped = True
            self._is_machine()

    def _speaks(self, since: float, before: float) -> None:
        """Speech, ``before`` seconds of which came before a breath."""
        if self._first_word is None:
            self._first_word = since
        if since - self._first_word < BEGINNING:
            self._speaking_since = since - before
        self.answered = self.answered or Answered.PERSON

    def _is_machine(self) -> None:
        if self.answered is not Answered.MACHINE:
            self.answered, self._machine_since = Answered.MACHINE, self._now
