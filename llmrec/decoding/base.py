"""What is asked of a model: small frozen specs that say how an answer is drawn from it."""

from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from llmrec.decoding.limits import at_least
from llmrec.records import NO_CHOICES, Answer, Choices, Item, Question


@dataclass(frozen=True, kw_only=True)
class Decoding(ABC):
    """A way to answer. `answer` is the kind of answer that it gives by itself, None where it has a text
    written for the parser to read; `needs_candidates` that it chooses among the items shown, and
    `needs_labels` that each of them must carry its number in the prompt."""

    answer: ClassVar[type[Answer] | None] = None
    needs_candidates: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = False

    name: str

    def settled(self, one_item_a_text: bool) -> "Decoding":
        """Return the decoding for a model that writes one item of a ranking a text, or that does not."""
        return self

    def chooser(self, items: Mapping[str, Item]) -> Callable[[Question], Choices]:
        """Return the rule that says what a question's answer is chosen among; `items` are named as in
        the prompts."""
        return lambda question: NO_CHOICES


@dataclass(frozen=True, kw_only=True)
class Writing(Decoding):
    """A text of at most `max_new_tokens` tokens, which ends, at the latest, with its `lines`-th line (see
    `has_lines`); null lets a model write on."""

    max_new_tokens: int
    lines: int | None

    def __post_init__(self) -> None:
        at_least("max_new_tokens", self.max_new_tokens, 1)
        if self.lines is not None:
            at_least("lines", self.lines, 1)
