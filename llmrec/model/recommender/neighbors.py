"""Item-to-item neighbours. SciPy comes in late."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from llmrec.errors import ConfigError
from llmrec.model.recommender.base import Rule, check_size
from llmrec.model.recommender.learner import Learned, Learner, Lesson
from llmrec.records import Answer, Question, Ranking

if TYPE_CHECKING:
    from llmrec.model.recommender.index import Index


@dataclass(frozen=True, kw_only=True)
class ItemKNN(Learner):
    """The `neighbors` items most like each item of the history, by the cosine of who bought them, damped by
    `shrink` (added to the norms' product), summed; of equal ones, the more popular. A history's items count
    by `decay` to the power of how many came after. Source: Deshpande and Karypis, "Item-based top-N
    recommendation algorithms", 2004; cornac's ItemKNN averages ratings, which ranks no catalogue.
    """

    packages: ClassVar[tuple[str, ...]] = ("scipy",)

    size: int
    neighbors: int
    shrink: float
    decay: float

    def __post_init__(self) -> None:
        check_size(self.size)
        if self.neighbors < 1:
            raise ConfigError(f"neighbors: {self.neighbors} is below 1; give 1 or more")
        if self.shrink < 0 or not 0 < self.decay <= 1:
            raise ConfigError(
                f"shrink, decay: {self.shrink}, {self.decay}; give a shrink from 0 on, a decay over 0 up to 1"
            )

    def answers(self) -> tuple[type[Answer], ...]:
        return (Ranking,)

    def learn(self, lesson: Lesson) -> Learned:
        import numpy as np
        from scipy.sparse import csr_array

        index = lesson.numbers
        rows = np.repeat(np.arange(len(index.users)), [len(sequence) for sequence in index.sequences])
        items = np.concatenate(index.sequences)
        shape = (len(index.users), len(index.items))
        bought = csr_array((np.ones(len(items), dtype=np.float32), (rows, items)), shape=shape)
        bought.data[:] = 1.0  # once is as good as twice
        both = csr_array(bought.T @ bought)
        norms = np.sqrt(both.diagonal())
        both.setdiag(0)
        both.eliminate_zeros()
        pairs = both.tocoo()
        like = pairs.data / (norms[pairs.row] * norms[pairs.col] + self.shrink)
        order = np.lexsort((-like, pairs.row))
        first = np.searchsorted(pairs.row[order], pairs.row[order])
        kept = order[np.arange(len(order)) - first < self.neighbors]
        weights = {"item": pairs.row[kept], "neighbor": pairs.col[kept], "likeness": like[kept]}
        return Learned(weights, 0, 0, "", [], len(items))

    def rule(self, index: "Index", weights: Mapping[str, Any]) -> Rule:
        import numpy as np
        from scipy.sparse import csr_array

        shape = (len(index.items), len(index.items))
        like = csr_array((weights["likeness"], (weights["item"], weights["neighbor"])), shape=shape)
        least = weights["likeness"].min(initial=1.0)
        popular = 1e-3 * least * index.counts / (1 + index.counts.max(initial=0))

        def rule(questions: Sequence[Question]) -> list[Ranking]:
            histories = [index.history(question) for question in questions]
            rows = np.repeat(np.arange(len(questions)), [len(history) for history in histories])
            ages = [age for history in histories for age in range(len(history) - 1, -1, -1)]
            items = np.array([item for history in histories for item in history], dtype=np.int64)
            ages_weigh = np.power(self.decay, np.array(ages, dtype=np.float32))
            shown = csr_array((ages_weigh, (rows, items)), shape=(len(questions), len(index.items)))
            return index.ranked((shown @ like).toarray() + popular, questions, self.size)

        return rule
