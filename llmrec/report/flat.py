"""Metrics as rows for other programs: one row a score."""

from collections.abc import Iterator
from pathlib import Path

from llmrec.results import Coverage, MetricResult, Metrics

COLUMNS = (
    "run", "task", "dataset", "split", "model", "weights", "prompt", "finetune", "seed", "floor_of",
    "metric", "value", "low", "high", "n", "n_total", "valid", "all", "leaks",
    "trainable", "training_pairs", "training_tokens", "training_seconds",
)  # fmt: skip


def flat(folder: Path, metrics: Metrics) -> Iterator[dict[str, object]]:
    """Return the run's scores and its floors', each with all that tells it from others."""

    def row(model: str, floor_of: str, coverage: Coverage, result: MetricResult) -> dict[str, object]:
        low, high = result.ci95 or (None, None)
        tuned = None if floor_of else metrics.finetune
        weights = "" if floor_of else metrics.environment.details.get("weights", "")
        values = (
            str(folder), metrics.task, metrics.dataset, metrics.split, model, weights, metrics.prompt,
            tuned.method if tuned else "none", metrics.seed, floor_of,
            result.id, result.value, low, high, result.n,
            metrics.n_total, coverage.valid, coverage.all, metrics.leaks.status,
            *((tuned.trainable, tuned.pairs, tuned.tokens, tuned.seconds) if tuned else (0, 0, 0, 0.0)),
        )  # fmt: skip
        return dict(zip(COLUMNS, values, strict=True))

    for result in metrics.metrics:
        yield row(metrics.model, "", metrics.coverage, result)
    for floor in metrics.floors:
        for result in floor.metrics:
            yield row(floor.model, metrics.model, floor.coverage, result)
