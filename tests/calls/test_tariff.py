"""Rating is exact to the smallest coin, picks the right rate, and never gives a call away for free."""

import csv
import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.calls.money import Exchange, ExchangeRate, NoExchange, millionths_up, to_coin, written
from gateway.calls.tariff import Band, Generation, Rate, RouteDeck, Tariffs
from gateway.numbers import PhoneNumber

TOKYO = ZoneInfo("Asia/Tokyo")
CORPUS = list(csv.DictReader((Path(__file__).parent / "rating_corpus.csv").open(encoding="utf-8")))
TUESDAY_NOON = 1_793_674_800.0  # 2026-11-03 12:00 in Tokyo
HOUR = 3600.0


def rate(prefix: str = "81", price: str = "10", first: str = "60", increment: str = "60", **more: object) -> Rate:
    terms: dict[str, object] = {
        "route": "r",
        "prefix": prefix,
        "name": "",
        "currency": "JPY",
        "connect_fee": Decimal(0),
        "price": Decimal(price),
        "per": Decimal(60),
        "first": Decimal(first),
        "increment": Decimal(increment),
    }
    return Rate(**{**terms, **more})  # type: ignore[arg-type]


def deck(*rates: Rate) -> RouteDeck:
    return RouteDeck.of(rates, TOKYO)


@pytest.mark.parametrize("row", CORPUS, ids=lambda row: f"{row['worked']} at {row['price']}/{row['per']}")
def test_a_hand_checked_call_costs_what_it_costs_to_the_coin(row: dict[str, str]) -> None:
    one = rate(
        price=row["price"],
        per=Decimal(row["per"]),
        first=row["first"],
        increment=row["increment"],
        minimum=Decimal(row["minimum"]),
        connect_fee=Decimal(row["fee"]),
        currency=row["currency"],
    )
    assert one.charged(Decimal(row["seconds"])) == Decimal(row["charged"])
    assert to_coin(one.cost(Decimal(row["seconds"])), row["currency"]) == Decimal(row["cost"])


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) >= 200


@pytest.mark.parametrize(("increments", "cost"), [(("60", "60"), "10.00"), (("30", "6"), "6.00"), (("1", "1"), "5.17")])
def test_thirty_one_seconds_at_ten_a_minute(increments: tuple[str, str], cost: str) -> None:
    assert to_coin(rate(first=increments[0], increment=increments[1]).cost(31), "USD") == Decimal(cost)


AMOUNTS = st.decimals(0, 1000, places=4)
STEPS = st.decimals("0.1", 180, places=1)
SECONDS = st.decimals(0, 7200, places=3)
RATES = st.builds(
    lambda price, first, increment, minimum, fee, per: rate(
        price=price, first=first, increment=increment, minimum=minimum, connect_fee=fee, per=per
    ),
    AMOUNTS, STEPS, STEPS, st.decimals(0, 120, places=1), AMOUNTS, st.sampled_from([Decimal(60), Decimal("22.5")]),
)  # fmt: skip


@settings(max_examples=300)
@given(RATES, SECONDS, SECONDS)
def test_a_cost_is_never_negative_and_never_falls_with_duration(one: Rate, first: Decimal, second: Decimal) -> None:
    shorter, longer = sorted((first, second))
    assert Decimal(0) <= one.cost(shorter) <= one.cost(longer)
    assert one.charged(longer) >= longer


@settings(max_examples=300)
@given(RATES, SECONDS, SECONDS)
def test_splitting_a_call_adds_one_set_up_and_one_broken_increment_at_most(
    one: Rate, first: Decimal, second: Decimal
) -> None:
    again = one.connect_fee + (max(one.first, one.minimum) + 2 * one.increment) * one.price / one.per
    rounding = Decimal("0.000003")
    assert one.cost(first) + one.cost(second) <= one.cost(first + second) + again + rounding


@given(
    st.sets(st.text("0123456789", min_size=1, max_size=7), min_size=1, max_size=60), st.text("0123456789", max_size=12)
)
def test_the_longest_prefix_wins_whatever_the_deck(prefixes: set[str], number: str) -> None:
    found = deck(*(rate(prefix) for prefix in prefixes)).rate(number, TUESDAY_NOON)
    expected = max((prefix for prefix in prefixes if number.startswith(prefix)), key=len, default=None)
    assert (found and found.prefix) == expected


def test_no_prefix_means_no_rate() -> None:
    tariffs = Tariffs({"r": [Generation(0.0, deck(rate("1")))]})
    assert tariffs.rate("r", PhoneNumber("+819012345678"), TUESDAY_NOON) is None
    assert tariffs.rate("other", PhoneNumber("+12125550123"), TUESDAY_NOON) is None


def test_a_blocked_prefix_has_no_rate_even_where_a_shorter_one_has() -> None:
    tariffs = Tariffs({"r": [Generation(0.0, deck(rate("81"), rate("81990", blocked=True)))]})
    assert tariffs.rate("r", PhoneNumber("+81990123456"), TUESDAY_NOON) is None
    assert tariffs.rate("r", PhoneNumber("+819012345678"), TUESDAY_NOON) is not None


WEEKDAYS = Band(0b0011111, 8 * 60, 19 * 60)
NIGHTS = Band(0b0010000, 23 * 60, 8 * 60)  # Friday night, into Saturday


@pytest.mark.parametrize(
    ("days", "hours", "prices"),
    [
        (0, 0, "5"),  # Tuesday noon
        (0, -4.5, "10"),  # 7:30
        (0, 6.98, "5"),  # 18:58:48
        (0, 7, "10"),  # 19:00
        (4, 0, "10"),  # Saturday noon
        (3, 11.5, "3"),  # Friday 23:30
        (4, -4.5, "3"),  # Saturday 7:30, the same night
        (4, 11.5, "10"),  # Saturday 23:30
        (5, -4.5, "10"),
    ],
)
def test_hours_and_days_choose_the_rate_and_a_night_belongs_to_the_day_it_begins(
    days: int, hours: float, prices: str
) -> None:
    rows = deck(rate(), rate(price="5", band=WEEKDAYS), rate(price="3", band=NIGHTS))
    found = rows.rate("8190", TUESDAY_NOON + days * 24 * HOUR + hours * HOUR)
    assert found is not None
    assert found.price == Decimal(prices)


def test_dates_are_whole_days_and_the_newer_rate_wins() -> None:
    rows = deck(
        rate(price="1", valid_to=date(2026, 11, 3)),
        rate(price="2", valid_from=date(2026, 11, 5)),
        rate(price="3", valid_from=date(2026, 11, 6)),
    )
    prices = [
        found and str(found.price)
        for day in range(5)
        if (found := rows.rate("81", TUESDAY_NOON + day * 24 * HOUR)) or True
    ]
    assert prices == ["1", None, "2", "3", "3"]


def test_a_rate_out_of_force_leaves_the_shorter_prefix() -> None:
    found = deck(rate("81"), rate("8190", price="9", valid_to=date(2026, 10, 31))).rate("8190", TUESDAY_NOON)
    assert found is not None
    assert found.prefix == "81"


def test_a_new_deck_serves_from_the_moment_it_takes_effect() -> None:
    tariffs = Tariffs({"r": [Generation(0.0, deck(rate(price="1"))), Generation(TUESDAY_NOON, deck(rate(price="2")))]})
    number = PhoneNumber("+819012345678")
    before, after = (tariffs.rate("r", number, TUESDAY_NOON + step) for step in (-1, 0))
    assert before is not None
    assert after is not None
    assert (before.price, after.price) == (1, 2)


def test_exchange_takes_the_newest_rate_of_the_day_or_before_in_both_directions() -> None:
    exchange = Exchange(
        [ExchangeRate(date(2026, 11, day), "USD", "JPY", Decimal(rate)) for day, rate in ((1, "150"), (3, "160"))]
    )
    assert exchange.convert(Decimal(2), "USD", "JPY", date(2026, 11, 2)).amount == 300
    assert exchange.convert(Decimal(2), "USD", "JPY", date(2027, 1, 1)).amount == 320
    assert exchange.convert(Decimal(320), "JPY", "USD", date(2026, 11, 3)).amount == 2
    assert str(exchange.convert(Decimal(2), "USD", "JPY", date(2026, 11, 2))) == "1 USD = 150 JPY (2026-11-01)"
    for day, currency in ((date(2026, 10, 31), "JPY"), (date(2026, 11, 2), "EUR")):
        with pytest.raises(NoExchange, match="gateway tariff exchange"):
            exchange.convert(Decimal(2), "USD", currency, day)


def test_money_is_written_to_the_coin_and_beyond_only_where_that_says_something() -> None:
    written_as = [written(Decimal(text), unit) for text, unit in (("18", "JPY"), ("16.2", "JPY"), ("0.2418", "USD"))]
    assert written_as == ["18 JPY", "16.20 JPY", "0.2418 USD"]


def test_a_worst_case_is_booked_rounded_up() -> None:
    assert millionths_up(Decimal("0.0000001")) == 1
    assert millionths_up(Decimal("1.5")) == 1_500_000


def test_a_look_up_takes_microseconds_in_a_large_deck() -> None:
    """The claim is 5 µs with 200,000 prefixes (``benchmarks/policy.py``); here only that it isn't far off."""
    large = deck(*(rate(str(prefix)) for prefix in range(10_000, 60_000)))
    began = time.process_time()
    for last in range(5000):
        assert large.rate(f"1234567{last:04}", TUESDAY_NOON) is not None
    assert (time.process_time() - began) / 5000 < 50e-6
