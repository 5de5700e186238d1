"""What is asked of a model: small frozen specs that say how an answer is drawn from it."""

from abc import ABC
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Decoding(ABC):
    """A way to answer. `max_new_tokens` bounds the length of one generated text."""

    name: str
    max_new_tokens: int

    def settled(self, one_item_a_text: bool) -> "Decoding":
        """Return the decoding for a model that writes one item of a ranking a text, or that does not."""
        return self
