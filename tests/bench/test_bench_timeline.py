"""The demo succeeds only on exactly the order that the customer's keys mean."""

import pytest

from gateway.bench.timeline import Wanted, is_refused, order_matches

CUSTOMER = Wanted("+819012345678", "+81355500001", "1 1 25# 2# 1", (("25", 2),))
RIGHT = {"order": "0016", "articles": [{"article": "25", "quantity": 2}]}
WRONG = {"order": "0016", "articles": [{"article": "25", "quantity": 3}]}


def test_the_order_that_was_keyed_matches() -> None:
    assert order_matches(CUSTOMER, "1125#2#1", [RIGHT]) is True


@pytest.mark.parametrize("orders", [[], [WRONG], [RIGHT, RIGHT]], ids=["none", "another", "twice"])
def test_no_order_another_order_and_two_orders_do_not_match(orders: list[dict[str, object]]) -> None:
    assert order_matches(CUSTOMER, "1125#2#1", orders) is False


def test_an_order_that_nobody_confirmed_does_not_match() -> None:
    assert order_matches(CUSTOMER, "1125#", [RIGHT]) is False
    assert order_matches(CUSTOMER, "1125#", []) is None


@pytest.mark.parametrize(
    "change",
    [{"accepted": True}, {"refused": None}, {"attempts": [{"dialled": "01181"}]}, {"order": [RIGHT]}],
    ids=lambda change: next(iter(change)),
)
def test_refused_means_not_accepted_on_record_and_never_dialled(change: dict[str, object]) -> None:
    refused = {"accepted": False, "refused": "withheld by the caller", "attempts": [], "order": None}
    assert is_refused(refused)
    assert not is_refused({**refused, **change})
