"""Matrix factorisation by Bayesian personalised ranking, learned by cornac, which comes in late."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from llmrec.errors import ConfigError
from llmrec.model.recommender.base import Rule, check_size
from llmrec.model.recommender.learner import Learned, Learner, Lesson, spent
from llmrec.records import Answer, Ranking
from llmrec.stopping import finishing

if TYPE_CHECKING:
    from llmrec.model.recommender.bpr_standing import Standing
    from llmrec.model.recommender.index import Index


@dataclass(frozen=True, kw_only=True)
class BPR(Learner):
    """Rendle et al., "BPR: Bayesian personalized ranking from implicit feedback", 2009: user and item vectors
    of `dim` numbers and a bias an item. Every `evaluate_every` epochs the validation rows are asked, and
    `patience` such judgements without a better one end it; a fit that was stopped goes on from the last one.
    A user without training rows gets popularity.
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
        from llmrec.model.recommender.bpr_standing import keep, resumed

        index, validation = lesson.numbers, lesson.validation
        rows = [(user, item, 1.0) for user, own in enumerate(index.sequences) for item in set(own.tolist())]
        data = built(rows, len(index.users), len(index.items))
        questions = [example.question for example in validation]
        targets = [example.target.item for example in validation]
        standing = resumed(lesson.checkpoint)
        start = time.perf_counter() - spent(lesson.checkpoint)
        with lesson.progress.bar("fitting", self.epochs, "epochs") as advance, finishing() as between:
            advance(standing.epoch)
            while not self._is_over(standing):
                weights = self._go_on(data, standing.weights, lesson.seed + standing.epoch)
                given = scored(index, weights, index.users_of(questions))
                found = float(index.ndcg(given, questions, targets, k=10).mean())
                standing = standing.after(self.evaluate_every, weights, found)
                keep(lesson.checkpoint, standing, time.perf_counter() - start)
                advance(self.evaluate_every, f"validation {standing.most:.4f} at epoch {standing.best_epoch}")
                between()
        measure = f"ndcg@10 of {len(validation):,} validation rows"
        return Learned(standing.best, standing.epoch, standing.best_epoch, measure, standing.curve, len(rows))

    def _is_over(self, standing: "Standing") -> bool:
        waited = (standing.epoch - standing.best_epoch) // self.evaluate_every
        return standing.epoch >= self.epochs or waited >= self.patience

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


def built(rows: Sequence[tuple[int, int, float]], users: int, items: int) -> Any:
    """Return rows of user, item and value by number, as cornac takes them."""
    from cornac.data import Dataset

    every_user, every_item = ({number: number for number in range(size)} for size in (users, items))
    return Dataset.build(rows, global_uid_map=every_user, global_iid_map=every_item, fmt="UIR")


def scored(index: "Index", weights: Mapping[str, Any], users: Any) -> Any:
    """Return [users, items]; a row of NaN for a user that was not seen."""
    import numpy as np

    scores = weights["U"][users] @ weights["V"].T + weights["Bi"]
    scores[users < 0] = np.nan
    return scores.astype(np.float32)
