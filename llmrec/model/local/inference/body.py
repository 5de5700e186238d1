"""A decoder in its two halves, so that logits are computed where they are read and nowhere else."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from llmrec.model.local.device import token_budget
from llmrec.model.local.inference.kv_cache import KVCache, KVLayer
from llmrec.model.local.library import LIBRARY_ERRORS
from llmrec.model.local.loaded import Loaded, innermost

# The rows of logits held at once: a vocabulary of 150,000 takes 150 MB for them in float32.
HEAD_ROWS = 256
# The share of a body's arithmetic that attention to nodes of other texts may add where rows are packed.
ATTENTION_SHARE = 0.15
# Tokens that a model is tried on; every vocabulary has them.
PROBED = [24, 17, 31, 10]
# How far logits by halves, by a cache and by a tree may lie from the plain ones, as a share of the largest.
TOLERANCE = {torch.float32: 1e-3, torch.float16: 3e-2, torch.bfloat16: 6e-2}


class Body:
    """The layers and the head of a causal model. `width` is the number of nodes up to which packing texts
    into one row costs less than it saves; `busy` the tokens, in reading and in memory, that one pass of
    several prompts may take, none where one prompt is enough for the device."""

    def __init__(self, loaded: Loaded) -> None:
        whole = innermost(loaded.model)
        self._layers, self._head = whole.get_decoder(), whole.get_output_embeddings()
        self._dtype = whole.dtype
        self.device = loaded.device
        config = whole.config.get_text_config()
        weights = sum(weight.numel() for weight in self._layers.parameters())
        weights -= config.vocab_size * config.hidden_size
        self.width = max(
            64, int(ATTENTION_SHARE / 2 * weights / config.num_hidden_layers / config.hidden_size)
        )
        self.busy = 0 if self.device.type == "cpu" else token_budget(whole, self.device)

    @cached_property
    def probe(self) -> KVCache:
        """The cache of a row of the tokens PROBED, as the model itself makes it."""
        cache: Any = DynamicCache()
        self._states(torch.tensor([PROBED], device=self.device), None, None, cache)
        return KVCache([KVLayer(layer.keys, layer.values, len(PROBED)) for layer in cache.layers])

    def nothing(self) -> KVCache:
        """Return the cache of a row without tokens."""
        return self.probe.shortened(0)

    def go_on(self, ids: Sequence[int], cache: KVCache) -> tuple[Tensor, KVCache]:
        """Read on in the only row of a cache; return the states of what is new, and the cache of all."""
        longer = cache.spread(1, len(ids))
        before, new = cache.filled, len(ids)
        sees = torch.ones(1, new, before + new, dtype=torch.bool).tril(before)
        positions = torch.arange(before, before + new)[None]
        return self.read(torch.tensor([list(ids)]), positions, sees, longer), longer

    def read(self, ids: Tensor, positions: Tensor, sees: Tensor, cache: KVCache) -> Tensor:
        """Read tokens [rows, n] at `positions` into the cache; return their states [rows, n, hidden].

        `sees` [rows, n, filled + n] is true where a token may look, and true somewhere for each.
        """
        ids, positions, sees = (part.to(self.device) for part in (ids, positions, sees))
        # Numbers to add, for truth values would be turned into these once more in every layer.
        mask = torch.zeros(sees.shape, dtype=self._dtype, device=self.device)
        return self._states(ids, positions, mask.masked_fill_(~sees, float("-inf"))[:, None], cache.cache)

    def logits(self, states: Tensor) -> Tensor:
        """Return the logits [n, vocabulary] of states [n, hidden], in float32."""
        logits: Tensor = self._head(states).float()
        return logits

    def log_likelihoods(self, states: Tensor, which: Tensor, tokens: Tensor) -> Tensor:
        """Return the natural log of the probability of `tokens` [n], each after the state of number `which`
        [n], ascending, of states [m, hidden]."""
        found = []
        for first in range(0, len(states), HEAD_ROWS):
            logits = self.logits(states[first : first + HEAD_ROWS])
            begin, end = torch.searchsorted(which, torch.tensor([first, first + len(logits)])).tolist()
            rows, wanted = (part[begin:end].to(logits.device) for part in (which - first, tokens))
            found.append(logits[rows, wanted] - logits.logsumexp(1)[rows])
        return torch.cat(found)

    def _states(self, ids: Tensor, positions: Tensor | None, mask: Tensor | None, cache: Any) -> Tensor:
        states: Tensor = self._layers(
            input_ids=ids, position_ids=positions, attention_mask=mask, past_key_values=cache, use_cache=True
        ).last_hidden_state
        return states


def body_of(loaded: Loaded) -> Body | None:
    """Return the halves of a model, None where it cannot be read that way: an encoder-decoder, a learned
    prefix, layers that forget (sliding windows, states), an attention without free masks, or a model
    that does more to its logits or positions than a body and a head do - which is tried, not assumed."""
    config = loaded.model.config
    peft = getattr(loaded.model, "active_peft_config", None)
    if loaded.encoder_decoder or (peft is not None and peft.is_prompt_learning):
        return None
    if config._attn_implementation not in ("sdpa", "eager") or not _remembers(config):
        return None
    try:
        body = Body(loaded)
        return body if _agrees(body, loaded) else None
    except LIBRARY_ERRORS:
        return None  # built otherwise than the models that this was written for


def _remembers(config: Any) -> bool:
    """Say whether every layer keeps the keys and values of all tokens."""
    return all(type(layer) is DynamicLayer for layer in DynamicCache(config=config).layers)


@torch.inference_mode()
def _agrees(body: Body, loaded: Loaded) -> bool:
    """Say whether a beginning, two branches of it packed in one row, and the head give the logits that the
    model itself gives for each branch."""
    left, right = ([token + shift for token in PROBED] for shift in (1, 2))
    sees = torch.ones(1, 8, 12, dtype=torch.bool).tril(4)
    sees[:, 4:, 4:8] = False
    positions = torch.tensor([[4, 5, 6, 7] * 2])
    states = body.read(torch.tensor([left + right]), positions, sees, body.probe.spread(1, 8))
    ours = body.logits(states[0])
    whole = torch.tensor([PROBED + left, PROBED + right], device=loaded.device)
    plain = loaded.model(input_ids=whole).logits[:, 4:].float().flatten(0, 1)
    away = (ours - plain).abs().max() / plain.abs().max().clamp(min=1e-6)
    return bool(away <= TOLERANCE.get(loaded.model.dtype, 1e-3))
