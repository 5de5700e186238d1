"""Runs that differ in their seed alone, as one row."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from llmrec.results import MetricResult, Metrics, find

Ties = str
Finished = tuple[Mapping[str, Any], Metrics]  # all choices of a run, and what came out


class Spread(NamedTuple):
    """A score over seeds: mean, least and most; `low` and `high` are the outermost limits of the seeds' 95%
    intervals, None where a seed has none. `higher_is_better` says which way is up."""

    mean: float
    least: float
    most: float
    low: float | None
    high: float | None
    higher_is_better: bool

    def holds(self, value: float) -> bool:
        """Say whether a value lies inside the limits."""
        return self.low is not None and self.high is not None and self.low <= value <= self.high


class Row(NamedTuple):
    """The runs of a model on a task, one a seed, that broke ties of time in one way; `loss` is what the
    model learned by, "" where its settings do not say."""

    task: str
    model: str
    ties: Ties
    loss: str
    runs: list[Metrics]

    @property
    def seeds(self) -> list[int]:
        return sorted(run.seed for run in self.runs)

    def score(self, name: str) -> Spread | None:
        """Return a score by id or name; None where no run has a value."""
        results = [result for run in self.runs for result in find(run.metrics, name)]
        return spread(results)

    def floor(self, model: str, name: str) -> Spread | None:
        """Return a floor's score on the same rows."""
        floors = [floor for run in self.runs for floor in run.floors if floor.model == model]
        return spread([result for floor in floors for result in find(floor.metrics, name)])


def spread(results: Sequence[MetricResult]) -> Spread | None:
    """Return what the seeds' results come to; None where none has a value."""
    values = [result.value for result in results if result.value is not None]
    if not values:
        return None
    limits = [result.ci95 for result in results if result.ci95 is not None]
    whole = len(limits) == len(values)
    return Spread(
        sum(values) / len(values),
        min(values),
        max(values),
        min(low for low, _ in limits) if whole else None,
        max(high for _, high in limits) if whole else None,
        results[0].higher_is_better,
    )


def rows(finished: Iterable[Finished]) -> list[Row]:
    """Return a row for each task, model and way of breaking ties of time, in the order of the runs."""
    found: dict[tuple[str, str, Ties, str], Row] = {}
    for choices, metrics in finished:
        loss = str(choices["model"].get("loss") or "")
        key = (metrics.task, metrics.model, str(choices["ties"]), loss)
        found.setdefault(key, Row(*key, [])).runs.append(metrics)
    return list(found.values())
