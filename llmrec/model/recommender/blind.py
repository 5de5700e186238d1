"""What numbers alone tell of a rating: boosted trees that read no word."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmrec.errors import ConfigError
from llmrec.model.recommender.base import Rule
from llmrec.model.recommender.learner import Learned, Learner, Lesson
from llmrec.model.recommender.means import check_shrinkage
from llmrec.records import Answer, Rating

if TYPE_CHECKING:
    from llmrec.model.recommender.index import Index


@dataclass(frozen=True, kw_only=True)
class TextBlind(Learner):
    """Gradient-boosted trees on counts, means and spreads of the user's and the item's training ratings,
    the last ratings of the history, and time: what anyone can predict without reading a title.

    Means are shrunk as in `UserItemMean`. So that no training row sees its own stars, the figures of
    its user and item come from the other `folds` - 1 parts of the training rows. A user or item
    without a training rating has count 0, offset 0 and an unknown spread, for which trees have a way.
    Stopped by RMSE on validation rows.

    Source: the trees are scikit-learn's HistGradientBoostingRegressor.
    """

    packages = ("scikit-learn",)

    user_shrinkage: float
    item_shrinkage: float
    folds: int
    learning_rate: float
    max_leaves: int
    min_leaf_rows: int
    l2: float
    max_epochs: int
    patience: int

    def __post_init__(self) -> None:
        check_shrinkage("user_shrinkage", self.user_shrinkage)
        check_shrinkage("item_shrinkage", self.item_shrinkage)
        for name, least in (("folds", 2), ("max_leaves", 2), ("max_epochs", 1), ("patience", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name}: {getattr(self, name)} is too small; give {least} or more")

    def answers(self) -> tuple[type[Answer], ...]:
        return (Rating,)

    def learn(self, lesson: Lesson) -> Learned:
        from llmrec.model.recommender.blind_features import asked, crossed, figures
        from llmrec.model.recommender.ratings import training_rows, validation_rows
        from llmrec.model.recommender.trees import fit

        rows, held_out = training_rows(self.name, lesson), validation_rows(self.name, lesson)
        sizes = len(lesson.numbers.users), len(lesson.numbers.items)
        shrinkage = self.user_shrinkage, self.item_shrinkage
        known = figures(rows, sizes, shrinkage)
        seen = crossed(lesson.training.interactions, rows, sizes, shrinkage, self.folds, lesson.seed)
        ahead = asked(known, lesson.numbers, [example.question for example in lesson.validation])
        with lesson.progress.bar(f"fitting {self.name}", None, "trees") as advance:
            trees, curve = fit(self, (seen, rows.stars), (ahead, held_out.stars), lesson.seed)
            advance(len(curve), f"rmse {min(point.validation or 0.0 for point in curve):.4f}")
        return Learned(
            weights=known | trees,
            epochs=len(curve),
            best_epoch=len(trees["roots"]),
            measure="rmse",
            curve=curve,
            rows=len(rows.stars),
        )

    def rule(self, index: "Index", weights: Mapping[str, Any]) -> Rule:
        from llmrec.model.recommender.blind_features import asked
        from llmrec.model.recommender.ratings import answers
        from llmrec.model.recommender.trees import predict

        return lambda questions: answers(predict(weights, asked(weights, index, questions)))
