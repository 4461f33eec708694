"""Who is accepted, who is refused, and what each of them hears (``None``: nothing, nobody answers).

An analogue line rings on then; a mobile line rejects the call, which costs neither side anything: so an accepted caller
can have his call-back without being answered at all (``guidance.answer = "reject"``, the free trigger).

Only a caller who withheld the number by wish (P) can be helped by "dial 186 first"; with C (public telephone),
O (unavailable), S (service conflict) and unknown the hint would be wrong.
"""

from dataclasses import dataclass

from gateway.calls.policy import Policy, Requests
from gateway.numbers import CallerId, Withheld
from gateway.settings import GuidanceSettings

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


@dataclass(frozen=True)
class Screening:
    """The rules of the domestic box."""

    guidance: GuidanceSettings
    policy: Policy

    def verdict(self, caller: CallerId, asked: Requests, *, peer_away: bool) -> Verdict:
        """Judge a caller. ``asked``: earlier requests of this number; ``peer_away``: nobody could call back."""
        refused_clip = "guidance_refused" if self.guidance.refused == "speech" else None
        if isinstance(caller, Withheld):
            hint = caller.reason == "P" and self.guidance.withheld == "hint"
            return Verdict(False, WITHHELD_WORDS[caller.reason], "guidance_hint_186" if hint else refused_clip)
        if refusal := self.policy.refusal(caller, asked):
            return Verdict(False, f"{refusal.layer}: {refusal.reason}", refused_clip)
        if peer_away:
            return self.not_kept("the overseas box has been away too long")
        if self.guidance.answer == "reject":
            return Verdict(True, "", None)
        return Verdict(True, "", "guidance_accepted" if self.guidance.accepted == "speech" else "guidance_tone")

    def not_kept(self, reason: str) -> Verdict:
        """For a caller whom we would have accepted, had we been able to keep the request."""
        return Verdict(False, reason, "guidance_not_kept" if self.guidance.not_kept == "speech" else None)
