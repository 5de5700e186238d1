"""Recommenders with parameters: learned once, kept in the cache under all that they were learned from."""

import hashlib
import shutil
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import msgspec
from msgspec.structs import replace

from llmrec.errors import BackendError, DataError
from llmrec.files import UNREADABLE, made_once, write_atomic
from llmrec.locks import alone, lock_of
from llmrec.model.base import Session
from llmrec.model.recommender.base import Recommender, Rule, RuleSession, check_packages
from llmrec.progress import Progress
from llmrec.records import Example, Training
from llmrec.results import Fit, FitPoint

if TYPE_CHECKING:
    from llmrec.model.recommender.index import Index

WEIGHTS = "weights.safetensors"
RECORD = "fit.json"
UNFINISHED = ".unfinished"  # behind the name of a folder with a fit's last checkpoint
SECONDS = "seconds"  # in that folder: how long the fit has taken so far


class Lesson(NamedTuple):
    """What a fit is given: the rows by number, validation rows to choose by, and where it may keep a
    checkpoint from which a fit that was stopped goes on."""

    training: Training
    numbers: "Index"
    validation: Sequence[Example]
    seed: int
    checkpoint: Path
    progress: Progress


class Learned(NamedTuple):
    """What a fit gives: arrays by name, and its story for `Fit`; `epochs` is 0 where it takes no turns."""

    weights: Mapping[str, Any]
    epochs: int
    best_epoch: int
    measure: str
    curve: list[FitPoint]
    rows: int


@dataclass(frozen=True, kw_only=True)
class Learner(Recommender):
    """A recommender that learns. `validation_rows` are drawn to choose by, all for null.

    `packages` are those that do the learning; `version` is raised whenever the same settings would
    learn something else.
    """

    learns: ClassVar[bool] = True
    packages: ClassVar[tuple[str, ...]]
    version: ClassVar[int] = 1

    validation_rows: int | None

    @abstractmethod
    def learn(self, lesson: Lesson) -> Learned:
        """Fit on the training rows. Raises BackendError when there is nothing to learn from."""

    @abstractmethod
    def rule(self, index: "Index", weights: Mapping[str, Any]) -> Rule:
        """Return how questions are answered by what was learned."""

    def open(self, training: Training, seed: int, cache_dir: Path, progress: Progress) -> Session:
        check_packages(self.name, self.packages)
        from llmrec.model.recommender.index import Index

        if not training.interactions:
            raise BackendError(f"model={self.name}: no training row to learn from; take more data")
        drawn = training.validation(self.validation_rows) if self.validation_rows != 0 else []
        # Chosen over the whole catalogue even where a task shows candidates: one fit serves both tasks.
        validation = [replace(row, question=replace(row.question, candidates=())) for row in drawn]
        folder = cache_dir / "recommender" / self._fingerprint(training, validation, seed)
        checkpoint = folder.with_name(folder.name + UNFINISHED)
        index = Index(training)
        lesson = Lesson(training, index, validation, seed, checkpoint, progress)
        if not folder.is_dir():
            with alone(lock_of(folder), lambda owner: progress.tell(f"{owner} fits this; waiting")):
                made_once(folder, lambda partial: self._keep(partial, folder.name, lesson))
                shutil.rmtree(checkpoint, ignore_errors=True)
        weights, fit = kept(folder)
        return RuleSession(self.rule(index, weights), fit, self.placed())

    def placed(self) -> str:
        """Return the device that answers."""
        return "cpu"

    def _fingerprint(self, training: Training, validation: Sequence[Example], seed: int) -> str:
        """Return a hash of settings, seed, rows, order and catalogue; where it runs is left out."""
        settings = {name: value for name, value in asdict(self).items() if name not in ("name", "device")}
        encode = msgspec.json.Encoder().encode
        total = hashlib.sha256(
            encode([type(self).__name__, self.version, settings, seed, sorted(training.items)])
        )
        for row in training.interactions:
            total.update(encode([row.user, row.item, row.rating, row.timestamp]))
        for row, answer in training.answered:
            total.update(encode([row.user, row.item, answer]))
        for example in validation:
            total.update(
                encode([example.id, example.target.item, example.reference, example.question.candidates])
            )
        return f"{self.name}-{total.hexdigest()[:24]}"

    def _keep(self, folder: Path, name: str, lesson: Lesson) -> None:
        from safetensors.numpy import save

        start = time.perf_counter() - spent(lesson.checkpoint)
        learned = self.learn(lesson)
        fit = Fit(
            name=name,
            library=" ".join(f"{package} {version(package)}" for package in self.packages),
            parameters=sum(array.size for array in learned.weights.values()),
            rows=learned.rows,
            seconds=round(time.perf_counter() - start, 1),
            epochs=learned.epochs,
            best_epoch=learned.best_epoch,
            measure=learned.measure,
            curve=learned.curve,
        )
        write_atomic(folder / WEIGHTS, save(dict(learned.weights)))
        write_atomic(folder / RECORD, msgspec.json.format(msgspec.json.encode(fit)) + b"\n")


def spent(checkpoint: Path) -> float:
    """Return the seconds that earlier calls learned for, before they were stopped."""
    file = checkpoint / SECONDS
    return float(file.read_text()) if file.is_file() else 0.0


def kept(folder: Path) -> tuple[dict[str, Any], Fit]:
    """Return what was learned and how. Raises DataError when it cannot be read."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        fit = msgspec.json.decode((folder / RECORD).read_bytes(), type=Fit)
        return load_file(folder / WEIGHTS), fit
    except (OSError, *UNREADABLE, SafetensorError) as error:
        raise DataError(f"{folder}: no fit that can be read ({error}); remove it to fit anew") from error
