"""Runs that differ in their prompt alone: what each variant, and so each module left out, is worth."""

from collections.abc import Sequence

from llmrec.pages.charts import dots
from llmrec.pages.cost import per_row
from llmrec.pages.groups import Entry, Group, Score
from llmrec.pages.view import Cell, Figure, Section, Table, amount, count, scored, words
from llmrec.report.table import heading, stamped
from llmrec.results import way

ABOUT = (
    "Runs of one model, decoding and data that differ in their prompt; the first headline score with its 95% "
    "bootstrap interval. Two intervals do not tell whether two prompts differ: the last column leads to the "
    "rows that changed, and llmrec compare tests the difference."
)
HEADER = ("prompt", "valid", "n", "tokens a row", "rows behind it")


def modules(groups: Sequence[Group]) -> Section:
    """Return a chart for each set of runs that differ in their prompt alone; none where there is no such."""
    figures = [figure(group, entries) for group in groups for entries in ablations(group)]
    return Section("modules", "Prompt modules", ABOUT, [], figures)


def ablations(group: Group) -> list[list[Entry]]:
    """Return the runs of two or more prompts by model, weights, fine-tuning and decoding."""
    together: dict[tuple[str, str], list[Entry]] = {}
    for entry in group.entries:
        if entry.metrics.prompt:
            together.setdefault((stamped(entry.metrics), way(entry.metrics)), []).append(entry)
    return [runs for runs in together.values() if len({run.metrics.prompt for run in runs}) > 1]


def figure(group: Group, entries: Sequence[Entry]) -> Figure:
    """Return the score of each prompt, and the rows behind it beside those of the first."""
    score = group.scores[0]
    found = [(entry, result) for entry in entries if (result := entry.result(score.id)) is not None]
    marks = [
        {
            "name": entry.metrics.prompt,
            "value": result.value,
            "low": result.ci95[0] if result.ci95 else result.value,
            "high": result.ci95[1] if result.ci95 else result.value,
        }
        for entry, result in found
        if result.value is not None
    ]
    rows = [row(entry, entries[0], score) for entry in entries]
    title = heading(found[0][1]) if found else score.short
    header = [HEADER[0], title, *HEADER[1:]]
    name = f"{' '.join(stamped(entries[0].metrics).split())}, {way(entries[0].metrics)}; {group.title}"
    drawn = dots(marks, title, score.metric.higher_is_better)
    return Figure(name, drawn, Table("Scores by prompt", header, rows, len(rows)))


def row(entry: Entry, first: Entry, score: Score) -> list[Cell]:
    covered = entry.metrics.coverage
    link = Cell("samples", link=f"run/{entry.number}")
    if entry is not first:
        told = f"changed from {first.metrics.prompt}"
        link = Cell(told, link=f"changed/{first.number}/{entry.number}")
    return [
        words(entry.metrics.prompt),
        scored(entry.result(score.id)),
        Cell(f"{covered.valid:,} of {covered.all:,}", float(covered.valid)),
        count(entry.metrics.n),
        amount(per_row(entry.metrics, entry.metrics.tokens.prompt + entry.metrics.tokens.completion)),
        link,
    ]
