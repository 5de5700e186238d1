"""BLEU, by sacrebleu and as the recommendation literature counts it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from llmrec.errors import ConfigError
from llmrec.metric.base import Array, Context, Metric, Row
from llmrec.metric.pairs import texts

Tokenizer = Enum("Tokenizer", ["13a", "intl", "zh", "char", "none"])
Smoothing = Enum("Smoothing", ["exp", "floor", "none"])


@dataclass(frozen=True, kw_only=True)
class CorpusBleu(Metric):
    """BLEU-n of the whole set for each n in `orders`, 0 to 100: n-grams are counted over all rows, then
    their precisions are averaged. Source: Papineni et al., "BLEU", 2002; computed by sacrebleu (Post,
    "A call for clarity in reporting BLEU scores", 2018)."""

    orders: list[int]

    def __post_init__(self) -> None:
        if not self.orders or min(self.orders) < 1:
            raise ConfigError(f"orders: {self.orders} is not a list of n-gram lengths; use [2, 4]")

    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        """Return [rows, 2 n + 3]: matches and totals for 1..n, both lengths, and the number of rows,
        which turns means back into the counts that smoothing depends on."""
        # Effective order changes no count; without it sacrebleu warns of single sentences.
        counter = BLEU(
            lowercase=self._lowercase(),
            tokenize=self._tokenizer(),
            force=True,
            smooth_method="none",
            effective_order=True,
            max_ngram_order=max(self.orders),
        )
        counted = np.empty((len(rows), 2 * max(self.orders) + 3))
        for row, (reference, hypothesis) in enumerate(texts(rows)):
            score = counter.sentence_score(hypothesis, [reference])
            counted[row] = (*score.counts, *score.totals, score.sys_len, score.ref_len, len(rows))
        return counted

    def values(self, means: Array) -> Array:
        counts = np.rint(means[..., :-1] * means[..., -1:]).astype(int)
        scores = [self._scores(row.tolist()) for row in counts.reshape(-1, counts.shape[-1])]
        return np.array(scores).reshape(*means.shape[:-1], len(self.orders))

    @property
    def higher_is_better(self) -> bool:
        return True

    def _scores(self, counts: list[int]) -> list[float]:
        longest = max(self.orders)
        return [
            BLEU.compute_bleu(
                correct=counts[:order],
                total=counts[longest : longest + order],
                sys_len=counts[-2],
                ref_len=counts[-1],
                smooth_method=self._smoothing(),
                max_ngram_order=order,
            ).score
            for order in self.orders
        ]

    def _tokenizer(self) -> str:
        return "none"

    def _smoothing(self) -> str:
        return "none"

    def _lowercase(self) -> bool:
        return False


@dataclass(frozen=True, kw_only=True)
class SacreBleu(CorpusBleu):
    """BLEU as sacrebleu gives it, with its settings in the id."""

    tokenizer: Tokenizer
    smoothing: Smoothing
    lowercase: bool

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        case = "lc" if self.lowercase else "mixed"
        settings = f"tok={self.tokenizer.name},smooth={self.smoothing.name},case={case}"
        return [f"bleu-{order}/sacrebleu,{settings}" for order in self.orders]

    def _tokenizer(self) -> str:
        return self.tokenizer.name

    def _smoothing(self) -> str:
        return self.smoothing.name

    def _lowercase(self) -> bool:
        return self.lowercase


@dataclass(frozen=True, kw_only=True)
class P5Bleu(CorpusBleu):
    """BLEU as PETER, P5 and LLMRec report it: words between blanks, case kept, no smoothing, so that a
    set without one matching n-gram scores 0."""

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        return [f"bleu-{order}/p5,whitespace,unsmoothed" for order in self.orders]
