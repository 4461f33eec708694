"""The dialling policy refuses whatever no rule allows."""

import pytest

from gateway.calls.policy import Policy, Requests
from gateway.numbers import PhoneNumber
from gateway.settings import PolicySettings

OWN = "+12125550100"
RULES = PolicySettings(regions=("JP", "US"), blocked=("+8170",))


def layer(number: str, asked: Requests | None = None, rules: PolicySettings = RULES) -> str | None:
    refusal = Policy(rules, frozenset({OWN})).refusal(PhoneNumber(number), asked or Requests())
    return refusal and refusal.layer


@pytest.mark.parametrize("number", ["+819012345678", "+81312345678", "+815012345678", "+12125550123"])
def test_ordinary_numbers_in_allowed_regions_pass(number: str) -> None:
    assert layer(number) is None


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (OWN, "own number"),
        ("+81990123456", "kind"),  # premium rate
        ("+81120123456", "kind"),  # freephone: would never answer a call from abroad
        ("+18765550123", "region"),  # Jamaica shares country code 1
        ("+881612345678", "region"),  # satellite counts as mobile: only the region stops it
        ("+37120000000", "region"),
        ("+817012345678", "blocked"),
    ],
)
def test_what_no_rule_allows_is_refused_by_the_layer_that_says_so(number: str, expected: str) -> None:
    assert layer(number) == expected


def test_without_regions_nothing_may_be_dialled() -> None:
    assert layer("+819012345678", rules=PolicySettings()) == "region"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [(Requests(1, 4), None), (Requests(2, 2), "rate"), (Requests(0, 5), "rate")],
)
def test_a_number_that_asks_too_often_is_refused(asked: Requests, expected: str | None) -> None:
    assert layer("+819012345678", asked) == expected


def test_a_refusal_says_which_rule_in_words_and_never_the_number() -> None:
    refusal = Policy(RULES, frozenset({OWN})).refusal(PhoneNumber("+81990123456"), Requests())
    assert refusal is not None
    assert "policy.kinds" in refusal.reason
    assert "0123456" not in refusal.reason
