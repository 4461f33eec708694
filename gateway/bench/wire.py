"""The pair of wires between the exchange and one terminal (a handset, or an emulated modem).

The exchange calls the terminal (``Terminal``), the terminal calls the exchange (``Wire``). Nothing is shared but
these two: all that passes is what passes on a real subscriber loop: ringing current, caller-ID data, polarity,
loop current, dialled digits and sound. Sound is int16, mono, 8 kHz; while a terminal is off hook the exchange asks it
for 160 samples and gives it 160 every 20 ms of bench time, whether a call stands or not (dial tone, busy tone).
Caller-ID data and dialled digits pass as data, not as modulated sound: what that leaves out is in ``docs/bench.md``.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

FRAME = 160
"""Samples in 20 ms."""

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True)
class CallerIdData:
    """What the exchange sends about the caller, as in a Bellcore/ETSI/NTT message.

    ``number`` is in the form the network uses on this line (national in the home country), or None with a ``reason``
    of P, O, C or S. ``called`` is the number that was dialled. ``form``: ``sdmf`` (date, number), ``mdmf`` (with name),
    ``number-only`` (no name parameter), ``masked`` (number, then a second message that withholds it).
    """

    number: str | None
    reason: Literal["P", "O", "C", "S"] | None
    name: str | None
    month: int
    day: int
    hour: int
    minute: int
    form: Literal["sdmf", "mdmf", "number-only", "masked"] = "mdmf"
    called: str | None = None


class Terminal(Protocol):
    """What the exchange does to a terminal."""

    def ringing(self, on: bool) -> None:
        """Ringing current begins or ends (one burst of the cadence)."""

    def caller_id(self, data: CallerIdData) -> None:
        """The caller-ID data has been received completely."""

    def line_break(self) -> None:
        """Loop current was interrupted: the far end has gone (only where the exchange is set to do so)."""

    def speak(self) -> Samples:
        """The next ``FRAME`` samples that the terminal sends, asked for while it is off hook."""

    def hear(self, sound: Samples) -> None:
        """``FRAME`` samples that reach the terminal while it is off hook."""


class Wire(Protocol):
    """What a terminal can do at its end. The exchange implements it and logs every one of these."""

    number: str
    """The subscriber's own number, E.164."""

    def off_hook(self) -> None:
        """Lift: answers a ringing call, else gives dial tone."""

    def on_hook(self) -> None:
        """Hang up: ends the call, or what is being dialled. No effect when on hook."""

    def dial(self, digits: str) -> None:
        """Digits dialled after off hook (0-9 * # A-D), complete or one by one; the exchange knows when it is enough."""

    def log(self, event: str, **fields: object) -> None:
        """Put an event of the terminal itself (an AT command received, a caller ID delivered) in the exchange's log."""
