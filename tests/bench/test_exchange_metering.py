"""What calls cost."""

import pytest

from gateway.bench.metering import charges, kind_of, price
from gateway.bench.settings import TariffSettings


@pytest.mark.parametrize(
    ("first", "step", "cost"), [(60, 60, 10.0), (30, 6, 6.0), (1, 1, 5.1667)], ids=["60/60", "30/6", "1/1"]
)
def test_31_seconds_at_10_a_minute(first: float, step: float, cost: float) -> None:
    tariff = TariffSettings(per_minute=10.0, currency="JPY", first_s=first, step_s=step)
    assert float(price(31.0, tariff)) == pytest.approx(cost)


def test_a_fractional_step_is_charged_as_it_is() -> None:
    per_unit = TariffSettings(per_minute=10 / 22.5 * 60, currency="JPY", first_s=22.5, step_s=22.5)
    assert float(price(22.6, per_unit)) == pytest.approx(20.0, abs=0.001)


def test_the_first_tariff_that_fits_counts_and_none_is_not_free() -> None:
    tariffs = (
        TariffSettings(caller="JP", called="UK", per_minute=5.0, currency="JPY"),
        TariffSettings(caller="JP", per_minute=9.0, currency="JPY"),
    )
    caller, called = charges(60.0, "JP", "GB", "mobile", tariffs)
    assert (caller.pays, caller.cost, called.pays, called.cost) == (True, 5.0, False, 0.0)
    assert charges(60.0, "JP", "US", "mobile", tariffs)[0].cost == 9.0
    nothing, _ = charges(60.0, "US", "JP", "mobile", tariffs)
    assert (nothing.pays, nothing.cost, nothing.currency) == (True, None, None)


def test_the_owner_of_a_toll_free_number_pays() -> None:
    assert kind_of("+81120123456") == "toll_free"
    caller, called = charges(60.0, "JP", "JP", "toll_free", ())
    assert not caller.pays
    assert caller.cost == 0.0
    assert called.pays
    assert called.cost == 22.0
