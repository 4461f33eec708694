"""A rate deck comes in whole or not at all, and every fault is named with its line."""

from decimal import Decimal
from pathlib import Path

import pytest

from gateway.calls.deck_file import check_rates, read_exchange, read_rates, write_rates
from gateway.calls.tariff import TariffError
from gateway.calls.tariff_folder import SAMPLE_DECK, SAMPLE_EXCHANGE, TariffFolder
from gateway.numbers import PhoneNumber

HEAD = (
    "route,prefix,name,currency,connect_fee,rate_per_min,first_s,increment_s,min_s,"
    "valid_from,valid_to,days,hours,blocked\n"
)
GOOD = "us,81,Japan,USD,0,0.018,30,6,0,,,,,\n"
CUSTOMER = PhoneNumber("+819012345678")


def deck(folder: Path, text: str, name: str = "deck.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ("us,0081,Japan,USD,0,0.018,30,6,0,,,,,", 'line 3: prefix: "0081" must be digits with the country code first'),
        ("us,81,Japan,usd,0,0.018,30,6,0,,,,,", "line 3: currency"),
        ("us,81,Japan,USD,0,abc,30,6,0,,,,,", 'line 3: rate_per_min: "abc" is not a number like'),
        ("us,81,Japan,USD,0,-1,30,6,0,,,,,", "line 3: rate_per_min"),
        ("us,81,Japan,USD,0,NaN,30,6,0,,,,,", "line 3: rate_per_min"),
        ("us,81,Japan,USD,0,1,30,0,0,,,,,", "line 3: increment_s"),
        ("us,81,Japan,USD,0,1,,,0,,,,,", "line 3: first_s and increment_s are missing"),
        ("us,81,Japan,USD,0,10/0,30,6,0,,,,,", "line 3: rate_per_min"),
        ("us,81,Japan,USD,0,1,30,6,0,2026-13-01,,,,", "line 3: valid_from"),
        ("us,81,Japan,USD,0,1,30,6,0,2026-12-01,2026-11-01,,,", "line 3: valid_to"),
        ("us,81,Japan,USD,0,1,30,6,0,,,someday,,", "line 3: days"),
        ("us,81,Japan,USD,0,1,30,6,0,,,,25:00-26:00,", "line 3: hours"),
        ("us,81,Japan,USD,0,1,30,6,0,,,,,perhaps", "line 3: blocked"),
        ("US west,81,Japan,USD,0,1,30,6,0,,,,,", "line 3: route"),
        ("us,81,Japan,USD,0,1,30,6", "line 3: 8 cells, the header has 14"),
        ("us,82,,USD,0,1,30,6,0,,,,,\nus,82,,USD,0,2,30,6,0,,,,,", "line 4: the same route, prefix and time as line 3"),
    ],
)
def test_a_fault_is_named_with_its_line_and_nothing_is_imported(tmp_path: Path, cells: str, says: str) -> None:
    folder = TariffFolder(tmp_path)
    with pytest.raises(TariffError) as error:
        folder.import_deck(deck(tmp_path, HEAD + GOOD + cells + "\n"), zone="Asia/Tokyo", effective=0.0, now=1.0)
    assert says in str(error.value)
    assert "deck.csv" in str(error.value)
    assert folder.imports() == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the first line must name the columns"),
        (HEAD, "no rates in it"),
        ("prefix,rate_per_min\n", '"route" is not among them'),
        (HEAD.replace("name", "nmae"), 'column "nmae" is not known'),
        (HEAD.replace("name", "prefix"), 'column "prefix" stands twice'),
    ],
)
def test_a_file_that_is_no_deck_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TariffError) as error:
        check_rates(deck(tmp_path, text))
    assert says in str(error.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deck.csv"
    path.write_bytes(HEAD.encode() + "us,81,日本,USD,0,1,30,6,0,,,,,\n".encode("shift_jis"))
    with pytest.raises(TariffError, match="CSV UTF-8"):
        check_rates(path)


def test_short_forms_plus_signs_comments_and_byte_order_marks_are_understood(tmp_path: Path) -> None:
    head = "\ufeff# from the carrier\nroute,prefix,currency,rate_per_min,increments\n"
    text = head + "us,+81,USD,0.018,30/6\n\njp,81,JPY,10/22.5,22.5/22.5\n"
    us, jp = sorted(check_rates(deck(tmp_path, text)), key=lambda each: each.route, reverse=True)
    assert (us.prefix, us.first, us.increment, us.per) == ("81", 30, 6, 60)
    assert (jp.price, jp.per, jp.first) == (10, Decimal("22.5"), Decimal("22.5"))


def test_a_deck_is_written_as_it_was_read(tmp_path: Path) -> None:
    rates = check_rates(SAMPLE_DECK)
    write_rates(tmp_path / "again.csv", rates)
    assert list(read_rates(tmp_path / "again.csv")) == rates


def test_the_shipped_sample_says_that_it_is_one_and_of_when() -> None:
    for path in (SAMPLE_DECK, SAMPLE_EXCHANGE):
        assert path.read_text(encoding="utf-8").startswith("# SAMPLE DATA of November 2026")
    assert read_exchange(SAMPLE_EXCHANGE)


def test_an_import_replaces_its_own_routes_from_its_day_and_keeps_what_was(tmp_path: Path) -> None:
    folder = TariffFolder(tmp_path)
    both = GOOD + GOOD.replace("us,", "jp,")
    folder.import_deck(deck(tmp_path, HEAD + both), zone="Asia/Tokyo", effective=100.0, now=100.0)
    dearer = deck(tmp_path, HEAD + GOOD.replace("0.018", "9"), "new.csv")
    folder.import_deck(dearer, zone="Asia/Tokyo", effective=200.0, now=150.0)
    tariffs = folder.load(160.0)
    prices = [
        (route, at, found and str(found.price))
        for route, at in (("us", 99.0), ("us", 199.0), ("us", 200.0), ("jp", 300.0))
        if (found := tariffs.rate(route, CUSTOMER, at)) or True
    ]
    assert prices == [("us", 99.0, None), ("us", 199.0, "0.018"), ("us", 200.0, "9"), ("jp", 300.0, "0.018")]
    assert [entry.source for entry in folder.imports()] == ["deck.csv", "new.csv"]
    later = folder.load(250.0)
    assert later.rate("us", CUSTOMER, 150.0) is None, "only what is in use is read"


async def test_loading_beside_other_work_gives_the_same(tmp_path: Path) -> None:
    folder = TariffFolder(tmp_path)
    folder.import_deck(SAMPLE_DECK, zone="Asia/Tokyo", effective=0.0, now=1.0)
    folder.import_exchange(SAMPLE_EXCHANGE, 1.0)
    one, other = folder.load(2_000_000_000.0), await folder.load_gently(2_000_000_000.0)
    assert one.routes == other.routes == ["jp-fixed", "jp-freephone", "jp-mobile", "us-voip"]
    at = 1_793_674_800.0
    assert one.rate("us-voip", CUSTOMER, at) == other.rate("us-voip", CUSTOMER, at) is not None


def test_exchange_rates_add_up_over_imports(tmp_path: Path) -> None:
    folder = TariffFolder(tmp_path)
    head = "date,of,currency,rate\n"
    folder.import_exchange(deck(tmp_path, head + "2026-11-01,USD,JPY,150\n2026-11-02,USD,JPY,151\n"), 1.0)
    assert folder.import_exchange(deck(tmp_path, head + "2026-11-02,USD,JPY,152\n"), 2.0) == 2
    assert [str(each.rate) for each in read_exchange(folder.exchange_file)] == ["150", "152"]
    with pytest.raises(TariffError, match="line 2: rate"):
        folder.import_exchange(deck(tmp_path, head + "2026-11-02,USD,JPY,0\n"), 3.0)


def test_a_data_folder_that_a_deck_is_first_in_is_for_its_owner_alone(tmp_path: Path) -> None:
    TariffFolder(tmp_path / "data").import_deck(deck(tmp_path, HEAD + GOOD), zone="Asia/Tokyo", effective=0.0, now=1.0)
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
