"""What the prompts to come begin with, read once and kept from batch to batch."""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

from llmrec.model.local.inference.body import Body
from llmrec.model.local.inference.forest import shared
from llmrec.model.local.inference.kv_cache import KVCache


class PrefixCache:
    """Tokens that were read, with their keys and values. It is cut back to what the next prompts share
    with it, and goes on with what they share beyond. `tokens_read` counts what that took.

    `rewind` goes back to the `stem` that all prompts begin with, which is read in one pass. Numbers that are
    read in other passes come out otherwise in their last bits: behind a rewind, nothing depends on what was
    read before it.
    """

    def __init__(self, body: Body, stem: Sequence[int] = ()) -> None:
        self.ids: list[int] = []
        self.cache = body.nothing()
        self.tokens_read = 0
        self._body, self._stem = body, list(stem)

    def rewind(self) -> None:
        """Keep the stem alone."""
        self.ids, self.cache = self._stem, self._beginning

    @cached_property
    def _beginning(self) -> KVCache:
        return self._longer(self._stem, self._body.nothing())

    def follow(self, ids: list[int]) -> KVCache:
        """Return the cache of these tokens; what is known of them is not read again."""
        known = shared(self.ids, ids)
        self.cache = self._longer(ids[known:], self.cache.shortened(known))
        self.ids = ids
        return self.cache

    def _longer(self, new: Sequence[int], cache: KVCache) -> KVCache:
        self.tokens_read += len(new)
        return self._body.go_on(new, cache)[1] if new else cache


def common_beginning(prompts: Sequence[list[int]]) -> list[int]:
    """Return what all prompts begin with, but never the last token of one: its state is asked for."""
    first, last = min(prompts), max(prompts)
    return first[: min(shared(first, last), *(len(prompt) - 1 for prompt in prompts))]


def families(prompts: Sequence[list[int]], worth: int) -> list[list[int]]:
    """Return the numbers of the prompts in groups, each to be read behind what its own prompts begin with.

    Some stand in a group of their own, within or beside others, where that spares `worth` tokens.
    """
    order = sorted(range(len(prompts)), key=prompts.__getitem__)
    groups: list[list[int]] = []
    # Groups that may still grow, each within the one before: what its prompts begin with alike, and they.
    growing: list[tuple[int, list[int]]] = []
    alike = [0, *(shared(prompts[left], prompts[right]) for left, right in pairwise(order))]
    for number, stem in zip([*order, None], [*alike, 0], strict=True):
        left: list[int] = []
        while growing and growing[-1][0] > stem:
            own, members = growing.pop()
            left = members + left
            outer = max(stem, growing[-1][0] if growing else 0)
            if (len(left) - 1) * (own - outer) >= worth:
                groups.append(sorted(left))
                left = []
        growing.append((stem, left))
        if number is not None:
            growing.append((len(prompts[number]), [number]))
    left = sorted(number for _, members in growing for number in members)
    return [*groups, left] if left else groups
