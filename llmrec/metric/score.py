"""All metrics of a task over its rows: strict and valid-only, each with its bootstrap interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llmrec.metric.base import Array, Context, Metric, Row
from llmrec.records import Question
from llmrec.results import VALID, MetricResult
from llmrec.seeded import hash64

# What a 95 % interval leaves out on each side.
TAIL = 0.025

# Weights of so many resamples x rows are held at a time: 64 MB.
_CELLS = 8_000_000


@dataclass(frozen=True, kw_only=True)
class _Scores:
    """Values of all metrics side by side: over the rows, and over `resamples` draws of them."""

    n: int
    values: Array | None
    low: Array | None
    high: Array | None


def count(metrics: Sequence[Metric], rows: Sequence[Row], context: Context) -> list[Array]:
    """Return the statistics of each metric, [rows, d]: what scores and differences are made of."""
    questions = [row.question for row in rows]
    return [by_row(questions, metric.statistics(rows, context)) for metric in metrics]


def by_row(asked: Sequence[Question], statistics: Array) -> Array:
    """Return statistics [asked, d] as [rows, d]: of a row that was asked several times their mean, so that
    rows are independent of each other."""
    if all(question.row == question.id for question in asked):
        return statistics
    places: dict[str, list[int]] = {}
    for place, question in enumerate(asked):
        places.setdefault(question.row, []).append(place)
    return np.stack([statistics[of_row].mean(axis=0) for of_row in places.values()])


def score(
    metrics: Sequence[Metric],
    rows: Sequence[Row],
    context: Context,
    seed: int,
    resamples: int,
    counted: Sequence[Array] | None = None,
) -> list[MetricResult]:
    """Return two results an id: over every row, and, as `id:valid`, over those with an answer. `counted` are
    the statistics of the rows, where they are known already.

    `ci95` is the percentile bootstrap over rows (Efron and Tibshirani, "An introduction to the
    bootstrap", 1993): `resamples` draws with replacement, the same ones for every metric, None where
    n < 2. A value over no rows, or one that is not finite, is None.

    Where a metric's row values lie in [0, 1] and are all 0, or all 1, every draw is the same and would
    claim certainty. The limits are then the exact ones for 0 or n successes of n, (0, 1 - .025^(1/n))
    or (.025^(1/n), 1) (Clopper and Pearson, "The use of confidence or fiducial limits illustrated in
    the case of the binomial", Biometrika, 1934). They hold for graded gains too: such a mean is at most
    the chance of a row above 0, and at least that of a row at 1.
    """
    valid = [row for row in rows if row.answer is not None]
    counted = counted if counted is not None else count(metrics, rows, context)
    strict_scores = _scores(metrics, rows, counted, context, seed, resamples)
    valid_scores = strict_scores
    if len(valid) < len(rows):
        of_valid = count(metrics, valid, context) if valid else []
        valid_scores = _scores(metrics, valid, of_valid, context, seed, resamples)
    names = [(name, metric.higher_is_better) for metric in metrics for name in metric.ids(rows, context)]
    return [
        _result(name + suffix, scores, column, up)
        for column, (name, up) in enumerate(names)
        for suffix, scores in (("", strict_scores), (VALID, valid_scores))
    ]


def _scores(
    metrics: Sequence[Metric],
    rows: Sequence[Row],
    counted: Sequence[Array],
    context: Context,
    seed: int,
    resamples: int,
) -> _Scores:
    if not rows or not metrics:
        return _Scores(n=len(rows), values=None, low=None, high=None)
    n = len(counted[0])
    edges = np.cumsum([part.shape[1] for part in counted])[:-1]
    statistics = np.concatenate(counted, axis=1)

    def values(means: Array) -> Array:
        split = np.split(means, edges, axis=-1)
        return np.concatenate([m.values(part) for m, part in zip(metrics, split, strict=True)], axis=-1)

    found = values(statistics.mean(axis=0))
    if n < 2:
        return _Scores(n=n, values=found, low=None, high=None)
    drawn = values(resampled_means(statistics, seed, resamples))
    low, high = np.quantile(drawn, [TAIL, 1.0 - TAIL], axis=0)
    unit = np.repeat([m.in_unit_interval for m in metrics], [len(m.ids(rows, context)) for m in metrics])
    limit = TAIL ** (1.0 / n)
    low = np.where(unit & (found == 1.0), limit, low)
    high = np.where(unit & (found == 0.0), 1.0 - limit, high)
    return _Scores(n=n, values=found, low=low, high=high)


def resampled_means(statistics: Array, seed: int, resamples: int) -> Array:
    """Return [resamples, d]: the mean of [rows, d] statistics over rows drawn with replacement."""
    n = len(statistics)
    chance = np.random.default_rng(hash64("bootstrap", seed))
    means = np.empty((resamples, statistics.shape[1]))
    step = max(_CELLS // n, 1)
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        drawn = chance.integers(0, n, size=(count, n), dtype=np.int32)
        weights = np.array([np.bincount(rows, minlength=n) for rows in drawn], dtype=np.float64)
        means[start : start + count] = weights @ statistics / n
    return means


def _result(name: str, scores: _Scores, column: int, higher_is_better: bool) -> MetricResult:
    value = None if scores.values is None else _finite(scores.values[column])
    interval = None
    if scores.low is not None and scores.high is not None:
        low, high = _finite(scores.low[column]), _finite(scores.high[column])
        interval = None if value is None or low is None or high is None else (low, high)
    return MetricResult(name, value, scores.n, interval, higher_is_better)


def _finite(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
