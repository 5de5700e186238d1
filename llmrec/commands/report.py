"""`llmrec report DIR...`: finished runs as a table, JSON or CSV."""

import argparse
import csv
import sys
from pathlib import Path

import msgspec
from rich.console import Console

from llmrec.artifacts import METRICS, read_metrics
from llmrec.errors import DataError
from llmrec.report.flat import COLUMNS, flat
from llmrec.report.table import drawn, grids, markdown


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="llmrec report", description="Tabulate the runs below the folders, floors included."
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--format", choices=("table", "markdown", "json", "csv"), default="table")
    asked = parser.parse_args(argv)
    runs = {path.parent: read_metrics(path) for path in found(asked.folders)}
    if asked.format == "table":
        console = Console()
        for grid in grids(runs.values()):
            console.print(drawn(grid))
        return 0
    if asked.format == "markdown":
        print("\n".join(map(markdown, grids(runs.values()))))
        return 0
    rows = [row for folder, metrics in runs.items() for row in flat(folder, metrics)]
    if asked.format == "json":
        print(msgspec.json.format(msgspec.json.encode(rows)).decode())
        return 0
    writer = csv.DictWriter(sys.stdout, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return 0


def found(folders: list[Path]) -> list[Path]:
    """Return every metrics.json below the folders. Raises DataError for a folder with none."""
    paths = []
    for folder in folders:
        below = sorted(folder.rglob(METRICS))
        if not below:
            raise DataError(f"{folder}: no {METRICS} in or below it; give folders of finished runs")
        paths += below
    return paths
