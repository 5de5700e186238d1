"""SimpleX: collaborative filtering by what the user bought, pooled. Torch comes in late."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmrec.errors import ConfigError
from llmrec.model.recommender.base import Rule
from llmrec.model.recommender.learner import Learned, Lesson
from llmrec.model.recommender.trained import Trained

if TYPE_CHECKING:
    from llmrec.model.recommender.index import Index
    from llmrec.model.recommender.network.pooled import Pooled


@dataclass(frozen=True, kw_only=True)
class SimpleX(Trained):
    """Mao et al., "SimpleX: a simple and strong baseline for collaborative filtering", 2021: a user is
    `user_share` of a vector of their own and, for the rest, the mapped mean of the last `max_history` items'
    vectors; the cosine to an item's vector is its score. Learned against `negatives` items drawn for each
    batch: those closer than `margin` are pushed off, all together with weight `negative_weight`.
    """

    max_history: int
    user_share: float
    negatives: int
    margin: float
    negative_weight: float

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("max_history", "negatives"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: {getattr(self, name)} is below 1; give 1 or more")
        if not 0 <= self.user_share <= 1:
            raise ConfigError(f"user_share: {self.user_share} is no share; give one from 0 to 1")

    def learn(self, lesson: Lesson) -> Learned:
        from llmrec.model.recommender.network import pooled, training

        device, index = self.torch_device(), lesson.numbers
        with self.seeded(lesson.seed):
            network = self._network(index)
        course = pooled.PooledCourse(self, network, lesson, device)
        return training.learn(course, self.budget(), lesson, device)

    def rule(self, index: "Index", weights: Mapping[str, Any]) -> Rule:
        from llmrec.model.recommender.network import pooled, training

        network = self._network(index)
        training.restore(network, weights, self.torch_device())
        return lambda questions: index.ranked(
            pooled.scores(network, index, questions, self.max_history), questions, self.size
        )

    def _network(self, index: "Index") -> "Pooled":
        from llmrec.model.recommender.network.pooled import Pooled

        return Pooled(len(index.items), len(index.users), self.dim, self.user_share, self.dropout)
