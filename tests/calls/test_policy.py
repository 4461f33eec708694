"""The dialling policy refuses whatever no rule allows, layer by layer, and says which and why."""

import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.calls.number_list import NumberList
from gateway.calls.panic import PanicStop
from gateway.calls.policy import Policy
from gateway.errors import SettingsError
from gateway.numbers import PhoneNumber
from gateway.settings import PolicySettings
from gateway.store.bounds import History

OWN = "+12125550100"
CUSTOMER = "+819012345678"
NOON = 1_793_674_800.0  # Tuesday 2026-11-03, 12:00 in Tokyo
HOUR = 3600.0


def policy(**rules: Any) -> Policy:
    return Policy(PolicySettings(**{"regions": ("JP", "US"), "blocked": ("+8170",), **rules}), frozenset({OWN}))


def layer(number: str, at: float = NOON, history: History | None = None, **rules: Any) -> str | None:
    refusal = policy(**rules).refusal(PhoneNumber(number), at, history or History())
    return refusal and refusal.layer


def listed(path: Path, text: str) -> NumberList:
    path.write_text(text, encoding="utf-8")
    return NumberList(path, "policy.block_list")


@pytest.mark.parametrize("number", [CUSTOMER, "+81312345678", "+815012345678", "+12125550123"])
def test_ordinary_numbers_in_allowed_regions_pass(number: str) -> None:
    assert layer(number) is None


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (OWN, "own number"),
        ("+81990123456", "kind"),  # premium rate
        ("+81120123456", "kind"),  # freephone: would never answer a call from abroad
        ("+81570012345", "kind"),  # 0570: the caller pays extra
        ("+18765550123", "region"),  # Jamaica shares country code 1
        ("+881612345678", "region"),  # satellite counts as mobile: only the region stops it
        ("+37120000000", "region"),
        ("+817012345678", "block list"),
        ("+81110", "emergency"),
        ("+1911", "emergency"),
    ],
)
def test_what_no_rule_allows_is_refused_by_the_layer_that_says_so(number: str, expected: str) -> None:
    assert layer(number) == expected


def test_without_regions_nothing_may_be_dialled() -> None:
    assert layer(CUSTOMER, regions=()) == "region"


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (History(number_hour=1, number_day=4), None),
        (History(number_hour=2, number_day=2), "number an hour"),
        (History(number_day=5), "number a day"),
        (History(prefix_hour=500), "block an hour"),
        (History(prefix_day=1000), "block a day"),
        (History(all_hour=1000), "everybody an hour"),
        (History(all_day=5000), "everybody a day"),
        (History(first_contacts_day=1000, known=False), "first contacts"),
        (History(first_contacts_day=1000, known=True), None),
    ],
)
def test_who_asks_too_often_is_refused(history: History, expected: str | None) -> None:
    assert layer(CUSTOMER, history=history) == expected


def test_a_refusal_says_which_rule_in_words_and_never_the_number() -> None:
    refusal = policy().refusal(PhoneNumber("+81990123456"), NOON)
    assert refusal is not None
    assert "policy.kinds" in refusal.reason
    assert "0123456" not in refusal.reason


@pytest.mark.parametrize(
    ("hours_after_noon", "refused"), [(0, False), (8.9, False), (9, True), (19.9, True), (20, False)]
)
def test_quiet_hours_are_the_callees(hours_after_noon: float, refused: bool) -> None:
    expected = "quiet hours" if refused else None
    assert layer(CUSTOMER, NOON + hours_after_noon * HOUR, quiet="21:00-08:00") == expected


def test_it_is_night_for_a_number_that_may_be_in_a_zone_where_it_is_night() -> None:
    assert layer("+12125550123", NOON, quiet="21:00-08:00") == "quiet hours"  # 22:00 the day before, in New York
    vladivostok_noon = NOON - HOUR
    assert layer("+79161234567", vladivostok_noon, quiet="21:00-08:00", regions=("RU",)) == "quiet hours"


def test_a_country_that_forbids_call_back_is_refused_with_a_notice_until_the_owner_has_asked() -> None:
    refusal = policy(regions=("MA",)).refusal(PhoneNumber("+212650123456"), NOON)
    assert refusal is not None
    assert refusal.layer == "call-back law"
    assert "policy.callback_permitted" in refusal.reason
    assert layer("+212650123456", regions=("MA",), callback_permitted=("MA",)) is None


def test_a_block_list_is_obeyed_as_soon_as_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "blocked.csv"
    rules = replace(policy(), block_list=listed(path, "prefix,why\n# from the carrier\n+8180,fraud\n"))
    assert rules.refusal(PhoneNumber(CUSTOMER), NOON) is None
    assert rules.refusal(PhoneNumber("+818012345678"), NOON) is not None
    path.write_text("+81 90 1234\n", encoding="utf-8")
    assert rules.refusal(PhoneNumber(CUSTOMER), NOON) is not None
    assert rules.refusal(PhoneNumber("+818012345678"), NOON) is None


def test_a_block_list_that_goes_bad_stays_in_force_as_it_was(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "blocked.csv"
    block_list = listed(path, "+8180\n")
    with caplog.at_level(logging.ERROR):
        for spoil in (lambda: path.write_text("+8180\nnonsense\n", encoding="utf-8"), path.unlink):
            spoil()
            assert block_list.prefix_of("+818012345678") == "+8180"
    assert "line 2" in caplog.text
    assert "stays in force" in caplog.text


@pytest.mark.parametrize("text", ["+8180\nnonsense\n", None])
def test_a_block_list_that_is_bad_at_the_start_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "blocked.csv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"policy\.block_list: .*blocked\.csv"):
        NumberList(path, "policy.block_list")


def test_with_customers_only_nobody_else_is_served(tmp_path: Path) -> None:
    customers = listed(tmp_path / "customers.csv", f"{CUSTOMER},Made Up\n")
    rules = replace(policy(customers_only=True), customers=customers)
    assert rules.refusal(PhoneNumber(CUSTOMER), NOON) is None
    refusal = rules.refusal(PhoneNumber("+819012345679"), NOON)
    assert refusal is not None
    assert refusal.layer == "customers"
    crowd = History(first_contacts_day=10**6, prefix_hour=10**6, prefix_day=10**6, known=False)
    assert rules.refusal_by_history(PhoneNumber(CUSTOMER), crowd) is None


def test_the_panic_stop_stands_until_it_is_released(tmp_path: Path) -> None:
    rules = replace(policy(), stop=PanicStop(tmp_path / "data" / "stop"))
    assert rules.refusal(PhoneNumber(CUSTOMER), NOON) is None
    PanicStop(tmp_path / "data" / "stop").pull("fraud, 12:05")
    refusal = rules.refusal(PhoneNumber(CUSTOMER), NOON)
    assert refusal is not None
    assert (refusal.layer, refusal.reason) == ("stop", "all dialling is stopped: fraud, 12:05")
    assert PanicStop(tmp_path / "data" / "stop").release()
    assert not PanicStop(tmp_path / "data" / "stop").release()
    assert rules.refusal(PhoneNumber(CUSTOMER), NOON) is None


def test_a_stop_made_by_hand_counts_as_well(tmp_path: Path) -> None:
    os.close(os.open(tmp_path / "stop", os.O_CREAT))
    refusal = replace(policy(), stop=PanicStop(tmp_path / "stop")).refusal(PhoneNumber(CUSTOMER), NOON)
    assert refusal is not None
    assert refusal.layer == "stop"


def test_every_layer_is_explained_whether_it_passes_or_not() -> None:
    layers = [*policy().about_number(PhoneNumber("+881612345678"), NOON)]
    assert [each.name for each in layers] == [
        "stop", "own number", "emergency", "region", "kind", "call-back law", "block list", "customers", "quiet hours"
    ]  # fmt: skip
    assert all(each.says for each in layers)
