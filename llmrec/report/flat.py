"""Metrics as rows for other programs: one row a score."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llmrec.report.verdicts import strongest
from llmrec.results import Coverage, Floor, MetricResult, Metrics, way

COLUMNS = (
    "run", "task", "dataset", "split", "model", "weights", "prompt", "decoding", "finetune", "seed",
    "floor_of",
    "metric", "value", "low", "high", "n", "n_total", "valid", "all", "leaks",
    "trainable", "training_pairs", "training_tokens", "training_seconds",
    "against", "difference", "difference_low", "difference_high", "beats",
)  # fmt: skip
OPPOSITE = {"yes": "no", "no": "yes", "unclear": "unclear"}


class Held(NamedTuple):
    """A model held against another: the difference, its interval, and the verdict; the last five columns."""

    against: str
    value: float | None
    low: float | None
    high: float | None
    beats: str


NOT = Held("", None, None, None, "")
NOTHING = (0, 0, 0, 0.0)  # nothing learned


def learned(metrics: Metrics) -> tuple[int, int, int, float]:
    """Return how many weights were learned, from how many pairs (or rows) and tokens, in how many seconds."""
    if tuned := metrics.finetune:
        return tuned.trainable, tuned.pairs, tuned.tokens, tuned.seconds
    if fit := metrics.fit:
        return fit.parameters, fit.rows, 0, fit.seconds
    return NOTHING


def flat(folder: Path, metrics: Metrics) -> Iterator[dict[str, object]]:
    """Return the run's scores and its floors', each with all that tells it from others. A headline score
    of the run is held `against` that of the strongest floor, a floor's against the run's."""

    def row(
        model: str, floor_of: str, coverage: Coverage, result: MetricResult, apart: Held
    ) -> dict[str, object]:
        low, high = result.ci95 or (None, None)
        tuned = None if floor_of else metrics.finetune
        weights = "" if floor_of else metrics.environment.details.get("weights", "")
        values = (
            str(folder), metrics.task, metrics.dataset, metrics.split, model, weights, metrics.prompt,
            "" if floor_of else way(metrics),
            tuned.method if tuned else "none", metrics.seed, floor_of,
            result.id, result.value, low, high, result.n,
            metrics.n_total, coverage.valid, coverage.all, metrics.leaks.status,
            *(learned(metrics) if not floor_of else NOTHING),
            *apart,
        )  # fmt: skip
        return dict(zip(COLUMNS, values, strict=True))

    for result in metrics.metrics:
        best = strongest(metrics.floors, result.id)
        yield row(
            metrics.model, "", metrics.coverage, result, held(best.model, best, result) if best else NOT
        )
    for floor in metrics.floors:
        for result in floor.metrics:
            yield row(
                floor.model,
                metrics.model,
                floor.coverage,
                result,
                mirrored(held(metrics.model, floor, result)),
            )


def held(against: str, floor: Floor, result: MetricResult) -> Held:
    """Return how far the run stands from a floor by a score, and whether it beats it."""
    for margin in floor.margins:
        if margin.id == result.id:
            low, high = margin.ci95 or (None, None)
            return Held(against, margin.value, low, high, margin.verdict.name)
    return NOT


def mirrored(seen: Held) -> Held:
    """Return the same as seen from the floor."""
    value, low, high = (None if number is None else -number for number in seen[1:4])
    return Held(seen.against, value, high, low, OPPOSITE.get(seen.beats, ""))
