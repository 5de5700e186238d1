"""Stars by shrunken means: of the user, of the item, of both."""

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from llmrec.errors import BackendError, ConfigError
from llmrec.model.recommender.base import Rule, Simple, one_by_one
from llmrec.records import Answer, Interaction, Question, Rating, Training

Rows = list[tuple[Interaction, float]]


@dataclass(frozen=True, kw_only=True)
class Means(Simple):
    """A recommender that adds offsets to the mean of the training ratings."""

    def answers(self) -> tuple[type[Answer], ...]:
        return (Rating,)

    @abstractmethod
    def offsets(self, rows: Rows, mean: float) -> Callable[[Question], float]:
        """Return what a question's user or item adds to the mean, learned from rows and their stars."""

    def fit(self, training: Training, seed: int) -> Rule:
        rows = [(row, answer.stars) for row, answer in training.answered if isinstance(answer, Rating)]
        if not rows:
            raise BackendError(f"model={self.name}: no training rating to average; choose task=rating")
        mean = fmean(stars for _, stars in rows)
        offset = self.offsets(rows, mean)
        return one_by_one(lambda question: Rating(min(max(mean + offset(question), 1.0), 5.0)))


@dataclass(frozen=True, kw_only=True)
class UserMean(Means):
    """The mean of the user's training ratings and of `shrinkage` more at the mean of all; the mean of all
    for a user without any."""

    shrinkage: float

    def __post_init__(self) -> None:
        check_shrinkage("shrinkage", self.shrinkage)

    def offsets(self, rows: Rows, mean: float) -> Callable[[Question], float]:
        of_user = shrunken(((row.user, stars - mean) for row, stars in rows), self.shrinkage)
        return lambda question: of_user.get(question.user, 0.0)


@dataclass(frozen=True, kw_only=True)
class ItemMean(Means):
    """The mean of the item's training ratings and of `shrinkage` more at the mean of all; the mean of all
    for an item without any."""

    shrinkage: float

    def __post_init__(self) -> None:
        check_shrinkage("shrinkage", self.shrinkage)

    def offsets(self, rows: Rows, mean: float) -> Callable[[Question], float]:
        of_item = shrunken(((row.item, stars - mean) for row, stars in rows), self.shrinkage)
        return lambda question: of_item.get(question.item or "", 0.0)


@dataclass(frozen=True, kw_only=True)
class UserItemMean(Means):
    """The mean of all, the item's offset from it, and the user's from both; each shrunk as by so many
    ratings without an offset, and 0 for what has no training rating.

    Source: the baseline estimates of Koren, "Factor in the neighbors", TKDD 2010, section 2.1.
    """

    user_shrinkage: float
    item_shrinkage: float

    def __post_init__(self) -> None:
        check_shrinkage("user_shrinkage", self.user_shrinkage)
        check_shrinkage("item_shrinkage", self.item_shrinkage)

    def offsets(self, rows: Rows, mean: float) -> Callable[[Question], float]:
        of_item = shrunken(((row.item, stars - mean) for row, stars in rows), self.item_shrinkage)
        left = ((row.user, stars - mean - of_item[row.item]) for row, stars in rows)
        of_user = shrunken(left, self.user_shrinkage)
        return lambda question: of_item.get(question.item or "", 0.0) + of_user.get(question.user, 0.0)


def shrunken(offsets: Iterable[tuple[str, float]], shrinkage: float) -> Mapping[str, float]:
    """Return the sum of each key's offsets over their number and `shrinkage`."""
    found: dict[str, list[float]] = defaultdict(list)
    for key, offset in offsets:
        found[key].append(offset)
    return {key: sum(each) / (len(each) + shrinkage) for key, each in found.items()}


def check_shrinkage(name: str, ratings: float) -> None:
    if ratings < 0:
        raise ConfigError(f"{name}: {ratings} is not a number of ratings; give 0 or more")
