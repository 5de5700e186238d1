"""What every way of fine-tuning is: a config that opens a model, after teaching it or as it is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from llmrec.model.base import Model, Session
from llmrec.progress import Progress
from llmrec.records import Pair, Training
from llmrec.results import MetricResult, Tuning


class Validated(NamedTuple):
    """Scores of a session's answers to validation rows; `main` is the one that is to be improved."""

    results: Sequence[MetricResult]
    main: MetricResult


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """What is learned: `train` pairs of the `tasks`, and `valid` pairs for the validation loss.

    `validate` has a session answer validation rows, if there are any, and `judged_by` says how those
    are decoded, read and scored. `left_out` counts training rows not used, by reason.
    """

    tasks: list[str]
    train: list[Pair]
    valid: list[Pair]
    left_out: dict[str, int]
    validate: Callable[[Session], Validated | None]
    judged_by: str


class Place(NamedTuple):
    """Where and under which seed models are opened; `training` is what floors learn from."""

    training: Training
    seed: int
    cache_dir: Path
    progress: Progress


@dataclass(frozen=True, kw_only=True)
class Finetune(ABC):
    """A way of fine-tuning by name. `trains` is false for none: the model answers as it is."""

    trains: ClassVar[bool] = True
    name: str

    def check(self, model: Model) -> None:
        """Raise ConfigError when it does not go with the model; nothing is loaded for that."""
        return None

    @abstractmethod
    def open(
        self, model: Model, lessons: Callable[[], Lessons], place: Place
    ) -> tuple[Session, Tuning | None]:
        """Return the opened model, and how it was fine-tuned; `lessons` are drawn only if needed.

        Raises BackendError or DataError; what was learned before stays in the cache.
        """


@dataclass(frozen=True, kw_only=True)
class AsItIs(Finetune):
    """No fine-tuning."""

    trains: ClassVar[bool] = False

    def open(
        self, model: Model, lessons: Callable[[], Lessons], place: Place
    ) -> tuple[Session, Tuning | None]:
        return model.open(*place), None
