"""ROUGE-1, -2 and -L, by rouge-score and as the recommendation literature counts it.

Every one is the mean of the rows' F scores x 100. Source: Lin, "ROUGE: a package for automatic
evaluation of summaries", 2004.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz.distance import LCSseq

from llmrec.metric.base import Array, Context, Row, RowMean
from llmrec.metric.pairs import texts

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer

KINDS = ("1", "2", "l")


@dataclass(frozen=True, kw_only=True)
class RougeScore(RowMean):
    """ROUGE F1 by Google's rouge-score: lower case, runs of a-z and 0-9 as words, n-grams counted with
    repetition, words of over three letters stemmed where `stemmer` is set. Text in other scripts has
    no words to it and scores 0."""

    stemmer: bool

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        stemming = "stemmer" if self.stemmer else "unstemmed"
        return [f"rouge-{kind}/rouge-score,{stemming},f1" for kind in KINDS]

    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        """Return [rows, 3]: F1 x 100 of ROUGE-1, -2 and -L."""
        scorer = _scorer(self.stemmer)
        scores = [scorer.score(reference, hypothesis) for reference, hypothesis in texts(rows)]
        return np.array(
            [[100.0 * score[kind].fmeasure for kind in ("rouge1", "rouge2", "rougeL")] for score in scores]
        )


@dataclass(frozen=True, kw_only=True)
class P5Rouge(RowMean):
    """ROUGE as PETER, P5 and LLMRec report it: words between blanks with case and punctuation kept, no
    stemming, and n-gram **sets**, in which a repeated n-gram counts once.

    Their code descends from google/seq2seq (`seq2seq/metrics/rouge.py`). Its ROUGE-L is no F1 but
    F_beta = (1 + beta^2) r p / (r + beta^2 p) with beta = p / r, where the longest common subsequence
    is taken of word sequences, not of sets, and p and r are its shares of the hypothesis and the
    reference; that is kept here, for a figure that stands beside theirs must be made as theirs was.
    """

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        return [f"rouge-{kind}/p5,sets,cased" for kind in KINDS]

    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        """Return [rows, 3]: F x 100 of ROUGE-1, -2 and -L."""
        return np.array(
            [
                [100.0 * score for score in _p5_scores(reference.split(), hypothesis.split())]
                for reference, hypothesis in texts(rows)
            ]
        )


def _scorer(stemmer: bool) -> "RougeScorer":
    """Return rouge-score's scorer with its own tokenizer, except that a word is stemmed only once."""
    # Imported here for the second that it takes.
    from nltk.stem.porter import PorterStemmer  # type: ignore[import-untyped]
    from rouge_score.rouge_scorer import RougeScorer
    from rouge_score.tokenize import tokenize

    stems = SimpleNamespace(stem=cache(PorterStemmer().stem)) if stemmer else None
    words = SimpleNamespace(tokenize=lambda text: tokenize(text, stems))
    return RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=words)


def ngrams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """Return all n-grams of a sentence, in order."""
    return list(zip(*(words[start:] for start in range(n)), strict=False))


def _p5_scores(reference: list[str], hypothesis: list[str]) -> tuple[float, float, float]:
    return (
        _set_f1(set(ngrams(reference, 1)), set(ngrams(hypothesis, 1))),
        _set_f1(set(ngrams(reference, 2)), set(ngrams(hypothesis, 2))),
        _subsequence_f(reference, hypothesis),
    )


def _set_f1(reference: set[tuple[str, ...]], hypothesis: set[tuple[str, ...]]) -> float:
    shared = len(reference & hypothesis)
    return 2.0 * shared / (len(reference) + len(hypothesis)) if shared else 0.0


def _subsequence_f(reference: list[str], hypothesis: list[str]) -> float:
    shared = LCSseq.similarity(reference, hypothesis)
    if not shared:
        return 0.0
    precision, recall = shared / len(hypothesis), shared / len(reference)
    beta2 = (precision / recall) ** 2
    return (1.0 + beta2) * recall * precision / (recall + beta2 * precision)
