"""`llmrec score DIR...`: parse and score stored completions again; no model is loaded."""

from pathlib import Path

from llmrec.artifacts import RunDir
from llmrec.commands.console import Terminal, progress
from llmrec.commands.telling import tell
from llmrec.errors import LlmrecError, UsageError
from llmrec.finished import stored_config, stored_plan
from llmrec.pipeline import run
from llmrec.report.table import drawn, grids

HELP = """usage: llmrec score DIR...

Parse and score what finished runs have stored, with the parsers and metrics of this version. No model
is loaded: a run whose rows were not all asked is refused."""


def main(argv: list[str]) -> int:
    if "--help" in argv or "-h" in argv:
        print(HELP)
        return 0
    if not argv:
        raise UsageError("llmrec score: no folder; give those of runs, such as outputs/runs/rating/*")
    finished, failed = [], False
    for name in argv:
        try:
            made = stored_plan(Path(name), stored_config(Path(name)))
            finished.append(run(made, RunDir(Path(name)), progress(), asks=False))
        except LlmrecError as error:
            failed = True
            tell(error)
    console = Terminal()
    for grid in grids(finished):
        console.print(drawn(grid))
    return 1 if failed else 0
