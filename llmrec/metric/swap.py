"""Whether a text is about its own row: the swap test."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llmrec.errors import ConfigError
from llmrec.metric.base import Array, Context, Row, RowMean
from llmrec.metric.pairs import texts
from llmrec.seeded import hash64


@dataclass(frozen=True, kw_only=True)
class SwapTest(RowMean):
    """How often an answer shares more words with its own reference than with another row's, equally many
    counting half: 0.5 is a text that would suit any row as well, 1 one that suits its own alone.

    Each row is held against `others` rows of its own run, drawn by a hash of the rows; words are compared
    as sets, case aside, by their F1. A row without an answer counts as 0.
    """

    others: int

    def __post_init__(self) -> None:
        if self.others < 1:
            raise ConfigError(f"others: {self.others} rows to swap with; use 1 or more")

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        return [f"swap/others={self.others}"]

    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        """Return [rows, 1]: the share of the other references that lie further away than the own one."""
        words = [(set(own.casefold().split()), set(said.casefold().split())) for own, said in texts(rows)]
        order = sorted(range(len(rows)), key=lambda row: hash64("swap", rows[row].question.id, row))
        counted = np.zeros((len(rows), 1))
        for place, row in enumerate(order):
            own, said = words[row]
            others = [words[order[(place + step) % len(rows)]][0] for step in range(1, self.others + 1)]
            near = alike(said, own)
            if said:
                counted[row] = np.mean([(np.sign(near - alike(said, other)) + 1) / 2 for other in others])
        return counted


def alike(one: set[str], other: set[str]) -> float:
    """Return the F1 of two sets of words."""
    return 2.0 * len(one & other) / (len(one) + len(other)) if one or other else 0.0
