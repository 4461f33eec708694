"""Who is accepted, who is refused, and what each of them hears (``None``: nothing, nobody answers).

An analogue line rings on then; a mobile line rejects the call, which costs neither side anything: so an accepted caller
can have his call-back without being answered at all (``guidance.answer = "reject"``, the free trigger).

Only a caller who withheld the number by wish (P) can be helped by "dial 186 first"; with C (public telephone),
O (unavailable), S (service conflict) and unknown the hint would be wrong.
"""

from dataclasses import dataclass

from gateway.calls.policy import PASSING, Policy
from gateway.numbers import CallerId, Withheld
from gateway.settings import GuidanceSettings
from gateway.store.bounds import Refused

WITHHELD_WORDS = {
    "P": "withheld by the caller",
    "O": "number unavailable",
    "C": "public telephone",
    "S": "service conflict",
    "?": "no usable number",
}


@dataclass(frozen=True)
class Verdict:
    """What becomes of an inbound call. ``reason`` is "" when accepted; ``clip`` is the prompt to answer with."""

    accepted: bool
    reason: str
    clip: str | None
    menu: bool = False
    """Answer with the menu; ``clip`` is for who joins a request that is under way already."""


@dataclass(frozen=True)
class Screening:
    """The rules of the domestic box."""

    guidance: GuidanceSettings
    policy: Policy

    def verdict(self, caller: CallerId, at: float, *, peer_away: bool, menu: bool = False) -> Verdict:
        """Judge a caller at Unix time ``at``, but for what only the store's transaction can judge.

        ``peer_away``: nobody could call back. ``menu``: he can be served on this very call.
        """
        if isinstance(caller, Withheld):
            hint = caller.reason == "P" and self.guidance.withheld == "hint"
            clip = "guidance_hint_186" if hint else self._refused_clip
            return Verdict(False, WITHHELD_WORDS[caller.reason], clip)
        if refusal := self.policy.refusal(caller, at):
            return self.refused(refusal)
        if peer_away and not menu:
            return self.not_kept("the overseas box has been away too long")
        if self.guidance.answer == "reject":
            return Verdict(True, "", None, menu)
        clip = "guidance_accepted" if self.guidance.accepted == "speech" else "guidance_tone"
        return Verdict(True, "", clip, menu)

    def refused(self, refusal: Refused) -> Verdict:
        """For a caller whom a layer of the policy forbids; where it only says "not now" he is told so."""
        if refusal.layer in PASSING:
            return self.not_kept(str(refusal))
        return Verdict(False, str(refusal), self._refused_clip)

    def not_kept(self, reason: str) -> Verdict:
        """For a caller whom we would have accepted, had we been able to keep the request."""
        return Verdict(False, reason, "guidance_not_kept" if self.guidance.not_kept == "speech" else None)

    @property
    def _refused_clip(self) -> str | None:
        return "guidance_refused" if self.guidance.refused == "speech" else None
