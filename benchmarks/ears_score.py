"""Counts what decoders got right. Keys are aligned with the label by edit distance: heard, missed, false."""

import statistics
from dataclasses import dataclass, field

import numpy as np
from ears_cases import Case

MUST_HEAR = ("standard", "impaired", "order", "hard order", "mixed")


@dataclass
class Score:
    """One decoder on one group of cases."""

    cases: int = 0
    seconds: float = 0.0
    keys: int = 0
    missed: int = 0
    false: int = 0
    exact: int = 0
    delays: list[float] = field(default_factory=list)
    """Milliseconds from a key's onset until it was reported."""

    @property
    def error_rate(self) -> float:
        """(missed + false) / keys, per cent."""
        return 100 * (self.missed + self.false) / max(1, self.keys)

    @property
    def exactly(self) -> float:
        """Cases without any mistake, per cent."""
        return 100 * self.exact / max(1, self.cases)

    @property
    def false_an_hour(self) -> float:
        """False keys an hour of sound."""
        return 3600 * self.false / max(1.0, self.seconds)

    @property
    def delay(self) -> tuple[float, float]:
        """Median and 95th percentile, ms; NaN where the decoder tells no times."""
        known = sorted(value for value in self.delays if value == value)
        return (statistics.median(known), known[int(len(known) * 0.95)]) if known else (np.nan, np.nan)


def aligned(wanted: str, heard: str) -> list[tuple[int, int]]:
    """Places of keys that were heard as they were pressed: pairs (in ``wanted``, in ``heard``)."""
    cost = np.zeros((len(wanted) + 1, len(heard) + 1))
    cost[:, 0], cost[0, :] = range(len(wanted) + 1), range(len(heard) + 1)
    for row, key in enumerate(wanted, 1):
        for column, other in enumerate(heard, 1):
            same = cost[row - 1, column - 1] + (0 if key == other else 1.5)
            cost[row, column] = min(same, cost[row - 1, column] + 1, cost[row, column - 1] + 1)
    pairs, row, column = [], len(wanted), len(heard)
    while row and column:
        step = 0 if wanted[row - 1] == heard[column - 1] else 1.5
        if cost[row, column] == cost[row - 1, column - 1] + step:
            if not step:
                pairs.append((row - 1, column - 1))
            row, column = row - 1, column - 1
        elif cost[row, column] == cost[row - 1, column] + 1:
            row -= 1
        else:
            column -= 1
    return pairs[::-1]


def count(score: Score, case: Case, heard: list[tuple[float, str]]) -> None:
    """Add one case's result."""
    score.cases += 1
    score.seconds += case.seconds
    score.keys += len(case.keys)
    if case.group not in MUST_HEAR:
        score.false += len(heard)
        score.exact += not heard
        return
    pairs = aligned(case.keys, "".join(key for _, key in heard))
    score.missed += len(case.keys) - len(pairs)
    score.false += len(heard) - len(pairs)
    score.exact += len(pairs) == len(case.keys) == len(heard)
    score.delays += [1000 * (heard[place][0] - case.onsets[pressed]) for pressed, place in pairs]
