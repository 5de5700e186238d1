"""Which rows of the runs a page shows, by a rule that keeps it small and fair to all of them."""

from collections.abc import Iterator, Sequence
from enum import StrEnum, auto
from itertools import combinations
from typing import NamedTuple, TypeVar

import numpy as np

from llmrec.metric.base import Array
from llmrec.pages.groups import Group
from llmrec.seeded import hash64

T = TypeVar("T")


class Extent(NamedTuple):
    """How much a page shows: of each group so many `shared` rows of all its runs, and so many that `changed`
    most; of each run so many of each kind of failure; and all samples in so many `bytes`."""

    shared: int
    changed: int
    of_a_kind: int
    bytes: int

    @property
    def rule(self) -> str:
        return (
            f"Of every group of runs: {self.shared} rows, drawn by a hash of their ids and the seed, the "
            f"same for all its runs; up to {self.changed} rows whose score changed most between two of its "
            f"runs, every two in turn; and, of each run by itself, {self.of_a_kind} rows of every kind of "
            "failure."
        )


FILE = Extent(shared=100, changed=100, of_a_kind=3, bytes=7_500_000)
EVERY = "Every row of every run."  # the rule where details are had when asked for


class Why(StrEnum):
    """What a row was chosen for."""

    shared = auto()
    changed = auto()
    failure = auto()


class Chosen(NamedTuple):
    """A row of a group, by its place among the examples, and the runs that it is shown of, by their place
    in the group."""

    row: int
    why: Why
    runs: tuple[int, ...]


def choose(group: Group, extent: Extent) -> list[Chosen]:
    """Return the rows of a group, no run of a row twice. The three kinds take turns, so that a list which
    is cut short keeps some of each."""
    order = drawn(group)
    every = tuple(range(len(group.entries)))
    shared = [Chosen(row, Why.shared, every) for row in order[: extent.shared]]
    moved = [Chosen(row, Why.changed, every) for row in most_changed(group.by_row, order, extent.changed)]
    chosen, seen = list[Chosen](), set[tuple[int, int]]()
    for one in in_turn([shared, moved, failing(group, order, extent.of_a_kind)]):
        runs = tuple(run for run in one.runs if (one.row, run) not in seen)
        seen |= {(one.row, run) for run in runs}
        if runs:
            chosen.append(one._replace(runs=runs))
    return chosen


def drawn(group: Group) -> list[int]:
    """Return the rows in an order drawn by the hash of their ids and the seed."""
    seed = group.first.seed
    keys = [hash64("sample", seed, example.id) for example in group.examples]
    return sorted(range(len(keys)), key=keys.__getitem__)


def most_changed(by_row: Array, order: Sequence[int], count: int) -> list[int]:
    """Return at most `count` rows that scores [runs, rows] of two runs differ in: of every two the row that
    changed most, then the next of every two; of equal changes the first in `order`. A row without a
    score of its own did not change."""
    queues = []
    for one, other in combinations(range(len(by_row)), 2):
        change = np.nan_to_num(np.abs(by_row[other] - by_row[one]))[list(order)]
        ranked = np.argsort(-change, kind="stable")[:count]
        queues.append([order[at] for at in ranked if change[at] > 0])
    return list(dict.fromkeys(in_turn(queues)))[:count]


def failing(group: Group, order: Sequence[int], count: int) -> list[Chosen]:
    """Return the first rows of every kind of failure of each run, kinds and runs in turn."""
    queues: dict[tuple[int, str], list[Chosen]] = {}
    for run, entry in enumerate(group.entries):
        for row in order:
            kind = entry.predictions[row].failure
            if kind is not None:
                queue = queues.setdefault((run, kind), [])
                if len(queue) < count:
                    queue.append(Chosen(row, Why.failure, (run,)))
    return list(in_turn(list(queues.values())))


def in_turn(queues: Sequence[Sequence[T]]) -> Iterator[T]:
    """Yield the first of each queue, then the second of each, until all are empty."""
    for at in range(max(map(len, queues), default=0)):
        yield from (queue[at] for queue in queues if at < len(queue))
