"""`llmrec run`: one run, or with -m a run for every combination of choices. Hydra does the composing."""

import logging
import os
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console

from llmrec.artifacts import RunDir
from llmrec.commands.composing import one_line, register
from llmrec.commands.console import progress
from llmrec.config import conf_dir
from llmrec.errors import DelegatedError, LlmrecError
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.report.table import drawn, grids
from llmrec.results import Metrics

HELP = """usage: llmrec run [GROUP=NAME ...] [KEY=VALUE ...] [-m] [Hydra's flags]

  llmrec run task=rating dataset=gift_cards model=smollm2 limit=16
  llmrec run -m task=rating,direct prompt=zero_shot,few_shot,cot limit=64
  llmrec run model=hf model.path=Qwen/Qwen3-0.6B dataset=beauty task=sequential

The same choices find the same folder again: what is there already is not computed twice, and a run
that was stopped goes on. hydra.run.dir=DIR puts the folder elsewhere.

  -m, --multirun      one run for every combination of comma-separated values
  --cfg job           print the composed config and stop       (llmrec show does the same)
  --info              what Hydra found where
  --config-dir DIR    a folder of your own groups: DIR/model/mine.yaml gives model=mine
  -sc install=bash    tab completion: eval "$(llmrec run -sc install=bash)"
  --hydra-help        all of Hydra's flags

Choices: llmrec list. Every setting: llmrec show."""

log = logging.getLogger(__name__)


def main(argv: list[str]) -> int:
    if "--help" in argv or "-h" in argv:
        print(HELP)
        return 0
    register()
    # Hydra then raises its errors instead of printing several lines, and they are told in one.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    sys.argv[1:] = argv
    finished: list[Metrics] = []
    failed: list[LlmrecError] = []

    def job(cfg: DictConfig) -> None:
        """Run one job; its failure does not keep a sweep's other jobs from running."""
        folder = Path(HydraConfig.get().runtime.output_dir)
        try:
            finished.append(one_run(cfg, folder))
        except DelegatedError:
            log.info("the first process goes on alone")
        except LlmrecError as error:
            log.error("%s", error)
            failed.append(error)
            print(f"error: {error}", file=sys.stderr)

    logging.raiseExceptions = False  # a log that finds no room on the disk is not worth a run
    with one_line(argv):
        hydra.main(config_path=str(conf_dir()), config_name="run", version_base="1.3")(job)()
    if finished:
        show(finished)
    return 1 if failed else 0


def one_run(cfg: DictConfig, folder: Path) -> Metrics:
    """Run one composed config in its folder, telling where."""
    made = plan(cfg)
    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    console.print(
        f"task={made.task.name} dataset={made.dataset.name} model={made.model.name} "
        f"prompt={made.variant.name} -> {shortest(folder)}"
    )
    if made.settings.limit is not None:
        console.print(
            f"limit={made.settings.limit}: a sample of the rows; intervals are wide, no final figures"
        )
    return run(made, RunDir(folder), progress())


def shortest(folder: Path) -> str:
    """Return the folder as seen from here, if it lies below."""
    here = Path.cwd()
    return str(folder.relative_to(here)) if folder.is_relative_to(here) else str(folder)


def show(finished: list[Metrics]) -> None:
    console = Console()
    for grid in grids(finished):
        console.print(drawn(grid))
