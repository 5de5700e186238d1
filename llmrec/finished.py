"""A finished run, opened again from its folder: what was asked, what was answered, and what scores it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from llmrec.artifacts import (
    CONFIG,
    EXAMPLES,
    METRICS,
    PREDICTIONS,
    PROMPTS,
    from_lines,
    read_metrics,
    read_titles,
)
from llmrec.errors import DataError, one_line
from llmrec.files import plain_yaml
from llmrec.metric.base import Context, Row
from llmrec.plan import PATHS, Plan, plan
from llmrec.progress import Silent
from llmrec.records import Answer, Example, Message, Prediction, Prompt, Rating, Text
from llmrec.results import Metrics, find
from llmrec.rows import draw

WHOLE = (
    "dataset", "split", "task", "prompt", "model", "decoding", "parser", "metric", "finetune", "limit",
    "seed", *PATHS,
)  # fmt: skip
_OTHER = "give the folder of a run, such as outputs/runs/..."

T = TypeVar("T")
Self = TypeVar("Self", bound="Finished")


@dataclass(frozen=True)
class Finished:
    """A run by its folder, its whole config and its metrics; what is not at hand is read when it is asked
    for."""

    folder: Path
    choices: Mapping[str, Any]
    metrics: Metrics

    @classmethod
    def at(cls: type[Self], folder: Path) -> Self:
        """Return the run of a folder. Raises DataError where none has finished there."""
        config = OmegaConf.to_container(stored_config(folder))
        assert isinstance(config, dict)
        return cls(folder, {str(key): value for key, value in config.items()}, read_metrics(folder / METRICS))

    @cached_property
    def plan(self) -> Plan:
        return stored_plan(self.folder, OmegaConf.create(dict(self.choices)))

    @cached_property
    def examples(self) -> list[Example]:
        return self.records(EXAMPLES, Example)

    @cached_property
    def asked(self) -> dict[str, tuple[Message, ...]]:
        """What the run asked, by the ids of its examples."""
        return {prompt.example_id: prompt.messages for prompt in self.records(PROMPTS, Prompt)}

    @cached_property
    def titles(self) -> dict[str, str]:
        return read_titles(self.folder)

    def records(self, name: str, cls: type[T]) -> list[T]:
        """Return the records of a file of the folder. Raises DataError where there is no such file, or a
        line of it is none."""
        return from_lines(self.file(name), cls)

    def file(self, name: str) -> Path:
        """Return a file of the folder. Raises DataError where there is no such file."""
        path = self.folder / name
        if not path.is_file():
            raise DataError(f"{path}: not there, though the run has finished; give its own command again")
        return path

    def predictions(self, examples: Sequence[Example]) -> list[Prediction]:
        """Return the last word on each example, in their order. Raises DataError where there is none."""
        made = self.records(PREDICTIONS, Prediction)
        given = {prediction.example_id: prediction.unscored() for prediction in made}  # older ones are not
        lost = [example.id for example in examples if example.id not in given]
        if lost:
            raise DataError(
                f"{self.folder}: {len(lost):,} rows have no prediction (first {lost[0]}); run it again"
            )
        return [given[example.id] for example in examples]

    @cached_property
    def rows(self) -> list[Row]:
        """The rows in file order, as the run answered them."""
        given = self.predictions(self.examples)
        return [
            Row(question=example.question, reference=example.reference, answer=prediction.answer)
            for example, prediction in zip(self.examples, given, strict=True)
        ]

    @cached_property
    def context(self) -> Context:
        """What scored the rows beyond themselves: of texts the training answers; of ratings what `known`
        finds."""
        if self.plan.task.answer is Text:
            return Context(training=Drawn(self.plan))
        return known(self.metrics, self.rows)


class Drawn(Sequence[Answer]):
    """A run's training answers, for which the data is read when a score looks at them: few do."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    @cached_property
    def _answers(self) -> Sequence[Answer]:
        return draw(self._plan, Silent()).training.answers

    def __len__(self) -> int:
        return len(self._answers)

    @overload
    def __getitem__(self, place: int) -> Answer: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Answer]: ...
    def __getitem__(self, place: int | slice) -> Answer | Sequence[Answer]:
        return self._answers[place]


def known(metrics: Metrics, rows: Sequence[Row]) -> Context:
    """Return what scored the rows beyond themselves: of ratings, the training mean that stands in for a
    missing one.

    The folder of a run does not hold it, but the run's own scores give it away. With S the squares and A the
    absolute errors that rows without an answer add, k rows of mean r and variance v: (m - r)^2 = S / k - v,
    and of the two solutions the one that adds A.
    """
    missing = np.array(
        [row.reference.stars for row in rows if row.answer is None and isinstance(row.reference, Rating)]
    )
    found = [next(iter(find(metrics.metrics, name)), None) for name in ("rmse", "mae")]
    totals = [result.value for result in found if result is not None and result.value is not None]
    if not len(missing) or len(totals) < 2:
        return Context(training=[])
    errors = np.array(
        [
            row.answer.stars - row.reference.stars
            for row in rows
            if isinstance(row.answer, Rating) and isinstance(row.reference, Rating)
        ]
    )
    squares = len(rows) * totals[0] ** 2 - (errors**2).sum()
    absolute = len(rows) * totals[1] - np.abs(errors).sum()
    apart = float(np.sqrt(max(0.0, squares / len(missing) - missing.var())))
    means = [float(missing.mean()) + apart, float(missing.mean()) - apart]
    mean = min(means, key=lambda mean: abs(float(np.abs(mean - missing).sum() - absolute)))
    return Context(training=[Rating(mean)])


def stored_config(folder: Path) -> DictConfig:
    """Return the config of a run folder. Raises DataError where there is none, or not the whole of one."""
    path = folder / CONFIG
    try:
        content = plain_yaml(path)
        if "${" in content:  # it is resolved; an interpolation would read the environment
            raise ValueError("it interpolates")
        config = OmegaConf.create(content)
    # An assertion is OmegaConf's, of a bare number.
    except (
        AssertionError,
        OSError,
        ValueError,
        RecursionError,
        yaml.YAMLError,
        OmegaConfBaseException,
    ) as error:
        raise DataError(f"{path}: cannot be read ({one_line(error)}); {_OTHER}") from error
    if not isinstance(config, DictConfig):
        raise DataError(f"{path}: holds no config of a run; {_OTHER}")
    if lacking := [name for name in WHOLE if name not in config]:
        raise DataError(f"{path}: has no {lacking[0]}, as every run's has; {_OTHER}")
    return config


def stored_plan(folder: Path, config: DictConfig) -> Plan:
    """Return the parts of a run by its stored config. Raises ConfigError for a part that does not fit,
    DataError for a config that lacks parts, or has others in their place."""
    try:
        return plan(config)
    except (AttributeError, KeyError, TypeError, ValueError, OmegaConfBaseException) as error:
        raise DataError(f"{folder / CONFIG}: no config of a run ({one_line(error)}); {_OTHER}") from error
