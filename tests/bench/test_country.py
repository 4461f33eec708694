"""Countries as data, and what their subscribers dial."""

import pytest

from gateway.bench.country import COUNTRIES, country_of
from gateway.bench.numbering import analyse
from gateway.bench.wire import FRAME
from gateway.errors import SettingsError

JP, US, GB = COUNTRIES["JP"], COUNTRIES["US"], COUNTRIES["GB"]
SHOP = "+81355501234"
CUSTOMER = "+819012345678"
OVERSEAS = "+12125550123"
LONDON = "+442079460123"
DIRECTORY = {SHOP, CUSTOMER, OVERSEAS, LONDON}


@pytest.mark.parametrize("country", [JP, US, GB], ids=lambda country: country.region)
def test_every_tone_is_whole_frames_and_audible(country) -> None:
    for tone in country.tones.values():
        assert len(tone.samples) % FRAME == 0
        assert abs(tone.samples).max() > 300


@pytest.mark.parametrize(
    ("country", "digits", "number"),
    [
        (US, "011819012345678", CUSTOMER),
        (US, "2125550123", OVERSEAS),
        (US, "12125550123", OVERSEAS),
        (JP, "09012345678", CUSTOMER),
        (JP, "0355501234", SHOP),
        (JP, "01012125550123", OVERSEAS),
        (GB, "00819012345678", CUSTOMER),
        (GB, "02079460123", LONDON),
    ],
)
def test_a_number_is_complete_with_its_last_digit_and_not_before(country, digits: str, number: str) -> None:
    for end in range(1, len(digits)):
        assert not analyse(digits[:end], country, DIRECTORY).complete, digits[:end]
    dialled = analyse(digits, country, DIRECTORY)
    assert (dialled.number, dialled.complete, dialled.presentation) == (number, True, None)


@pytest.mark.parametrize(
    ("country", "digits", "presentation"),
    [
        (JP, "1840355501234", "withhold"),
        (JP, "1860355501234", "send"),
        (JP, "#31#0355501234", "withhold"),
        (JP, "*31#0355501234", "send"),
        (US, "*6701181355501234", "withhold"),
        (US, "*8201181355501234", "send"),
        (GB, "1410081355501234", "withhold"),
        (GB, "14700081355501234", "send"),
    ],
)
def test_a_prefix_says_whether_the_number_is_shown(country, digits: str, presentation: str) -> None:
    dialled = analyse(digits, country, DIRECTORY)
    assert (dialled.number, dialled.presentation, dialled.complete) == (SHOP, presentation, True)


@pytest.mark.parametrize("digits", ["110", "55501234", "184", "0", "*", "#"])
def test_digits_that_make_no_number_stay_incomplete(digits: str) -> None:
    assert analyse(digits, JP, DIRECTORY).number is None
    assert not analyse(digits, JP, DIRECTORY).complete


def test_a_hash_ends_a_number_that_nobody_has() -> None:
    dialled = analyse("0110999999999#", US, DIRECTORY)
    assert dialled.complete
    assert dialled.number is None


def test_too_many_digits_are_enough() -> None:
    assert analyse("9" * 24, JP, DIRECTORY).complete


@pytest.mark.parametrize(
    ("country", "number", "shown"),
    [
        (JP, CUSTOMER, "09012345678"),
        (JP, OVERSEAS, "01012125550123"),
        (US, OVERSEAS, "2125550123"),
        (US, CUSTOMER, "011819012345678"),
        (GB, LONDON, "02079460123"),
    ],
)
def test_caller_id_gives_the_number_in_the_form_of_the_line(country, number: str, shown: str) -> None:
    assert country.caller_form(number) == shown


@pytest.mark.parametrize("country", [JP, US, GB], ids=lambda country: country.region)
@pytest.mark.parametrize("number", sorted(DIRECTORY))
def test_what_a_person_dials_reaches_the_number_meant(country, number: str) -> None:
    assert analyse(country.dial_form(number), country, DIRECTORY).number == number


def test_a_country_without_a_profile_is_named_with_the_remedy() -> None:
    assert country_of(CUSTOMER) is JP
    with pytest.raises(SettingsError, match=r"\+33142278186: no country profile for it; set country to one of GB, JP"):
        country_of("+33142278186")
