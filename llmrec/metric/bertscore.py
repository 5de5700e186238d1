"""Texts by the tokens' vectors of a language model, by the bert-score package (extra `bertscore`)."""

import importlib.util
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from functools import cache
from io import StringIO
from typing import Any

import numpy as np

from llmrec.errors import BackendError, ConfigError, one_line
from llmrec.metric.base import Array, Context, Row, RowMean
from llmrec.metric.pairs import texts


@dataclass(frozen=True, kw_only=True)
class BertScore(RowMean):
    """BERTScore's F1 as it comes, without rescaling or weights of tokens; a row without words counts as 0.

    `checkpoint` is a hub id or a folder, None for no such score; `layer` whose vectors are taken, None for
    the one that the package recommends. Source: Zhang et al., "BERTScore: evaluating text generation with
    BERT", 2020.
    """

    checkpoint: str | None
    layer: int | None

    def __post_init__(self) -> None:
        if self.checkpoint is None:
            return
        if importlib.util.find_spec("bert_score") is None:
            raise ConfigError(
                f"checkpoint: {self.checkpoint} takes bert-score; pip install 'llmrec[bertscore]', or "
                "metric.bertscore=null"
            )
        if self.layer is None and self.checkpoint not in layers():
            raise ConfigError(
                f"checkpoint: bert-score recommends no layer of {self.checkpoint}; say "
                "metric.bertscore_layer=N"
            )

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        if self.checkpoint is None:
            return []
        layer = layers()[self.checkpoint] if self.layer is None else self.layer
        return [f"bertscore/{self.checkpoint.rstrip('/').rpartition('/')[2]}-layer={layer}"]

    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        """Return [rows, 1]: F1 of each answer with its reference; [rows, 0] without a checkpoint."""
        if self.checkpoint is None:
            return np.zeros((len(rows), 0))
        pairs = texts(rows)
        found = np.zeros((len(rows), 1))
        worded = [row for row, pair in enumerate(pairs) if all(text.strip() for text in pair)]
        if worded:
            scored = scorer(self.checkpoint, self.layer).score(
                [pairs[row][1] for row in worded], [pairs[row][0] for row in worded]
            )
            found[worded, 0] = scored[2].numpy()
        return found


def layers() -> dict[str, int]:
    """Return the layers that the package recommends, by checkpoint."""
    from bert_score.utils import model2layers

    return dict(model2layers)


@cache
def scorer(checkpoint: str, layer: int | None) -> Any:
    """Return the package's scorer, on a GPU where there is one. Raises BackendError where the checkpoint
    cannot be loaded."""
    from bert_score import BERTScorer

    try:
        with redirect_stderr(StringIO()):  # bars of loading
            return BERTScorer(model_type=checkpoint, num_layers=layer)
    except (OSError, ValueError) as error:
        raise BackendError(
            f"metric.bertscore: {checkpoint} cannot be loaded ({one_line(error)}); give a hub id or a "
            "folder, or null; what was answered is kept"
        ) from error
