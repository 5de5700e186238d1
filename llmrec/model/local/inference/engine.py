"""What every way of running weights can do: write texts, score given ones, search a catalogue."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import torch

from llmrec.decoding.base import Writing
from llmrec.decoding.limits import has_lines
from llmrec.errors import BackendError
from llmrec.model.local.device import free
from llmrec.model.local.inference.titles import Found, Titles
from llmrec.model.local.library import is_out_of_memory
from llmrec.model.local.loaded import Loaded
from llmrec.records import NO_CHOICES, Choices

T = TypeVar("T")


class Row(NamedTuple):
    """A prompt by its name, which seeds its chance, and its token ids; what may be answered, the token ids
    of these texts where they are to be scored, and the numbers of those that may not be answered."""

    example_id: str
    ask: int
    ids: list[int]
    choices: Choices = NO_CHOICES
    texts: Sequence[list[int]] = ()
    refused: Sequence[int] = ()


class Written(NamedTuple):
    """Texts, best first; whether the best one came to its end; the tokens of all of them."""

    texts: tuple[str, ...]
    ended: bool
    tokens: int


class Engine(ABC):
    """A way of running a checkpoint; `name` tells it in results."""

    name: str

    def expect(self, stem: Sequence[int]) -> None:  # noqa: B027
        """Make ready for rows that all begin with these tokens, in however many calls they come."""

    @abstractmethod
    def write(self, rows: Sequence[Row], decoding: Writing) -> list[Written]:
        """Return what is written after each row."""

    @abstractmethod
    def score(self, rows: Sequence[Row]) -> list[list[float]]:
        """Return the log-likelihood (natural, summed over its tokens) of each text of each row; minus
        infinity for a text without tokens."""

    @abstractmethod
    def search(self, rows: Sequence[Row], titles: Titles, beams: int) -> list[list[Found]]:
        """Return the likeliest titles after each row, each scored with its end, likeliest first."""


class Endings:
    """When a text is at its end: with an end token, or with its `lines`-th line."""

    def __init__(self, loaded: Loaded, lines: int | None) -> None:
        self._tokenizer, self._ends, self._lines = loaded.tokenizer, loaded.end_tokens, lines

    def __call__(self, tokens: Sequence[int]) -> bool:
        if tokens[-1] in self._ends:
            return True
        if self._lines is None or "\n" not in self.text(tokens[-1:]):
            return False  # a line ends with the token that has its end in it
        return has_lines(self.text(tokens), self._lines)

    def place(self, tokens: Sequence[int]) -> int:
        """Return how many tokens a text has up to its end, that included."""
        return next((end for end in range(1, len(tokens) + 1) if self(tokens[:end])), len(tokens))

    def text(self, tokens: Sequence[int]) -> str:
        return str(
            self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )


class Halving:
    """Does a batch in halves where it does not fit in memory; `splits` counts how often."""

    def __init__(self, device: torch.device) -> None:
        self.splits = 0
        self._device = device

    def __call__(self, rows: Sequence[Row], work: Callable[[Sequence[Row]], list[T]]) -> list[T]:
        """Return what the work makes of all rows. Raises BackendError when a single row does not fit."""
        try:
            return work(rows) if rows else []
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if len(rows) == 1:
                raise BackendError(
                    f"model: {len(rows[0].ids)} prompt tokens and their answer exceed the memory of "
                    f"{self._device}; shorten prompts, or take a smaller model or dtype"
                ) from error
        # Below the handler, for the error held the failed batch's tensors.
        free(self._device)
        self.splits += 1
        half = len(rows) // 2
        return self(rows[:half], work) + self(rows[half:], work)
