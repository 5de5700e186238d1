"""How far two models' scores lie apart on the rows that both were asked."""

from collections.abc import Sequence

import numpy as np

from llmrec.metric.base import Context, Metric, Row
from llmrec.metric.score import TAIL, resampled_means
from llmrec.results import MetricResult


def differences(
    metrics: Sequence[Metric],
    pairs: Sequence[tuple[Row, Row]],
    context: Context,
    seed: int,
    resamples: int,
) -> list[MetricResult]:
    """Return each score of the second model minus that of the first, every row counted.

    A pair holds the two models' answers to one question. `ci95` is the percentile bootstrap of the
    paired difference: a draw takes the same rows for both (Efron and Tibshirani, "An introduction to the
    bootstrap", 1993), None where n < 2. Where every draw gives the same, it would claim certainty: for means
    of row values in [0, 1] the limits are then what at most a share 1 - .025^(1/n) of rows, of which none
    was drawn, could add or take (Clopper and Pearson, Biometrika, 1934); for others there are none.
    """
    found = []
    for metric in metrics:
        one, other = (metric.statistics([pair[side] for pair in pairs], context) for side in (0, 1))
        width = one.shape[1]
        both = np.concatenate([one, other], axis=1)
        means = np.vstack([both.mean(axis=0, keepdims=True), resampled_means(both, seed, resamples)])
        apart = metric.values(means[:, width:]) - metric.values(means[:, :width])
        low, high = np.quantile(apart[1:], [TAIL, 1.0 - TAIL], axis=0)
        for column, name in enumerate(metric.ids([pair[0] for pair in pairs], context)):
            value = float(apart[0, column])
            interval = limits(value, (float(low[column]), float(high[column])), len(pairs), metric)
            found.append(MetricResult(name, value, len(pairs), interval, metric.higher_is_better))
    return found


def limits(value: float, drawn: tuple[float, float], n: int, metric: Metric) -> tuple[float, float] | None:
    """Return the interval, or what stands in for one that has no width."""
    if n < 2:
        return None
    if drawn[0] < drawn[1]:
        return drawn
    unseen = 1.0 - TAIL ** (1.0 / n)
    return (max(value - unseen, -1.0), min(value + unseen, 1.0)) if metric.in_unit_interval else None
