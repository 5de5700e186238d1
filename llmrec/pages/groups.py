"""Finished runs by groups that were asked the same rows, scored row by row from what their folders hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from omegaconf import OmegaConf

from llmrec.artifacts import COMPLETIONS, CONFIG, EXAMPLES, METRICS, PROMPTS
from llmrec.comparison.naming import names
from llmrec.config import build
from llmrec.errors import ConfigError, DataError
from llmrec.finished import Finished, known
from llmrec.metric.base import Array, Context, Metric, Row
from llmrec.pages.lines import Lines
from llmrec.records import Completion, Example, Prediction, Prompt, Ranking
from llmrec.report.table import titled
from llmrec.results import MetricResult, Metrics, find


class Score(NamedTuple):
    """A headline score: the `column` of the values of a metric, which stands at `place` among the group's
    and gives the `ids`."""

    place: int
    column: int
    metric: Metric
    ids: list[str]

    @property
    def id(self) -> str:
        return self.ids[self.column]

    @property
    def short(self) -> str:
        return self.id.partition("/")[0]


@dataclass(frozen=True)
class Entry:
    """A run on the page: its `number` counts from 0 over all of them, its `name` tells it from others of
    its group. `predictions` stand in the order of the group's examples."""

    number: int
    name: str
    run: Finished
    predictions: list[Prediction]

    @property
    def metrics(self) -> Metrics:
        return self.run.metrics

    @cached_property
    def prompts(self) -> Lines[Prompt]:
        return Lines(self.run.file(PROMPTS), Prompt)

    @cached_property
    def completions(self) -> Lines[Completion]:
        return Lines(self.run.file(COMPLETIONS), Completion)

    def result(self, id: str) -> MetricResult | None:
        return next(iter(find(self.metrics.metrics, id)), None)


@dataclass(frozen=True)
class Group:
    """Runs of one task that were asked the same rows; `title` tells these from those of other groups."""

    number: int
    title: str
    entries: list[Entry]
    examples: list[Example]

    @property
    def first(self) -> Metrics:
        return self.entries[0].metrics

    @cached_property
    def titles(self) -> dict[str, str]:
        """By id, of items that have one."""
        return {id: title for entry in self.entries for id, title in entry.run.titles.items()}

    @cached_property
    def items(self) -> set[str]:
        """The ids of all items that rows ask about or show, and that answers name or ought to."""
        answers = [prediction.answer for entry in self.entries for prediction in entry.predictions]
        answers += [example.reference for example in self.examples]
        ranked = (answer.items for answer in answers if isinstance(answer, Ranking))
        shown = (example.question.candidates for example in self.examples)
        asked = (example.question.item for example in self.examples)
        return set().union(filter(None, asked), *ranked, *shown)

    @cached_property
    def metrics(self) -> list[Metric]:
        """The task's metrics. Raises DataError where the stored config names none that there is."""
        run = self.entries[0].run
        nodes = OmegaConf.create(dict(run.choices)).metric.metrics
        try:
            return [build(node, Metric, f"metric.metrics[{at}]") for at, node in enumerate(nodes)]  # type: ignore[type-abstract]
        except ConfigError as error:
            raise DataError(f"{run.folder / CONFIG}: {error}; run it again by this version") from error

    @cached_property
    def statistics(self) -> list[list[Array]]:
        """For each run, the statistics of each metric, [rows, d]."""
        scored = [self._scored(entry) for entry in self.entries]
        return [[metric.statistics(*rows) for metric in self.metrics] for rows in scored]

    @cached_property
    def scores(self) -> list[Score]:
        """The headline scores, in the task's order. Raises DataError where the run has none of them."""
        rows, context = self._scored(self.entries[0])
        known = [
            Score(place, column, metric, ids)
            for place, metric in enumerate(self.metrics)
            for ids in [metric.ids(rows, context)]
            for column in range(len(ids))
        ]
        wanted = [result.id for name in self.first.headline for result in find(self.first.metrics, name)]
        found = [score for id in wanted for score in known if score.id == id]
        if not found:
            folder = self.entries[0].run.folder
            raise DataError(
                f"{folder / METRICS}: no score named {' or '.join(self.first.headline)} that {CONFIG} gives "
                f"too; llmrec score {folder}"
            )
        return found

    @cached_property
    def by_row(self) -> Array:
        """The first headline score of each row by itself, [runs, rows]."""
        score = self.scores[0]
        parts = [score.metric.values(found[score.place])[:, score.column] for found in self.statistics]
        return np.stack(parts)

    def _scored(self, entry: Entry) -> tuple[list[Row], Context]:
        rows = [
            Row(question=example.question, reference=example.reference, answer=prediction.answer)
            for example, prediction in zip(self.examples, entry.predictions, strict=True)
        ]
        return rows, known(entry.metrics, rows)


def groups(folders: Sequence[Path]) -> list[Group]:
    """Return the runs of the folders by what they were asked, in the order given. Raises DataError for a
    folder that holds no finished run."""
    together: dict[tuple[str, str], list[Finished]] = {}
    for folder in folders:
        run = Finished.at(folder)
        together.setdefault((run.metrics.task, run.metrics.rows), []).append(run)
    titles = [titled(runs[0].metrics) for runs in together.values()]
    made, number = list[Group](), 0
    for title, runs in zip(titles, together.values(), strict=True):
        examples = runs[0].records(EXAMPLES, Example)
        entries = [
            Entry(number + at, name, run, run.predictions(examples))
            for at, (name, run) in enumerate(zip(names(runs), runs, strict=True))
        ]
        # Of other histories, candidates or ties, which a title does not tell.
        apart = f", rows {runs[0].metrics.rows}" if titles.count(title) > 1 else ""
        made.append(Group(len(made), title + apart, entries, examples))
        number += len(runs)
    return made
