"""What every model is: a config that opens a session, and a session that answers requests.

Local weights, a recommender that learns from the training rows, and a recording are all sessions;
nothing downstream knows which.
"""

from abc import ABC, abstractmethod
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from llmrec.decoding.base import Decoding
from llmrec.progress import Progress
from llmrec.records import Answer, Completion, Request, Training
from llmrec.results import Fit


class Session(ABC):
    """An opened model. `environment` names what scores may depend on: device, dtype, batch, engine; `fit`
    says how a conventional recommender was fitted."""

    environment: dict[str, str]
    fit: Fit | None = None

    def prepare(self, decoding: Decoding) -> None:  # noqa: B027
        """Make ready to answer in this way: `environment` then tells all of it that is known before."""

    def stream(
        self, requests: Sequence[Request], decoding: Decoding, stored: Container[str]
    ) -> Iterator[list[Completion]]:
        """Yield the completions of the requests that are not `stored`, by the ids of their examples, as they
        come. Batches are formed over all requests, so that a resumed run asks in the same batches as an
        undisturbed one."""
        for batch in self.batches(requests, decoding):
            fresh = {r.prompt.example_id for r in batch if r.prompt.example_id not in stored}
            if fresh:
                yield [done for done in self.complete(batch, decoding) if done.example_id in fresh]

    @abstractmethod
    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[Request]]:
        """Split requests into the batches to be completed together; depends on its arguments alone."""

    @abstractmethod
    def complete(self, batch: Sequence[Request], decoding: Decoding) -> list[Completion]:
        """Answer one batch: one completion a request, in the order of the batch."""


@dataclass(frozen=True, kw_only=True)
class Model(ABC):
    """A model by name. `reads_prompts` is false for one that answers the question from data; `learns` is true
    for one whose session has a `fit`; `spreads` is true for one that each of several processes opens, to
    answer its share of the rows."""

    reads_prompts: ClassVar[bool] = True
    learns: ClassVar[bool] = False
    spreads: ClassVar[bool] = False
    name: str

    def answers(self) -> tuple[type[Answer], ...] | None:
        """Return the kinds of answer it gives directly, or None where it writes text."""
        return None

    def serves(self, decoding: Decoding) -> bool:
        """Say whether it can answer in this way; asked before anything is loaded."""
        return True

    def lacks(self) -> str:
        """Return what it lacks to be opened, and the way out; "" where nothing is known to be lacking."""
        return ""

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return what tokens of prompts and completions cost, 0 where nothing is known to be paid."""
        return 0.0

    def notes(self) -> list[str]:
        """Return what a reader of its scores must know."""
        return []

    @abstractmethod
    def open(self, training: Training, seed: int, cache_dir: Path, progress: Progress) -> Session:
        """Load or fit it. Raises BackendError when weights are missing or the device cannot serve."""
