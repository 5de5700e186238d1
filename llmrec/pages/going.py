"""Runs that have not finished: how far they have come, by what lies in their folders."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from llmrec.artifacts import ALL_COMPLETIONS, CONFIG, EXAMPLES, METRICS
from llmrec.pages.view import Section, Table, count, words

ABOUT = "Runs that have begun and have no result yet. Load the page again to see how they go on."
HEADER = ("run", "completions", "rows")


class Going(NamedTuple):
    """A run that has not finished: so many completions, asked again or not, of so many `rows`."""

    folder: Path
    completions: int
    rows: int


def unfinished(folders: Iterable[Path]) -> list[Going]:
    """Return the runs below the folders that have a config and no result."""
    found = {path.parent for folder in folders for path in folder.rglob(CONFIG)}
    return [
        Going(run, sum(map(lines, run.glob(ALL_COMPLETIONS))), lines(run / EXAMPLES))
        for run in sorted(found)
        if not (run / METRICS).is_file()
    ]


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def going(runs: Sequence[Going]) -> Section:
    """Return the section of the page."""
    rows = [[words(run.folder.name), count(run.completions), count(run.rows)] for run in runs]
    tables = [Table("Unfinished runs", HEADER, rows, len(rows), sorts=True)] if rows else []
    return Section("going", "Unfinished runs", ABOUT, tables, [])
