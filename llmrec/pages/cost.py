"""What answers cost, in tokens and seconds, against how good they are."""

from collections.abc import Sequence

from llmrec.pages.charts import scatter
from llmrec.pages.groups import Entry, Group
from llmrec.pages.view import Cell, Figure, Section, Table, count, scored, words
from llmrec.report.table import heading
from llmrec.results import Metrics

TOKENS, SECONDS = "tokens", "seconds"
PANELS = {TOKENS: "tokens a row, prompt and completion", SECONDS: "seconds of inference a row"}
INFERENCE = "inference"  # the stage, in Metrics.seconds
ABOUT = (
    "Tokens of all asks, and wall-clock seconds of inference, each by the number of rows, against the first "
    "headline score with its 95% bootstrap interval; points bear the number of their run in the table. "
    "Seconds are those of the call that answered last, on the device named: compare them on one device, and "
    "not where a run was resumed. Models that answer from data read no token."
)


def cost(groups: Sequence[Group]) -> Section:
    """Return the chart and the table of each group."""
    return Section("cost", "Cost against quality", ABOUT, [], [figure(group) for group in groups])


def figure(group: Group) -> Figure:
    score = group.scores[0]
    marks, rows = [], []
    for place, entry in enumerate(group.entries, 1):
        run, result = entry.metrics, entry.result(score.id)
        spent = {
            TOKENS: per_row(run, run.tokens.prompt + run.tokens.completion),
            SECONDS: per_row(run, run.seconds[INFERENCE]) if INFERENCE in run.seconds else None,
        }
        if result is not None and result.value is not None:
            low, high = result.ci95 or (result.value, result.value)
            mark = {"model": run.model, "label": str(place), "value": result.value, "low": low, "high": high}
            marks.append({**mark, **spent})
        rows.append([count(place), *row(entry, spent), scored(result), count(run.n)])
    title = heading(result) if (result := group.entries[0].result(score.id)) else score.short
    header = ("#", "run", "prompt tokens", "completion tokens", "seconds", "device", title, "n")
    drawn = scatter(marks, PANELS, title, score.metric.higher_is_better)
    return Figure(group.title, drawn, Table("Cost a row", header, rows, len(rows)))


def row(entry: Entry, spent: dict[str, float | None]) -> list[Cell]:
    run, seconds = entry.metrics, spent[SECONDS]
    return [
        words(entry.name),
        *(
            Cell(f"{tokens / run.n:,.1f}", tokens / run.n)
            for tokens in (run.tokens.prompt, run.tokens.completion)
        ),
        Cell("-") if seconds is None else Cell(f"{seconds:,.4f}", seconds),
        words(f"{run.environment.device}, {run.environment.dtype}".strip(", ")),
    ]


def per_row(run: Metrics, total: float) -> float:
    return total / run.n
