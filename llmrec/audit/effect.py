"""What an evaluator's defect is worth: a score by our rules, and as the defect makes it, on the same rows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from llmrec.metric.base import Array, Context, Metric, Row
from llmrec.metric.difference import limits
from llmrec.metric.score import TAIL, by_row, resampled_means

Read = Sequence[Row | None]  # rows as an evaluator counts them, None for one that it drops


class Effect(NamedTuple):
    """A score by our rules over `n` rows, and under a defect that leaves `kept` of them; `ci95` is that of
    the difference, None where it has none."""

    metric: str
    ours: float
    theirs: float | None
    difference: float | None
    ci95: tuple[float, float] | None
    n: int
    kept: int


def effects(
    metrics: Sequence[Metric], ours: Sequence[Row], theirs: Read, context: Context, seed: int, resamples: int
) -> list[Effect]:
    """Return what reading the rows as `theirs`, one for one beside `ours`, does to each score.

    The interval is the percentile bootstrap over rows: a draw takes the same rows for both, and those that
    the evaluator drops are dropped from its mean alone.
    """
    kept = np.array([row is not None for row in theirs], dtype=np.float64)[:, None]
    found = []
    for metric in metrics:
        fair, read = metric.statistics(ours, context), spread_out(metric, theirs, context)
        width = fair.shape[1]
        statistics = by_row([row.question for row in ours], np.concatenate([fair, read, kept], axis=1))
        means = np.vstack(
            [statistics.mean(axis=0, keepdims=True), resampled_means(statistics, seed, resamples)]
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            by_defect = metric.values(means[:, width:-1] / means[:, -1:]) if kept.any() else None
        by_us = metric.values(means[:, :width])
        for column, name in enumerate(metric.ids(ours, context)):
            one = float(by_us[0, column])
            if by_defect is None:
                found.append(Effect(name, one, None, None, None, len(statistics), 0))
                continue
            other = float(by_defect[0, column])
            between = by_defect[1:, column] - by_us[1:, column]
            ci95 = interval(other - one, between, len(statistics), metric)
            found.append(Effect(name, one, other, other - one, ci95, len(statistics), int(kept.sum())))
    return found


def spread_out(metric: Metric, read: Read, context: Context) -> Array:
    """Return [rows, d]: a metric's statistics of the rows that are kept, 0 for those that are dropped."""
    kept = [row for row in read if row is not None]
    if not kept:
        return np.zeros((len(read), 1))
    counted = metric.statistics(kept, context)
    whole = np.zeros((len(read), counted.shape[1]))
    whole[[place for place, row in enumerate(read) if row is not None]] = counted
    return whole


def interval(value: float, between: Array, n: int, metric: Metric) -> tuple[float, float] | None:
    """Return the interval of a difference from its draws, None where a draw kept no row."""
    if not np.isfinite(between).all():
        return None
    low, high = np.quantile(between, [TAIL, 1.0 - TAIL])
    return limits(value, (float(low), float(high)), n, metric)
