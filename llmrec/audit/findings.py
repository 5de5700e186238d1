"""What each known defect of evaluators is worth, found by reading stored runs with and without it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from llmrec.audit.effect import Effect, Read, effects
from llmrec.audit.numbering import along, next_ids, shuffled
from llmrec.audit.opened import Opened
from llmrec.audit.readings import READINGS, by_file
from llmrec.metric.base import Row
from llmrec.records import Ranking
from llmrec.split.ledger import Scheme, Ties

NEXT_ID = "next id"


class Finding(NamedTuple):
    """What a defect does to a score of a model's answers to one task; `ties` is the order within one second
    that our reading had."""

    defect: str
    words: str
    task: str
    dataset: str
    ties: str
    model: str
    effect: Effect


def findings(runs: Sequence[Opened]) -> Iterator[Finding]:
    """Yield what is found in each run by itself, then in pairs of runs, then in the numbering of ids."""
    for run in runs:
        yield from in_one(run)
    for fair, flawed, reading in pairs(runs):
        yield from between(fair, flawed, *reading)
    numbered = set[tuple[str, Ties]]()
    for run in runs:
        data = run.metrics.dataset, run.plan.settings.ties
        if is_next(run) and not run.rows[0].question.candidates and data not in numbered:
            numbered.add(data)
            yield from of_ids(run)


def in_one(run: Opened) -> Iterator[Finding]:
    """Yield what each reading does to the run's own predictions, but for one that changes nothing."""
    has_ties = any(isinstance(row.answer, Ranking) and row.answer.scores for row in run.rows)
    readings = [*READINGS, *([by_file(run.places)] if has_ties else [])]
    for reading in readings:
        is_sample = run.metrics.n < run.metrics.n_total
        if run.plan.task.answer in reading.answers and not (reading.is_of_all and is_sample):
            read = reading.read(run.rows)
            if any(theirs is not ours for theirs, ours in zip(read, run.rows, strict=True)):
                yield from told(run, reading.name, reading.words, run.rows, read)


def pairs(runs: Sequence[Opened]) -> Iterator[tuple[Opened, Opened, tuple[str, str]]]:
    """Yield runs of one model that differ in one thing alone, the fair one first: the order within one
    second, or what is ranked."""
    file_order = (
        "file_order",
        "interactions of one second stand in file order (another split of the same users)",
    )
    sampled = "sampled", "100 candidates are ranked in place of the whole catalogue (the same users)"
    for fair in runs:
        for flawed in runs:
            if not (is_next(fair) and is_next(flawed)) or key(fair) != key(flawed):
                continue
            one, other = kind(fair), kind(flawed)
            if one[0] == other[0] and (one[1], other[1]) == (Ties.seeded, Ties.file_order):
                yield fair, flawed, file_order
            if one[1] == other[1] and one[0] == 0 < other[0]:
                yield fair, flawed, sampled


def is_next(run: Opened) -> bool:
    return run.plan.task.scheme is Scheme.NEXT


def key(run: Opened) -> tuple[str, str, str, int]:
    """Return what runs to be compared must share."""
    return run.metrics.dataset, run.metrics.model, run.metrics.split, run.metrics.seed


def kind(run: Opened) -> tuple[int, Ties]:
    """Return how many candidates are shown, 0 for the catalogue, and who comes first within a second."""
    return len(run.rows[0].question.candidates), run.plan.settings.ties


def between(fair: Opened, flawed: Opened, name: str, words: str) -> Iterator[Finding]:
    """Yield what separates two runs on the questions that both were asked."""
    theirs = {row.question.id: row for row in flawed.rows}
    shared = [row for row in fair.rows if row.question.id in theirs]
    if shared:
        yield from told(fair, name, words, shared, [theirs[row.question.id] for row in shared])


def of_ids(run: Opened) -> Iterator[Finding]:
    """Yield what numbering ids along the sequences gives away, by a recommender that knows nothing else.

    Users are met in the order in which the file names the first of their items.
    """

    def first(row: Row) -> int:
        assert isinstance(row.reference, Ranking)
        return min(
            run.places[item] for item in (*(e.item for e in row.question.history), *row.reference.items)
        )

    numbers = along(sorted(run.rows, key=first))
    fair = next_ids(run.rows, shuffled(numbers, run.metrics.seed))
    words = "item ids are numbered along the sequences (P5), in place of at random"
    for finding in told(run, "sequential_ids", words, fair, next_ids(run.rows, numbers)):
        yield finding._replace(model=NEXT_ID)


def told(run: Opened, name: str, words: str, ours: Sequence[Row], theirs: Read) -> Iterator[Finding]:
    """Yield a finding for each score that the audit is about."""
    settings, of = run.plan.settings, run.metrics
    for effect in effects(run.scorers, ours, theirs, run.context, settings.seed, settings.resamples):
        if effect.metric in run.names:
            yield Finding(name, words, of.task, of.dataset, settings.ties.name, of.model, effect)
