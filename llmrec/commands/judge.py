"""`llmrec judge RUN RUN... judge=MODEL`: what a language model says of texts, and how far to trust it."""

import argparse
from pathlib import Path
from typing import NamedTuple

import msgspec

from llmrec.annotate.ballot import Draw, Key, pages, read_key
from llmrec.annotate.material import Material, material
from llmrec.annotate.rubric import default_path, read_rubric
from llmrec.annotate.scores import Chance
from llmrec.artifacts import RunDir, pretty
from llmrec.commands.annotate import key as made_key
from llmrec.commands.arguments import Arguments
from llmrec.commands.composing import composed
from llmrec.commands.console import Terminal, progress
from llmrec.comparison.naming import names
from llmrec.comparison.table import drawn, markdown
from llmrec.environment import describe
from llmrec.errors import ConfigError
from llmrec.finished import Finished
from llmrec.judge.asking import CHOICE, SCORE, judged
from llmrec.judge.table import notes, tables
from llmrec.judge.verdicts import Verdicts, export, verdicts
from llmrec.model.base import Model, Session
from llmrec.plan import Plan, plan
from llmrec.records import Training

KEY, RATINGS, VERDICTS = "key.json", "ratings.json", "verdicts.json"


def main(argv: list[str]) -> int:
    parser = Arguments(
        prog="llmrec judge",
        description="Have a language model score the texts of finished runs by a rubric, and choose between "
        "every two of them in both orders, by likelihood. judge=MODEL and model.KEY=VALUE say which model.",
    )
    parser.add_argument("words", nargs="+", metavar="RUN or judge=MODEL")
    parser.add_argument("--key", type=Path, help="judge the rows of these pages of llmrec annotate make")
    parser.add_argument("--items", type=int, default=30, help="rows to be judged, without --key (30)")
    parser.add_argument("--seed", type=int, default=0, help="of the rows, without --key (0)")
    parser.add_argument("--rubric", type=Path, default=default_path(), help="a YAML of criteria")
    parser.add_argument("--out", type=Path, required=True, help="a folder for answers and verdicts")
    parser.add_argument("--format", choices=("table", "markdown", "json"), default="table")
    asked = parser.parse_intermixed_args(argv)
    judge = plan(composed(["task=explanation", *overrides(asked.words)]))
    check(judge.model)
    case = called(asked)
    show(case.judged_by(judge, RunDir(asked.out)), asked.format)
    return 0


class Case(NamedTuple):
    """What is judged: the rows and texts, and the key that says who wrote which."""

    material: Material
    key: Key

    def judged_by(self, judge: Plan, run_dir: RunDir) -> Verdicts:
        """Ask what is left to ask, and write what comes of it. Raises DataError where the folder holds the
        answers of another judge or to other texts."""
        name = judge.model.name
        opened: list[Session] = []

        def session() -> Session:
            if not opened:
                nothing = Training([], {}, [])
                opened.append(judge.model.open(nothing, self.key.seed, judge.cache_dir, progress()))
                run_dir.note_environment(describe(opened[0].environment))
            return opened[0]

        run_dir.settle(KEY, pretty(self.key))
        run_dir.settle("judge.json", pretty(judge.stored["model"]))
        found = judged(self.material, self.key.rubric, session, run_dir, progress())
        chance = Chance(self.key.seed, self.key.resamples)
        made = verdicts(name, self.material, self.key.rubric, found, chance)
        run_dir.write(VERDICTS, pretty(made))
        run_dir.write(RATINGS, pretty(export(name, self.key.sheets[0], self.key.rubric, found)))
        return made


def check(model: Model) -> None:
    """Raise ConfigError for a model that cannot judge."""
    if not (model.reads_prompts and model.serves(SCORE) and model.serves(CHOICE)):
        raise ConfigError(f"judge={model.name}: answers no prompt by likelihood; choose a language model")


def overrides(words: list[str]) -> list[str]:
    """Return what the words say of the judge, in the words of a run. Raises ConfigError without a judge."""
    given = [word for word in words if "=" in word and not Path(word).exists()]
    if not any(word.startswith("judge=") for word in given):
        raise ConfigError("judge: none is named; add judge=smollm2, or another of llmrec list model")
    return [word.replace("judge=", "model=", 1) if word.startswith("judge=") else word for word in given]


def called(asked: argparse.Namespace) -> Case:
    """Return the case of a key, or of runs."""
    folders = [Path(word) for word in asked.words if "=" not in word or Path(word).exists()]
    if asked.key is not None:
        key = read_key(asked.key)
        folders = [Path(system.folder) for system in key.systems if system.folder is not None]
        runs = [Finished.at(folder) for folder in folders]
        whole = material([system.name for system in key.systems], runs, len(folders) < len(key.systems))
        return Case(of_key(whole, key), key)
    if len(folders) < 2:
        raise ConfigError(f"judge: {len(folders)} runs given; give two or more, or the key of pages by --key")
    rubric, runs = read_rubric(asked.rubric), [Finished.at(folder) for folder in folders]
    whole = material(names(runs), runs, False)
    made = pages(whole, rubric, Draw(items=asked.items, raters=1, repeat=0, seed=asked.seed))
    key = made_key(runs[0], whole, rubric, asked.seed, tuple(sheet for sheet, _ in made))
    return Case(of_key(whole, key), key)


def of_key(whole: Material, key: Key) -> Material:
    """Return the rows alone that stand on the key's pages."""
    rows = {showing.row for sheet in key.sheets for showing in sheet.showings}
    return whole._replace(items=[item for item in whole.items if item.id in rows])


def show(found: Verdicts, form: str) -> None:
    if form == "json":
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    if form == "markdown":
        print("\n".join(markdown(*table) for table in tables(found)))
        print("\n".join(f"- {note}" for note in notes(found)))
        return
    console = Terminal()
    for table in tables(found):
        console.print(drawn(*table))
    for note in notes(found):
        console.print(note, style="dim")
