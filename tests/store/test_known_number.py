"""A number is kept exactly where libphonenumber would take it."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.store.domestic import E164, known_number


def judged_by_libphonenumber(text: str) -> bool:
    try:
        phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return False
    return bool(E164.fullmatch(text))


@given(st.from_regex(r"\+[0-9]{5,17}", fullmatch=True))
def test_a_number_is_known_if_and_only_if_libphonenumber_can_parse_it(text: str) -> None:
    assert (known_number(text) == text) is judged_by_libphonenumber(text)


def test_every_country_code_is_judged_alike() -> None:
    for text in (f"+{code}2125550100" for code in range(1, 1000)):
        assert (known_number(text) == text) is judged_by_libphonenumber(text)


@pytest.mark.parametrize("text", [None, "", "+", "819012345678", "+0123456789", "+81 90 1234 5678", "+81９０12345678"])
def test_what_is_no_e164_is_not_known(text: str | None) -> None:
    assert known_number(text) is None
