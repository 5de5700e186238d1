"""A run's model, opened when it is first needed."""

import logging
import time
from collections.abc import Sequence
from functools import partial

from llmrec import alone, artifacts
from llmrec.artifacts import RunDir, pretty
from llmrec.environment import describe
from llmrec.finetune.base import Place
from llmrec.lessons import prepare
from llmrec.model.base import Session
from llmrec.plan import Plan
from llmrec.processes import Processes
from llmrec.progress import Progress
from llmrec.records import Completion, Request
from llmrec.results import CHANGED
from llmrec.rows import Rows

log = logging.getLogger(__name__)


class Opening:
    """Returns the session when it is called, opened by the first call: loaded, fitted or fine-tuned.

    How that went is written to the run's folder. `seconds` is how long it took, None before.
    """

    def __init__(
        self, plan: Plan, rows: Rows, run_dir: RunDir, progress: Progress, processes: Processes
    ) -> None:
        self._plan, self._run_dir, self._processes = plan, run_dir, processes
        self._progress = progress
        self._place = Place(rows.training, plan.settings.seed, plan.cache_dir, progress)
        self._lessons = partial(prepare, plan, rows, progress)
        self._opened: Session | None = None
        self.seconds: float | None = None

    def __call__(self) -> Session:
        if self._opened is None:
            log.info("opening model=%s", self._plan.model.name)
            began = time.perf_counter()
            self._opened, tuning = self._plan.finetune.open(self._plan.model, self._lessons, self._place)
            self.seconds = round(time.perf_counter() - began, 3)
            log.info("model: %.1f s", self.seconds)
            for name, record in ((artifacts.TUNING, tuning), (artifacts.FIT, self._opened.fit)):
                if record is not None:
                    self._run_dir.settle(name, pretty(record), but=artifacts.TOOK)
            self._opened.prepare(self._plan.decoding)
            self.note()
        return self._opened

    def tell(self) -> None:
        """Have the folder tell how the model was learned, opened again if that was lost; and what the
        session came to know of while it answered."""
        due = {artifacts.TUNING: self._plan.finetune.trains, artifacts.FIT: self._plan.model.learns}
        if any(wanted and not (self._run_dir.path / name).is_file() for name, wanted in due.items()):
            self()
        self.note()

    def ask_alone(self, requests: Sequence[Request], given: Sequence[Completion]) -> None:
        """Have the folder tell how many answers change with their batch, where any can."""
        made = self._run_dir.environment()
        if not made.exact and CHANGED not in made.details:
            session = self()
            session.environment[CHANGED] = alone.changed(
                session, requests, given, self._plan.decoding, self._progress
            )
            self.note()

    def note(self) -> None:
        """Write what completions are made with, if the session is open; it comes to know of more."""
        if self._opened is not None:
            size = self._processes.size
            shared = {"processes": str(size)} if size > 1 else {}
            self._run_dir.note_environment(describe(self._opened.environment | shared))
