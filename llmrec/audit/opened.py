"""A finished run, as an audit reads it."""

from collections.abc import Iterable
from functools import cached_property

from llmrec.finished import Finished
from llmrec.metric.base import Metric
from llmrec.progress import Silent
from llmrec.report.study import Ran
from llmrec.results import find

LITERATURE = "/p5,"  # in the ids of text scores that are made as P5's


class Opened(Finished):
    """A run with what defects of evaluators are about."""

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
    return [Opened(run.folder, run.choices, run.metrics) for run in ran if run.metrics is not None]
