"""Pairs one after the other in one row: no padding, and attention that is computed within a pair alone."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from llmrec.model.local.loaded import Loaded, innermost

BY_PAIR = "llmrec_by_pair"
# Tokens of the pairs that a model is tried on.
TRIED = 24


def attention_by_pair(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    pair_bounds: tuple[int, ...] | None = None,
    **settings: Any,
) -> tuple[Tensor, None]:
    """Return the attention [B, L, H, D] of queries [B, H, L, D], as transformers' own for torch's.

    Between `pair_bounds` [pairs + 1] it is computed pair by pair, under the pair's own part of the mask:
    in a whole row the work would grow with the square of its length, most of it behind the mask.
    """
    if pair_bounds is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
    found = []
    for begin, end in pairwise(pair_bounds):
        queries, keys, values = (states[:, :, begin:end] for states in (query, key, value))
        mask = None if attention_mask is None else attention_mask[..., begin:end, begin:end]
        found.append(sdpa_attention_forward(module, queries, keys, values, mask, **settings)[0])
    return torch.cat(found, dim=1), None


AttentionInterface.register(BY_PAIR, attention_by_pair)
AttentionMaskInterface.register(BY_PAIR, sdpa_mask)


def made_packable(loaded: Loaded) -> bool:
    """Have the model attend pair by pair where it can, and say whether packed pairs keep apart in it.

    It is tried rather than known: a model may read positions off the mask, or carry a state along the row.
    """
    base = innermost(loaded.model)
    if loaded.encoder_decoder or not getattr(base, "_supports_attention_backend", False):
        return False
    if base.config._attn_implementation == "sdpa":
        base.set_attn_implementation(BY_PAIR)
    return _keeps_apart(loaded)


@torch.inference_mode()
def _keeps_apart(loaded: Loaded) -> bool:
    """Say whether a pair's logits stay as they are when the pair before it becomes another."""
    half = torch.arange(TRIED // 2, device=loaded.device)
    bounds = (0, TRIED // 2, TRIED)
    first, second = (
        loaded.model(
            input_ids=torch.cat((half + shift, half))[None],
            position_ids=torch.cat((half, half))[None],
            pair_bounds=bounds,
            use_cache=False,
        ).logits[0, TRIED // 2 :]
        for shift in (1, 2)
    )
    return bool((first - second).abs().max() <= 4 * torch.finfo(first.dtype).eps * first.abs().max())
