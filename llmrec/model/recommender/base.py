"""What every conventional recommender is: a rule, fitted on training rows, that answers from data."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

from llmrec.decoding.base import Decoding
from llmrec.errors import BackendError, ConfigError
from llmrec.model.base import Model, Session
from llmrec.progress import Progress
from llmrec.records import Answer, Completion, Question, Request, Training
from llmrec.results import Fit

Rule = Callable[[Sequence[Question]], Sequence[Answer]]

BATCH = 1000


class RuleSession(Session):
    """Answers questions by a rule; `fit` says what it took to learn it, None where nothing was learned."""

    def __init__(self, rule: Rule, fit: Fit | None = None, device: str = "cpu") -> None:
        self.environment = {"engine": "llmrec", "device": device}
        self.fit = fit
        self._rule = rule

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[Request]]:
        return [list(requests[start : start + BATCH]) for start in range(0, len(requests), BATCH)]

    def complete(self, batch: Sequence[Request], decoding: Decoding) -> list[Completion]:
        answers = self._rule([request.question for request in batch])
        return [
            Completion(
                example_id=request.question.id,
                ask=request.prompt.ask,
                texts=(),
                answer=answer,
                finish_reason="answered",
                prompt_tokens=0,
                completion_tokens=0,
            )
            for request, answer in zip(batch, answers, strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class Recommender(Model):
    """A model that reads no prompt and serves any decoding."""

    reads_prompts: ClassVar[bool] = False

    @abstractmethod
    def answers(self) -> tuple[type[Answer], ...]: ...


@dataclass(frozen=True, kw_only=True)
class Simple(Recommender):
    """A recommender that is fitted by counting, in a moment, each time it is opened."""

    @abstractmethod
    def fit(self, training: Training, seed: int) -> Rule:
        """Return the rule. Raises BackendError when there is nothing to learn it from."""

    def open(self, training: Training, seed: int, cache_dir: Path, progress: Progress) -> Session:
        return RuleSession(self.fit(training, seed))


def one_by_one(rule: Callable[[Question], Answer]) -> Rule:
    """Return the rule that answers each question for itself."""
    return lambda questions: [rule(question) for question in questions]


def check_size(size: int) -> None:
    if size < 1:
        raise ConfigError(f"size: {size} is not a number of items; give 1 or more")


def check_packages(model: str, packages: Sequence[str]) -> None:
    """Raise BackendError when a package that does the learning is not installed."""
    for package in packages:
        try:
            version(package)
        except ModuleNotFoundError as error:
            raise BackendError(
                f"model={model}: needs {package}, which is not installed; pip install 'llmrec[baselines]'"
            ) from error
