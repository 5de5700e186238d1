"""How fine-tuned models and fitted recommenders learned."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmrec.pages.charts import lines
from llmrec.pages.groups import Entry, Group
from llmrec.pages.view import Figure, Section, Table, amount, count
from llmrec.report.table import cost, fitted

TRAINING, VALIDATION = "training loss", "validation loss"
ABOUT = (
    "Loss is the mean cross-entropy a target token, in nats, of a fine-tuned model, and the recommender's "
    "own of a fit; a fit is chosen by its score on validation rows. What was kept stands below the "
    "figures."
)


def training(groups: Sequence[Group]) -> Section:
    """Return a chart for each training and each fit, once where several runs share what was learned."""
    figures: dict[str, Figure] = {}
    for group in groups:
        for entry in group.entries:
            if (tuning := entry.metrics.finetune) and tuning.loss_curve:
                figures.setdefault(tuning.sha256, tuned(entry))
            if (fit := entry.metrics.fit) and fit.curve:
                figures.setdefault(fit.name, fitting(entry))
    return Section("training", "Training curves", ABOUT, [], list(figures.values()))


def tuned(entry: Entry) -> Figure:
    """Return the loss by step, and validation scores where answers were judged."""
    tuning = entry.metrics.finetune
    assert tuning is not None
    curve = [
        (point.step, {TRAINING: point.training, VALIDATION: point.validation, **point.scores})
        for point in tuning.loss_curve
    ]
    title = f"{entry.metrics.model} + {tuning.method}, {', '.join(tuning.tasks)} on {entry.metrics.dataset}"
    return figure(title, "step", curve, cost(entry.metrics.model, tuning))


def fitting(entry: Entry) -> Figure:
    """Return the loss and the validation score by epoch."""
    fit = entry.metrics.fit
    assert fit is not None
    measure = f"validation {fit.measure}"
    curve = [(point.epoch, {TRAINING: point.loss, measure: point.validation}) for point in fit.curve]
    title = f"{entry.metrics.model}, {entry.metrics.task} on {entry.metrics.dataset}, by {fit.library}"
    return figure(title, "epoch", curve, fitted(entry.metrics.model, fit))


def figure(title: str, x: str, curve: Sequence[tuple[int, Mapping[str, float | None]]], told: str) -> Figure:
    """Return the curves: losses in one panel, each score in one of its own."""
    header = list(dict.fromkeys(name for _, values in curve for name in values))
    kept = [name for name in header if any(values.get(name) is not None for _, values in curve)]
    rows = [[count(at), *(amount(values.get(name)) for name in kept)] for at, values in curve]
    made = Table("Figures of the curve", [x, *kept], rows, len(rows), [told])
    return Figure(title, lines(list(marks(curve, kept)), x), made)


def marks(
    curve: Sequence[tuple[int, Mapping[str, float | None]]], kept: Sequence[str]
) -> Iterator[dict[str, Any]]:
    for at, values in curve:
        for name in kept:
            if values.get(name) is not None:
                panel = "loss" if name in (TRAINING, VALIDATION) else name
                yield {"panel": panel, "series": name, "x": at, "value": values[name]}
