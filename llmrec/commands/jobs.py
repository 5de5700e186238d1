"""The jobs of `llmrec run`: Hydra composes them, one or a sweep, and each is a run in its folder."""

import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from llmrec.ahead import Cell
from llmrec.artifacts import ERROR, LOCK, METRICS, RunDir, read_metrics
from llmrec.commands.board import Board
from llmrec.commands.composing import one_line
from llmrec.commands.console import Terminal, errors, progress
from llmrec.commands.launching import is_here, lost_workers, paths_elsewhere
from llmrec.commands.telling import said, tell
from llmrec.commands.words import MULTIRUN, check_flags
from llmrec.config import conf_dir
from llmrec.errors import BackendError, DelegatedError, LlmrecError
from llmrec.locks import alone
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.processes import count, rank
from llmrec.progress import Silent
from llmrec.report.power import lasting
from llmrec.report.table import drawn, grids
from llmrec.results import Metrics

log = logging.getLogger(__name__)


class Postponed(Exception):
    """No mistake: another process computes a run, and there are others to do meanwhile."""


class Jobs:
    """What came of the jobs so far, by folder. `cells` are those that are known before, where they are
    several: how they stand is shown, and those that are left out are passed over."""

    def __init__(self, cells: Sequence[Cell] = ()) -> None:
        asked = [cell for cell in cells if not cell.run.left_out]
        self.left_out = {cell.run.folder for cell in cells if cell.run.left_out}
        self.numbers = {cell.run.folder: number for number, cell in enumerate(asked, 1)}
        self.waiting = {cell.run.folder for cell in asked if not cell.finished}
        self.took: list[float] = []
        self.finished: dict[Path, Metrics] = {}
        self.failed: set[Path] = set()
        self.later: dict[Path, list[str]] = {}
        self.delegated = False
        self._board = Board(asked, errors()) if asked and rank() == 0 else None

    def __getstate__(self) -> dict[str, Any]:
        """Return what goes to another process with a job."""
        return vars(self) | {"_board": None}

    def run(self, argv: Sequence[str]) -> None:
        """Run what Hydra makes of the words; a job's failure does not keep the others from running. What
        another process computes comes last, and its end is waited for.

        Raises ConfigError when the words make no job, BackendError when a launcher lost a worker of runs
        that are not known: of others those that are missing have failed.
        """
        paths = paths_elsewhere(argv)
        with ExitStack() as watched:
            if self._board:
                watched.enter_context(self._board.shown(lines=bool(paths)))
            try:
                with lost_workers() if paths else nullcontext():
                    self._launch([*argv, *paths])
            except BackendError as error:
                if not self.numbers:
                    raise
                tell(error)
            flags = [word for word in argv if word.startswith("-") and word not in MULTIRUN]
            for folder, words in self.later.items():
                self._launch([*flags, *words, f"hydra.run.dir='{folder}'"])
        self.later = {}
        if paths:
            self._look()

    def _launch(self, argv: Sequence[str]) -> None:
        def job(cfg: DictConfig) -> None:
            self._one(cfg, HydraConfig.get())

        # Hydra then raises its errors instead of printing several lines, and they are told in one.
        os.environ.setdefault("HYDRA_FULL_ERROR", "1")
        # Hydra takes the words after a flag for no choices, where some stand before it.
        sys.argv[1:] = sorted(argv, key=lambda word: word not in MULTIRUN)
        check_flags(sys.argv[1:])
        logging.raiseExceptions = False  # a log that finds no room on the disk is not worth a run
        with one_line(argv):
            hydra.main(config_path=str(conf_dir()), config_name="run", version_base="1.3")(job)()

    def _one(self, cfg: DictConfig, asked: Any) -> None:
        """Run a job. In a process that a launcher made this is a copy, and what it comes to shows in its
        folder alone."""
        folder, here = Path(asked.runtime.output_dir), is_here(asked)
        if folder in self.left_out:
            return
        start = time.monotonic()
        try:
            (folder / ERROR).unlink(missing_ok=True)
            self.finished[folder] = one_run(
                cfg, folder, self._which(folder, ": "), here, lambda owner: self._meet(folder, owner, here)
            )
        except Postponed:
            self.later[folder] = [*asked.overrides.task, *asked.overrides.hydra]
            return
        except DelegatedError:
            log.info("the first process goes on alone")
            self.delegated = True
        except Exception as error:  # noqa: BLE001 - whatever it is, it keeps no other run from running
            self._fail(folder, error, here)
        if here and folder in self.numbers and not self.delegated:
            self._tell(folder, time.monotonic() - start)

    def _meet(self, folder: Path, owner: str, here: bool) -> None:
        """Leave a run that another process computes for later, where there are others; else wait."""
        may_wait = here and count() == 1 and folder in self.numbers and folder not in self.later
        what = "comes last" if may_wait else "waiting for its end"
        errors().print(f"{self._which(folder, ': ')}{owner} computes {shortest(folder)}; {what}")
        if may_wait:
            raise Postponed

    def _fail(self, folder: Path, error: Exception, here: bool) -> None:
        log.error("%s", said(error), exc_info=None if isinstance(error, LlmrecError) else error)
        self.failed.add(folder)
        if here:
            tell(error)
        try:
            RunDir(folder).write(ERROR, f"{said(error)}\n".encode())
        except LlmrecError:
            log.error("and that could not be written to %s", folder)

    def _look(self) -> None:
        """Read from their folders what other processes have come to by now."""
        if not self.numbers:
            errors().print("what these runs came to: llmrec report DIR...")
        done = {f for f in self.numbers if (f / METRICS).is_file() and not (f / ERROR).is_file()}
        self.finished |= {folder: read_metrics(folder / METRICS) for folder in done}
        self.failed = self.numbers.keys() - done

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
        console = Terminal()
        for grid in grids(self.finished.values()):
            console.print(drawn(grid))


def one_run(cfg: DictConfig, folder: Path, which: str, here: bool, meet: Callable[[str], None]) -> Metrics:
    """Run one composed config in its folder, telling which it is, and where, if that is `here`. Where another
    process computes it, `meet` is told which."""
    made = plan(cfg)
    with alone(folder / LOCK, meet) if rank() == 0 else nullcontext():
        console = errors()
        if here:
            console.print(
                f"{which}task={made.task.name} dataset={made.dataset.name} model={made.model.name} "
                f"prompt={made.variant.name} -> {shortest(folder)}"
            )
            if made.settings.limit is not None:
                console.print(
                    f"limit={made.settings.limit}: a sample of the rows; intervals are wide, no final figures"
                )
        return run(made, RunDir(folder, rank()), progress() if here and rank() == 0 else Silent())


def shortest(path: Path) -> str:
    """Return the path as seen from here, if it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
