"""Forged caller IDs against both boxes: the carriers' bill never passes a cap, and every refusal has a reason.

A small part of ``make bench-policy``.
"""

import importlib
import random
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    yield importlib.import_module("policy"), importlib.import_module("spoofing")
    for name in ("policy", "spoofing"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("scenario", range(3))
async def test_no_cap_is_passed_and_listed_customers_are_served(tmp_path: Path, bench: Any, scenario: int) -> None:
    policy, spoofing = bench
    rng = random.Random(7)
    forged, customers = policy.spoofed(250, rng), policy.honest(8, 2, rng)
    name, rules = list(policy.scenarios(tmp_path, customers).items())[scenario]
    hostile = name.startswith("the domestic box")
    result = await spoofing.Simulation(tmp_path / "run", rules, [*forged, *customers], 7, hostile=hostile).run()
    assert result.problems == []
    dialled = {kind for kind, tally in result.tallies.items() if tally.dialled}
    assert not dialled & {"satellite", "revenue share abroad", "Caribbean +1", "premium 0990, 0570", "our own numbers"}
    if scenario != 1:
        known = result.tallies["customers on the list"]
        assert known.served == known.callers
    assert any(spent > 0 for spent in result.spent.values())
