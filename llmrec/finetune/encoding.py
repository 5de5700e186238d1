"""Pairs as token ids, and batches of them whose loss is that of the target tokens alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from llmrec.model.local.loaded import Loaded
from llmrec.model.local.template import Renderer
from llmrec.records import Pair

IGNORED = -100


class Encoded(NamedTuple):
    """Token ids of a prompt [p] and of its target [t], the end token included."""

    prompt: list[int]
    target: list[int]

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.target)


def encode(pairs: Sequence[Pair], renderer: Renderer, loaded: Loaded, max_tokens: int) -> list[Encoded]:
    """Return the pairs of at most `max_tokens` tokens as ids, in order."""
    end = end_token(loaded)
    encoded = (Encoded(*renderer.encode_pair(pair.prompt.messages, pair.target)) for pair in pairs)
    whole = (Encoded(pair.prompt, [*pair.target, end]) for pair in encoded)
    return [pair for pair in whole if pair.length <= max_tokens]


def end_token(loaded: Loaded) -> int:
    """Return the token that the model learns to end an answer with: one that ends generation."""
    own = loaded.tokenizer.eos_token_id
    return int(own) if own in loaded.end_tokens else min(loaded.end_tokens)


@dataclass(frozen=True, kw_only=True)
class Collator:
    """Makes a batch of pairs. `shift_labels` [n] are the target tokens of all rows, row by row, and
    `rows`, `columns` [n] the places of the logits that foretell them.

    Decoders read prompt and target in one row, padded at the right, or with `packing` all pairs in one
    row [1, sum of lengths] with positions that start anew. Encoder-decoders read the prompt, and their
    decoder the target one step late.
    """

    pad_token: int
    encoder_decoder: bool
    start_token: int | None
    packing: bool

    def __call__(self, pairs: Sequence[Encoded]) -> dict[str, Tensor]:
        if self.encoder_decoder:
            return self._two_sided(pairs)
        return self._packed(pairs) if self.packing else self._padded(pairs)

    def _padded(self, pairs: Sequence[Encoded]) -> dict[str, Tensor]:
        ids = [torch.tensor(pair.prompt + pair.target) for pair in pairs]
        begins = [len(pair.prompt) - 1 for pair in pairs]
        return {**self._filled(ids, ""), **_foretold(pairs, list(range(len(pairs))), begins)}

    def _packed(self, pairs: Sequence[Encoded]) -> dict[str, Tensor]:
        starts = [sum(pair.length for pair in pairs[:place]) for place in range(len(pairs))]
        begins = [start + len(pair.prompt) - 1 for start, pair in zip(starts, pairs, strict=True)]
        return {
            "input_ids": torch.tensor([[id for pair in pairs for id in pair.prompt + pair.target]]),
            "position_ids": torch.cat([torch.arange(pair.length) for pair in pairs])[None],
            **_foretold(pairs, [0] * len(pairs), begins),
        }

    def _two_sided(self, pairs: Sequence[Encoded]) -> dict[str, Tensor]:
        late = [torch.tensor([self.start_token, *pair.target[:-1]]) for pair in pairs]
        return {
            **self._filled([torch.tensor(pair.prompt) for pair in pairs], ""),
            **self._filled(late, "decoder_"),
            **_foretold(pairs, list(range(len(pairs))), [0] * len(pairs)),
        }

    def _filled(self, ids: list[Tensor], prefix: str) -> dict[str, Tensor]:
        ones = [torch.ones_like(row) for row in ids]
        return {
            f"{prefix}input_ids": pad_sequence(ids, True, self.pad_token),
            f"{prefix}attention_mask": pad_sequence(ones, True, 0),
        }


def _foretold(pairs: Sequence[Encoded], rows: list[int], begins: list[int]) -> dict[str, Tensor]:
    """Return the target tokens and where the logits for them stand; the first of a row at its `begin`."""
    return {
        "shift_labels": torch.tensor([id for pair in pairs for id in pair.target]),
        "rows": torch.tensor([row for row, pair in zip(rows, pairs, strict=True) for _ in pair.target]),
        "columns": torch.cat(
            [torch.arange(begin, begin + len(pair.target)) for begin, pair in zip(begins, pairs, strict=True)]
        ),
    }


def summed_loss(model: Any, batch: dict[str, Tensor], keeps_logits: bool) -> Tensor:
    """Return the cross-entropy of the target tokens in nats, summed, in float32.

    Where the model can (`keeps_logits`), logits are computed at no other columns than those foretelling
    a target token in some row.
    """
    inputs = dict(batch)
    labels, rows, columns = (inputs.pop(name) for name in ("shift_labels", "rows", "columns"))
    if keeps_logits:
        needed, columns = torch.unique(columns, return_inverse=True)
        inputs["logits_to_keep"] = needed
    logits = model(**inputs, use_cache=False).logits
    return cross_entropy(logits[rows, columns].float(), labels, reduction="sum")
