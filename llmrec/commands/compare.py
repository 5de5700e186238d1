"""`llmrec compare RUN RUN...`: is the difference real?"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import msgspec

from llmrec.commands.arguments import Arguments
from llmrec.commands.console import Terminal
from llmrec.comparison.differences import Difference, Measured, changed, differences, measures
from llmrec.comparison.naming import names
from llmrec.comparison.pairs import Pair, pairs
from llmrec.comparison.table import CHANGED, HEADER, NOTES, cells, drawn, markdown, told
from llmrec.errors import ConfigError
from llmrec.finished import Finished
from llmrec.report.verdicts import beats


def main(argv: list[str]) -> int:
    parser = Arguments(
        prog="llmrec compare",
        description="Hold finished runs against each other on the rows that they share, every two of them.",
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--metric", action="append", default=[], help="a score; the task's headline if none")
    parser.add_argument("--rows", type=int, default=3, help="rows to show that changed most, each way")
    parser.add_argument("--format", choices=("table", "markdown", "json"), default="table")
    asked = parser.parse_args(argv)
    if len(asked.folders) < 2:
        raise ConfigError(f"{asked.folders[0]}: one run; give two or more to compare")
    runs = [Finished.at(folder) for folder in asked.folders]
    found = pairs(names(runs), runs)
    measured = [measures(pair, asked.metric) for pair in found]
    apart = differences([one for of_pair in measured for one in of_pair])
    if asked.format == "json":
        print(msgspec.json.format(msgspec.json.encode(apart)).decode())
    elif asked.format == "markdown":
        for pair, alike in zip(found, by_pair(apart), strict=True):
            print(markdown(HEADER, [*map(cells, alike)], heading(pair)))
        print("\n".join(f"- {note}" for note in NOTES))
    else:
        show([first for first, *_ in measured], apart, asked.rows)
    return 0


def by_pair(apart: Sequence[Difference]) -> list[list[Difference]]:
    """Return the differences of every two runs, as they stand."""
    return [list(alike) for _, alike in groupby(apart, key=lambda found: (found.one, found.other))]


def heading(pair: Pair) -> str:
    first, second = pair.names
    asked = " and ".join(f"{len(run.rows):,}" for run in pair.runs)
    return f"first: {first}\nsecond: {second}\nn = {len(pair.rows):,} rows shared, of {asked}"


def show(found: Sequence[Measured], apart: Sequence[Difference], rows: int) -> None:
    """Print the differences of every two runs, the rows behind the first of them, and what each run beats."""
    console = Terminal()
    for measured, alike in zip(found, by_pair(apart), strict=True):
        console.print(drawn(HEADER, [*map(cells, alike)], heading(measured.pair)))
        if moved := changed(measured, rows):
            lines = [
                [row.id, row.user, *(told(a, row.reference) for a in (row.reference, *row.answers))]
                for row in moved
            ]
            console.print(drawn(CHANGED, lines, f"changed most by {alike[0].metric}"))
    for note in NOTES:
        console.print(note, style="dim")
    pairs_shown = [measured.pair for measured in found]
    runs = {name: run for pair in pairs_shown for name, run in zip(pair.names, pair.runs, strict=True)}
    for name, run in runs.items():
        console.print(f"{name} beats {beats(run.metrics)}")
