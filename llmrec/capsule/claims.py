"""What a capsule claims, read into the types of a run: enough of one to read and score its answers again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
from omegaconf import OmegaConf

from llmrec import artifacts
from llmrec.artifacts import decoded
from llmrec.capsule.contents import CATALOGUE, TRAINING
from llmrec.capsule.stranger import config_of, within
from llmrec.capsule.unpack import WAY_OUT
from llmrec.errors import ConfigError, DataError
from llmrec.metric.base import Context, Metric
from llmrec.plan import Plan, plan
from llmrec.prompt.naming import Names
from llmrec.records import (
    Answer,
    Completion,
    Corpus,
    Example,
    Interaction,
    Item,
    Prediction,
    Prompt,
    Training,
)
from llmrec.results import Environment, Fit, Metrics, Tuning
from llmrec.rows import Rows
from llmrec.split.ledger import Ledger

T = TypeVar("T")
NOBODY = Interaction("", "", 0.0, 0, "", "")  # whose answers they were, the scores do not ask


@dataclass(frozen=True)
class Claims:
    """The files of a capsule, by name, and what they say."""

    capsule: Path
    files: Mapping[str, bytes]

    @cached_property
    def config(self) -> dict[str, Any]:
        return config_of(self.capsule, self.files[artifacts.CONFIG])

    @cached_property
    def metrics(self) -> Metrics:
        return self.record(artifacts.METRICS, Metrics)

    @cached_property
    def examples(self) -> list[Example]:
        return self.rows(artifacts.EXAMPLES, Example)

    @cached_property
    def prompts(self) -> list[Prompt]:
        return self.rows(artifacts.PROMPTS, Prompt)

    @cached_property
    def completions(self) -> list[Completion]:
        return self.rows(artifacts.COMPLETIONS, Completion)

    @cached_property
    def predictions(self) -> list[Prediction]:
        """The predictions; those of older runs have likelihoods."""
        return [made.unscored() for made in self.rows(artifacts.PREDICTIONS, Prediction)]

    def rows(self, name: str, cls: type[T]) -> list[T]:
        """Return the records of a file, none where there is no such file. Raises DataError for a line that
        is none."""
        return decoded(self.capsule / name, self.files.get(name, b""), cls, WAY_OUT)

    def record(self, name: str, cls: type[T]) -> T:
        """Return what a JSON file holds. Raises DataError where it is none."""
        try:
            return msgspec.json.decode(self.files[name], type=cls)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise DataError(f"{self.capsule / name}: not what it should be ({error}); {WAY_OUT}") from error

    @property
    def scored_by(self) -> int:
        """How many metrics the run was scored by, those included that cannot be had here."""
        return len(self.config["metric"]["metrics"])

    @property
    def noted(self) -> dict[str, Any]:
        """What the run noted of how it was made, as fields of its metrics."""
        return {
            "environment": self.record(artifacts.ENVIRONMENT, Environment),
            "finetune": self.record(artifacts.TUNING, Tuning) if artifacts.TUNING in self.files else None,
            "fit": self.record(artifacts.FIT, Fit) if artifacts.FIT in self.files else None,
        }

    def planned(self, **places: str) -> Plan:
        """Return the plan of the run, with folders of this machine, and without the scores that cannot be had
        here or were not had there: those of files, checkpoints and packages that are not at hand.

        Raises DataError where this llmrec builds no such run."""
        metric = self.config["metric"] | {"metrics": within(self.config["metric"]["metrics"])}
        try:
            made = plan(OmegaConf.create(self.config | {"metric": metric} | places))
        except ConfigError as error:
            raise DataError(f"{self.capsule / artifacts.CONFIG}: {error}") from error
        claimed = {result.id: result.value for result in self.metrics.metrics}
        return replace(made, metrics=[one for one in made.metrics if at_hand(one, claimed)])

    def drawn(self, name: str) -> Rows:
        """Return the rows as the capsule has them, with what it holds of the data beyond them."""
        corpus = Corpus(name, "", [], self.items(), {}, [])
        answers = self.rows(TRAINING, cast(type[Any], Answer))
        return Rows(
            corpus=corpus,
            ledger=Ledger(corpus=corpus, timelines={}, roles={}, hides_held_out=False),
            examples=self.examples,
            total=self.metrics.n_total,
            without_reference=0,
            training=Training([], {}, [(NOBODY, answer) for answer in answers]),
            names=Names(corpus.items, None),
            pool=[],
        )

    def items(self) -> dict[str, Item]:
        """Return the items as prompts show them; those that the capsule does not describe have no title."""
        questions = [example.question for example in self.examples]
        bare = {id: Item(id, "", "", ()) for question in questions for id in question.candidates}
        known = self.record(CATALOGUE, dict[str, Item]) if CATALOGUE in self.files else {}
        return bare | known


def at_hand(metric: Metric, claimed: Mapping[str, float | None]) -> bool:
    """Say whether a score can be had here and was had there; that of a package is left out elsewhere."""
    if not metric.package:
        return True
    return metric.there and all(claimed.get(id) is not None for id in metric.ids([], Context(training=[])))
