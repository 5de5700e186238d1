"""From a completion's text to an answer, or to the name of what was wrong with it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from llmrec.records import Answer, Item, Question, Reading


class Reader(ABC):
    """A parser bound to a catalogue. It sees texts and questions, never a reference."""

    @abstractmethod
    def read(self, text: str, question: Question) -> Reading:
        """Return the answer in `text`, or a failure; every repair made is named."""

    def read_all(self, texts: Sequence[str], question: Question) -> Reading:
        """Return the answer in one or more texts, best first: what the best one says."""
        return self.read(texts[0], question)

    @abstractmethod
    def reason(self, failure: str) -> str:
        """Return the sentence that tells a model why its answer was refused, for a re-ask."""


@dataclass(frozen=True, kw_only=True)
class Parser(ABC):
    """A parser by name; `answer` is the kind of answer that it reads."""

    answer: ClassVar[type[Answer]]
    name: str

    @abstractmethod
    def bind(self, items: Mapping[str, Item]) -> Reader:
        """Return a reader over this catalogue."""
