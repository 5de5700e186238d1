"""Experiments that consist of several runs: their lines become sweeps, one after another, then a page."""

import shlex
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from llmrec.artifacts import METRICS, read_metrics
from llmrec.commands.composing import composed, one_line
from llmrec.commands.jobs import Jobs, shortest
from llmrec.config import build
from llmrec.errors import ConfigError
from llmrec.plan import PATHS, resolved
from llmrec.report.study import Ran, Study
from llmrec.results import Metrics

# With one of these Hydra shows something and runs nothing.
SHOWS = {"--cfg", "-c", "--info", "-i", "--hydra-help", "--version", "--shell-completion", "-sc"}
SWEEPS = {"--multirun", "-m", "--run", "-r"}
CONFIG_DIR = ("--config-dir", "-cd")


class Asked(NamedTuple):
    """A study as a user asked for it: where its pages go, Hydra's flags and the words for all its runs."""

    study: Study
    to: Path
    flags: list[str]
    words: list[Override]


class Sweep(NamedTuple):
    """A line of a study: the words of its sweep, and the runs that come of them."""

    words: list[str]
    runs: list[Ran]


def study_of(argv: Sequence[str]) -> Asked | None:
    """Return the experiment of several runs that a command line names; None where it names no such.

    Raises ConfigError when it names one together with another experiment, or changes it to what it cannot be.
    """
    flags = [word for word in argv if not is_override(word)]
    named = any(is_override(word) and word.lstrip("+").startswith("experiment=") for word in argv)
    if not named or any(flag.partition("=")[0] in SHOWS for flag in flags):
        return None
    with one_line(argv):
        words = parsed([word for word in argv if is_override(word)])
    names = [name for word in words if word.key_or_group == "experiment" for name in values(word)]
    places = searched(flags)
    studies = [name for name in names if is_study(name, places)]
    if not studies:
        return None
    if len(names) > 1:
        raise ConfigError(
            f"experiment={','.join(names)}: {studies[0]} is several runs already; give it a command alone"
        )
    own = [word.input_line or "" for word in words if is_own(word) or word.key_or_group in PATHS]
    cfg = composed([*own, *places], with_hydra=True)
    node = OmegaConf.create(choices(cfg)).study
    return Asked(
        build(node, Study, "study"),  # type: ignore[type-abstract]
        Path(str(cfg.hydra.run.dir)).absolute(),
        [flag for flag in flags if flag not in SWEEPS],
        [word for word in words if not is_own(word)],
    )


def run_study(asked: Asked) -> int:
    """Run its lines one after another, show what came out, and have the study written from it."""
    sweeps = list(planned(asked))
    runs = [run for sweep in sweeps for run in sweep.runs]
    jobs = Jobs({run.folder: number for number, run in enumerate(runs, 1)})
    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    refused: list[ConfigError] = []
    for sweep in sweeps:
        try:
            jobs.run(["-m", *asked.flags, *sweep.words])
        except ConfigError as error:
            console.print(f"error: {error}")
            refused.append(error)
    if jobs.delegated:
        return 0
    jobs.show()
    ran = [run._replace(metrics=None if run.folder in jobs.failed else stored(run.folder)) for run in runs]
    left = sum(run.metrics is None for run in ran)
    if left:
        console.print(f"{left} of {len(ran)} runs did not finish; the same command goes on with them")
    if left < len(ran):
        for path in asked.study.write(ran, asked.to):
            console.print(f"-> {shortest(path)}")
    return 1 if jobs.failed or refused else 0


def planned(asked: Asked) -> Iterator[Sweep]:
    """Yield the sweeps, each run in the first that asks for it, composed ahead: so that a wrong word is told
    before anything runs. Raises ConfigError."""
    given = {word.key_or_group for word in asked.words}
    known: set[Path] = set()
    places = searched(asked.flags)
    for line in asked.study.runs:
        with one_line([line]):
            own = [word for word in parsed(shlex.split(line)) if word.key_or_group not in given]
            words = [*own, *asked.words]
            each = [list(one) for one in product(*map(assignments, words))]
        runs = []
        for one in each:
            cfg = composed([*one, *places], with_hydra=True)
            folder = Path(str(cfg.hydra.sweep.dir), str(cfg.hydra.sweep.subdir)).absolute()
            if folder not in known:
                runs.append(Ran(folder, choices(cfg), None))
                known.add(folder)
        if runs:
            yield Sweep([word.input_line or "" for word in words], runs)


def is_override(word: str) -> bool:
    """Say whether a word of the command line is a choice, not one of Hydra's flags or its value."""
    return not word.startswith("-") and ("=" in word or word.startswith("~"))


def is_own(word: Override) -> bool:
    """Say whether a choice is the study's own: it would be none of a run's, or mean another folder there."""
    return word.key_or_group == "experiment" or word.key_or_group.startswith(("study.", "hydra.run."))


def is_study(name: str, places: Sequence[str]) -> bool:
    """Say whether an experiment consists of several runs; of one that does not compose, Hydra is to tell."""
    try:
        return "study" in composed([f"experiment={name}", *places])
    except ConfigError:
        return False


def searched(flags: Sequence[str]) -> list[str]:
    """Return what composes like `--config-dir DIR`."""
    for place, flag in enumerate(flags):
        name, _, folder = flag.partition("=")
        if name in CONFIG_DIR:
            folder = folder or (flags[place + 1] if place + 1 < len(flags) else "")
            return [f"hydra.searchpath=['file://{Path(folder).absolute()}']"]
    return []


def parsed(words: Sequence[str]) -> list[Override]:
    """Return words as Hydra understands them."""
    found: list[Override] = OverridesParser.create().parse_overrides(list(words))
    return found


def values(word: Override) -> list[str]:
    """Return what a choice is set to, in turn."""
    if word.is_sweep_override():
        return list(word.sweep_string_iterator())
    return [str(word.get_value_element_as_str())]


def assignments(word: Override) -> list[str]:
    """Return a choice once for each value that it is swept over."""
    if not word.is_sweep_override():
        return [word.input_line or ""]
    return [f"{word.get_key_element()}={value}" for value in values(word)]


def choices(cfg: DictConfig) -> dict[str, Any]:
    """Return a config without Hydra's own node, resolved."""
    return resolved(OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"]))


def stored(folder: Path) -> Metrics | None:
    """Return the metrics of a run that has finished, by whatever launcher."""
    path = folder / METRICS
    return read_metrics(path) if path.is_file() else None
