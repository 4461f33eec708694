"""One open voice path, heard through our ears: phrases out; keys, tones and the far end's going in.

Every 20 ms or so the echo of our own prompt is taken out of what came in, and the rest is heard for keys and tones.
Keys that the modem itself reports (``Heard.keys``) come only from models without full duplex, and from mobile ones that
hear them well; one that both report within ``SAME_KEY`` is one key.
"""

import asyncio
from dataclasses import dataclass

from gateway import clock
from gateway.audio.dtmf import DtmfDetector, KeyDown
from gateway.audio.echo import EchoCanceller
from gateway.audio.tones import Answering, ToneEvent, ToneListener
from gateway.audio.tones_table import Table
from gateway.line import CallEnded, Samples, Voice

SAME_KEY = 0.3
"""Seconds: a modem reports a key some tens of milliseconds before or after our own ears do."""
HUNG_UP = frozenset({"busy", "congestion", "dial"})
"""Tones that exchanges give to whoever is left on the line."""

Press = tuple[str, float]
"""A key and when it was reported."""


@dataclass(frozen=True)
class Moment:
    """What one ``listen`` brought. ``spoken``: the phrase under way has just been heard to its end."""

    keys: str
    tones: list[ToneEvent]
    spoken: bool
    sound: Samples


class Conversation:
    """Speaks and listens on ``voice``; whoever leads the call calls ``listen`` over and over."""

    def __init__(self, voice: Voice, country: str, tones: Table | None = None) -> None:
        """``country``: whose exchange gives the tones; ``tones``: further countries' (``read_table``)."""
        self.answered = False
        """Set once somebody has answered: from then on a busy tone means that the far end has hung up."""
        self._voice = voice
        self._echo = EchoCanceller()
        self._keys = DtmfDetector()
        self._tones = ToneListener(country, tones)
        self._answering = Answering()
        self._heard = 0.0
        self._from_ears: list[Press] = []
        self._from_modem: list[Press] = []
        self._playing: asyncio.Task[None] | None = None
        self._bargeable = False

    @property
    def answering(self) -> Answering:
        """Who answered, as far as the ears can tell."""
        return self._answering

    @property
    def speaking(self) -> bool:
        """A phrase is under way."""
        return self._playing is not None

    def say(self, sound: Samples, *, bargeable: bool) -> None:
        """Begin a phrase, behind one that still plays."""
        self._drop_waiter()
        self._voice.play(sound)
        self._bargeable = bargeable
        self._playing = asyncio.ensure_future(self._voice.played())
        self._playing.add_done_callback(_look_at)

    def barge_in(self) -> None:
        """A key came: cut the phrase short, if it may be."""
        if self._playing is not None and self._bargeable:
            self._drop_waiter()
            self._voice.hush()

    async def listen(self) -> Moment:
        """The next piece of the call. Raises ``CallEnded`` once the far end has gone (tone or modem), ``LineLost``."""
        heard = await self._voice.hear()
        sound = self._echo.process(heard.samples, heard.played)
        self._heard += len(sound) / 8000
        tones = self._tones.feed(sound, heard.played)
        self._answering.hear(tones, self._heard)
        if self.answered and any(tone.name in HUNG_UP for tone in tones):
            raise CallEnded("the far end has hung up: busy tone")
        now = clock.now()
        own = self._unreported(self._heard_keys(sound), self._from_modem, self._from_ears, now)
        keys = own + self._unreported(heard.keys, self._from_ears, self._from_modem, now)
        return Moment(keys, tones, self._has_spoken(), heard.samples)

    async def say_to_the_end(self, sound: Samples) -> None:
        """A last sentence: nothing interrupts it but the far end's going."""
        self.say(sound, bargeable=False)
        while self.speaking:
            await self.listen()

    def close(self) -> None:
        """Leave nothing behind."""
        self._drop_waiter()

    def _heard_keys(self, sound: Samples) -> str:
        return "".join(event.key for event in self._keys.feed(sound) if isinstance(event, KeyDown))

    def _unreported(self, keys: str, theirs: list[Press], ours: list[Press], now: float) -> str:
        """Those of ``keys`` that the other witness has not reported yet; they wait in ``ours`` to be matched."""
        new = ""
        for key in keys:
            known = next((press for press in theirs if press[0] == key and now - press[1] <= SAME_KEY), None)
            if known:
                theirs.remove(known)
            else:
                new += key
                ours.append((key, now))
        ours[:] = [press for press in ours if now - press[1] <= SAME_KEY]
        return new

    def _has_spoken(self) -> bool:
        if self._playing is None or not self._playing.done():
            return False
        self._playing.result()
        self._playing = None
        return True

    def _drop_waiter(self) -> None:
        if self._playing is not None:
            self._playing.cancel()
            self._playing = None


def _look_at(played: "asyncio.Future[None]") -> None:
    """A call that ends in mid-phrase is told by ``listen``; nobody need be told again."""
    if not played.cancelled():
        played.exception()
