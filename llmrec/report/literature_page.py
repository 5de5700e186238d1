"""The page of our rows beside the published ones, and the study that writes it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from llmrec import exits
from llmrec.files import write_atomic
from llmrec.report.literature import (
    MISSING,
    Method,
    Pair,
    against,
    below_a_floor,
    cell,
    defects,
    methods,
    outcome,
    paired,
    short,
    why,
    worth_of_file_order,
)
from llmrec.report.literature_plot import called, points, svg
from llmrec.report.plot import can_plot
from llmrec.report.published import DEFECTS, Published, read
from llmrec.report.seeds import Row, rows
from llmrec.report.study import Ran, Study
from llmrec.report.table import number
from llmrec.report.verdicts import beats
from llmrec.results import Metrics

PAGE = "literature.md"
PLOT = "literature.svg"
HOW = """How to read it:

- *ours*: the mean over seeds; in brackets the outermost limits of the seeds' 95% bootstrap intervals; then
  the range of the seeds. Every row counts. *beats*: by the paired difference on the same rows.
- *published / ours*: the difference in brackets is ours minus the published figure. A published figure has
  no interval, and nothing of it could be run here: only ours is sure to be what it says.
- *ties*: who comes first among a user's interactions of one second - a seeded hash, or, as in most of the
  literature, the order of the file, which tells the next item. A published row is held against ours of the
  same ties, where those were run.
- *seconds to fit*: by the clock on the wall, whatever else the machine did meanwhile.
- A row that was not run is shown as such."""


@dataclass(frozen=True, kw_only=True)
class Literature(Study):
    """Our models on Beauty beside what was published on it."""

    title: str

    def write(self, ran: Sequence[Ran], to: Path) -> Iterator[Path]:
        compared = comparisons(ran, read())
        date = datetime.now(UTC).date().isoformat()
        if can_plot():
            panels = {called(task.name, task.judge): points(task.pairs, task.judge) for task in compared}
            write_atomic(to / PLOT, svg(self.title, panels))
            yield to / PLOT
        write_atomic(to / PAGE, page(self.title, ran, compared, date, PLOT if can_plot() else None).encode())
        yield to / PAGE


class Compared(NamedTuple):
    """What is known of one task: our rows, the published methods, and which belong together."""

    name: str
    own: list[Row]
    published: list[Method]
    pairs: list[Pair]

    @property
    def metrics(self) -> list[str]:
        return list(dict.fromkeys(figure.metric for each in self.published for figure in each.figures))

    @property
    def judge(self) -> str:
        """The score that sentences and the picture are about: the last of those that the first method has."""
        return self.published[0].figures[-1].metric


def comparisons(ran: Sequence[Ran], figures: Sequence[Published]) -> list[Compared]:
    """Return what is known of each task that something was published on."""
    found = rows((run.choices, run.metrics) for run in ran if run.metrics is not None)
    compared = []
    for task in dict.fromkeys(figure.task for figure in figures):
        own = [row for row in found if row.task == task]
        published = methods([figure for figure in figures if figure.task == task])
        compared.append(Compared(task, own, published, paired(published, own)))
    return compared


def page(title: str, ran: Sequence[Ran], compared: Sequence[Compared], date: str, image: str | None) -> str:
    """Return the whole page in Markdown; `date` is that of its writing, `image` the picture's file."""
    figures = [figure for task in compared for method in task.published for figure in method.figures]
    parts = [f"# {title}", head(ran, figures, date), HOW, *([f"![{title}]({image})"] if image else [])]
    parts += [section(task, ran) for task in compared]
    return "\n\n".join([*parts, legend(figures)]) + "\n"


def head(ran: Sequence[Ran], figures: Sequence[Published], date: str) -> str:
    """Return when, of what and from how much the page was made."""
    done = [run.metrics for run in ran if run.metrics is not None]
    commits = sorted({run.environment.git or "unknown" for run in done})
    seeds = sorted({run.seed for run in done})
    return (
        f"Written on {date} from {len(done)} of {len(ran)} runs at commit {', '.join(commits) or 'unknown'}, "
        f"seeds {', '.join(map(str, seeds)) or '-'}, and from {len(figures)} published figures of "
        f"{len(methods(figures))} methods. No figure is typed by hand."
    )


def section(task: Compared, ran: Sequence[Ran]) -> str:
    """Return what is known of one task."""
    name, own, published, pairs = task
    metrics, judge = task.metrics, task.judge
    with_ours = {id(pair.method) for pair in pairs}
    alone = [method for method in published if id(method) not in with_ours]
    size = next((f", n = {run.n:,} of {run.n_total:,}" for row in own for run in row.runs), "")
    told = [why(pair, judge) for pair in pairs if pair.ours]
    lost = dict.fromkeys(pair.model for pair in pairs if not pair.ours)
    told += [f"{MISSING}, so that nothing can be said: {', '.join(lost)}"] * bool(lost)
    filed = worth_of_file_order(own, judge)
    parts = [f"## {name}{size}", ours_table(own, expected(name, ran, published), metrics)]
    parts += [bullets(filed)] * bool(filed)
    if pairs:
        lines = [
            [
                p.method.first.method,
                p.method.first.source,
                defects(p.method),
                kind(p),
                p.ours.ties if p.ours else "-",
            ]
            + [against(p, metric) for metric in metrics]
            for p in pairs
        ]
        header = ["published", "source", "known defects", "ours", "ties", *map(two, metrics)]
        parts += ["### Published / ours", outcome(pairs, judge), table(header, lines, 5), bullets(told)]
    if alone:
        parts += ["### Published, nothing of ours to hold against it", alone_table(alone, metrics)]
    parts += [said for said in [below_a_floor(published, own, judge)] if said]
    return "\n\n".join(parts)


def kind(pair: Pair) -> str:
    """Return our model, with the loss that it learned by where its settings say it."""
    loss = pair.ours.loss.replace("_", " ") if pair.ours else ""
    return f"{pair.model}, {loss}" if loss else pair.model


def two(metric: str) -> str:
    return f"{short(metric)}: published / ours"


def expected(task: str, ran: Sequence[Ran], published: Sequence[Method]) -> list[str]:
    """Return the models that a task should have rows of: those of the runs, and those to compare with."""
    asked = [str(run.choices["model"]["name"]) for run in ran if run.choices["task"]["name"] == task]
    return list(dict.fromkeys([*asked, *(name for method in published for name in method.first.ours)]))


def ours_table(own: Sequence[Row], models: Sequence[str], metrics: Sequence[str]) -> str:
    """Return a line for each of our rows, and for each model that has none."""
    lines = []
    for model in models:
        of_model = [row for row in own if row.model == model]
        for row in of_model:
            lines.append(
                [model, row.ties, ", ".join(map(str, row.seeds))]
                + [cell(row.score(metric)) for metric in metrics]
                + ["; ".join(dict.fromkeys(map(beats, row.runs))) or "-", *cost(row.runs)]
            )
        if not of_model:
            lines.append([model, MISSING, *["-"] * (len(metrics) + 4)])
    if not lines:
        return "Nothing of ours: Beauty has no review texts here, and no model of ours is of these kinds."
    header = ["ours", "ties", "seeds", *map(short, metrics), "beats", "seconds to fit", "parameters"]
    return "### Ours\n\n" + table(header, lines, 3)


def cost(runs: Sequence[Metrics]) -> list[str]:
    """Return the seconds of a fit, the mean over seeds, and how many numbers were learned."""
    fits = [run.fit for run in runs if run.fit is not None]
    if not fits:
        return ["-", "-"]
    return [f"{sum(fit.seconds for fit in fits) / len(fits):,.0f}", f"{fits[0].parameters:,}"]


def alone_table(alone: Sequence[Method], metrics: Sequence[str]) -> str:
    lines = []
    for method in alone:
        figures = [method.figure(metric) for metric in metrics]
        values = [number(figure.value) if figure else "-" for figure in figures]
        lines.append(
            [method.first.method, method.first.source, method.first.status, defects(method), *values]
        )
    return table(["published", "source", "status", "known defects", *map(short, metrics)], lines, 4)


def legend(figures: Sequence[Published]) -> str:
    """Return what the names of defects mean."""
    used = {name for figure in figures for name in figure.defects}
    effect = {1: "flatters", -1: "harms", 0: "either way"}
    lines = [
        [name.replace("_", " "), defect.words, effect[defect.flatters]]
        for name, defect in DEFECTS.items()
        if name in used
    ]
    return "## Known defects\n\n" + table(["defect", "what it is", "the figure"], lines, 3)


def table(header: Sequence[str], lines: Sequence[Sequence[str]], left: int) -> str:
    """Return a table in Markdown, its first `left` columns of words."""
    align = [":--" if place < left else "--:" for place in range(len(header))]
    return exits.table([header, align, *lines])


def bullets(said: Sequence[str]) -> str:
    return "\n".join(f"- {each}" for each in said)
