"""From a composed config to the built objects of one run, with impossible pairs refused first."""

from dataclasses import dataclass
from enum import StrEnum, auto
from pathlib import Path
from typing import Any, NamedTuple, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from llmrec.config import build, conf_dir, unfit
from llmrec.dataset.base import Dataset
from llmrec.decoding.base import Decoding
from llmrec.decoding.guided import Guided
from llmrec.errors import ConfigError, did_you_mean
from llmrec.finetune.base import Finetune
from llmrec.metric.base import Metric
from llmrec.model.base import Model
from llmrec.parser.base import Parser
from llmrec.prompt.variant import Variant
from llmrec.prompt.wording import Wording
from llmrec.records import Ranking, Rating
from llmrec.split.base import Split
from llmrec.split.ledger import Role, Ties
from llmrec.task.base import Task

PATHS = ("data_dir", "cache_dir", "output_dir")


class OnLeak(StrEnum):
    """What a leak does: stop the run, or stamp its result."""

    stop = auto()
    stamp = auto()


class Subset(StrEnum):
    """Which held-out rows are asked about."""

    test = auto()
    valid = auto()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The choices of `run.yaml` that belong to no group."""

    subset: Subset
    limit: int | None
    seed: int
    ties: Ties
    on_leak: OnLeak
    max_reasks: int
    resamples: int
    data_dir: str
    cache_dir: str
    output_dir: str

    def __post_init__(self) -> None:
        least = {"limit": 1, "max_reasks": 0, "resamples": 1}
        for name, lowest in least.items():
            value = getattr(self, name)
            if value is not None and value < lowest:
                raise ConfigError(f"{name}: {value} is below {lowest}; give {lowest} or more")

    @property
    def role(self) -> Role:
        return Role[self.subset.name.upper()]

    def notes(self) -> list[str]:
        """Return what a reader of the scores must know of unusual choices."""
        told = {
            "interactions of one second in file order, as in the literature: no fair split": (
                self.ties is Ties.file_order
            ),
            "validation rows, not the test": self.subset is Subset.valid,
        }
        return [note for note, holds in told.items() if holds]


class Lesson(NamedTuple):
    """A task that is learned, in its words."""

    task: Task
    wording: Wording


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything one run needs; `lessons` are the tasks that fine-tuning learns, `stored` is the resolved
    config as the run folder keeps it."""

    dataset: Dataset
    split: Split
    task: Task
    wording: Wording
    variant: Variant
    model: Model
    floors: list[Model]
    decoding: Decoding
    parser: Parser
    metrics: list[Metric]
    finetune: Finetune
    lessons: list[Lesson]
    settings: Settings
    stored: dict[str, Any]

    @property
    def data_dir(self) -> Path:
        return Path(self.settings.data_dir)

    @property
    def cache_dir(self) -> Path:
        return Path(self.settings.cache_dir)


def plan(cfg: DictConfig) -> Plan:
    """Build and check all parts. Raises ConfigError with the place of the first that does not fit."""
    stored = resolved(cfg)
    whole = OmegaConf.create(stored)
    task, wording = lesson(whole.task, "task")
    finetune = build(whole.finetune, Finetune, "finetune")  # type: ignore[type-abstract]
    one_item_a_text = finetune.trains and task.answer is Ranking  # what it learned to answer
    settings = {name: whole[name] for name in Settings.__dataclass_fields__ if name in whole}
    made = Plan(
        dataset=build(whole.dataset, Dataset, "dataset"),  # type: ignore[type-abstract]
        split=build(whole.split, Split, "split"),  # type: ignore[type-abstract]
        task=task,
        wording=wording,
        variant=build(whole.prompt, Variant, "prompt"),
        model=build(whole.model, Model, "model"),  # type: ignore[type-abstract]
        floors=[floor(name) for name in whole.task.floors],
        decoding=build(longer(whole), Decoding, "decoding").settled(one_item_a_text),
        parser=build(whole.parser, Parser, "parser"),  # type: ignore[type-abstract]
        metrics=[
            build(node, Metric, f"metric.metrics[{i}]")  # type: ignore[type-abstract]
            for i, node in enumerate(whole.metric.metrics)
        ],
        finetune=finetune,
        lessons=[
            Lesson(task, wording) if name == task.name else lesson(other_task(name), f"finetune.tasks.{name}")
            for name in whole.finetune.get("tasks") or [task.name]
        ],
        settings=build(OmegaConf.create({"_target_": "llmrec.plan.Settings", **settings}), Settings, ""),
        stored=stored,
    )
    check(made)
    return made


def resolved(cfg: DictConfig) -> dict[str, Any]:
    """Return the config without Hydra's own node and with every interpolation resolved."""
    try:
        container = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise unfit(str(error.full_key or "config"), error) from error
    stored = {str(key): value for key, value in dict(container).items() if key != "hydra"}  # type: ignore[arg-type]
    # Absolute, so that a run folder can be scored again from anywhere.
    return stored | {key: str(Path(stored[key]).expanduser().absolute()) for key in PATHS}


def longer(whole: DictConfig) -> DictConfig:
    """Return the decoding node with the prompt variant's room for reasoning added to the length of a text,
    whose lines tell nothing then."""
    node = OmegaConf.create(OmegaConf.to_container(whole.decoding))
    if whole.prompt.reasoning_tokens and "max_new_tokens" in node:
        node.max_new_tokens += whole.prompt.reasoning_tokens
        node.lines = None
    return cast(DictConfig, node)


def lesson(node: DictConfig, place: str) -> Lesson:
    """Build a task and its wording."""
    rest = OmegaConf.masked_copy(node, [str(key) for key in node if key != "wording"])
    task = build(rest, Task, place)  # type: ignore[type-abstract]
    return Lesson(task, build(node.wording, Wording, f"{place}.wording"))


def other_task(name: str) -> DictConfig:
    """Return the node of a task that is learned beside the run's own, by name alone."""
    path = conf_dir() / "task" / f"{name}.yaml"
    known = [file.stem for file in path.parent.glob("*.yaml")]
    if name not in known:
        raise ConfigError(
            f"finetune.tasks: no task '{name}'{did_you_mean(name, known) or '; see llmrec list task'}"
        )
    node = cast(DictConfig, OmegaConf.load(path))
    return OmegaConf.masked_copy(node, [str(key) for key in node if key != "defaults"])


def floor(name: str) -> Model:
    """Build a model of conf/model by name alone."""
    path = conf_dir() / "model" / f"{name}.yaml"
    if name not in {file.stem for file in path.parent.glob("*.yaml")}:
        raise ConfigError(f"task.floors: no conf/model/{name}.yaml; name models that learn from rows alone")
    return build(OmegaConf.load(path), Model, f"task.floors.{name}")  # type: ignore[type-abstract, arg-type]


def check(made: Plan) -> None:
    """Refuse parts that do not go together, before anything is loaded."""
    task, asked = made.task, made.task.answer
    if made.parser.answer is not asked:
        raise ConfigError(
            f"parser={made.parser.name}: reads a {made.parser.answer.__name__.lower()}, task={task.name} "
            f"asks for a {asked.__name__.lower()}; leave the parser to the task"
        )
    for model in (made.model, *made.floors):
        given = model.answers()
        if given is not None and asked not in given:
            kinds = " or a ".join(kind.__name__.lower() for kind in given)
            raise ConfigError(
                f"model={model.name}: answers a {kinds}, task={task.name} asks for a "
                f"{asked.__name__.lower()}; choose model={' or model='.join(task.floors)} or a language model"
            )
    check_decoding(made)
    made.finetune.check(made.model)
    if not made.model.serves(made.decoding):
        raise ConfigError(
            f"model={made.model.name}: cannot answer by decoding={made.decoding.name}; leave that to the "
            "model, or choose another of llmrec list decoding"
        )


def check_decoding(made: Plan) -> None:
    """Refuse a decoding that cannot answer the task as it is asked, and a prompt that cannot ask it."""
    decoding, task, variant = made.decoding, made.task, made.variant
    if variant.candidate and not task.shows_candidates:
        raise ConfigError(
            f"prompt={variant.name}: words candidates, and task={task.name} shows none; use task=direct, or "
            "another prompt"
        )
    place = f"decoding={decoding.name}"
    if isinstance(decoding, Guided):
        if task.answer is not Rating and not task.shows_candidates:
            raise ConfigError(
                f"{place}: binds texts to stars or to the candidates shown, and task={task.name} has "
                "neither; use task=rating or direct, or another decoding"
            )
    elif decoding.answer is None:
        return
    elif decoding.answer is not task.answer:
        raise ConfigError(
            f"{place}: answers a {decoding.answer.__name__.lower()}, task={task.name} asks for a "
            f"{task.answer.__name__.lower()}; leave the decoding to the model, or choose another task"
        )
    if decoding.needs_candidates and not task.shows_candidates:
        raise ConfigError(
            f"{place}: ranks the candidates that are shown, and task={task.name} shows none; use "
            "decoding=catalogue, or task=direct"
        )
    if decoding.needs_labels and "{i}" not in (variant.candidate or made.wording.candidate):
        raise ConfigError(
            f"{place}: scores the candidates' numbers, and prompt={variant.name} shows none; use "
            "prompt=labelled"
        )
    if variant.reasoning_tokens:
        raise ConfigError(
            f"{place}: answers at once, and prompt={variant.name} wants thoughts before the answer; use "
            "decoding=greedy, or another prompt"
        )
