"""Several runs looked at before they start: what is not asked, and how much the others ask."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from omegaconf import OmegaConf

from llmrec.artifacts import METRICS
from llmrec.comparison.contributions import FULL
from llmrec.decoding.base import Writing
from llmrec.errors import ConfigError, LlmrecError, UnfitError
from llmrec.pipeline import writer
from llmrec.plan import Plan, plan
from llmrec.progress import Progress
from llmrec.records import Prompt
from llmrec.report.study import Ran
from llmrec.rows import Rows, draw
from llmrec.seeded import hash64
from llmrec.text import tokens

SAMPLE = 100  # rows of a run whose prompts are worded to learn their length


class Size(NamedTuple):
    """The rows that a run has left to ask, the tokens of their prompts by a sample of them, and the most
    tokens that their answers may have."""

    rows: int
    prompt_tokens: float
    answer_tokens: int


NOTHING = Size(0, 0.0, 0)


class Cell(NamedTuple):
    """A run before it starts. `plan` is None where its choices do not go together; `size` is NOTHING of a
    finished run, of one that is left out, and of one that reads no prompts."""

    run: Ran
    plan: Plan | None
    finished: bool
    size: Size = NOTHING


def look(runs: Sequence[Ran], progress: Progress) -> list[Cell]:
    """Return a cell for each run, in their order, and say of those that are to be left out why.

    A run cannot be asked where its choices do not go together, where its model lacks what it takes, as a key,
    or the data what its task needs; and it tells nothing where it asks what another does. Data are read for
    those runs alone that read prompts or need texts, and have not finished.
    """
    known: dict[str, str] = {}
    # The full prompt first: what asks the same is left out, not it.
    ordered = sorted(runs, key=lambda run: run.choices["prompt"]["name"] != FULL)
    cells = {run.folder: planned(run, known) for run in ordered}
    # Those of the same rows one after another: what was drawn last is at hand.
    for cell in sorted(cells.values(), key=lambda cell: rows_of(cell.plan)):
        cells[cell.run.folder] = measured(cell, progress)
    return [cells[run.folder] for run in runs]


def planned(run: Ran, known: dict[str, str]) -> Cell:
    """Return a cell whose size is not known yet; `known` maps what is asked to the prompt that asks it."""
    finished = (run.folder / METRICS).is_file()
    try:
        made = plan(OmegaConf.create(dict(run.choices)))
    except ConfigError as error:
        return Cell(run._replace(left_out=str(error)), None, finished)
    name = made.variant.name
    same = known.setdefault(asked(made), name)
    if same != name:
        run = run._replace(left_out=f"prompt={name}: asks task={made.task.name} as prompt={same} does")
    elif not finished:
        run = run._replace(left_out=made.model.lacks())
    return Cell(run, made, finished)


def asked(made: Plan) -> str:
    """Return all that shapes what a run asks, the name of its prompt aside."""
    others = [(name, node) for name, node in made.stored.items() if name != "prompt"]
    words = dataclasses.replace(made.variant.settled(made.wording), name="")
    return repr((others, words if made.model.reads_prompts else None))


def rows_of(made: Plan | None) -> str:
    return repr(made and (made.dataset, made.split, made.task, made.settings))


def measured(cell: Cell, progress: Progress) -> Cell:
    """Return the cell with its size, or left out where the data do not serve its task."""
    run, made, finished, _ = cell
    if made is None or run.left_out or finished or not (made.model.reads_prompts or made.task.needs):
        return cell
    try:
        rows = draw(made, progress)
    except UnfitError as error:
        return cell._replace(run=run._replace(left_out=str(error)))
    except LlmrecError:  # the run itself will tell
        return cell
    return cell._replace(size=size(made, rows)) if made.model.reads_prompts else cell


def size(made: Plan, rows: Rows) -> Size:
    """Return what a run asks, by the prompts of the rows of lowest hash."""
    write = writer(made, rows).write
    sample = sorted(rows.examples, key=lambda example: hash64("estimate", example.id))[:SAMPLE]
    mean = sum(length(write(example.question)) for example in sample) / len(sample)
    most = made.decoding.max_new_tokens if isinstance(made.decoding, Writing) else 0
    return Size(len(rows.examples), mean * len(rows.examples), most * len(rows.examples))


def length(prompt: Prompt) -> int:
    """Return a prompt's tokens as `text.tokens` estimates them."""
    return sum(tokens(part.text) for message in prompt.messages for part in message.parts)
