"""Which training rows are shown with their answers before a question."""

from collections.abc import Sequence
from enum import StrEnum, auto

from llmrec.records import Example, Question
from llmrec.seeded import hash64
from llmrec.text import normalise


class Select(StrEnum):
    """The same rows for every question, drawn by seed; or those most like it."""

    seed = auto()
    similar = auto()


class Demonstrations:
    """A pool of training rows in a seeded order."""

    def __init__(self, pool: Sequence[Example], select: Select, seed: int) -> None:
        self.select = select
        self.pool = sorted(pool, key=lambda example: hash64(seed, "demonstration", example.id))
        self._traits = [traits(example.question) for example in self.pool]

    def of(self, question: Question, count: int) -> list[Example]:
        """Return up to `count` rows of other users that were answered before the question's time."""
        usable = (
            index
            for index, example in enumerate(self.pool)
            if example.target.timestamp < question.time and example.question.user != question.user
        )
        if self.select is Select.seed:
            return [self.pool[index] for index, _ in zip(usable, range(count), strict=False)]
        own = traits(question)
        # The sort is stable: rows that are equally alike keep the seeded order.
        likest = sorted(usable, key=lambda index: -overlap(own, self._traits[index]))[:count]
        return [self.pool[index] for index in likest]


def traits(question: Question) -> frozenset[str]:
    """Return what a question is about: the items it shows and the words of its review."""
    words = normalise(question.review or "").split()
    shown = [event.item for event in question.history] + ([question.item] if question.item else [])
    return frozenset(words) | frozenset(f"item {item}" for item in shown)


def overlap(left: frozenset[str], right: frozenset[str]) -> float:
    """Return the Jaccard index of two sets, 0 for two empty ones."""
    union = len(left | right)
    return len(left & right) / union if union else 0.0
