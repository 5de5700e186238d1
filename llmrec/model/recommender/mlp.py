"""A multi-layer perceptron on embeddings of user and item."""

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
class MLP(Learner):
    """Embeddings of user and item side by side, then `hidden` layers with ReLU, then one number: what to
    add to the mean of all ratings. Adam on the squared error, stopped by RMSE on validation rows.

    A user or item without a training rating has the mean embedding of those with one.

    Source: the MLP of He et al., "Neural collaborative filtering", WWW 2017, section 3.3, with stars
    in place of clicks.
    """

    packages = ("torch",)

    embedding: int
    hidden: list[int]
    dropout: float
    learning_rate: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    patience: int

    def __post_init__(self) -> None:
        sizes = {name: getattr(self, name) for name in ("embedding", "batch_size", "max_epochs", "patience")}
        for name, size in (sizes | {f"hidden[{i}]": size for i, size in enumerate(self.hidden)}).items():
            if size < 1:
                raise ConfigError(f"{name}: {size} is too small; give 1 or more")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout: {self.dropout} is no share; give one from 0 to below 1")

    def answers(self) -> tuple[type[Answer], ...]:
        return (Rating,)

    def learn(self, lesson: Lesson) -> Learned:
        from llmrec.model.recommender.mlp_fit import fit
        from llmrec.model.recommender.ratings import training_rows, validation_rows

        rows, held_out = training_rows(self.name, lesson), validation_rows(self.name, lesson)
        course = fit(self, rows, held_out, lesson)
        return Learned(
            weights=course.weights,
            epochs=len(course.curve),
            best_epoch=course.best_epoch,
            measure="rmse",
            curve=course.curve,
            rows=len(rows.stars),
        )

    def rule(self, index: "Index", weights: Mapping[str, Any]) -> Rule:
        from llmrec.model.recommender.mlp_fit import predict
        from llmrec.model.recommender.ratings import answers, items_of

        return lambda questions: answers(
            predict(weights, index.users_of(questions), items_of(index, questions))
        )
