"""What a call costs and who pays: a toll-free number's owner for it, else the caller."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

import phonenumbers

from gateway.bench.settings import TariffSettings

PRICES = (
    # Made-up round prices of the usual order of magnitude; a [[tariff]] in the settings replaces them all.
    TariffSettings(caller="JP", called="JP", kind="toll_free", per_minute=22.0, currency="JPY", first_s=60, step_s=60),
    TariffSettings(caller="JP", called="JP", kind="mobile", per_minute=18.0, currency="JPY", first_s=60, step_s=60),
    TariffSettings(caller="JP", called="JP", per_minute=3.0, currency="JPY", first_s=180, step_s=180),
    TariffSettings(caller="JP", per_minute=60.0, currency="JPY", first_s=30, step_s=30),
    TariffSettings(caller="US", called="JP", kind="mobile", per_minute=0.12, currency="USD", first_s=6, step_s=6),
    TariffSettings(caller="US", called="JP", per_minute=0.04, currency="USD", first_s=6, step_s=6),
    TariffSettings(caller="US", per_minute=0.02, currency="USD", first_s=6, step_s=6),
    TariffSettings(per_minute=0.1, currency="USD", first_s=60, step_s=60),
)


@dataclass(frozen=True)
class Charge:
    """What one leg is charged."""

    pays: bool
    cost: float | None
    """None where no tariff fits."""
    currency: str | None


def kind_of(e164: str) -> str:
    """Number type in ``phonenumbers``' words, lower case."""
    number = phonenumbers.parse(e164)
    return str(phonenumbers.PhoneNumberType.to_string(phonenumbers.number_type(number))).lower()


def charges(
    seconds: float, caller: str, called: str, kind: str, tariffs: Sequence[TariffSettings]
) -> tuple[Charge, Charge]:
    """(Caller's leg, called leg) of a call of ``seconds`` between two regions (ISO 3166) to a number of ``kind``."""
    fitting = (
        t for t in tariffs or PRICES if _fits(t.caller, caller) and _fits(t.called, called) and t.kind in ("*", kind)
    )
    tariff = next(fitting, None)
    paid = Charge(True, float(price(seconds, tariff)) if tariff else None, tariff.currency if tariff else None)
    free = Charge(False, 0.0, tariff.currency if tariff else None)
    return (free, paid) if kind == "toll_free" else (paid, free)


def price(seconds: float, tariff: TariffSettings) -> Decimal:
    """Fee + (first + whole steps) at the rate: the usual rate-deck rule. Nothing is charged for an unanswered call."""
    first, step = Decimal(str(tariff.first_s)), Decimal(str(tariff.step_s))
    beyond = max(Decimal(0), Decimal(str(round(seconds, 6))) - first)
    charged = first + (beyond / step).to_integral_value(ROUND_CEILING) * step
    exact = Decimal(str(tariff.connect_fee)) + charged / 60 * Decimal(str(tariff.per_minute))
    return exact.quantize(Decimal("0.0001"))


def _fits(wanted: str, region: str) -> bool:
    return wanted in ("*", region) or (wanted == "UK" and region == "GB")
