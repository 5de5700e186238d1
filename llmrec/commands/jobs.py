"""The jobs of `llmrec run`: Hydra composes them, one or a sweep, and each is a run in its folder."""

import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console

from llmrec.ahead import Cell
from llmrec.artifacts import RunDir
from llmrec.commands.composing import one_line
from llmrec.commands.console import progress
from llmrec.config import conf_dir
from llmrec.errors import DelegatedError, LlmrecError
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.processes import rank
from llmrec.progress import Silent
from llmrec.report.power import lasting
from llmrec.report.table import drawn, grids
from llmrec.results import Metrics

log = logging.getLogger(__name__)

MULTIRUN = ("-m", "--multirun")


class Jobs:
    """What came of the jobs so far, by folder. `cells` are those that are known before, where they are
    several: each is told when it is done, and those that are left out are passed over."""

    def __init__(self, cells: Sequence[Cell] = ()) -> None:
        asked = [cell for cell in cells if not cell.run.left_out]
        self.left_out = {cell.run.folder for cell in cells if cell.run.left_out}
        self.numbers = {cell.run.folder: number for number, cell in enumerate(asked, 1)}
        self.waiting = {cell.run.folder for cell in asked if not cell.finished}
        self.took: list[float] = []
        self.finished: dict[Path, Metrics] = {}
        self.failed: set[Path] = set()
        self.delegated = False

    def run(self, argv: Sequence[str]) -> None:
        """Run what Hydra makes of the words; a job's failure does not keep the others from running.

        Raises ConfigError when the words make no job.
        """

        def job(cfg: DictConfig) -> None:
            self._one(cfg, Path(HydraConfig.get().runtime.output_dir))

        # Hydra takes the words after a flag for no choices, where some stand before it.
        sys.argv[1:] = sorted(argv, key=lambda word: word not in MULTIRUN)
        logging.raiseExceptions = False  # a log that finds no room on the disk is not worth a run
        with one_line(argv):
            hydra.main(config_path=str(conf_dir()), config_name="run", version_base="1.3")(job)()

    def _one(self, cfg: DictConfig, folder: Path) -> None:
        if folder in self.left_out:
            return
        start = time.monotonic()
        try:
            self.finished[folder] = one_run(cfg, folder, self._which(folder, ": "))
        except DelegatedError:
            log.info("the first process goes on alone")
            self.delegated = True
        except LlmrecError as error:
            log.error("%s", error)
            self.failed.add(folder)
            print(f"error: {error}", file=sys.stderr)
        if folder in self.numbers and not self.delegated:
            self._tell(folder, time.monotonic() - start)

    def _which(self, folder: Path, end: str = "") -> str:
        number = self.numbers.get(folder)
        return f"run {number} of {len(self.numbers)}{end}" if number else ""

    def _tell(self, folder: Path, seconds: float) -> None:
        """Print how long a job took, what is left, and how long that will take if it goes on so."""
        failed = folder in self.failed
        if folder in self.waiting and not failed:
            self.took.append(seconds)
        self.waiting.discard(folder)
        how = "failed after" if failed else "done in"
        words = [f"{self._which(folder)} {how} {lasting(seconds)}"]
        if self.failed:
            words.append(f"{len(self.failed)} failed")
        if self.waiting:
            words.append(f"{len(self.waiting)} left")
        if self.waiting and self.took:
            words.append(f"about {lasting(sum(self.took) / len(self.took) * len(self.waiting))}")
        errors().print(", ".join(words))

    def show(self) -> None:
        """Print the tables of what has finished."""
        console = Console()
        for grid in grids(self.finished.values()):
            console.print(drawn(grid))


def one_run(cfg: DictConfig, folder: Path, which: str) -> Metrics:
    """Run one composed config in its folder, telling which it is, and where."""
    made = plan(cfg)
    console = errors()
    console.print(
        f"{which}task={made.task.name} dataset={made.dataset.name} model={made.model.name} "
        f"prompt={made.variant.name} -> {shortest(folder)}"
    )
    if made.settings.limit is not None:
        console.print(
            f"limit={made.settings.limit}: a sample of the rows; intervals are wide, no final figures"
        )
    return run(made, RunDir(folder, rank()), progress() if rank() == 0 else Silent())


def errors() -> Console:
    """Return where to tell what goes on: standard error, of the first process alone."""
    return Console(stderr=True, highlight=False, soft_wrap=True, markup=False, quiet=rank() > 0)


def shortest(path: Path) -> str:
    """Return the path as seen from here, if it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
