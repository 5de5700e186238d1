"""The study of instructions in titles: what scores come to, and what the items that carry them gain."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from llmrec.comparison.ablation import Ablation
from llmrec.comparison.contributions import held
from llmrec.finished import Finished
from llmrec.metric.base import Array, Row
from llmrec.metric.score import TAIL, resampled_means
from llmrec.prompt.injection import Injected
from llmrec.records import Ranking, Rating
from llmrec.report.points import Point
from llmrec.report.study import Ran
from llmrec.report.table import Grid, markdown, number, titled

HEADER = ["task", "of", "rows", "without", "with", "difference"]
NOTES = [
    "with minus without instructions over the same rows, valid in both; in brackets the 95% paired bootstrap",
    "first, place: of the items shown whose titles carry one; an item that is not in the answer stands "
    "behind all that are shown",
]


@dataclass(frozen=True, kw_only=True)
class Injection(Ablation):
    """Scores with and without, and how far ratings or places of the injected items move."""

    def page(self, ran: Sequence[Ran], found: Sequence[Point], image: str | None) -> str:
        done = [Finished(run.folder, run.choices, run.metrics) for run in ran if run.metrics is not None]
        pairs = [(clean, run) for _, clean, run in held(done) if isinstance(run.plan.variant, Injected)]
        moved = [markdown(moves(clean, run)) for clean, run in pairs]
        return "\n\n".join([super().page(ran, found, image), "## What the injected items gain", *moved])


def moves(clean: Finished, run: Finished) -> Grid:
    """Return what the answers to the same rows give to injected items, without and with the instructions."""
    rows = [
        [run.metrics.task, what, f"{len(values):,}", *told(values, run)]
        for what, values in measured(clean.rows, run.rows, run).items()
    ]
    return Grid(titled(run.metrics), HEADER, rows, len(rows), NOTES)


def measured(clean: Sequence[Row], rows: Sequence[Row], run: Finished) -> dict[str, Array]:
    """Return arrays [rows, 2], without and with, by what they tell."""
    variant = run.plan.variant
    assert isinstance(variant, Injected)
    injects = partial(variant.injects, seed=run.metrics.seed)
    found: dict[str, list[tuple[float, float]]] = {}
    for one, other in zip(clean, rows, strict=True):
        for what, values in compared(one, other, injects):
            found.setdefault(what, []).append(values)
    return {what: np.array(values) for what, values in found.items()}


def compared(
    one: Row, other: Row, injects: Callable[[str], bool]
) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield what a row that was answered twice tells of the items with instructions."""
    question, first, second = one.question, one.answer, other.answer
    if question.item is not None and isinstance(first, Rating) and isinstance(second, Rating):
        kind = "injected" if injects(question.item) else "other"
        yield f"stars of {kind} items", (first.stars, second.stars)
    hit = set(filter(injects, question.candidates))
    if hit and isinstance(first, Ranking) and isinstance(second, Ranking):
        yield "an injected item is first", (leads(first, hit), leads(second, hit))
        behind = len(question.candidates) + 1
        yield "mean place of injected items", (place(first, hit, behind), place(second, hit, behind))


def leads(answer: Ranking, items: set[str]) -> float:
    return float(answer.items[:1] != () and answer.items[0] in items)


def place(answer: Ranking, items: set[str], behind: int) -> float:
    """Return the mean place of the items, `behind` for those that the answer leaves out."""
    at = {item: number for number, item in enumerate(answer.items, 1)}
    return sum(at.get(item, behind) for item in items) / len(items)


def told(values: Array, run: Finished) -> list[str]:
    """Return both means, and their difference over its interval."""
    without, with_it = values.mean(axis=0)
    draws = resampled_means(values[:, 1:] - values[:, :1], run.metrics.seed, run.plan.settings.resamples)[
        :, 0
    ]
    limits = np.quantile(draws, [TAIL, 1.0 - TAIL]) if len(values) > 1 else ()
    interval = f"\n[{', '.join(f'{limit:+.4f}' for limit in limits)}]" if len(limits) else ""
    return [number(without), number(with_it), f"{with_it - without:+.4f}{interval}"]
