"""Texts written token by token; rows that came to their end leave the batch."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from llmrec.model.local.inference.body import Body
from llmrec.model.local.inference.forest import plant
from llmrec.model.local.inference.kv_cache import KVCache
from llmrec.model.local.inference.prefix import PrefixCache, common_beginning, families

Choose = Callable[[Tensor, list[int]], list[int]]
"""From logits [n, vocabulary] and the numbers of their n rows to the next token of each."""
Ends = Callable[[list[int]], bool]
"""Whether a text, by its tokens, is at its end."""


# Rows at their end leave a batch once no larger share of it goes on, for what stays is copied then.
STAY = 0.75


class Begun(NamedTuple):
    """Prompts that were read: `cache` of a row each, of which a row uses its first `lengths`; and the
    states [rows, hidden] of their last tokens."""

    cache: KVCache
    lengths: Tensor
    states: Tensor


def write(
    prompts: Sequence[list[int]], body: Body, prefix: PrefixCache, choose: Choose, ends: Ends, most: int
) -> list[list[int]]:
    """Return the tokens written after each prompt, at most `most`, the last one included."""
    begun = begin(prompts, body, prefix, most)
    cache, states, lengths = begun.cache, begun.states, begun.lengths
    behind = cache.filled  # the column behind the longest prompt, where all rows go on
    sees = torch.arange(behind + most)[None] < lengths[:, None]
    texts: list[list[int]] = [[] for _ in prompts]
    rows, done = list(range(len(prompts))), set[int]()
    while True:
        for row, token in zip(rows, choose(body.logits(states), rows), strict=True):
            if row not in done:
                texts[row].append(token)
                if len(texts[row]) == most or ends(texts[row]):
                    done.add(row)
        live = [place for place, row in enumerate(rows) if row not in done]
        if not live:
            return texts
        if len(live) <= STAY * len(rows):
            rows = [rows[place] for place in live]
            kept = torch.tensor(live)
            sees, lengths = sees[kept], lengths[kept]
            cache = cache.kept(kept, cache.room - cache.filled)
        column = cache.filled
        sees[:, column] = True
        ids = torch.tensor([[texts[row][-1]] for row in rows])
        states = body.read(ids, lengths[:, None] + column - behind, sees[:, None, : column + 1], cache)[:, 0]


def begin(prompts: Sequence[list[int]], body: Body, prefix: PrefixCache, room: int) -> Begun:
    """Read prompts family by family: what all of one begin with from the prefix, the rest as trees."""
    groups = families(prompts, body.width)
    if len(groups) == 1:
        return _begin(prompts, body, prefix, room)
    parts = [_begin([prompts[number] for number in group], body, prefix, 0) for group in groups]
    order = [number for group in groups for number in group]
    back = torch.argsort(torch.tensor(order))
    return Begun(
        cache=KVCache.joined([part.cache for part in parts], order, room),
        lengths=torch.cat([part.lengths for part in parts])[back],
        states=torch.cat([part.states for part in parts])[back],
    )


def _begin(prompts: Sequence[list[int]], body: Body, prefix: PrefixCache, room: int) -> Begun:
    stem = common_beginning(prompts)
    tails = [prompt[len(stem) :] for prompt in prompts]
    forest = plant(tails, body.width)
    base = prefix.follow(stem)
    rows, nodes = forest.ids.shape
    cache = base.spread(rows, nodes)
    sees = torch.cat([torch.ones(rows, nodes, len(stem), dtype=torch.bool), forest.sees], dim=2)
    states = body.read(forest.ids, forest.depths + len(stem), sees, cache)
    which = torch.tensor([place.row for place in forest.places])
    last = torch.tensor([place.nodes[-1] for place in forest.places])
    ends = states[which.to(states.device), last.to(states.device)]
    longest = max(len(tail) for tail in tails)
    columns = torch.zeros(len(tails), len(stem) + longest, dtype=torch.long)
    columns[:, : len(stem)] = torch.arange(len(stem))
    for row, place in enumerate(forest.places):
        columns[row, len(stem) : len(stem) + len(place.nodes)] = torch.tensor(place.nodes) + len(stem)
    lengths = torch.tensor([len(prompt) for prompt in prompts])
    return Begun(cache.gathered(which, columns, room), lengths, ends)
