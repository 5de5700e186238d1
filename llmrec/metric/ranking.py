"""Where the item that came next stands in a ranking: hit rate, nDCG and reciprocal rank at k.

Each row has one relevant item. A position is counted from 1; items of equal score share their mean
position, rounded down; an item that was not ranked stands at infinity and is a miss.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from llmrec.errors import ConfigError
from llmrec.metric.base import Array, Context, Row, RowMean
from llmrec.metric.pairs import pairs
from llmrec.records import Ranking


@dataclass(frozen=True, kw_only=True)
class RankMetric(RowMean):
    """A gain by position, cut at each `k`. Ids end in what was ranked: `full` is the whole catalogue,
    `sampled-100` a list of 100 candidates; the two are never comparable."""

    symbol: ClassVar[str]
    k: list[int]

    def __post_init__(self) -> None:
        if not self.k or min(self.k) < 1:
            raise ConfigError(f"k: {self.k} is not a list of positions; name one or more, from 1 on")

    @abstractmethod
    def gain(self, positions: Array) -> Array:
        """Map positions (>= 1, finite or infinite) to gains, 1 at best."""

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        return [f"{self.symbol}@{k}/{pool(rows)}" for k in self.k]

    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        """Return [rows, len(k)]: the gain where the item stands at or above k, else 0."""
        at = np.array([position(reference, answer) for reference, answer in pairs(rows, Ranking)])
        gains = np.where(np.isfinite(at), self.gain(at), 0.0)
        return np.where(at[:, None] <= np.array(self.k), gains[:, None], 0.0)

    @property
    def in_unit_interval(self) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class HitRate(RankMetric):
    """The share of rows whose item stands at k or above (with one relevant item: recall at k)."""

    symbol: ClassVar[str] = "hr"

    def gain(self, positions: Array) -> Array:
        return np.ones_like(positions)


@dataclass(frozen=True, kw_only=True)
class NDCG(RankMetric):
    """1 / log2(position + 1); the ideal DCG of one relevant item is 1.

    Source: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002, with
    the discount log2(position + 1) that recommenders use.
    """

    symbol: ClassVar[str] = "ndcg"

    def gain(self, positions: Array) -> Array:
        return 1.0 / np.log2(positions + 1.0)


@dataclass(frozen=True, kw_only=True)
class MRR(RankMetric):
    """1 / position. Source: Voorhees, "The TREC-8 question answering track report", 1999."""

    symbol: ClassVar[str] = "mrr"

    def gain(self, positions: Array) -> Array:
        return 1.0 / positions


def position(reference: Ranking, answer: Ranking | None) -> float:
    """Return the position of the reference's one item: in order, or, among equal scores, the mid-rank
    rounded down to a whole position.

    Of a tie over two places both get the upper one, so this is the favourable reading: under
    file-order ties it gives Beauty's popularity HR@10 .0120, the fractional mid-rank .0110.
    """
    item = reference.items[0]
    if answer is None or item not in answer.items:
        return float("inf")
    at = answer.items.index(item)
    if not answer.scores:
        return at + 1.0
    score = answer.scores[at]
    return float(answer.scores.index(score) + (answer.scores.count(score) + 1) // 2)


def pool(rows: Sequence[Row]) -> str:
    """Name what the rows were ranked among."""
    sizes = {len(row.question.candidates) for row in rows}
    if sizes <= {0}:
        return "full"
    return f"sampled-{sizes.pop()}" if len(sizes) == 1 else "sampled"
