"""How likely a model is to write given texts: the prompt is read once, the texts as a tree behind it."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from llmrec.model.local.inference.body import Body
from llmrec.model.local.inference.forest import Forest, Place, plant
from llmrec.model.local.inference.kv_cache import KVCache
from llmrec.model.local.inference.prefix import PrefixCache, common_beginning, families

Tokens = list[int]


class Asked(NamedTuple):
    """A prompt, and the tokens of the texts that may follow it."""

    prompt: Tokens
    texts: Sequence[Tokens]


def log_likelihoods(asked: Sequence[Asked], body: Body, prefix: PrefixCache) -> list[list[float]]:
    """Return the log-likelihood (natural, summed over its tokens) of each text after its prompt; minus
    infinity for a text without tokens, which nothing can be written for.

    Prompts are read family by family. Those whose trees are small stand side by side behind what all of
    them begin with; the others go into the prefix one by one, so that their texts may take several rows.
    """
    groups = families([row.prompt for row in asked], body.width)
    scores = {
        number: found
        for group in groups
        for number, found in zip(group, _of_family([asked[n] for n in group], body, prefix), strict=True)
    }
    return [scores[number] for number in range(len(asked))]


def _of_family(asked: Sequence[Asked], body: Body, prefix: PrefixCache) -> list[list[float]]:
    stem = common_beginning([row.prompt for row in asked])
    small = [row for row in asked if _nodes(row) - len(stem) <= body.width]
    found: dict[int, list[float]] = {}
    if small:
        cache = prefix.follow(stem)
        together = _scored([(row.prompt[len(stem) :], row.texts) for row in small], cache, body)
        found |= {id(row): scores for row, scores in zip(small, together, strict=True)}
    for row in asked:
        if id(row) not in found:
            cache = prefix.follow(row.prompt[:-1])
            found[id(row)] = _scored([(row.prompt[-1:], row.texts)], cache, body)[0]
    return [found[id(row)] for row in asked]


def _nodes(row: Asked) -> int:
    return len(row.prompt) + sum(map(len, row.texts))


def _scored(
    asked: Sequence[tuple[Tokens, Sequence[Tokens]]], cache: KVCache, body: Body
) -> list[list[float]]:
    """Score texts after what is left of their prompts, behind a cache of one row."""
    # The last token of a text is asked for, not read.
    read = [[*tail, *text[:-1]] for tail, texts in asked for text in texts if text]
    if not read:
        return [[float("-inf")] * len(texts) for _, texts in asked]
    wanted = [text for _, texts in asked for text in texts if text]
    forest = plant(read, body.width)
    scores = iter(_summed(_states(forest, cache, body), forest.places, wanted, body))
    return [[next(scores) if text else float("-inf") for text in texts] for _, texts in asked]


def _states(forest: Forest, cache: KVCache, body: Body) -> Tensor:
    rows, nodes = forest.ids.shape
    before = cache.filled
    sees = torch.cat([torch.ones(rows, nodes, before, dtype=torch.bool), forest.sees], dim=2)
    return body.read(forest.ids, forest.depths + before, sees, cache.spread(rows, nodes))


def _summed(states: Tensor, places: list[Place], wanted: list[Tokens], body: Body) -> list[float]:
    """Sum up the log-likelihoods of each text's tokens, each read off at the node before it; where trees
    branch, a node is read once for all its branches."""
    nodes = [
        (place.row, node)
        for place, text in zip(places, wanted, strict=True)
        for node in place.nodes[-len(text) :]
    ]
    tokens = torch.tensor([token for text in wanted for token in text])
    distinct, which = torch.unique(torch.tensor(nodes), dim=0, return_inverse=True)
    order = torch.argsort(which, stable=True)
    chosen = states[distinct[:, 0].to(states.device), distinct[:, 1].to(states.device)]
    scores = torch.empty(len(tokens))
    scores[order] = body.log_likelihoods(chosen, which[order], tokens[order]).cpu()
    texts = torch.repeat_interleave(torch.arange(len(wanted)), torch.tensor([len(text) for text in wanted]))
    return torch.zeros(len(wanted), dtype=torch.float64).index_add_(0, texts, scores.double()).tolist()
