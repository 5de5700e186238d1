"""No chance, no search."""

from dataclasses import dataclass

from llmrec.decoding.base import Writing


@dataclass(frozen=True, kw_only=True)
class Greedy(Writing):
    """The likeliest token at every step."""
