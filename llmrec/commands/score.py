"""`llmrec score DIR...`: parse and score stored completions again; no model is loaded."""

import sys
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from llmrec import artifacts
from llmrec.artifacts import RunDir
from llmrec.commands.console import progress
from llmrec.errors import DataError, LlmrecError
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.report.table import drawn, grids

HELP = """usage: llmrec score DIR...

Parse and score what finished runs have stored, with the parsers and metrics of this version. No model
is loaded: a run whose rows were not all asked is refused."""


def main(argv: list[str]) -> int:
    if not argv or "--help" in argv or "-h" in argv:
        print(HELP)
        return 0 if argv else 1
    finished, failed = [], False
    for name in argv:
        try:
            made = plan(stored_config(Path(name)))
            finished.append(run(made, RunDir(Path(name)), progress(), asks=False))
        except LlmrecError as error:
            failed = True
            print(f"error: {error}", file=sys.stderr)
    console = Console()
    for grid in grids(finished):
        console.print(drawn(grid))
    return 1 if failed else 0


def stored_config(folder: Path) -> DictConfig:
    """Return the config of a run folder. Raises DataError where there is none."""
    path = folder / artifacts.CONFIG
    try:
        config = OmegaConf.load(path)
    except (OSError, OmegaConfBaseException) as error:
        raise DataError(
            f"{path}: cannot be read; give the folder of a run, such as outputs/runs/..."
        ) from error
    if not isinstance(config, DictConfig):
        raise LlmrecError(f"{path}: holds no config of a run")
    return config
