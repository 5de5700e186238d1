"""`llmrec repeats RUN...`: how much of a score is chance, prompt or order?"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from llmrec.commands.arguments import Arguments
from llmrec.commands.console import Terminal
from llmrec.comparison.repeats import Repeats, Share, repeats
from llmrec.comparison.table import drawn, markdown
from llmrec.errors import ConfigError
from llmrec.finished import Finished
from llmrec.report.table import number

HEADER = ("score", "mean", "least", "most", "SD of runs", "SE of one")
NOTES = (
    "SD of runs: of the score from run to run, on the same rows; SE of one: by which rows were drawn",
    "by ...: shares of the variance of all rows of all runs; rest: what goes with no one setting, and chance",
)


def main(argv: list[str]) -> int:
    parser = Arguments(
        prog="llmrec repeats",
        description="How a score varies over the runs of a sweep, such as llmrec run -m "
        "prompt=zero_shot,no_format task.shuffle_seed=0,1,2, and what explains it.",
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--metric", action="append", default=[], help="a score; the task's headline if none")
    parser.add_argument("--format", choices=("table", "markdown", "json"), default="table")
    asked = parser.parse_args(argv)
    if len(asked.folders) < 2:
        raise ConfigError(f"{asked.folders[0]}: one run; give two or more of one sweep")
    found = repeats([Finished.at(folder) for folder in asked.folders], asked.metric)
    if asked.format == "json":
        print(msgspec.json.format(msgspec.json.encode([made._asdict() for made in found])).decode())
    elif asked.format == "markdown":
        print("\n".join(markdown(*table) for table in tables(found)))
    else:
        console = Terminal()
        for table in tables(found):
            console.print(drawn(*table))
        for note in NOTES:
            console.print(note, style="dim")
    return 0


def tables(found: Sequence[Repeats]) -> list[tuple[list[str], list[list[str]], str]]:
    """Return header, rows and title of the table of all scores, and of one for each setting that varies."""
    first = found[0]
    shares = [f"by {share.factor}" for share in first.shares]
    made = [
        ([*HEADER, *shares], [*map(cells, found)], f"{first.runs} runs, the same n = {first.n:,} rows in all")
    ]
    for place, factor in enumerate(first.shares):
        if factor.levels:
            rows = [[short(one), *map(number, one.shares[place].levels.values())] for one in found]
            made.append((["score", *factor.levels], rows, f"mean by {factor.factor}"))
    return made


def cells(made: Repeats) -> list[str]:
    figures = (made.mean, made.least, made.most, made.between, made.standard_error)
    return [short(made), *map(number, figures), *map(percent, made.shares)]


def short(made: Repeats) -> str:
    return made.metric.partition("/")[0]


def percent(share: Share) -> str:
    return f"{share.share:.1%}"
