"""Item ids that are numbered along the sequences: the next id as a recommender.

P5 numbers items in the order in which it meets them, user by user, test items too. Source of the finding:
Hua et al., "How to index item IDs for recommendation foundation models", 2023.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from llmrec.metric.base import Row
from llmrec.records import Question, Ranking
from llmrec.seeded import rng

SIZE = 10


def along(rows: Sequence[Row]) -> dict[str, int]:
    """Return the items' numbers, from 1, in the order in which the rows' sequences name them."""
    numbers: dict[str, int] = {}
    for row in rows:
        assert isinstance(row.reference, Ranking)
        for item in (*(event.item for event in row.question.history), *row.reference.items):
            numbers.setdefault(item, len(numbers) + 1)
    return numbers


def shuffled(numbers: Mapping[str, int], seed: int) -> dict[str, int]:
    """Return the same numbers, dealt out anew."""
    dealt = sorted(numbers.values())
    rng("numbering", seed).shuffle(dealt)
    return dict(zip(sorted(numbers), dealt, strict=True))


def next_ids(rows: Sequence[Row], numbers: Mapping[str, int]) -> list[Row]:
    """Return the rows answered by the ids that follow that of the user's last item, nearest first."""
    items = {number: item for item, number in numbers.items()}
    return [replace(row, answer=following(row.question, numbers, items)) for row in rows]


def following(question: Question, numbers: Mapping[str, int], items: Mapping[int, str]) -> Ranking | None:
    if not question.history:
        return None
    seen = {event.item for event in question.history}
    last = numbers[question.history[-1].item]
    later = (items[number] for number in range(last + 1, last + 1 + SIZE + len(seen)) if number in items)
    return Ranking(tuple([item for item in later if item not in seen][:SIZE]))
