"""Recommenders that count: what sold lately, and what is bought by those who bought the same."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from llmrec.errors import ConfigError
from llmrec.model.recommender.base import Rule, Simple, check_size
from llmrec.records import Answer, Question, Ranking, Training

_DAY = 86_400  # seconds


@dataclass(frozen=True, kw_only=True)
class RecentPopularity(Simple):
    """The items with most training interactions in the `days` before the moment of asking; of equally many,
    those with more in all."""

    size: int
    days: float

    def __post_init__(self) -> None:
        check_size(self.size)
        if self.days <= 0:
            raise ConfigError(f"days: {self.days} is no span of time; give more than 0")

    def answers(self) -> tuple[type[Answer], ...]:
        return (Ranking,)

    def fit(self, training: Training, seed: int) -> Rule:
        import numpy as np

        from llmrec.model.recommender.index import Index

        index = Index(training)
        rows = sorted(training.interactions, key=lambda row: row.timestamp)
        times = np.array([row.timestamp for row in rows])
        items = np.array([index.item[row.item] for row in rows])
        in_all = index.counts / (1 + index.counts.max(initial=0))  # below one interaction

        def rule(questions: Sequence[Question]) -> list[Ranking]:
            scores = np.empty((len(questions), len(index.items)), dtype=np.float32)
            for number, question in enumerate(questions):
                first, end = np.searchsorted(times, [question.time - self.days * _DAY, question.time])
                scores[number] = np.bincount(items[first:end], minlength=len(index.items)) + in_all
            return index.ranked(scores, questions, self.size)

        return rule


@dataclass(frozen=True, kw_only=True)
class LastItem(Simple):
    """The items that training users bought near the last item of the history: each pair counts by one over
    the number of steps between them, of which there are `reach` at most; of equal ones, the more popular. The
    item graph read one step far. Without a history, popularity alone.
    """

    size: int
    reach: int

    def __post_init__(self) -> None:
        check_size(self.size)
        if self.reach < 1:
            raise ConfigError(f"reach: {self.reach} is below 1, no other item is near enough; give 1")

    def answers(self) -> tuple[type[Answer], ...]:
        return (Ranking,)

    def fit(self, training: Training, seed: int) -> Rule:
        import numpy as np

        from llmrec.model.recommender.index import Index

        index = Index(training)
        near: dict[int, Counter[int]] = {}
        for sequence in index.sequences:
            bought = sequence.tolist()
            for place, item in enumerate(bought):
                for steps, other in enumerate(bought[place + 1 : place + 1 + self.reach], 1):
                    near.setdefault(item, Counter())[other] += 1 / steps  # type: ignore[assignment]
                    near.setdefault(other, Counter())[item] += 1 / steps  # type: ignore[assignment]
        # Below the least that one pair can count.
        popular = index.counts / ((1 + index.counts.max(initial=0)) * self.reach)

        def rule(questions: Sequence[Question]) -> list[Ranking]:
            scores = np.tile(popular, (len(questions), 1))
            for row, question in zip(scores, questions, strict=True):
                for last in index.history(question)[-1:]:
                    for item, count in near.get(last, {}).items():
                        row[item] += count
            return index.ranked(scores, questions, self.size)

        return rule
