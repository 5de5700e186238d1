"""How likely a model is to write given texts: the prompt is read once, the texts as a tree behind it."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from llmrec.model.local.inference.body import Body
from llmrec.model.local.inference.forest import Forest, plant, side_by_side
from llmrec.model.local.inference.kv_cache import KVCache
from llmrec.model.local.inference.prefix import PrefixCache, common_beginning, families
from llmrec.model.local.inference.writing import begin

Tokens = list[int]


class Asked(NamedTuple):
    """A prompt, and the tokens of the texts that may follow it."""

    prompt: Tokens
    texts: Sequence[Tokens]


def log_likelihoods(asked: Sequence[Asked], body: Body, prefix: PrefixCache) -> list[list[float]]:
    """Return the log-likelihood (natural, summed over its tokens) of each text after its prompt; minus
    infinity for a text without tokens, which nothing can be written for.

    Prompts are read family by family. Those whose trees are small stand in common rows behind what all of
    them begin with; the texts of the others take rows of their own behind theirs, as many prompts in a pass
    as the device is busy with: one on a CPU.
    """
    found: dict[int, list[float]] = {}
    large: list[int] = []
    for group in families([row.prompt for row in asked], body.width):
        stem = common_beginning([asked[number].prompt for number in group])
        small = [number for number in group if _nodes(asked[number]) - len(stem) <= body.width]
        large += [number for number in group if number not in small]
        if small:
            tails = [(asked[number].prompt[len(stem) :], asked[number].texts) for number in small]
            behind = Behind(prefix.follow(stem), torch.tensor([len(stem)]))
            found |= zip(small, _scored([tails], behind, body), strict=True)
    for some in _passes(large, asked, body):
        rows = [asked[number] for number in some]
        last = [[(row.prompt[-1:], row.texts)] for row in rows]
        found |= zip(some, _scored(last, _behind(rows, body, prefix), body), strict=True)
    return [found[number] for number in range(len(asked))]


def _nodes(row: Asked) -> int:
    return len(row.prompt) + sum(map(len, row.texts))


def _passes(numbers: Sequence[int], asked: Sequence[Asked], body: Body) -> Iterator[list[int]]:
    """Yield the numbers of prompts that are read in one pass: their texts, and a copy of them a row."""
    some, taken = list[int](), 0
    for number in numbers:
        prompt = asked[number].prompt
        takes = math.ceil(_nodes(asked[number]) / body.width) * (len(prompt) + body.width)
        if len(prompt) == 1:
            takes = body.busy + 1  # nothing stands before its last token: it is read alone
        if some and taken + takes > body.busy:
            yield some
            some, taken = [], 0
        some.append(number)
        taken += takes
    if some:
        yield some


class Behind(NamedTuple):
    """What texts stand behind: a `cache` of a row a prompt, which uses the first `lengths` [rows] of it."""

    cache: KVCache
    lengths: Tensor


def _behind(asked: Sequence[Asked], body: Body, prefix: PrefixCache) -> Behind:
    """Read prompts but for their last tokens; a single one stays in the prefix."""
    prompts = [row.prompt[:-1] for row in asked]
    if len(prompts) == 1:
        return Behind(prefix.follow(prompts[0]), torch.tensor([len(prompts[0])]))
    begun = begin(prompts, body, prefix, 0)
    return Behind(begun.cache, begun.lengths)


def _scored(
    groups: Sequence[Sequence[tuple[Tokens, Sequence[Tokens]]]], behind: Behind, body: Body
) -> list[list[float]]:
    """Score texts after what is left of their prompts; a group stands behind each row of the cache."""
    asked = [row for group in groups for row in group]
    wanted = [text for _, texts in asked for text in texts if text]
    # The last token of a text is asked for, not read.
    read = [[[*tail, *text[:-1]] for tail, texts in group for text in texts if text] for group in groups]
    forests = {number: plant(texts, body.width) for number, texts in enumerate(read) if texts}
    if not forests:
        return [[float("-inf")] * len(texts) for _, texts in asked]
    forest = side_by_side([*forests.values()])
    rows = [number for number, own in forests.items() for _ in own.ids]
    scores = iter(_summed(_states(forest, torch.tensor(rows), behind, body), forest, wanted, body))
    return [[next(scores) if text else float("-inf") for text in texts] for _, texts in asked]


def _states(forest: Forest, rows: Tensor, behind: Behind, body: Body) -> Tensor:
    """Return the states [rows, nodes, hidden] of trees that stand behind these rows of the cache."""
    nodes = forest.ids.shape[1]
    lengths = behind.lengths[rows, None]
    before = torch.arange(behind.cache.filled) < lengths
    sees = torch.cat([before[:, None].expand(-1, nodes, -1), forest.sees], dim=2)
    return body.read(forest.ids, forest.depths + lengths, sees, behind.cache.kept(rows, nodes))


def _summed(states: Tensor, forest: Forest, wanted: list[Tokens], body: Body) -> list[float]:
    """Sum up the log-likelihoods of each text's tokens, each read off at the node before it; where trees
    branch, a node is read once for all its branches."""
    width = states.shape[1]
    nodes = [
        place.row * width + node
        for place, text in zip(forest.places, wanted, strict=True)
        for node in place.nodes[-len(text) :]
    ]
    tokens = torch.tensor([token for text in wanted for token in text])
    distinct, which = torch.unique(torch.tensor(nodes), return_inverse=True)
    order = torch.argsort(which, stable=True)
    chosen = states.flatten(0, 1)[distinct.to(states.device)]
    scores = torch.empty(len(tokens))
    scores[order] = body.log_likelihoods(chosen, which[order], tokens[order]).cpu()
    texts = torch.repeat_interleave(torch.arange(len(wanted)), torch.tensor([len(text) for text in wanted]))
    return torch.zeros(len(wanted), dtype=torch.float64).index_add_(0, texts, scores.double()).tolist()
