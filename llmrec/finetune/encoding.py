"""Pairs as token ids, and batches of them whose loss is that of the target tokens alone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from llmrec.model.local.loaded import Loaded, innermost
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
    end = loaded.end_token
    encoded = (Encoded(*renderer.encode_pair(pair.prompt.messages, pair.target)) for pair in pairs)
    whole = (Encoded(pair.prompt, [*pair.target, end]) for pair in encoded)
    return [pair for pair in whole if pair.length <= max_tokens]


@dataclass(frozen=True, kw_only=True)
class Collator:
    """Makes a batch of pairs. `shift_labels` [n] are the target tokens of all rows, row by row, and
    `rows`, `columns` [n] the places of the logits that foretell them; columns count from the end of a row
    (-1), for some adapters put tokens of their own before it.

    Decoders read prompt and target in one row, padded at the right, or with `packing` all pairs in one
    row [1, sum of lengths] with positions that start anew at each of `pair_bounds`. Encoder-decoders read
    the prompt, and their decoder the target one step late.
    """

    pad_token: int
    encoder_decoder: bool
    start_token: int | None
    packing: bool

    def __call__(self, pairs: Sequence[Encoded]) -> dict[str, Any]:
        if self.encoder_decoder:
            return self._two_sided(pairs)
        return self._packed(pairs) if self.packing else self._padded(pairs)

    def _padded(self, pairs: Sequence[Encoded]) -> dict[str, Any]:
        ids = [torch.tensor(pair.prompt + pair.target) for pair in pairs]
        begins = [len(pair.prompt) - 1 - max(map(len, ids)) for pair in pairs]
        return {**self._filled(ids, ""), **_foretold(pairs, list(range(len(pairs))), begins)}

    def _packed(self, pairs: Sequence[Encoded]) -> dict[str, Any]:
        bounds = tuple(accumulate((pair.length for pair in pairs), initial=0))
        begins = [
            end - len(pair.target) - 1 - bounds[-1] for end, pair in zip(bounds[1:], pairs, strict=True)
        ]
        return {
            "input_ids": torch.tensor([[id for pair in pairs for id in pair.prompt + pair.target]]),
            "position_ids": torch.cat([torch.arange(pair.length) for pair in pairs])[None],
            "pair_bounds": bounds,
            **_foretold(pairs, [0] * len(pairs), begins),
        }

    def _two_sided(self, pairs: Sequence[Encoded]) -> dict[str, Any]:
        late = [torch.tensor([self.start_token, *pair.target[:-1]]) for pair in pairs]
        return {
            **self._filled([torch.tensor(pair.prompt) for pair in pairs], ""),
            **self._filled(late, "decoder_"),
            **_foretold(pairs, list(range(len(pairs))), [-max(map(len, late))] * len(pairs)),
        }

    def _filled(self, ids: list[Tensor], prefix: str) -> dict[str, Tensor]:
        ones = [torch.ones_like(row) for row in ids]
        return {
            f"{prefix}input_ids": pad_sequence(ids, True, self.pad_token),
            f"{prefix}attention_mask": pad_sequence(ones, True, 0),
        }


def _foretold(pairs: Sequence[Encoded], rows: list[int], begins: list[int]) -> dict[str, Tensor]:
    """Return the target tokens and where the logits for them stand; the first of a pair at its `begin`."""
    targets = [torch.tensor(pair.target) for pair in pairs]
    columns = [begin + torch.arange(len(target)) for begin, target in zip(begins, targets, strict=True)]
    row_of_each = torch.tensor(rows).repeat_interleave(torch.tensor([len(target) for target in targets]))
    labels = torch.cat(targets)
    # The Trainer counts a step's tokens by `shift_labels`, but only where there are `labels` too.
    return {"labels": labels, "shift_labels": labels, "rows": row_of_each, "columns": torch.cat(columns)}


def summed_loss(model: Any, batch: dict[str, Any]) -> Tensor:
    """Return the cross-entropy of the target tokens in nats, summed, in float32."""
    inputs = dict(batch)
    labels, _, *places = (inputs.pop(name) for name in ("labels", "shift_labels", "rows", "columns"))
    with logits_at(model, *places) as read:
        logits = read(model(**inputs, use_cache=False).logits)
    return cross_entropy(logits.float(), labels, reduction="sum")


@contextmanager
def logits_at(model: Any, rows: Tensor, columns: Tensor) -> Iterator[Callable[[Tensor], Tensor]]:
    """Have the model compute logits at these places alone, and give what reads them [n, vocabulary] from
    its output.

    A vocabulary is large: logits of a whole prompt would cost more than some layers, and the most memory.
    The head gets the hidden states of the places as one row, so that what a class does to logits after
    it is done to them as well. Code that lies beside weights may order hidden states in its own way: there
    every logit is computed.
    """
    base = innermost(model)
    head = base.get_output_embeddings() if type(base).__module__.startswith("transformers.") else None
    if head is None:
        yield lambda logits: logits[rows, columns]
        return
    hook = head.register_forward_pre_hook(lambda _, given: (given[0][rows, columns][None], *given[1:]))
    try:
        yield lambda logits: logits[0]
    finally:
        hook.remove()
