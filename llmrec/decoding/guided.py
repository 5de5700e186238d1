"""Texts that a server binds to the answers there are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from llmrec.decoding.base import Writing
from llmrec.decoding.limits import at_least
from llmrec.errors import ConfigError
from llmrec.records import Choices, Item, Question


@dataclass(frozen=True, kw_only=True)
class Guided(Writing):
    """The likeliest text, token by token, that can be read: a list of `size` of the candidates shown, or,
    where none are, one number from `low` to `high`."""

    size: int
    low: int
    high: int

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("size", self.size, 1)
        if not self.low < self.high:
            raise ConfigError(f"high: {self.high} is not above low={self.low}; widen the scale")

    def chooser(self, items: Mapping[str, Item]) -> Callable[[Question], Choices]:
        numbers = tuple(map(str, range(self.low, self.high + 1)))

        def choices(question: Question) -> Choices:
            titles = tuple(items[item].title for item in question.candidates)
            return Choices(question.candidates, titles) if titles else Choices(numbers, numbers)

        return choices
