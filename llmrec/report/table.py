"""Metrics as tables that one can read: a row a run, its floors below, values with their intervals."""

from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from rich.console import Group
from rich.table import Table
from rich.text import Text

from llmrec import suspicious
from llmrec.exits import document, table
from llmrec.report.verdicts import judges, strongest, verdict
from llmrec.results import CHANGED, Coverage, Fit, Floor, MetricResult, Metrics, Tuning, find, way

PROMPT = "prompt"  # left out where no model read one
DECODING = "decoding"  # left out where all answered in one way
LEFT = ("model", PROMPT, DECODING)
WORDS = (*LEFT, "task", "of", "score", "verdict")
BEATS = "beats"


class Grid(NamedTuple):
    """A table before it is drawn. Cells may have two lines; `own` rows of `rows` are runs, the rest
    floors."""

    title: str
    header: list[str]
    rows: list[list[str]]
    own: int
    notes: list[str]


class Line(NamedTuple):
    """A model's scores on some rows."""

    model: str
    prompt: str
    decoding: str
    coverage: Coverage
    results: Sequence[MetricResult]


def grids(runs: Iterable[Metrics]) -> list[Grid]:
    """Return a table for each set of rows that runs share; each floor stands in it once."""
    together: dict[tuple[str, str], list[Metrics]] = {}
    for run in runs:
        together.setdefault((run.task, run.rows), []).append(run)
    return [grid(group) for group in together.values()]


def grid(runs: Sequence[Metrics]) -> Grid:
    """Return the table of runs over the same rows."""
    first = runs[0]
    shown = [result for name in first.headline for result in find(first.metrics, name)]
    own = [Line(stamped(run), run.prompt, way(run), run.coverage, run.metrics) for run in runs]
    floors = {floor.model: floor for run in runs for floor in run.floors}
    against = [
        name
        for name in judges(list(floors.values()), first.headline)
        if any(verdict(run, name) != "-" for run in runs)
    ]
    verdicts = [[verdict(run, name) for name in against] for run in runs]
    below = standing(floors, {run.model for run in runs}, first.headline)
    header = [*LEFT, "valid", *map(heading, shown), *(f"{BEATS}\n{name}?" for name in against)]
    rows = [
        *(cells(line, shown) + told for line, told in zip(own, verdicts, strict=True)),
        *(cells(line, shown) + [""] * len(against) for line in below),
    ]
    shows = {
        PROMPT: any(line.prompt for line in own),
        DECODING: len({line.decoding for line in own} - {""}) > 1,
    }
    kept = [at for at, name in enumerate(header) if shows.get(name, True)]
    return Grid(
        title=titled(first),
        header=[header[at] for at in kept],
        rows=[[row[at] for at in kept] for row in rows],
        own=len(own),
        notes=[*notes(runs), "scores: " + " ".join(result.id for result in shown)],
    )


def titled(run: Metrics) -> str:
    """Return what the rows of a run are: their task, data and number."""
    return (
        f"{run.task} on {run.dataset}, split={run.split}, seed={run.seed}, n = {run.n:,} of {run.n_total:,}"
    )


def standing(floors: dict[str, Floor], but: Container[str], headline: Sequence[str]) -> list[Line]:
    """Return the lines of the floors, but for those that are runs of the table; the strongest is marked."""
    best = strongest(floors.values(), headline[0]) if len(floors) > 1 and headline else None
    return [
        Line(f"{name}\n(strongest floor)" if floor is best else name, "", "", floor.coverage, floor.metrics)
        for name, floor in floors.items()
        if name not in but
    ]


def cells(line: Line, shown: Sequence[MetricResult]) -> list[str]:
    """Return a line's cells: who, how many valid answers, and each value over its interval."""
    found = [find(line.results, result.id) for result in shown]
    values = [value(results[0]) if results else "-" for results in found]
    return [
        line.model,
        line.prompt,
        line.decoding,
        f"{line.coverage.valid:,}\nof {line.coverage.all:,}",
        *values,
    ]


def stamped(run: Metrics) -> str:
    """Return the model's name, with how it was fine-tuned, over that of its weights, which tells one
    `model=hf` from another."""
    name = f"{run.model} + {run.finetune.method}" if run.finetune else run.model
    name = f"{name} LEAK" if run.leaks.status == "LEAK" else name
    weights = run.environment.details.get("weights", "")
    return f"{name}\n{weights}" if weights and not weights.startswith(run.model) else name


def heading(result: MetricResult) -> str:
    """Return a metric's name with an arrow that points to better; its whole id stands below the table."""
    return f"{result.id.partition('/')[0]} {'↑' if result.higher_is_better else '↓'}"


def value(result: MetricResult) -> str:
    """Return a value over its 95% interval."""
    if result.value is None:
        return "-"
    interval = f"\n[{number(result.ci95[0])}, {number(result.ci95[1])}]" if result.ci95 else ""
    return number(result.value) + interval


def number(amount: float) -> str:
    return f"{amount:.4f}" if abs(amount) < 10 else f"{amount:.2f}"


def notes(runs: Sequence[Metrics]) -> list[str]:
    """Return what a reader of the table must know."""
    told = ["every row counts; in brackets the 95% bootstrap interval"]
    if any(floor.margins for run in runs for floor in run.floors):
        told.append(
            "beats: yes or no where the 95% interval of the paired difference leaves out zero, else unclear"
        )
    told += dict.fromkeys(note for run in runs for note in run.notes)
    told += dict.fromkeys(cost(run.model, run.finetune) for run in runs if run.finetune)
    told += dict.fromkeys(fitted(run.model, run.fit) for run in runs if run.fit)
    told += dict.fromkeys(rounded(run) for run in runs if not run.environment.exact)
    told += dict.fromkeys(strange(run) for run in runs if suspicious.told(run.counts))
    leaking = [run.model for run in runs if run.leaks.status == "LEAK"]
    return [*told, f"LEAK: {', '.join(leaking)} saw what was asked for" if leaking else "no leak found"]


def rounded(run: Metrics) -> str:
    """Return what is to be known of answers that rounding may change."""
    made = run.environment
    changed = made.details.get(CHANGED, "")
    differ = f"asked again one by one, {changed} answers differed" if changed else "some answers may differ"
    return f"{run.model}: computed in {made.dtype} on {made.device}; in another shape of batch {differ}"


def strange(run: Metrics) -> str:
    """Return how many of a run's prompts and answers hold more than words."""
    who = f"{run.model}, {run.prompt}" if run.prompt else run.model
    return f"{who}, {run.task}: texts that mean to be more: {suspicious.told(run.counts)}"


def cost(model: str, tuning: Tuning) -> str:
    """Return what a fine-tuning took, to be read beside what it gave."""
    learned = f"{model} + {tuning.method}: {tuning.trainable:,} of {tuning.total:,} weights learned"
    if not tuning.steps:
        return f"{learned} elsewhere ({tuning.adapter})"
    of_tasks = f" of {', '.join(tuning.tasks)}" if len(tuning.tasks) > 1 else ""
    return (
        f"{learned} from {tuning.pairs:,} pairs{of_tasks}, {tuning.tokens:,} tokens "
        f"in {tuning.seconds:,.0f} s; kept: step {tuning.best_step:,} of {tuning.steps:,}"
    )


def fitted(model: str, fit: Fit) -> str:
    """Return what fitting a recommender took."""
    kept = f"; kept: epoch {fit.best_epoch:,} of {fit.epochs:,}" if fit.epochs else ""
    return f"{model}: {fit.parameters:,} numbers learned from {fit.rows:,} rows in {fit.seconds:,.0f} s{kept}"


def is_words(header: str) -> bool:
    """Say whether a column holds words, which stand left, and no numbers."""
    return header in WORDS or header.startswith(BEATS)


def drawn(made: Grid) -> Group:
    """Return the table for a terminal, floors dimmed; what beats what stands below, a line a run, for
    columns of words would leave the numbers no room."""
    drawing = Table()
    kept = [at for at, name in enumerate(made.header) if not name.startswith(BEATS)]
    for name in (made.header[at] for at in kept):
        drawing.add_column(Text(name), justify="left" if is_words(name) else "right", overflow="fold")
    for place, row in enumerate(made.rows):
        drawing.add_row(*(row[at] for at in kept), style="" if place < made.own else "dim")
    below = (Text(note, style="dim") for note in made.notes)
    return Group(Text(made.title, style="bold"), drawing, *map(Text, verdicts(made)), *below, "")


def verdicts(made: Grid) -> list[str]:
    """Return a line for each run: which floors it beats."""
    columns = [(at, name.split()[-1]) for at, name in enumerate(made.header) if name.startswith(BEATS)]
    return [
        f"{row[0].splitlines()[0]} beats "
        + "  ".join(f"{name} {row[at].replace(chr(10), ' ')}" for at, name in columns)
        for row in made.rows[: made.own]
        if columns
    ]


def markdown(made: Grid) -> str:
    """Return the table for a document, floors in italics."""
    rows = [row if place < made.own else [f"*{row[0]}*", *row[1:]] for place, row in enumerate(made.rows)]
    align = [":--" if is_words(name) else "--:" for name in made.header]
    notes = [f"- {document(note)}" for note in made.notes]
    return "\n".join([f"**{document(made.title)}**", "", table([made.header, align, *rows]), "", *notes, ""])
