"""No chance, no search."""

from dataclasses import dataclass

from llmrec.decoding.base import Decoding
from llmrec.decoding.limits import at_least


@dataclass(frozen=True, kw_only=True)
class Greedy(Decoding):
    """The likeliest token at every step."""

    def __post_init__(self) -> None:
        at_least("max_new_tokens", self.max_new_tokens, 1)
