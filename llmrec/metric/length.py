"""Whether texts have the length that was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llmrec.errors import ConfigError
from llmrec.metric.base import Array, Context, Row, RowMean
from llmrec.metric.pairs import texts


@dataclass(frozen=True, kw_only=True)
class LengthGap(RowMean):
    """By how many words an answer is longer or shorter than `asked`, in the mean; words stand between blanks,
    and a row without an answer has none."""

    asked: int

    def __post_init__(self) -> None:
        if self.asked < 1:
            raise ConfigError(f"asked: a text of {self.asked} words; use 1 or more")

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        return [f"length-gap/asked={self.asked}"]

    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        """Return [rows, 1]: words too many or too few."""
        return np.array([[float(abs(len(said.split()) - self.asked))] for _, said in texts(rows)])

    @property
    def higher_is_better(self) -> bool:
        return False
