"""Matrix factorisation of ratings, learned by cornac."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmrec.errors import ConfigError
from llmrec.model.recommender.base import Rule
from llmrec.model.recommender.learner import Learned, Learner, Lesson
from llmrec.records import Answer, Rating

if TYPE_CHECKING:
    from llmrec.model.recommender.index import Index


@dataclass(frozen=True, kw_only=True)
class MatrixFactorization(Learner):
    """The mean of all ratings, an offset of the user and one of the item, and the product of their
    `factors`, by stochastic gradient descent.

    Each strength of `regularization` is tried until `patience` epochs brought no lower RMSE on
    validation rows, and the best kept. What has no training rating adds nothing: an unknown user gets the
    item's offset alone, an unknown item the user's.

    Source: Koren, Bell and Volinsky, "Matrix factorization techniques for recommender systems",
    Computer 42(8), 2009; the learning is cornac.models.MF's.
    """

    packages = ("cornac",)

    factors: int
    learning_rate: float
    regularization: list[float]
    max_epochs: int
    patience: int

    def __post_init__(self) -> None:
        for name in ("factors", "max_epochs", "patience"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: {getattr(self, name)} is too small; give 1 or more")
        if not self.regularization or min(self.regularization) < 0:
            raise ConfigError(f"regularization: {self.regularization} are no strengths; give some, 0 or more")

    def answers(self) -> tuple[type[Answer], ...]:
        return (Rating,)

    def learn(self, lesson: Lesson) -> Learned:
        from llmrec.model.recommender.factors_fit import fit
        from llmrec.model.recommender.ratings import training_rows, validation_rows

        rows, held_out = training_rows(self.name, lesson), validation_rows(self.name, lesson)
        sizes = len(lesson.numbers.users), len(lesson.numbers.items)
        tried = []
        with lesson.progress.bar(f"fitting {self.name}", len(self.regularization), "fits") as advance:
            for strength in self.regularization:
                tried.append((strength, fit(self, strength, rows, held_out, sizes, lesson.seed)))
                advance(1, f"rmse {tried[-1][1].score:.4f}")
        chosen, best = min(tried, key=lambda each: each[1].score)
        return Learned(
            weights=best.weights,
            epochs=len(best.curve),
            best_epoch=best.best_epoch,
            measure=f"rmse (regularization={chosen})",
            curve=best.curve,
            rows=len(rows.stars),
        )

    def rule(self, index: "Index", weights: Mapping[str, Any]) -> Rule:
        from llmrec.model.recommender.factors_fit import predict
        from llmrec.model.recommender.ratings import answers, items_of

        return lambda questions: answers(
            predict(weights, index.users_of(questions), items_of(index, questions))
        )
