"""Two finished runs, row by row: their answers to what both were asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from llmrec.errors import DataError
from llmrec.finished import Finished
from llmrec.metric.base import Row


@dataclass(frozen=True)
class Pair:
    """Two runs, by their names, and their answers to each question that both were asked."""

    names: tuple[str, str]
    runs: tuple[Finished, Finished]
    rows: Sequence[tuple[Row, Row]]

    def side(self, number: int) -> list[Row]:
        return [rows[number] for rows in self.rows]


def paired(names: tuple[str, str], one: Finished, other: Finished) -> Pair:
    """Return the rows that both were asked. Raises DataError where the runs are of different tasks, data or
    splits, share no row, or were asked a shared one differently."""
    for what in ("task", "dataset", "split"):
        first, second = (getattr(run.metrics, what) for run in (one, other))
        if first != second:
            raise DataError(
                f"{other.folder}: {what}={second}, and {one.folder} has {what}={first}; compare runs of one "
                f"{what}"
            )
    known = {row.question.id: row for row in one.rows}
    rows = [(known[row.question.id], row) for row in other.rows if row.question.id in known]
    if not rows:
        raise DataError(f"{other.folder}: no row that {one.folder} was asked too; give both the same seed")
    for first_row, second_row in rows:
        for what in ("question", "reference"):
            if getattr(first_row, what) != getattr(second_row, what):
                raise DataError(
                    f"{other.folder}: row {second_row.question.id} has another {what} than in {one.folder} "
                    "(history, candidates); give both runs the same data, split, ties and seed"
                )
    return Pair(names, (one, other), rows)


def pairs(names: Sequence[str], runs: Sequence[Finished]) -> list[Pair]:
    """Return every two of the runs, the earlier first. Raises DataError as `paired` does."""
    return [paired((names[i], names[j]), runs[i], runs[j]) for i, j in combinations(range(len(runs)), 2)]
