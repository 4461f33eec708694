"""Numbers as modems give them become E.164, and never appear in full where they are printed."""

import pytest

from gateway.numbers import NotANumber, PhoneNumber, Withheld, dial_string, reason_of


@pytest.mark.parametrize(
    "text",
    [
        "09012345678",
        "090-1234-5678",
        "18609012345678",
        "184 090 1234 5678",
        "*31#09012345678",
        "#31#+819012345678",
        "+819012345678",
        "+09012345678",  # a modem put "+" before the national form
        "819012345678",
    ],
)
def test_every_form_of_a_number_is_one_number(text: str) -> None:
    assert PhoneNumber.parse(text, "JP") == PhoneNumber("+819012345678")


@pytest.mark.parametrize("text", ["", "P", "0000000000", "110", "anonymous", "12", "0" * 30, "+", "０９０"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(NotANumber):
        PhoneNumber.parse(text, "JP")


def test_printed_numbers_are_masked() -> None:
    number = PhoneNumber("+819012345678")
    assert f"{number}" == "+81*****5678"
    assert "1234" not in repr(number)
    assert "1234" not in str([number, Withheld("P")])


@pytest.mark.parametrize(
    ("number", "region", "prefix", "dialled"),
    [
        ("+819012345678", "US", None, "011819012345678"),
        ("+819012345678", "JP", None, "09012345678"),
        ("+819012345678", "GB", None, "00819012345678"),
        ("+819012345678", "RU", None, "8W10819012345678"),  # wait for the second dial tone
        ("+819012345678", "SG", "001", "001819012345678"),
        ("+442079460123", "JP", None, "010442079460123"),
    ],
)
def test_dial_strings_follow_the_country_of_the_line(
    number: str, region: str, prefix: str | None, dialled: str
) -> None:
    assert dial_string(PhoneNumber(number), region, prefix) == dialled


def test_a_country_without_a_known_prefix_asks_for_one() -> None:
    with pytest.raises(NotANumber, match="international_prefix"):
        dial_string(PhoneNumber("+819012345678"), "SG")


def test_a_reason_that_nobody_defined_is_unknown() -> None:
    assert [reason_of(letter) for letter in "PpOCSAZ"] == ["P", "P", "O", "C", "S", "?", "?"]


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+819012345678", ("Asia/Tokyo",)),
        ("+12065550100", ("America/Los_Angeles",)),
        ("+18765550123", ("America/Jamaica",)),  # a mobile of country code 1 is not anywhere in it
        ("+881612345678", ()),
    ],
)
def test_a_number_tells_where_it_may_be(number: str, zones: tuple[str, ...]) -> None:
    assert PhoneNumber(number).time_zones == zones
