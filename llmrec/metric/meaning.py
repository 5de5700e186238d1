"""Texts by what they mean and feel, not by their words; by models that packages carry (extra `texts`).

Without the package a score has no value, and a note says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from llmrec.metric.base import Array, Context, Row, RowMean
from llmrec.metric.pairs import texts


@dataclass(frozen=True, kw_only=True)
class ByModel(RowMean):
    """A mean over rows that a package's model is needed for."""

    def notes(self) -> list[str]:
        if self.there:
            return []
        return [f"no {type(self).__name__.lower()}: it takes {self.package}; pip install 'llmrec[texts]'"]


@dataclass(frozen=True, kw_only=True)
class Meaning(ByModel):
    """The cosine of the sentence vectors of answer and reference: 1 where they mean the same, about 0 where
    they have nothing in common; a row without words counts as 0.

    Vectors are means of WordLlama's token vectors (256 numbers), which the package carries.
    """

    package: ClassVar[str] = "wordllama"

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        return ["meaning/wordllama-256"]

    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        """Return [rows, 1]: the cosines."""
        if not self.there:
            return np.full((len(rows), 1), np.nan)
        pairs = texts(rows)
        own, said = (vectors([pair[side] for pair in pairs]) for side in (0, 1))
        cosines: Array = (own * said).sum(axis=1, keepdims=True)
        return cosines


@dataclass(frozen=True, kw_only=True)
class Sentiment(ByModel):
    """How often the feeling of an answer is that of the stars it stands for (above 3: positive, below:
    negative, 3: neither), or of the reference where the task does not show them; a row without an answer is a
    miss. Source: Hutto and Gilbert, "VADER: a parsimonious rule-based model for sentiment analysis", 2014."""

    package: ClassVar[str] = "vaderSentiment"

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        return ["sentiment/vader"]

    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        """Return [rows, 1]: whether the two agree."""
        if not self.there:
            return np.full((len(rows), 1), np.nan)
        feeling = analyser()
        agrees = []
        for row, (own, said) in zip(rows, texts(rows), strict=True):
            stars = row.question.rating
            wanted = feeling(own) if stars is None else np.sign(stars - 3)
            agrees.append(row.answer is not None and feeling(said) == wanted)
        return np.array(agrees, dtype=np.float64)[:, None]

    @property
    def in_unit_interval(self) -> bool:
        return self.there


def vectors(said: Sequence[str]) -> Array:
    """Return unit vectors [texts, 256], zeros for a text without tokens."""
    found: Array = np.zeros((len(said), 256))
    worded = [place for place, text in enumerate(said) if text.strip()]
    if worded:
        found[worded] = embedder().embed([said[place] for place in worded], norm=True)
    return np.nan_to_num(found)


@cache
def embedder() -> Any:
    import wordllama

    # Its weights lie beside it, where it would look for downloaded ones.
    return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)


@cache
def analyser() -> Callable[[str], int]:
    """Return what tells the feeling of a text: 1, 0 or -1, by the limits that VADER's authors give."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    score = SentimentIntensityAnalyzer().polarity_scores

    def feeling(text: str) -> int:
        compound = score(text)["compound"]
        return int(compound >= 0.05) - int(compound <= -0.05)

    return feeling
