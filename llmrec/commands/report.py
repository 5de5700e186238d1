"""`llmrec report DIR...`: finished runs as a table, JSON, CSV or LaTeX, or as a page of HTML."""

import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from llmrec.artifacts import METRICS, read_metrics
from llmrec.commands.arguments import Arguments
from llmrec.commands.console import Terminal
from llmrec.comparison.contributions import ablated, contributions
from llmrec.comparison.contributions import grids as of_prompts
from llmrec.errors import ConfigError, DataError, LlmrecError
from llmrec.exits import sheet
from llmrec.files import write_atomic
from llmrec.finished import Finished
from llmrec.report.flat import COLUMNS, flat
from llmrec.report.latex import latex
from llmrec.report.table import Grid, drawn, grids, markdown
from llmrec.results import Metrics

DOCUMENTS = {"markdown": markdown, "latex": latex}


def main(argv: list[str]) -> int:
    parser = Arguments(
        prog="llmrec report", description="Tabulate the runs below the folders, floors included."
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--format", choices=("table", *DOCUMENTS, "json", "csv"), default="table")
    parser.add_argument(
        "--out", type=Path, metavar="FILE.html", help="write one page: charts and samples too"
    )
    asked = parser.parse_args(argv)
    paths = found(asked.folders)
    if asked.out is not None:
        return write_page(asked.out, [path.parent for path in paths])
    runs = {path.parent: read_metrics(path) for path in paths}
    if asked.format not in ("table", *DOCUMENTS):
        tabulate(runs, asked.format)
        return 0
    tables = [*grids(runs.values()), *contributed(runs)]
    if asked.format == "table":
        console = Terminal()
        for grid in tables:
            console.print(drawn(grid))
    else:
        print("\n".join(map(DOCUMENTS[asked.format], tables)))
    return 0


def contributed(runs: Mapping[Path, Metrics]) -> list[Grid]:
    """Return what the parts of prompts contribute, where runs differ in their prompt alone; a folder that
    lacks more than its metrics leaves that out, and is told."""
    try:
        return of_prompts(contributions([Finished.at(folder) for folder in ablated(runs)]))
    except LlmrecError as error:
        print(f"no contributions of prompts: {error}", file=sys.stderr)
        return []


def write_page(out: Path, folders: list[Path]) -> int:
    """Write the page of the runs. Raises ConfigError for a file that is none of HTML."""
    if out.suffix not in (".html", ".htm"):
        raise ConfigError(f"--out {out}: a page is HTML; name it so, such as report.html")
    from llmrec.pages.groups import groups
    from llmrec.pages.page import page

    content = page(groups(folders))
    write_atomic(out, content)
    runs = "1 run" if len(folders) == 1 else f"{len(folders)} runs"
    print(f"{out}: {runs}, {len(content) / 1e6:.1f} MB")
    return 0


def tabulate(runs: Mapping[Path, Metrics], form: str) -> None:
    """Print a row a score, for other programs."""
    rows = [row for folder, metrics in runs.items() for row in flat(folder, metrics)]
    if form == "json":
        print(msgspec.json.format(msgspec.json.encode(rows)).decode())
        return
    print(sheet(COLUMNS, ([row[name] for name in COLUMNS] for row in rows)), end="")


def found(folders: list[Path]) -> list[Path]:
    """Return every metrics.json below the folders, once. Raises DataError for a folder with none."""
    paths = dict[Path, None]()
    for folder in folders:
        below = sorted(folder.rglob(METRICS))
        if not below:
            raise DataError(f"{folder}: no {METRICS} in or below it; give folders of finished runs")
        paths |= dict.fromkeys(below)
    return list(paths)
