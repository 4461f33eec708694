"""What a telephone line can do, whatever modem stands behind it.

``calls`` knows this file and no modem; ``modems`` fulfils it. Sound is 16-bit linear, mono, 8,000 samples a
second; 20 ms is 160 samples.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gateway.errors import GatewayError
from gateway.numbers import CallerId, PhoneNumber

SAMPLE_RATE = 8000
Samples = npt.NDArray[np.int16]
"""Linear 16-bit sound, shape (n,), 8 kHz mono. Full scale 32,767 is +3.17 dBm0 (ITU-T G.711, µ-law)."""


class LineLost(GatewayError):
    """The modem is gone or no longer answers; whoever supervises the line reopens it."""


class CallEnded(Exception):
    """The far end has gone, or the call is over for another reason. Cancellation, by contrast, means shutdown."""


class Answer(Enum):
    """What came of dialling, where nobody (as far as the modem can tell) answered."""

    BUSY = "busy"
    NO_ANSWER = "no answer"
    NO_DIAL_TONE = "no dial tone"
    NETWORK = "network"  # NO CARRIER, congestion, special information tone, ERROR


@dataclass(eq=False)
class IncomingCall:
    """A call that rings, once its caller ID is settled.

    ``settled_at`` is loop time. ``caller`` may still turn to ``Withheld`` while the call lasts, because some
    exchanges send the number and mask it afterwards: read it again before anything irrevocable.
    """

    line: str
    caller: CallerId
    settled_at: float = field(default=0.0)


@dataclass(frozen=True)
class Heard:
    """What came in from the far end since the last ``hear``: sound, what we played meanwhile, modem's reports.

    ``played`` is as long as ``samples`` and is the echo reference (silence where nothing was played).
    ``keys`` are digits that the modem itself detected; empty where the profile says its ears are not to be used.
    """

    samples: Samples
    played: Samples
    keys: str = ""


class Voice(Protocol):
    """An open voice path. Every method raises ``CallEnded`` once the far end has gone, ``LineLost`` on a dead modem."""

    answer_told: bool
    """After dialling: the path opens only when the network tells of an answer (mobile lines)."""

    def play(self, sound: Samples) -> None:
        """Queue sound behind what still plays; returns at once."""

    async def played(self) -> None:
        """Wait until all that was queued has been sent down the line."""

    def hush(self) -> None:
        """Drop at once whatever is queued or buffered in the modem (barge-in)."""

    async def hear(self) -> Heard:
        """The next sound from the far end, 20 ms or a few times that; on a half-duplex modem silence while we play."""


class Line(Protocol):
    """One telephone line."""

    name: str

    def incoming(self) -> AsyncIterator[IncomingCall]:
        """Calls as they ring, each once, when its caller ID is settled. Never ends; raises ``LineLost``."""

    async def reject(self, call: IncomingCall) -> None:
        """Refuse without answering where the line can; on an analogue line let it ring out."""

    def answered(self, call: IncomingCall) -> AbstractAsyncContextManager[Voice]:
        """Off hook; on hook again however the block ends. ``CallEnded`` when the caller gave up first."""

    def dialled(self, number: PhoneNumber) -> AbstractAsyncContextManager[Voice | Answer]:
        """Dial; a ``Voice`` as soon as the far end may have answered, else why not. On hook again at the end."""
