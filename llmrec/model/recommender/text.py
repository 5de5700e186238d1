"""Texts without a language model: the first words of what is shown, or what someone else wrote."""

from dataclasses import dataclass
from typing import ClassVar

from llmrec.errors import BackendError, ConfigError
from llmrec.model.recommender.base import Rule, Simple, check_packages, one_by_one
from llmrec.records import Answer, Question, Text, Training


@dataclass(frozen=True, kw_only=True)
class LeadWords(Simple):
    """The first `words` words of the review that is shown."""

    words: int

    def __post_init__(self) -> None:
        if self.words < 1:
            raise ConfigError(f"words: {self.words} is no number of words; give 1 or more")

    def answers(self) -> tuple[type[Answer], ...]:
        return (Text,)

    def fit(self, training: Training, seed: int) -> Rule:
        def rule(question: Question) -> Answer:
            if question.review is None:
                raise BackendError(
                    f"model={self.name}: the task shows no review to take words from; choose "
                    "task=summarization, or model=nearest_review"
                )
            return Text(" ".join(question.review.split()[: self.words]))

        return one_by_one(rule)


@dataclass(frozen=True, kw_only=True)
class NearestReview(Simple):
    """The training text of the row whose review is nearest to what is known, by the cosine of TF-IDF
    over words and up to `max_ngram` of them in a row that at least `min_reviews` reviews have.

    Where a review is shown, it is what is known, and every training row is searched. Where none is, the
    words of the item (title, brand, categories) and of the user's earlier summaries are, and the search
    is among training rows of the same item and stars; where there are none, of the same stars; where
    there are none, among all. Of equally near rows, also of rows that share no word, the one of smallest
    hash.
    """

    packages: ClassVar[tuple[str, ...]] = ("scikit-learn",)

    max_ngram: int
    min_reviews: int

    def __post_init__(self) -> None:
        for name in ("max_ngram", "min_reviews"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: {getattr(self, name)} is too small; give 1 or more")

    def answers(self) -> tuple[type[Answer], ...]:
        return (Text,)

    def fit(self, training: Training, seed: int) -> Rule:
        check_packages(self.name, self.packages)
        rows = [(row, answer) for row, answer in training.answered if isinstance(answer, Text)]
        if not rows:
            raise BackendError(f"model={self.name}: no training text to repeat; choose a text task")
        from llmrec.model.recommender.nearest import Reviews

        return Reviews(rows, training.items, self.max_ngram, self.min_reviews).answers
