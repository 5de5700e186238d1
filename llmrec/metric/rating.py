"""How far predicted stars lie from given ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llmrec.metric.base import Array, Context, Metric, Row
from llmrec.metric.pairs import pairs
from llmrec.records import Rating

# Used where there are no training ratings: the middle of the scale from 1 to 5.
MIDPOINT = 3.0


@dataclass(frozen=True, kw_only=True)
class RatingError(Metric):
    """Root mean square error and mean absolute error, in stars.

    A row without a rating is scored as if the mean training rating had been answered, which no model
    is entitled to beat by keeping silent; the rows with one stand beside it under ":valid".
    """

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        return ["rmse", "mae"]

    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        """Return [rows, 2]: squared and absolute error."""
        fallback = fallback_stars(context)
        errors = np.array(
            [
                (answer.stars if answer else fallback) - reference.stars
                for reference, answer in pairs(rows, Rating)
            ]
        )
        return np.column_stack([errors**2, np.abs(errors)])

    def values(self, means: Array) -> Array:
        return np.stack([np.sqrt(means[..., 0]), means[..., 1]], axis=-1)

    @property
    def higher_is_better(self) -> bool:
        return False


def fallback_stars(context: Context) -> float:
    """Return the mean of the training ratings: what a missing rating counts as."""
    stars = [answer.stars for answer in context.training if isinstance(answer, Rating)]
    return sum(stars) / len(stars) if stars else MIDPOINT
