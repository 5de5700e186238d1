"""Causal models that can be read as trees: see body, forest and prefix."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from llmrec.decoding.base import Writing
from llmrec.decoding.sample import Sample
from llmrec.model.local.inference.body import Body
from llmrec.model.local.inference.engine import Endings, Engine, Row, Written
from llmrec.model.local.inference.likelihood import Asked, log_likelihoods
from llmrec.model.local.inference.prefix import PrefixCache
from llmrec.model.local.inference.search import BeamSearch, best_titles
from llmrec.model.local.inference.titles import Found, Titles
from llmrec.model.local.inference.writing import Choose, write
from llmrec.model.local.loaded import Loaded
from llmrec.seeded import hash64


class Trees(Engine):
    """Reads what prompts share once, and keeps what all of them do from batch to batch."""

    name = "trees"

    def __init__(self, loaded: Loaded, body: Body, seed: int) -> None:
        self._loaded, self._body, self._seed = loaded, body, seed
        self._prefix = PrefixCache(body)

    def expect(self, stem: Sequence[int]) -> None:
        self._prefix = PrefixCache(self._body, stem)

    def write(self, rows: Sequence[Row], decoding: Writing) -> list[Written]:
        self._prefix.rewind()
        ends = Endings(self._loaded, decoding.lines)
        choose = drawn(rows, decoding, self._seed) if isinstance(decoding, Sample) else likeliest
        prompts = [row.ids for row in rows]
        texts = write(prompts, self._body, self._prefix, choose, ends, decoding.max_new_tokens)
        return [Written((ends.text(text),), ends(text), len(text)) for text in texts]

    def score(self, rows: Sequence[Row]) -> list[list[float]]:
        self._prefix.rewind()
        return log_likelihoods([Asked(row.ids, row.texts) for row in rows], self._body, self._prefix)

    def search(self, rows: Sequence[Row], titles: Titles, beams: int) -> list[list[Found]]:
        self._prefix.rewind()
        searches = [BeamSearch(titles.allowed(row.refused), beams) for row in rows]
        return best_titles(
            [row.ids for row in rows], searches, self._body, self._prefix, self._loaded.end_token
        )


def likeliest(logits: Tensor, rows: Sequence[int]) -> list[int]:
    tokens: list[int] = logits.argmax(dim=1).tolist()
    return tokens


def drawn(rows: Sequence[Row], decoding: Sample, seed: int) -> Choose:
    """Return the draw of tokens by their probabilities; every row has a chance of its own, which does not
    depend on what stands beside it."""
    chances = [
        torch.Generator().manual_seed(hash64("generation", seed, row.example_id, row.ask)) for row in rows
    ]
    warpers = LogitsProcessorList([TemperatureLogitsWarper(decoding.temperature)])
    if decoding.top_k:
        warpers.append(TopKLogitsWarper(decoding.top_k))
    if decoding.top_p < 1:
        warpers.append(TopPLogitsWarper(decoding.top_p))

    nothing_written: Any = torch.zeros(1, 0, dtype=torch.long)  # these warpers look at logits alone

    def choose(logits: Tensor, live: list[int]) -> list[int]:
        odds = warpers(nothing_written, logits).softmax(dim=1).cpu()
        return [
            int(torch.multinomial(row, 1, generator=chances[at])) for row, at in zip(odds, live, strict=True)
        ]

    return choose
