"""A finished run, opened again: what was asked, what was answered, and what scores it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from omegaconf import OmegaConf

from llmrec.artifacts import EXAMPLES, PREDICTIONS, from_lines
from llmrec.errors import DataError
from llmrec.metric.base import Context, Metric, Row
from llmrec.plan import Plan, plan
from llmrec.progress import Silent
from llmrec.records import Example, Prediction, Rating
from llmrec.report.study import Ran
from llmrec.results import Metrics, find
from llmrec.rows import draw

LITERATURE = "/p5,"  # in the ids of text scores that are made as P5's


@dataclass(frozen=True)
class Opened:
    """A run that has finished; what is not at hand is read when it is asked for."""

    ran: Ran
    metrics: Metrics

    @cached_property
    def plan(self) -> Plan:
        return plan(OmegaConf.create(dict(self.ran.choices)))

    @cached_property
    def rows(self) -> list[Row]:
        """The rows in file order, as the run answered them."""
        folder = self.ran.folder
        given = {made.example_id: made.answer for made in from_lines(folder / PREDICTIONS, Prediction)}
        examples = from_lines(folder / EXAMPLES, Example)
        lost = [example.id for example in examples if example.id not in given]
        if lost:
            raise DataError(
                f"{folder}: {len(lost):,} rows have no prediction (first {lost[0]}); run it again"
            )
        return [
            Row(question=example.question, reference=example.reference, answer=given[example.id])
            for example in examples
        ]

    @cached_property
    def context(self) -> Context:
        """What metrics may know beyond the rows: the training ratings, where ratings are scored."""
        if self.plan.task.answer is not Rating:
            return Context(training=[])
        return Context(training=draw(self.plan, Silent()).training.answers)

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each item first appears in the file; those without an interaction come last."""
        corpus = self.plan.dataset.load(self.plan.data_dir, self.plan.cache_dir, Silent())
        named = (interaction.item for interaction in corpus.interactions)
        return numbered([*named, *sorted(corpus.items)])

    @property
    def scorers(self) -> list[Metric]:
        """The metrics that an audit is about, those with a name of `names` among their ids."""
        return [
            metric
            for metric in self.plan.metrics
            if set(metric.ids(self.rows, self.context)) & set(self.names)
        ]

    @property
    def names(self) -> list[str]:
        """The ids of the scores that an audit is about: those made as the literature's, else the headline."""
        as_theirs = [score.id for score in self.metrics.metrics if LITERATURE in score.id]
        found = (find(self.metrics.metrics, name) for name in self.metrics.headline)
        return as_theirs or [score.id for scores in found for score in scores]


def numbered(names: Iterable[str]) -> dict[str, int]:
    """Return the place of each name's first appearance among the different ones."""
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def opened(ran: Iterable[Ran]) -> list[Opened]:
    """Return the runs that finished."""
    return [Opened(run, run.metrics) for run in ran if run.metrics is not None]
