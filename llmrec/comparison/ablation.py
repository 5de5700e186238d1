"""The study of a prompt's parts: what each prompt scores, and what each module of it contributes."""

from collections.abc import Sequence
from dataclasses import dataclass

from llmrec.comparison.contributions import FULL, contributions, grids
from llmrec.finished import Finished
from llmrec.report.curves import Curves
from llmrec.report.page import absent
from llmrec.report.points import Point
from llmrec.report.study import Ran
from llmrec.report.table import Grid, heading, markdown, notes, value
from llmrec.results import Metrics, find

PROMPT = "prompt"  # the column of the points that names it
HISTORY = f"few_shot and cot tell the user's interactions in every task, {FULL} where the task needs them"
NONE = f"Nothing to tell: no run of {FULL} beside another prompt on the same rows."


@dataclass(frozen=True, kw_only=True)
class Ablation(Curves):
    """Scores by prompt, and paired differences from the full one: a block for each model."""

    def page(self, ran: Sequence[Ran], found: Sequence[Point], image: str | None) -> str:
        done = [Finished(run.folder, run.choices, run.metrics) for run in ran if run.metrics is not None]
        scored = [run.metrics for run in done]
        worth = [markdown(made) for made in grids(contributions(done))]
        blocks = [
            f"# {self.title}",
            *([f"![{self.title}]({image})"] if image else []),
            "## What each prompt scores",
            *(markdown(made) for made in matrices(found, scored)),
            "## What each part contributes",
            *(worth or [NONE]),
            "\n".join(f"- {note}" for note in [HISTORY, *notes(scored), *absent(ran)]),
        ]
        return "\n\n".join(block.rstrip() for block in blocks) + "\n"


def matrices(found: Sequence[Point], done: Sequence[Metrics]) -> list[Grid]:
    """Return a table for each model, data and seed: a row for each task's valid answers and each of its
    headline scores, a column for each prompt."""
    blocks: dict[tuple[object, ...], list[Point]] = {}
    for point in found:
        if not point.floor_of:
            key = (point.model, point.row["dataset"], point.row["split"], point.row["seed"])
            blocks.setdefault(key, []).append(point)
    headline = {run.task: run.headline for run in done}
    made = []
    for (model, dataset, split, seed), points in blocks.items():
        prompts = list(dict.fromkeys(str(point.at(PROMPT)) for point in points))
        tasks = dict.fromkeys(str(point.row["task"]) for point in points)
        rows = [row for task in tasks for row in of_task(task, headline[task], prompts, points)]
        title = f"{model} on {dataset}, split={split}, seed={seed}"
        made.append(Grid(title, ["task", "score", *prompts], rows, len(rows), []))
    return made


def of_task(
    task: str, headline: Sequence[str], prompts: Sequence[str], points: Sequence[Point]
) -> list[list[str]]:
    """Return the rows of a task: valid answers, then each score."""
    own = {
        prompt: [point for point in points if point.row["task"] == task and point.at(PROMPT) == prompt]
        for prompt in prompts
    }
    first = next(alike[0] for alike in own.values() if alike)
    label = f"{task}, n = {first.row['n']:,} of {first.row['n_total']:,}"
    covered = [alike[0].coverage if alike else None for alike in own.values()]
    rows = [[label, "valid", *(f"{one.valid:,} of {one.all:,}" if one else "-" for one in covered)]]
    for name in headline:
        results = [find([point.result for point in alike], name) for alike in own.values()]
        known = [result for same in results for result in same]
        if known:
            rows.append([task, heading(known[0]), *(value(same[0]) if same else "-" for same in results)])
    return rows
