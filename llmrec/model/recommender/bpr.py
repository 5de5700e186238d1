"""Matrix factorisation by Bayesian personalised ranking, learned by cornac, which comes in late."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from llmrec.errors import ConfigError
from llmrec.model.recommender.base import Rule, check_size
from llmrec.model.recommender.learner import Learned, Learner, Lesson
from llmrec.records import Answer, Ranking
from llmrec.results import FitPoint

if TYPE_CHECKING:
    from llmrec.model.recommender.index import Index


@dataclass(frozen=True, kw_only=True)
class BPR(Learner):
    """Rendle et al., "BPR: Bayesian personalized ranking from implicit feedback", 2009: user and item vectors
    of `dim` numbers and a bias an item. Every `evaluate_every` epochs the validation rows are asked, and
    `patience` such judgements without a better one end it. A user without training rows gets popularity.
    """

    packages: ClassVar[tuple[str, ...]] = ("cornac",)

    size: int
    dim: int
    learning_rate: float
    regularization: float
    epochs: int
    evaluate_every: int
    patience: int

    def __post_init__(self) -> None:
        check_size(self.size)
        for name in ("dim", "epochs", "evaluate_every", "patience"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: {getattr(self, name)} is below 1; give 1 or more")

    def answers(self) -> tuple[type[Answer], ...]:
        return (Ranking,)

    def learn(self, lesson: Lesson) -> Learned:
        import numpy as np
        from cornac.data import Dataset

        index, validation = lesson.numbers, lesson.validation
        rows = [(user, item, 1.0) for user, own in enumerate(index.sequences) for item in set(own.tolist())]
        users = {user: user for user in range(len(index.users))}
        items = {item: item for item in range(len(index.items))}
        data = Dataset.build(rows, global_uid_map=users, global_iid_map=items, fmt="UIR")
        questions = [example.question for example in validation]
        targets = [example.target.item for example in validation]
        weights, best, curve = dict[str, Any](), dict[str, Any](), list[FitPoint]()
        epoch, best_epoch, most = 0, 0, -1.0
        with lesson.progress.bar("fitting", self.epochs, "epochs") as advance:
            while epoch < self.epochs and (epoch - best_epoch) // self.evaluate_every < self.patience:
                weights = self._go_on(data, weights, lesson.seed + epoch)
                epoch += self.evaluate_every
                given = scored(index, weights, index.users_of(questions))
                found = float(index.ndcg(given, questions, targets, k=10).mean())
                curve.append(FitPoint(epoch, None, found))
                if found > most:
                    most, best_epoch = found, epoch
                    best = {name: np.array(array) for name, array in weights.items()}
                advance(self.evaluate_every, f"validation {most:.4f} at epoch {best_epoch}")
        measure = f"ndcg@10 of {len(validation):,} validation rows"
        return Learned(best, epoch, best_epoch, measure, curve, len(rows))

    def _go_on(self, data: Any, weights: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """Take some more epochs from these weights, or the first ones."""
        from cornac.models import BPR as CornacBPR

        model = CornacBPR(
            k=self.dim,
            max_iter=self.evaluate_every,
            learning_rate=self.learning_rate,
            lambda_reg=self.regularization,
            num_threads=1,  # several write into each other's vectors: no fit twice the same
            seed=seed,
            init_params={name: array.copy() for name, array in weights.items()},
        )
        model.fit(data)
        return {"U": model.u_factors, "V": model.i_factors, "Bi": model.i_biases}

    def rule(self, index: "Index", weights: Mapping[str, Any]) -> Rule:
        return lambda questions: index.ranked(
            scored(index, weights, index.users_of(questions)), questions, self.size
        )


def scored(index: "Index", weights: Mapping[str, Any], users: Any) -> Any:
    """Return [users, items]; a row of NaN for a user that was not seen."""
    import numpy as np

    scores = weights["U"][users] @ weights["V"].T + weights["Bi"]
    scores[users < 0] = np.nan
    return scores.astype(np.float32)
