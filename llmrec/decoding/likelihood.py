"""Answers chosen among given texts by how likely a model is to write them; nothing is written."""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import ClassVar, NamedTuple

from llmrec.decoding.base import Decoding
from llmrec.decoding.limits import at_least
from llmrec.errors import ConfigError
from llmrec.records import Answer, Choices, Item, Question, Ranking, Rating
from llmrec.seeded import hash64


class Likelihood(NamedTuple):
    """The natural log of a text's probability after the prompt, over its `tokens` tokens; minus infinity
    for a text without any."""

    total: float
    tokens: int


class Normalise(StrEnum):
    """What a text's log-likelihood is divided by."""

    tokens = auto()
    none = auto()


@dataclass(frozen=True, kw_only=True)
class Scoring(Decoding):
    """An answer from the likelihoods of the texts that may be given. With `end`, the end of the text is
    one of its tokens, so that no text is another's beginning."""

    end: bool

    @abstractmethod
    def decide(self, choices: Choices, likelihoods: Sequence[Likelihood]) -> Answer:
        """Return the answer, from a likelihood a choice."""


@dataclass(frozen=True, kw_only=True)
class Candidates(Scoring):
    """The candidates in the order of the likelihood of their names; equal names are tied. Of the ranking
    the `size` best are kept, and what is tied with the last of them."""

    answer: ClassVar[type[Answer]] = Ranking
    needs_candidates: ClassVar[bool] = True

    normalise: Normalise
    size: int

    def __post_init__(self) -> None:
        at_least("size", self.size, 1)

    def chooser(self, items: Mapping[str, Item]) -> Callable[[Question], Choices]:
        return lambda question: Choices(
            question.candidates, tuple(items[item].title for item in question.candidates)
        )

    def decide(self, choices: Choices, likelihoods: Sequence[Likelihood]) -> Answer:
        per_token = self.normalise is Normalise.tokens
        scores = [found.total / max(found.tokens, 1) if per_token else found.total for found in likelihoods]
        return ranking(choices.names, scores, self.size)


@dataclass(frozen=True, kw_only=True)
class CandidateLabels(Candidates):
    """The candidates in the order of the likelihood of their numbers, which the prompt shows."""

    needs_labels: ClassVar[bool] = True

    def chooser(self, items: Mapping[str, Item]) -> Callable[[Question], Choices]:
        return lambda question: Choices(
            question.candidates, tuple(str(i) for i in range(1, len(question.candidates) + 1))
        )


class Estimate(StrEnum):
    """What is made of the probabilities of the stars."""

    expectation = auto()
    argmax = auto()


@dataclass(frozen=True, kw_only=True)
class Digits(Scoring):
    """Stars by the probabilities of the numbers from `low` to `high`, which are made to sum to one: their
    expectation, or the likeliest (of equally likely ones the lowest)."""

    answer: ClassVar[type[Answer]] = Rating

    estimate: Estimate
    low: int
    high: int

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ConfigError(f"high: {self.high} is not above low={self.low}; widen the scale")

    def chooser(self, items: Mapping[str, Item]) -> Callable[[Question], Choices]:
        numbers = tuple(map(str, range(self.low, self.high + 1)))
        return lambda question: Choices(numbers, numbers)

    def decide(self, choices: Choices, likelihoods: Sequence[Likelihood]) -> Answer:
        stars = [float(name) for name in choices.names]
        totals = [found.total for found in likelihoods]
        if self.estimate is Estimate.argmax:
            return Rating(stars[totals.index(max(totals))])
        weights = [math.exp(total - max(totals)) for total in totals]
        return Rating(sum(star * weight for star, weight in zip(stars, weights, strict=True)) / sum(weights))


def ranking(items: Sequence[str], scores: Sequence[float], size: int) -> Ranking:
    """Return the `size` best items, and every one tied with the last of them; none that has no chance."""
    order = sorted(
        (place for place, score in enumerate(scores) if score > -math.inf),
        key=lambda place: (-scores[place], hash64("tie of likelihoods", items[place])),
    )
    if not order:
        return Ranking(())
    least = scores[order[min(size, len(order)) - 1]]
    kept = [place for place in order if scores[place] >= least]
    return Ranking(tuple(items[place] for place in kept), tuple(scores[place] for place in kept))
