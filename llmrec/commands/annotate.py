"""`llmrec annotate make RUN...` and `llmrec annotate score FILES...`: what do people think of the texts?"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec

from llmrec.annotate.ballot import KEY_SCHEMA, Draw, Key, Page, Sheet, pages, read_key
from llmrec.annotate.material import Material, material
from llmrec.annotate.page import html
from llmrec.annotate.ratings import ratings
from llmrec.annotate.rubric import Rubric, default_path, read_rubric
from llmrec.annotate.scores import Scores, scores
from llmrec.annotate.table import sections
from llmrec.artifacts import pretty
from llmrec.commands.arguments import Arguments
from llmrec.commands.console import Terminal
from llmrec.comparison.naming import names
from llmrec.comparison.table import drawn, markdown
from llmrec.errors import ConfigError
from llmrec.files import write_atomic
from llmrec.finished import Finished

KEY = "key.json"


def main(argv: list[str]) -> int:
    asked = parser().parse_args(argv)
    return make(asked) if asked.action == "make" else score(asked)


def parser() -> Arguments:
    made = Arguments(
        prog="llmrec annotate", description="Have people rank and score the texts of finished runs, blind."
    )
    actions = made.add_subparsers(dest="action", required=True)
    page = actions.add_parser("make", help="write a page for each rater, and the key")
    page.add_argument("folders", nargs="+", type=Path, metavar="RUN")
    page.add_argument("--items", type=int, default=30, help="rows to be rated (30)")
    page.add_argument("--raters", type=int, default=1, help="pages, each with orders of its own (1)")
    page.add_argument("--repeat", type=int, default=0, help="rows that each page shows twice (0)")
    page.add_argument("--seed", type=int, default=0, help="of rows and orders (0)")
    page.add_argument("--rubric", type=Path, default=default_path(), help="a YAML of criteria")
    page.add_argument("--with-reference", action="store_true", help="show the reference among the texts")
    page.add_argument("--out", type=Path, required=True, help="an empty folder for pages and key")
    rated = actions.add_parser("score", help="what exported ratings come to")
    rated.add_argument("files", nargs="+", type=Path, metavar="FILE")
    rated.add_argument("--key", type=Path, required=True, help=f"the {KEY} of the pages")
    rated.add_argument("--judge", action="append", default=[], type=Path, help="a judge's ratings")
    rated.add_argument("--format", choices=("table", "markdown", "json"), default="table")
    return made


def make(asked: argparse.Namespace) -> int:
    """Write the pages and the key."""
    if asked.out.is_dir() and any(asked.out.iterdir()):
        raise ConfigError(f"--out {asked.out}: not empty; a key there may be in use: choose another folder")
    rubric = read_rubric(asked.rubric)
    runs = [Finished.at(folder) for folder in asked.folders]
    found = material(names(runs), runs, asked.with_reference)
    draw = Draw(items=asked.items, raters=asked.raters, repeat=asked.repeat, seed=asked.seed)
    made = pages(found, rubric, draw)
    for sheet, page in made:
        write_atomic(asked.out / sheet.file, html(page).encode())
    sheets = tuple(sheet for sheet, _ in made)
    write_atomic(asked.out / KEY, pretty(key(runs[0], found, rubric, asked.seed, sheets)))
    print("\n".join(notes(found, asked, made)))
    return 0


def key(run: Finished, found: Material, rubric: Rubric, seed: int, sheets: tuple[Sheet, ...]) -> Key:
    return Key(
        schema=KEY_SCHEMA,
        task=run.metrics.task,
        dataset=run.metrics.dataset,
        split=run.metrics.split,
        seed=seed,
        resamples=run.plan.settings.resamples,
        systems=found.systems,
        rubric=rubric,
        sheets=sheets,
    )


def notes(found: Material, asked: argparse.Namespace, made: Sequence[tuple[Sheet, Page]]) -> list[str]:
    """Return what the experimenter must know of what was written."""
    size = len(found.systems)
    lines = [str(asked.out / sheet.file) for sheet, _ in made]
    lines.append(f"{asked.out / KEY}: who wrote what; keep it from raters")
    lines.append(
        f"{asked.items} of {len(found.items):,} shared rows, {size} texts each, {asked.repeat} twice"
    )
    if asked.items % size:
        lines.append(f"--items is no multiple of {size}: some texts stand once more often in a position")
    empty = sum(not text.strip() for item in made[0][1].items for text in item.texts)
    return [*lines, f"{empty} texts on a page are empty: no valid answer"] if empty else lines


def score(asked: argparse.Namespace) -> int:
    """Print what the ratings come to."""
    opened = read_key(asked.key)
    judges = [ratings([path], opened) for path in asked.judge]
    found = scores(opened, ratings(asked.files, opened), judges)
    if asked.format == "json":
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    elif asked.format == "markdown":
        for section in sections(found):
            print(markdown(section.header, section.rows, section.title))
            print("".join(f"- {note}\n" for note in section.notes))
    else:
        show(found)
    return 0


def show(found: Scores) -> None:
    console = Terminal()
    for section in sections(found):
        console.print(drawn(section.header, section.rows, section.title))
        for note in section.notes:
            console.print(note, style="dim")
        console.print()
