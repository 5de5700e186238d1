"""Metrics as tables that one can read: a row a run, its floors below, values with their intervals."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.console import Group
from rich.table import Table
from rich.text import Text

from llmrec.records import Coverage, MetricResult, Metrics

VALID = ":valid"


class Line(NamedTuple):
    """A model's scores on some rows; `floor` says that it is there for comparison."""

    model: str
    prompt: str
    coverage: Coverage
    results: Sequence[MetricResult]
    floor: bool


def tables(runs: Iterable[Metrics]) -> Iterator[Group]:
    """Return a table for each set of rows that runs share, between its title and its notes."""
    together: dict[tuple[str, ...], list[Metrics]] = {}
    for run in runs:
        rows = (run.task, run.dataset, run.split, str(run.seed), f"{run.n} of {run.n_total}")
        together.setdefault(rows, []).append(run)
    for group in together.values():
        yield Group(Text(title(group[0]), style="bold"), table(group), Text(caption(group), style="dim"), "")


def table(runs: Sequence[Metrics]) -> Table:
    """Tabulate runs over the same rows; each floor is shown once."""
    first = runs[0]
    shown = [result.id for name in first.headline for result in find(first.metrics, name)]
    made = Table()
    made.add_column("model")
    made.add_column("prompt")
    made.add_column("valid", justify="right")
    for id in shown:
        made.add_column(heading(id, first.metrics), justify="right")
    for line in lines(runs):
        style = "dim" if line.floor else ""
        values = [cell(find(line.results, id)) for id in shown]
        made.add_row(
            line.model, line.prompt, f"{line.coverage.valid:,}/{line.coverage.all:,}", *values, style=style
        )
    return made


def title(run: Metrics) -> str:
    return (
        f"{run.task} on {run.dataset}, split={run.split}, seed={run.seed}, n = {run.n:,} of {run.n_total:,}"
    )


def lines(runs: Sequence[Metrics]) -> list[Line]:
    """Return the runs' own lines, then those of floors that are no run themselves."""
    own = [Line(stamped(run), run.prompt, run.coverage, run.metrics, False) for run in runs]
    names = {run.model for run in runs}
    floors = {
        floor.model: Line(floor.model, "", floor.coverage, floor.metrics, True)
        for run in runs
        for floor in run.floors
        if floor.model not in names
    }
    return own + list(floors.values())


def stamped(run: Metrics) -> str:
    return f"{run.model} LEAK" if run.leaks.status == "LEAK" else run.model


def find(results: Sequence[MetricResult], name: str) -> list[MetricResult]:
    """Return the first result of that id, or of that name before the `/`; none where there is none."""
    for result in results:
        if result.id == name or (result.id.partition("/")[0] == name and not result.id.endswith(VALID)):
            return [result]
    return []


def heading(id: str, results: Sequence[MetricResult]) -> Text:
    """Return a metric's name over what qualifies it, with an arrow that points to better."""
    name, _, rest = id.partition("/")
    up = next(result.higher_is_better for result in results if result.id == id)
    return Text(f"{name} {'↑' if up else '↓'}" + (f"\n{rest.replace(',', ' ')}" if rest else ""))


def cell(found: Sequence[MetricResult]) -> str:
    """Return a value over its 95% interval."""
    if not found or found[0].value is None:
        return "-"
    result = found[0]
    interval = f"\n[{number(result.ci95[0])}, {number(result.ci95[1])}]" if result.ci95 else ""
    return (number(found[0].value or 0.0) + interval).replace("[", r"\[")


def number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"


def caption(runs: Sequence[Metrics]) -> str:
    """Say what a reader of the table must know."""
    told = ["every row counts, a row without a valid answer as a miss; [95% bootstrap interval]"]
    told += [note for note in dict.fromkeys(note for run in runs for note in run.notes)]
    leaking = [run.model for run in runs if run.leaks.status == "LEAK"]
    told += [f"LEAK: {', '.join(leaking)} saw what was asked for"] if leaking else []
    return "\n".join(told)
