"""What the prompts to come begin with, read once and kept from batch to batch."""

from collections.abc import Sequence

from llmrec.model.local.inference.body import Body
from llmrec.model.local.inference.forest import shared
from llmrec.model.local.inference.kv_cache import KVCache


class PrefixCache:
    """Tokens that were read, with their keys and values. It is cut back to what the next prompts share
    with it, and goes on with what they share beyond. `tokens_read` counts what that took."""

    def __init__(self, body: Body) -> None:
        self.ids: list[int] = []
        self.cache = body.nothing()
        self.tokens_read = 0
        self._body = body

    def follow(self, ids: list[int]) -> KVCache:
        """Return the cache of these tokens; what is known of them is not read again."""
        known = shared(self.ids, ids)
        self.cache = self.cache.shortened(known)
        if new := ids[known:]:
            _, self.cache = self._body.go_on(new, self.cache)
            self.tokens_read += len(new)
        self.ids = ids
        return self.cache


def common_beginning(prompts: Sequence[list[int]]) -> list[int]:
    """Return what all prompts begin with, but never the last token of one: its state is asked for."""
    first, last = min(prompts), max(prompts)
    return first[: min(shared(first, last), *(len(prompt) - 1 for prompt in prompts))]
