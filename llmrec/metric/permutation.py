"""Whether two models differ at all: permutation tests on the rows that both were asked."""

from collections.abc import Iterator, Sequence

import numpy as np

from llmrec.metric.base import Array, Metric
from llmrec.seeded import hash64

PERMUTATIONS = 9_999
# Exchanges of so many permutations x rows are held at a time: 64 MB.
_CELLS = 8_000_000
# Two differences that are closer are equal within the arithmetic.
_CLOSE = 1e-12


def p_values(
    metric: Metric, one: Array, other: Array, seed: int, permutations: int = PERMUTATIONS
) -> list[float]:
    """Return, for each value of a metric, the two-sided p-value of its difference between two models, by
    statistics [rows, d] of the same rows: were the two models' answers to a row exchanged by chance, how
    often would the difference lie as far from zero as it does?

    All exchanges are made where there are no more than `permutations`; else so many are drawn, the one that
    was found among them (Phipson and Smyth, "Permutation p-values should never be zero", 2010).
    """
    moved = (one != other).any(axis=1)
    apart = (other - one)[moved]
    means = one.mean(axis=0), other.mean(axis=0)
    found = np.abs(metric.values(means[1]) - metric.values(means[0]))
    exact = 2 ** len(apart) <= permutations
    as_far, drawn = np.zeros(len(found)), 0
    chance = np.random.default_rng(hash64("permutation", seed))
    for exchanged in _all(len(apart)) if exact else _drawn(len(apart), permutations, chance):
        change = exchanged @ apart / len(one)
        between = metric.values(means[1] - change) - metric.values(means[0] + change)
        as_far += (np.abs(between) >= found - _CLOSE).sum(axis=0)
        drawn += len(exchanged)
    itself = 0 if exact else 1
    return [float(p) for p in (as_far + itself) / (drawn + itself)]


def _all(rows: int) -> Iterator[Array]:
    """Yield every choice among so many rows, as zeros and ones [choices, rows]."""
    yield (np.arange(2**rows)[:, None] >> np.arange(rows) & 1).astype(np.float64)


def _drawn(rows: int, permutations: int, chance: np.random.Generator) -> Iterator[Array]:
    step = max(1, _CELLS // rows)
    for begin in range(0, permutations, step):
        size = min(step, permutations - begin)
        yield chance.integers(0, 2, size=(size, rows), dtype=np.uint8).astype(np.float64)


def corrected(p_values: Sequence[float]) -> list[float]:
    """Return the p-values as they stand among so many: with those below .05 taken for differences, the chance
    that any of these is none stays below .05 (Holm, "A simple sequentially rejective multiple test
    procedure", 1979)."""
    order = np.argsort(p_values, kind="stable")
    left = np.arange(len(p_values), 0, -1)
    adjusted = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values)[order] * left))
    back = np.empty(len(p_values))
    back[order] = adjusted
    return list(map(float, back))
