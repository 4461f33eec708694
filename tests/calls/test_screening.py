"""Who is accepted, and what each caller hears."""

import pytest

from gateway.calls.policy import Policy
from gateway.calls.screening import Screening
from gateway.numbers import CallerId, PhoneNumber, Reason, Withheld
from gateway.settings import GuidanceSettings, PolicySettings
from gateway.store.bounds import Refused

NOON = 1_793_674_800.0
CALLER = PhoneNumber("+819012345678")


def screening(**guidance: str) -> Screening:
    return Screening(GuidanceSettings(**guidance), Policy(PolicySettings(regions=("JP",)), frozenset()))  # type: ignore[arg-type]


def heard(caller: CallerId, *, peer_away: bool = False, **guidance: str) -> tuple[bool, str | None]:
    verdict = screening(**guidance).verdict(caller, NOON, peer_away=peer_away)
    assert verdict.accepted is (verdict.reason == "")
    return verdict.accepted, verdict.clip


def test_a_caller_with_a_number_is_accepted_by_speech_or_tone() -> None:
    assert heard(CALLER) == (True, "guidance_accepted")
    assert heard(CALLER, accepted="tone") == (True, "guidance_tone")


@pytest.mark.parametrize("reason", ["P", "O", "C", "S", "?"])
def test_a_caller_without_a_number_is_never_accepted(reason: Reason) -> None:
    assert heard(Withheld(reason))[0] is False


@pytest.mark.parametrize("reason", ["O", "C", "S", "?"])
@pytest.mark.parametrize("refused", ["ring", "speech"])
def test_only_a_caller_who_withheld_by_wish_is_told_to_dial_186(reason: Reason, refused: str) -> None:
    assert heard(Withheld("P"), refused=refused) == (False, "guidance_hint_186")
    assert heard(Withheld(reason), refused=refused)[1] != "guidance_hint_186"


def test_a_withheld_caller_may_be_left_ringing() -> None:
    assert heard(Withheld("P"), withheld="ring") == (False, None)
    assert heard(Withheld("C")) == (False, None)


def test_with_the_overseas_box_away_too_long_nobody_is_told_accepted() -> None:
    assert heard(CALLER, peer_away=True) == (False, "guidance_not_kept")
    assert heard(CALLER, peer_away=True, not_kept="ring") == (False, None)


def test_a_number_outside_the_policy_is_left_ringing() -> None:
    assert heard(PhoneNumber("+12125550123")) == (False, None)


@pytest.mark.parametrize(
    ("layer", "clip"),
    [("number an hour", None), ("spend", "guidance_not_kept"), ("box away", "guidance_not_kept")],
)
def test_who_is_refused_only_for_now_is_told_so(layer: str, clip: str | None) -> None:
    verdict = screening().refused(Refused(layer, "because"))
    assert (verdict.accepted, verdict.reason, verdict.clip) == (False, f"{layer}: because", clip)
