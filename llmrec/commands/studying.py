"""Experiments that consist of several runs: their lines become sweeps, one after another, then a page."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from llmrec import estimate
from llmrec.ahead import Cell, look
from llmrec.artifacts import METRICS, read_metrics
from llmrec.commands.composing import composed, one_line
from llmrec.commands.console import errors, progress
from llmrec.commands.jobs import Jobs, shortest
from llmrec.commands.telling import tell
from llmrec.commands.words import (
    MULTIRUN,
    SHOWS,
    SWEEPS,
    combinations,
    is_override,
    parsed,
    searched,
    values,
)
from llmrec.comparison.table import drawn
from llmrec.config import build
from llmrec.errors import ConfigError
from llmrec.plan import PATHS, resolved
from llmrec.processes import rank
from llmrec.progress import Silent
from llmrec.report.page import left_out
from llmrec.report.study import Ran, Study
from llmrec.results import Metrics


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
    """Run its lines one after another, show what came out, and have the study written from it. Raises
    ConfigError where nothing of it can be asked."""
    sweeps = list(planned(asked))
    cells = seen([run for sweep in sweeps for run in sweep.runs])
    runs = [cell.run for cell in cells]
    if all(run.left_out for run in runs):
        raise ConfigError(runs[0].left_out)
    foretell(cells)
    jobs = Jobs(cells)
    console = errors()
    refused: list[ConfigError] = []
    for sweep in sweeps:
        try:
            jobs.run(["-m", *asked.flags, *sweep.words])
        except ConfigError as error:
            tell(error)
            refused.append(error)
    if jobs.delegated:
        return 0
    jobs.show()
    ran = [run if run.left_out else run._replace(metrics=came_of(run.folder, jobs)) for run in runs]
    left = sum(run.metrics is None and not run.left_out for run in ran)
    if left:
        console.print(
            f"{left} of {len(ran)} runs did not finish (errors above); the same command tries them again"
        )
    if any(run.metrics for run in ran):
        for path in asked.study.write(ran, asked.to):
            console.print(f"-> {shortest(path)}")
    return 1 if jobs.failed or refused else 0


def swept(argv: Sequence[str]) -> list[Cell]:
    """Return the runs of a sweep, what they will take told; none where it is no sweep, or where Hydra alone
    understands it."""
    flags = [word for word in argv if not is_override(word)]
    if not set(MULTIRUN).intersection(flags) or any(flag.partition("=")[0] in SHOWS for flag in flags):
        return []
    places = searched(flags)
    try:
        words = parsed([word for word in argv if is_override(word)])
        # As Hydra does, which refuses what only the swept choices allow.
        composed([*(word.input_line or "" for word in words if not word.is_sweep_override()), *places])
        each = combinations(words)
        runs = [composed_run(one, places) for one in each]
    except (ConfigError, HydraException):
        return []
    # What cannot be asked was asked for all the same: it will say so itself.
    cells = [cell._replace(run=run) for cell, run in zip(seen(runs), runs, strict=True)]
    if cells:
        foretell(cells)
    return cells


def seen(runs: Sequence[Ran]) -> list[Cell]:
    """Look at runs before they start, telling how far that is."""
    return look(runs, progress() if rank() == 0 else Silent())


def foretell(cells: Sequence[Cell]) -> None:
    """Print what is left out, and what the rest will take."""
    console = errors()
    for line in left_out([cell.run for cell in cells]):
        console.print(line)
    if not all(cell.finished or cell.run.left_out for cell in cells):
        console.print(drawn(*estimate.table(cells), title="before the start"))
        console.print(estimate.NOTE, style="dim")


def planned(asked: Asked) -> Iterator[Sweep]:
    """Yield the sweeps, each run in the first that asks for it, composed ahead: so that a wrong word is told
    before anything runs. Raises ConfigError."""
    given = {word.key_or_group for word in asked.words}
    known: set[Path] = set()
    typed: set[frozenset[str]] = set()  # of lines that a user's choices make alike
    places = searched(asked.flags)
    for line in asked.study.runs:
        with one_line([line]):
            own = [word for word in parsed(shlex.split(line)) if word.key_or_group not in given]
            words = [*own, *asked.words]
        new = [one for one in combinations(words) if frozenset(one) not in typed]
        typed |= set(map(frozenset, new))
        found = [composed_run(one, places) for one in new]
        runs = {run.folder: run for run in found if run.folder not in known}
        known |= set(runs)
        if runs:
            yield Sweep([word.input_line or "" for word in words], list(runs.values()))


def composed_run(choice: Sequence[str], places: Sequence[str]) -> Ran:
    """Return the run of some choices, not yet started. Raises ConfigError."""
    cfg = composed([*choice, *places], with_hydra=True)
    return Ran(Path(str(cfg.hydra.sweep.dir), str(cfg.hydra.sweep.subdir)).absolute(), choices(cfg), None)


def is_own(word: Override) -> bool:
    """Say whether a choice is the study's own: it would be none of a run's, or mean another folder there."""
    return word.key_or_group == "experiment" or word.key_or_group.startswith(("study.", "hydra.run."))


def is_study(name: str, places: Sequence[str]) -> bool:
    """Say whether an experiment consists of several runs; of one that does not compose, Hydra is to tell."""
    try:
        return "study" in composed([f"experiment={name}", *places])
    except ConfigError:
        return False


def choices(cfg: DictConfig) -> dict[str, Any]:
    """Return a config without Hydra's own node, resolved."""
    return resolved(OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"]))


def came_of(folder: Path, jobs: Jobs) -> Metrics | None:
    """Return the metrics of a run that has finished, by whatever launcher."""
    path = folder / METRICS
    return read_metrics(path) if path.is_file() and folder not in jobs.failed else None
