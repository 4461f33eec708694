"""Who calls, from RING, +CLIP and listed rows: one caller ID a call, settled as early as it may be."""

from dataclasses import dataclass

from gateway.numbers import CallerId, PhoneNumber, Withheld
from gateway.protocols.caller_id import merged


@dataclass
class CallerSought:
    """The caller of one incoming call, as far as its lines have told."""

    caller: CallerId | None = None
    """What +CLIP said; after ``settle`` what was settled."""
    listed: CallerId | None = None
    """What a row said, which knows no validity: used only where no +CLIP comes."""
    settled: bool = False
    rings: int = 0
    _rang_since: bool = False

    def rang(self) -> None:
        """RING."""
        self.rings += 1
        self._rang_since = True

    def row(self, caller: CallerId | None) -> None:
        """A row of this call."""
        self.listed = self.listed or caller

    def is_other(self, caller: CallerId | None) -> bool:
        """Whether this is the number of somebody else."""
        return isinstance(caller, PhoneNumber) and caller != self.caller

    def replaced_by(self, caller: CallerId) -> bool:
        """Whether +CLIP speaks of a next call: RING and another number; the first caller left without a word."""
        return self.settled and self._rang_since and self.is_other(caller)

    def clip(self, caller: CallerId) -> Withheld | None:
        """+CLIP of this call. What masks a number that was settled before; None otherwise."""
        self._rang_since = False
        before, self.caller = self.caller, merged(self.caller, caller)
        masked = self.settled and self.caller != before
        return self.caller if masked and isinstance(self.caller, Withheld) else None

    def settle(self) -> CallerId:
        """There is nothing more to wait for."""
        self.settled = True
        self.caller = self.caller or self.listed or Withheld("O")
        return self.caller
