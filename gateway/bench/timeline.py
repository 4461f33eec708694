"""The demo's figures: one record for each customer, and the six steps of a call as people read them.

Moments come from the exchange's log; only what an order says comes from the domestic box. ``docs/demo.md`` explains
every field of a record.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.bench.story import Leg, Story

Record = dict[str, Any]
Row = dict[str, Any]

FIRST_LEG_LIMIT = 5.0
ID_LIMIT_MS = 60.0
HAND_OVER_LIMIT_MS = 30.0


@dataclass(frozen=True)
class Wanted:
    """A customer as the demo's script has him: what he keys and what that is to order, declared side by side."""

    number: str
    shop: str
    keys: str = ""
    """Groups, one for each prompt: ``1 1 25# 2# 1``."""
    lines: tuple[tuple[str, int], ...] = ()
    """(article, quantity) that these keys mean."""
    withheld: str | None = None
    mood: str = "patient"

    @property
    def pressed(self) -> str:
        """All his keys in a row."""
        return "".join(self.keys.split())


def record(wanted: Wanted, story: Story, orders: Sequence[Row], calls: Sequence[Row]) -> Record:
    """One customer's record. ``orders`` and ``calls``: the domestic box's, unmasked."""
    first, talk = story.first, story.talk
    mine = [order for order in orders if order["number"] == wanted.number]
    keyed = talk.keyed if talk is not None else ""
    return {
        "caller": wanted.number,
        "called": first.called,
        "withheld": first.withheld,
        "accepted": first.off_hook_at is not None and first.withheld is None,
        "refused": next((row["refused"] for row in calls if _is_of(row, wanted)), None),
        "called_at": round(first.called_at, 3),
        "id_to_off_hook_ms": _rounded(story.id_to_off_hook_ms, 1),
        "first_leg_s": _rounded(story.first_leg_s, 3),
        "hand_over_ms": _rounded(story.hand_over_ms, 1),
        "attempts": [{"dialled": leg.dialled, "outcome": leg.outcome} for leg in story.back],
        "answered_at": _rounded(talk.off_hook_at if talk else None, 3),
        "talk_s": _rounded(_talk_seconds(talk), 3),
        "keyed": keyed,
        "expected": [{"article": article, "quantity": quantity} for article, quantity in wanted.lines],
        "order": [{"order_number": order["order"], "lines": order["articles"]} for order in mine] or None,
        "order_matches": order_matches(wanted, keyed, mine),
        "costs": [
            {
                "leg": "first" if leg is first else "call back",
                "paid_by": "customer" if meter["number"] == wanted.number else "shop",
                "seconds": meter["seconds"],
                "cost": meter["cost"],
                "currency": meter["currency"],
            }
            for leg in (first, *story.back)
            for meter in leg.meters
            if meter["pays"]
        ],
        "recordings": {
            "first_leg": first.recording,
            "call_back": talk.recording if talk else None,
        },
    }


def order_matches(wanted: Wanted, keyed: str, orders: Sequence[Row]) -> bool | None:
    """Whether exactly the order stands at the shop that the keys mean. None where he did not confirm one."""
    if not wanted.lines or keyed != wanted.pressed:
        return None if not orders else False
    if len(orders) != 1:
        return False
    return [(line["article"], line["quantity"]) for line in orders[0]["articles"]] == list(wanted.lines)


def is_refused(entry: Record) -> bool:
    """A caller without a number was treated as he should be: not accepted, and nothing was dialled."""
    return not entry["accepted"] and bool(entry["refused"]) and not entry["attempts"] and not entry["order"]


def medians(records: Sequence[Record]) -> dict[str, float | None]:
    """Of the figures that have a limit."""
    return {name: _median(records, name) for name in ("first_leg_s", "id_to_off_hook_ms", "hand_over_ms")}


def six_steps(entry: Record, story: Story, told_at: float | None) -> list[tuple[str, float | None, str]]:
    """(what, seconds since the customer's call or None, figure) for each of the method's six steps.

    ``told_at``: when the customer was told that the shop has his order (the log's seconds), if he heard that.
    """
    first, talk = story.first, story.talk
    begin = first.called_at
    keys = entry["keyed"]
    order = entry["order"][0] if entry["order"] else None
    lines = " and ".join(f"{line['quantity']} × article {line['article']}" for line in order["lines"]) if order else ""

    def since(moment: float | None) -> float | None:
        return None if moment is None else moment - begin

    def figure(form: str, value: float | None) -> str:
        return "–" if value is None else form.format(value)

    return [
        ("customer calls", since(first.id_at), "caller ID complete"),
        (
            "accepted",
            since(first.off_hook_at),
            f"{figure('{:.0f} ms after the ID', entry['id_to_off_hook_ms'])},"
            f" {figure('{:.2f} s off hook', entry['first_leg_s'])}",
        ),
        (
            "handed overseas",
            since(story.back[0].atd_at or story.back[0].lifted_at) if story.back else None,
            figure("dials {:.0f} ms after on hook", entry["hand_over_ms"]),
        ),
        (
            "called back",
            since(talk.off_hook_at if talk else None),
            f"answers {_masked_digits(talk.dialled)}" if talk else "–",
        ),
        ("order keyed", since(talk.keyed_at if talk else None), keys or "–"),
        ("order at the shop", since(told_at), f"no. {order['order_number']}: {lines}" if order else "–"),
    ]


def _is_of(row: Row, wanted: Wanted) -> bool:
    return row["number"] in (wanted.number, None) if wanted.withheld else row["number"] == wanted.number


def _talk_seconds(talk: Leg | None) -> float | None:
    if talk is None or talk.off_hook_at is None or talk.released_at is None:
        return None
    return talk.released_at - talk.off_hook_at


def _masked_digits(digits: str) -> str:
    return digits[:5] + "*" * max(0, len(digits) - 9) + digits[-4:]


def _median(records: Sequence[Record], name: str) -> float | None:
    values = [entry[name] for entry in records if entry[name] is not None]
    return round(statistics.median(values), 3) if values else None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
