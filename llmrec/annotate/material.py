"""What is rated: the texts that finished runs gave to the same rows, and what was asked there."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from llmrec.artifacts import PROMPTS, from_lines
from llmrec.comparison.pairs import pairs
from llmrec.errors import ConfigError, DataError
from llmrec.finished import Finished
from llmrec.records import Module, Prompt, Question, Text

REFERENCE = "reference"
MOST_TEXTS = 9  # what a number key can rank

_SHOWN = (Module.TASK, Module.INPUT, Module.BEHAVIOR)
_SHORT = 160  # characters that stand in the open; what is longer is unfolded


class Asked(Struct, frozen=True):
    """What a rater is told of a row: `head` in a line or two, `whole` all of it."""

    head: str
    whole: str


class Item(NamedTuple):
    """A row to be rated: its texts in the order of the systems, "" where there was no valid answer."""

    id: str
    asked: Asked
    texts: tuple[str, ...]


class System(Struct, frozen=True, forbid_unknown_fields=True):
    """Who wrote a text: a run by its name and folder, or the reference, which has no folder."""

    name: str
    folder: str | None


class Material(NamedTuple):
    """The systems, and every row that all of them were asked, in file order."""

    systems: tuple[System, ...]
    items: list[Item]


def material(names: Sequence[str], runs: Sequence[Finished], with_reference: bool) -> Material:
    """Return what the runs, by their names, wrote. Raises ConfigError for too few or too many texts a row,
    DataError for runs that answer without texts, that were asked something else, or that share no row."""
    check(runs, with_reference)
    systems = [System(name, str(run.folder)) for name, run in zip(names, runs, strict=True)]
    systems += [System(REFERENCE, None)] if with_reference else []
    pairs(names, runs)
    asked = questions(runs)
    answers = [{row.question.id: row.answer for row in run.rows} for run in runs]
    items = []
    for row in runs[0].rows:
        id = row.question.id
        if all(id in given for given in answers):
            texts = [given[id] for given in answers] + [row.reference] * with_reference
            written = tuple(text.text if isinstance(text, Text) else "" for text in texts)
            items.append(Item(id, told(row.question, asked.get(id, {}), runs[0].metrics.task), written))
    if not items:
        raise DataError(f"{runs[0].folder}: no row that all runs were asked; give them the same seed")
    return Material(tuple(systems), items)


def check(runs: Sequence[Finished], with_reference: bool) -> None:
    """Raise where the runs do not make a page: their number, a folder given twice, or no texts."""
    count = len(runs) + with_reference
    if not 2 <= count <= MOST_TEXTS:
        raise ConfigError(
            f"{runs[0].folder}: {count} texts a row; give 2 to {MOST_TEXTS} runs, the reference among them"
        )
    folders = [run.folder.resolve() for run in runs]
    for run, folder in zip(runs, folders, strict=True):
        if folders.count(folder) > 1:
            raise ConfigError(f"{run.folder}: given twice; give each run once")
        if not all(isinstance(row.reference, Text) for row in run.rows):
            raise DataError(
                f"{run.folder}: task={run.metrics.task} has no texts to rate; give runs of explanation or "
                "summarization"
            )


def questions(runs: Sequence[Finished]) -> dict[str, dict[Module, str]]:
    """Return what was asked of each row, by module: of the runs' prompts the one with most modules, then the
    shortest, which has the fewest directions to the model. Raises DataError where a run has kept none."""
    found: dict[str, dict[Module, str]] = {}
    for run in runs:
        path = run.folder / PROMPTS
        if not path.is_file():
            raise DataError(f"{path}: not there, and raters must see what was asked; run it again")
        for prompt in from_lines(path, Prompt):
            if prompt.ask == 0 and (parts := last_turn(prompt)):
                known = found.get(prompt.example_id)
                if known is None or plainness(parts) > plainness(known):
                    found[prompt.example_id] = parts
    return found


def last_turn(prompt: Prompt) -> dict[Module, str]:
    """Return the modules of the last message, which asks for the row itself and no demonstration."""
    parts = prompt.messages[-1].parts if prompt.messages else ()
    return {part.module: part.text for part in parts if part.module in _SHOWN}


def plainness(parts: dict[Module, str]) -> tuple[int, int]:
    return len(parts), -sum(map(len, parts.values()))


def told(question: Question, parts: dict[Module, str], task: str) -> Asked:
    """Return what was asked; from the question alone where no run read a prompt."""
    if not parts:
        parts = bare(question, task)
    texts = [parts[module] for module in _SHOWN if module in parts]
    given = parts.get(Module.INPUT, "")
    head = [parts.get(Module.TASK, ""), given if len(given) <= _SHORT else ""]
    return Asked(head="\n".join(filter(None, head)), whole="\n\n".join(texts))


def bare(question: Question, task: str) -> dict[Module, str]:
    """Return what a question of a task tells without the titles of its items."""
    stars = "" if question.rating is None else f" of {question.rating:g} of 5 stars"
    review = "" if question.review is None else f"Review: {question.review}"
    earlier = [f"- {event.summary} ({event.rating:g} stars)" for event in question.history]
    found = {
        Module.TASK: f"{task.capitalize()}{stars}",
        Module.INPUT: review,
        Module.BEHAVIOR: "\n".join(["Headlines of the user's earlier reviews:", *earlier]) if earlier else "",
    }
    return {module: text for module, text in found.items() if text}
