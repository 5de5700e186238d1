"""How evaluators of the literature count rows: the same predictions, read with a known defect.

Each is a function of the rows of a run, in file order, to the rows as that evaluator counts them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from itertools import groupby
from typing import NamedTuple

from llmrec.audit.effect import Read
from llmrec.metric.base import Row
from llmrec.records import Answer, Ranking, Rating, Text

TOP = 5.0
FIRST = 816 / 19_850  # of the rows of summaries, what P5's notebook scores before it breaks off


class Reading(NamedTuple):
    """A defect: its name, what it does, whose answers it can touch, and how it reads their rows; `is_of_all`
    says that a sample of the rows cannot show it."""

    name: str
    words: str
    answers: tuple[type[Answer], ...]
    is_of_all: bool
    read: Callable[[Sequence[Row]], Read]


class Tie(Enum):
    """Where the right item stands among items of equal score."""

    FIRST = 0
    LAST = 1


def fives_dropped(rows: Sequence[Row]) -> Read:
    """Drop what P5's evaluation drops: no prediction that can be read, or one outside 1.0 to 4.9."""
    return [row if isinstance(row.answer, Rating) and 1.0 <= row.answer.stars < TOP else None for row in rows]


def silent_dropped(rows: Sequence[Row]) -> Read:
    """Drop rows without a valid answer, so that hits are divided by valid answers alone, as LLaRA does."""
    return [row if row.answer is not None else None for row in rows]


def first_only(rows: Sequence[Row]) -> Read:
    """Keep the share of rows, in file order, that P5's notebook scores of its summaries; one at least."""
    kept = max(round(FIRST * len(rows)), 1)
    return [row if place < kept else None for place, row in enumerate(rows)]


def ties_to(end: Tie) -> Callable[[Sequence[Row]], Read]:
    """Return the reading that puts the right item first, or last, among those of equal score."""

    def order(row: Row) -> Callable[[str], int]:
        assert isinstance(row.reference, Ranking)
        wanted = row.reference.items[0]
        return lambda item: (item != wanted) if end is Tie.FIRST else (item == wanted)

    return lambda rows: [reordered(row, order(row)) for row in rows]


def ties_by(places: Mapping[str, int]) -> Callable[[Sequence[Row]], Read]:
    """Return the reading that puts items of equal score in the order of their places."""
    return lambda rows: [reordered(row, places.__getitem__) for row in rows]


def reordered(row: Row, order: Callable[[str], int]) -> Row:
    """Return a row whose items of equal score stand in an order, as if no two were equal."""
    answer = row.answer
    if not isinstance(answer, Ranking) or not answer.scores:
        return row
    scored = zip(answer.scores, answer.items, strict=True)
    alike = [[item for _, item in group] for _, group in groupby(scored, key=lambda pair: pair[0])]
    return replace(row, answer=Ranking(tuple(item for group in alike for item in sorted(group, key=order))))


READINGS = [
    Reading(
        "fives_dropped",
        "rows where 5.0 or nothing readable was predicted are dropped (P5)",
        (Rating,),
        False,
        fives_dropped,
    ),
    Reading(
        "silent_dropped",
        "only valid answers are counted (LLaRA)",
        (Rating, Ranking, Text),
        False,
        silent_dropped,
    ),
    Reading(
        "first_rows",
        f"only the first {FIRST:.1%} of rows, in file order, are scored (P5)",
        (Text,),
        True,
        first_only,
    ),
    Reading(
        "ties_favourable",
        "of equal scores the right item's counts first",
        (Ranking,),
        False,
        ties_to(Tie.FIRST),
    ),
    Reading(
        "ties_unfavourable",
        "of equal scores the right item's counts last",
        (Ranking,),
        False,
        ties_to(Tie.LAST),
    ),
]


def by_file(places: Mapping[str, int]) -> Reading:
    """Return the reading of equal scores by where items stand in the file."""
    words = "equal scores stand in the order in which items first appear in the file"
    return Reading("ties_by_file", words, (Ranking,), False, ties_by(places))
