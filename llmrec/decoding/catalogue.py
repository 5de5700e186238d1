"""A search for the likeliest titles of the whole catalogue."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from llmrec.decoding.base import Decoding
from llmrec.decoding.limits import at_least
from llmrec.records import Answer, Choices, Item, Question, Ranking


@dataclass(frozen=True, kw_only=True)
class Catalogue(Decoding):
    """Beam search bound to the names of the catalogue, each closed by the end of the text: every answer is
    an item, none of them the user's already. Items of one name share its place, and are tied.

    The `num_beams` likeliest beginnings are kept at every token; as many names come out, the likeliest
    first.
    """

    answer: ClassVar[type[Answer]] = Ranking

    num_beams: int

    def __post_init__(self) -> None:
        at_least("num_beams", self.num_beams, 1)

    def chooser(self, items: Mapping[str, Item]) -> Callable[[Question], Choices]:
        names = tuple(sorted(items))
        whole = Choices(names, tuple(items[name].title for name in names))
        return lambda question: whole
