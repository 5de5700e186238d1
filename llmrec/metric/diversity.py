"""Whether a model says the same to everyone: distinct n-grams, unique sentences, the one said most.

Both are properties of a set. They are written here as means over rows - what a row adds that no
earlier row had - so the value is exact, while the bootstrap is conditional on the order of the rows:
a resample keeps each row's share of new material as first counted. Words stand between blanks, case
and punctuation kept; a row without an answer counts as 0.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llmrec.errors import ConfigError
from llmrec.metric.base import Array, Context, Metric, Row, RowMean
from llmrec.metric.pairs import texts
from llmrec.metric.rouge import ngrams


@dataclass(frozen=True, kw_only=True)
class Distinct(Metric):
    """Different n-grams / all n-grams of the answers together, for each n in `orders`, times the share
    of rows that were answered: the ratio alone is best for a model that speaks once and then is silent.

    Source: Li et al., "A diversity-promoting objective function for neural conversation models", 2016.
    """

    orders: list[int]

    def __post_init__(self) -> None:
        if not self.orders or min(self.orders) < 1:
            raise ConfigError(f"orders: {self.orders} is not a list of n-gram lengths; use [1, 2]")

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        return [f"distinct-{order}" for order in self.orders]

    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        """Return [rows, 2 len(orders) + 1]: n-grams new with the row, all of its n-grams, and whether
        it was answered."""
        seen: list[set[tuple[str, ...]]] = [set() for _ in self.orders]
        counted = np.zeros((len(rows), 2, len(self.orders)))
        for row, (_, hypothesis) in enumerate(texts(rows)):
            for column, order in enumerate(self.orders):
                found = ngrams(hypothesis.split(), order)
                known = len(seen[column])
                seen[column].update(found)
                counted[row, :, column] = len(seen[column]) - known, len(found)
        answered = [[float(row.answer is not None)] for row in rows]
        return np.hstack([counted.reshape(len(rows), -1), answered])

    def values(self, means: Array) -> Array:
        new, total, answered = np.split(means, [len(self.orders), 2 * len(self.orders)], axis=-1)
        return answered * np.divide(new, total, out=np.zeros_like(new), where=total > 0)

    @property
    def higher_is_better(self) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class UniqueSentences(RowMean):
    """Different sentences / rows. Source: USR in Li et al., "Personalized transformer for explainable
    recommendation" (PETER), 2021."""

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        return ["usr"]

    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        """Return [rows, 1]: 1 for the first row that says a sentence, else 0."""
        seen: set[tuple[str, ...]] = {()}
        firsts = np.zeros((len(rows), 1))
        for row, (_, hypothesis) in enumerate(texts(rows)):
            words = tuple(hypothesis.split())
            firsts[row] = words not in seen
            seen.add(words)
        return firsts


@dataclass(frozen=True, kw_only=True)
class Repetition(RowMean):
    """The share of rows that got the answer that is given most often; a row without an answer counts as one
    of them. A resample keeps which answer that is."""

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        return ["repetition"]

    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        """Return [rows, 1]: 1 for the answer given most often (the first of several), or for none."""
        said = [tuple(hypothesis.split()) for _, hypothesis in texts(rows)]
        [(most, _)] = Counter(words for words in said if words).most_common(1) or [((), 0)]
        return np.array([[float(words in (most, ()))] for words in said])

    @property
    def higher_is_better(self) -> bool:
        return False

    @property
    def in_unit_interval(self) -> bool:
        return True
