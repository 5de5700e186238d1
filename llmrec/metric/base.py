"""Scores as means of row statistics, so that every one has the same bootstrap.

A metric turns each row into a vector of `d` numbers; its value is a function of the rows' mean
vector. RMSE is the root of a mean square, BLEU a function of mean counts, HR a plain mean.
"""

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from llmrec.records import Answer, Question

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One scored row; `answer` is None where there was no valid one."""

    question: Question
    reference: Answer
    answer: Answer | None


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a metric may know beyond the rows: the training answers, whose mean is the fallback of a
    missing rating."""

    training: Sequence[Answer]


@dataclass(frozen=True, kw_only=True)
class Metric(ABC):
    """A score. One class may give several ids that share their statistics (HR@1, HR@5, ...). `package` is
    the one of an extra whose model it needs, "" for none."""

    package: ClassVar[str] = ""

    @abstractmethod
    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        """Return the ids of its values, in order; an id says all that shapes the score."""

    @abstractmethod
    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        """Return an array [rows, d]; a row without an answer counts as the worst there is."""

    @abstractmethod
    def values(self, means: Array) -> Array:
        """Map mean statistics [..., d] to values [..., len(ids)]."""

    def notes(self) -> list[str]:
        """Return what a reader of its scores must know."""
        return []

    @property
    def there(self) -> bool:
        """Say whether what it needs is installed; without that a score has no value."""
        return not self.package or importlib.util.find_spec(self.package) is not None

    @property
    @abstractmethod
    def higher_is_better(self) -> bool:
        """Say which way is up."""

    @property
    def in_unit_interval(self) -> bool:
        """Say whether every value is the plain mean of row values in [0, 1], so that a value of 0 or 1
        means that all rows are 0 or 1."""
        return False


@dataclass(frozen=True, kw_only=True)
class RowMean(Metric):
    """A score that is the mean of the rows' own values, of which more is better."""

    def values(self, means: Array) -> Array:
        return means

    @property
    def higher_is_better(self) -> bool:
        return True
