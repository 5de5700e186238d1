"""By how much two runs differ, how sure that is, and which rows make it."""

from collections.abc import Sequence
from enum import StrEnum, auto
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from llmrec.comparison.pairs import Pair
from llmrec.errors import ConfigError, did_you_mean
from llmrec.metric.base import Array, Metric
from llmrec.metric.difference import apart
from llmrec.metric.permutation import corrected, p_values
from llmrec.metric.score import by_row
from llmrec.records import Answer
from llmrec.results import MetricResult, find

ALPHA = 0.05  # what a corrected p-value must stay below to be taken for a difference
_STEP = 1e-4  # of the numerical derivative by a row's weight


class Outcome(StrEnum):
    """What the second run is beside the first, if that can be told."""

    better = auto()
    worse = auto()
    unclear = auto()


class Difference(Struct, frozen=True):
    """A score of the second run minus that of the first over the same `n` rows, every row counted.

    `ci95` is the paired bootstrap's, `p` the permutation test's, `p_corrected` what it comes to among all
    that were compared together; `effect` is the difference by the standard deviation of what single rows
    add to it (Cohen's d of paired samples; None where no row differs).
    """

    one: str
    other: str
    metric: str
    n: int
    scores: tuple[float, float]
    difference: float
    ci95: tuple[float, float] | None
    p: float
    p_corrected: float
    effect: float | None
    outcome: Outcome


class Changed(Struct, frozen=True):
    """A row that the two runs score differently, each row by itself."""

    id: str
    user: str
    reference: Answer
    answers: tuple[Answer | None, Answer | None]
    scores: tuple[float, float]


class Measured(NamedTuple):
    """A metric of a pair: its ids, the columns of those that are `wanted`, and the statistics [asked, d] of
    both runs."""

    pair: Pair
    metric: Metric
    ids: list[str]
    wanted: list[int]
    one: Array
    other: Array

    def differences(self) -> list[Difference]:
        """Return the wanted scores' differences, their p-values as if nothing else were compared."""
        settings = self.pair.runs[0].plan.settings
        asked = [row.question for row in self.pair.side(0)]
        one, other = (by_row(asked, part) for part in (self.one, self.other))
        made = apart([(self.metric, self.ids)], [one], [other], settings.seed, settings.resamples)
        p = p_values(self.metric, one, other, settings.seed)
        first, second = (self.metric.values(part.mean(axis=0)) for part in (one, other))
        spread = spread_of(influence(self.metric, other) - influence(self.metric, one))
        return [
            Difference(
                one=self.pair.names[0],
                other=self.pair.names[1],
                metric=self.ids[at],
                n=len(one),
                scores=(float(first[at]), float(second[at])),
                difference=float(second[at] - first[at]),
                ci95=made[at].ci95,
                p=p[at],
                p_corrected=p[at],
                effect=float((second[at] - first[at]) / spread[at]) if spread[at] > 0 else None,
                outcome=self.outcome(float(second[at] - first[at]), p[at]),
            )
            for at in self.wanted
        ]

    def outcome(self, difference: float, p: float) -> Outcome:
        if p >= ALPHA or difference == 0:
            return Outcome.unclear
        return Outcome.better if (difference > 0) == self.metric.higher_is_better else Outcome.worse


def spread_of(added: Array) -> Array:
    """Return the standard deviation of what single rows add to each value, [rows, values]."""
    return added.std(axis=0, ddof=1) if len(added) > 1 else np.zeros(added.shape[1])


def influence(metric: Metric, statistics: Array) -> Array:
    """Return [rows, values]: how a score moves with the weight of each row, which for a plain mean is the
    row's distance from it (Efron, "The jackknife, the bootstrap and other resampling plans", 1982)."""
    mean = statistics.mean(axis=0)
    return (metric.values(mean + _STEP * (statistics - mean)) - metric.values(mean)) / _STEP


def differences(measured: Sequence[Measured]) -> list[Difference]:
    """Return all differences, their p-values corrected for their number."""
    alone = [(one, difference) for one in measured for difference in one.differences()]
    together = corrected([difference.p for _, difference in alone])
    return [
        replace(difference, p_corrected=p, outcome=one.outcome(difference.difference, p))
        for (one, difference), p in zip(alone, together, strict=True)
    ]


def measures(pair: Pair, wanted: Sequence[str]) -> list[Measured]:
    """Return what the wanted scores are made of (the task's headline where none is named). Raises ConfigError
    for a score that the runs do not have."""
    run = pair.runs[0]
    chosen = wanted_ids(run.metrics.metrics, wanted or run.metrics.headline)
    sides = [(pair.side(number), pair.runs[number].context) for number in (0, 1)]
    made = []
    for metric in run.plan.metrics:
        ids = metric.ids(*sides[0])
        columns = [at for at, id in enumerate(ids) if id in chosen]
        if columns:
            counted = [metric.statistics(*side) for side in sides]
            made.append(Measured(pair, metric, ids, columns, *counted))
    return made


def wanted_ids(scores: Sequence[MetricResult], names: Sequence[str]) -> set[str]:
    """Return the ids of the scores of these names. Raises ConfigError for one that there is not."""
    for name in names:
        if not find(scores, name):
            known = dict.fromkeys(score.id.partition("/")[0] for score in scores)
            near = did_you_mean(name, known) or f"; choose of {', '.join(known)}"
            raise ConfigError(f"--metric {name}: no such score{near}")
    return {score.id for name in names for score in find(scores, name)}


def changed(measured: Measured, count: int) -> list[Changed]:
    """Return the rows that the second run scores most above the first, each by itself and by the first wanted
    score, then those most below; at most `count` of each."""
    column = measured.wanted[0]
    one, other = (measured.metric.values(part)[:, column] for part in (measured.one, measured.other))
    gained = (other - one) * (1 if measured.metric.higher_is_better else -1)
    order = [int(row) for row in np.argsort(-gained, kind="stable")]
    shown = [row for row in order[:count] if gained[row] > 0]
    shown += [row for row in order[::-1][:count] if gained[row] < 0]
    return [
        Changed(
            id=first.question.id,
            user=first.question.user,
            reference=first.reference,
            answers=(first.answer, second.answer),
            scores=(float(one[row]), float(other[row])),
        )
        for row in shown
        for first, second in [measured.pair.rows[row]]
    ]
