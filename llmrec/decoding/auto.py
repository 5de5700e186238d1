"""The default: greedy, but for a model that was taught to name one item a text."""

from dataclasses import dataclass

from llmrec.decoding.base import Decoding, Writing
from llmrec.decoding.beam import Beam
from llmrec.decoding.greedy import Greedy
from llmrec.decoding.limits import at_least


@dataclass(frozen=True, kw_only=True)
class Auto(Writing):
    """Greedy where a text holds the whole answer. Where it holds one item of a ranking, the `num_beams`
    likeliest texts of at most `item_tokens` tokens, as P5 ranks (Geng et al., RecSys 2022)."""

    num_beams: int
    item_tokens: int

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("num_beams", self.num_beams, 2)
        at_least("item_tokens", self.item_tokens, 1)

    def settled(self, one_item_a_text: bool) -> Decoding:
        if not one_item_a_text:
            return Greedy(name="greedy", max_new_tokens=self.max_new_tokens, lines=self.lines)
        return Beam(
            name="beam",
            max_new_tokens=min(self.max_new_tokens, self.item_tokens),
            lines=None,  # a name ends by itself
            num_beams=self.num_beams,
            num_return_sequences=self.num_beams,
            # Items compete by the likelihood of their whole titles, whatever the length.
            length_penalty=0.0,
        )
