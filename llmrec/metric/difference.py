"""How far two models' scores lie apart on the rows that both were asked."""

from collections.abc import Sequence

import numpy as np

from llmrec.metric.base import Array, Context, Metric, Row
from llmrec.metric.score import TAIL, count, resampled_means
from llmrec.results import MetricResult, Verdict

# A width that rounding alone makes.
_NO_WIDTH = 1e-12


def differences(
    metrics: Sequence[Metric],
    pairs: Sequence[tuple[Row, Row]],
    context: Context,
    seed: int,
    resamples: int,
) -> list[MetricResult]:
    """Return each score of the second model minus that of the first, every row counted.

    A pair holds the two models' answers to one question.
    """
    one, other = ([pair[side] for pair in pairs] for side in (0, 1))
    names = [metric.ids(one, context) for metric in metrics]
    counted = [count(metrics, rows, context) for rows in (one, other)]
    return apart(list(zip(metrics, names, strict=True)), counted[0], counted[1], seed, resamples)


def apart(
    metrics: Sequence[tuple[Metric, Sequence[str]]],
    one: Sequence[Array],
    other: Sequence[Array],
    seed: int,
    resamples: int,
) -> list[MetricResult]:
    """Return each score made of the statistics `other` minus that made of `one`, arrays [rows, d] of the
    same rows, one of each metric, which stands with its ids.

    `ci95` is the percentile bootstrap of the paired difference: a draw takes the same rows for both (Efron
    and Tibshirani, "An introduction to the bootstrap", 1993), None where n < 2. Where every draw gives
    the same, it would claim certainty: for means of row values in [0, 1] the limits are then what at most
    a share 1 - .025^(1/n) of rows, of which none was drawn, could add or take (Clopper and Pearson,
    Biometrika, 1934); for others there are none.
    """
    if not metrics:
        return []
    n = len(one[0])
    all_statistics = np.concatenate([*one, *other], axis=1)
    drawn = resampled_means(all_statistics, seed, resamples)
    means = np.vstack([all_statistics.mean(axis=0, keepdims=True), drawn])
    edges = np.cumsum([part.shape[1] for part in (*one, *other)])[:-1]
    parts = np.split(means, edges, axis=1)
    found = []
    for (metric, names), first, second in zip(
        metrics, parts[: len(metrics)], parts[len(metrics) :], strict=True
    ):
        between = metric.values(second) - metric.values(first)
        low, high = np.quantile(between[1:], [TAIL, 1.0 - TAIL], axis=0)
        for column, name in enumerate(names):
            value = float(between[0, column])
            interval = limits(value, (float(low[column]), float(high[column])), n, metric)
            found.append(MetricResult(name, value, n, interval, metric.higher_is_better))
    return found


def limits(value: float, drawn: tuple[float, float], n: int, metric: Metric) -> tuple[float, float] | None:
    """Return the interval, or what stands in for one that has no width."""
    if n < 2:
        return None
    if drawn[1] - drawn[0] > _NO_WIDTH:
        return drawn
    unseen = 1.0 - TAIL ** (1.0 / n)
    return (max(value - unseen, -1.0), min(value + unseen, 1.0)) if metric.in_unit_interval else None


def verdict(difference: MetricResult) -> Verdict:
    """Say whether a difference of the better model from the other is one, by its interval alone."""
    if difference.ci95 is None or difference.ci95[0] <= 0.0 <= difference.ci95[1]:
        return Verdict.unclear
    return Verdict.yes if (difference.ci95[0] > 0.0) == difference.higher_is_better else Verdict.no
