"""Conventional floors: what any model has to beat, answered from the training rows alone."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from statistics import fmean

from llmrec.errors import BackendError
from llmrec.model.recommender.base import Rule, Simple, check_size, one_by_one
from llmrec.records import Answer, Question, Ranking, Rating, Text, Training
from llmrec.seeded import hash64, rng


@dataclass(frozen=True, kw_only=True)
class RandomAnswer(Simple):
    """Chance: `size` candidates, or catalogue items outside the history, or a training answer of the
    task. Each draw depends on the seed and the question alone."""

    size: int

    def __post_init__(self) -> None:
        check_size(self.size)

    def answers(self) -> tuple[type[Answer], ...]:
        return Rating, Ranking, Text

    def fit(self, training: Training, seed: int) -> Rule:
        pool = [answer for answer in training.answers if not isinstance(answer, Ranking)]
        catalogue = sorted(training.items)

        def rule(question: Question) -> Answer:
            chance = rng("random answer", seed, question.id)
            if pool:
                return chance.choice(pool)
            if question.item is not None:
                raise BackendError(f"model={self.name}: no training answer to draw from; use another model")
            if question.candidates:
                return Ranking(
                    tuple(chance.sample(question.candidates, min(self.size, len(question.candidates))))
                )
            seen = {event.item for event in question.history}
            # Enough draws that `size` of them are new to the user, whatever the history holds.
            draws = chance.sample(catalogue, min(self.size + len(seen), len(catalogue)))
            return Ranking(tuple(islice((item for item in draws if item not in seen), self.size)))

        return one_by_one(rule)


@dataclass(frozen=True, kw_only=True)
class Popularity(Simple):
    """The `size` candidates or catalogue items with most training interactions, the user's own left
    out, scored by their counts; every item tied with the last is listed too."""

    size: int

    def __post_init__(self) -> None:
        check_size(self.size)

    def answers(self) -> tuple[type[Answer], ...]:
        return (Ranking,)

    def fit(self, training: Training, seed: int) -> Rule:
        counts = Counter(row.item for row in training.interactions)

        def order(items: Iterable[str]) -> list[str]:
            # Ties by hash: an id may tell when its item was listed.
            return sorted(items, key=lambda item: (-counts[item], hash64("popularity", item)))

        catalogue = order(training.items)

        def rule(question: Question) -> Answer:
            seen = {event.item for event in question.history}
            offered = order(question.candidates) if question.candidates else catalogue
            top: list[str] = []
            for item in offered:
                if len(top) >= self.size and counts[item] < counts[top[-1]]:
                    break
                if item not in seen:
                    top.append(item)
            return Ranking(tuple(top), tuple(float(counts[item]) for item in top))

        return one_by_one(rule)


@dataclass(frozen=True, kw_only=True)
class TrainMean(Simple):
    """The mean of the training ratings, for every question."""

    def answers(self) -> tuple[type[Answer], ...]:
        return (Rating,)

    def fit(self, training: Training, seed: int) -> Rule:
        stars = [answer.stars for answer in training.answers if isinstance(answer, Rating)]
        if not stars:
            raise BackendError(f"model={self.name}: no training rating to average; choose task=rating")
        mean = Rating(fmean(stars))
        return one_by_one(lambda question: mean)


@dataclass(frozen=True, kw_only=True)
class FrequentText(Simple):
    """The most frequent training text, for every question; of equal ones, that of smallest hash."""

    def answers(self) -> tuple[type[Answer], ...]:
        return (Text,)

    def fit(self, training: Training, seed: int) -> Rule:
        counts = Counter(answer.text for answer in training.answers if isinstance(answer, Text))
        if not counts:
            raise BackendError(f"model={self.name}: no training text to repeat; choose a text task")
        text = Text(min(counts, key=lambda text: (-counts[text], hash64("frequent text", text))))
        return one_by_one(lambda question: text)
