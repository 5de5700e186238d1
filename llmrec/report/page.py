"""A page on several runs: the plot, a table of the headline scores, and what a reader must know."""

from collections.abc import Sequence

from llmrec import exits
from llmrec.report.points import DATA, Point
from llmrec.report.study import Ran
from llmrec.report.table import LEFT, heading, notes, value
from llmrec.results import find

ROWS_DIFFER = (
    "not all were asked the same rows: compare models at one place, and a model from place to place by its "
    "intervals and its distance from the floors (in italics)"
)


def page(
    title: str, ran: Sequence[Ran], found: Sequence[Point], settings: Sequence[str], image: str | None
) -> str:
    """Return the page in Markdown; a floor that is a model of the study too stands in it once."""
    done = [run.metrics for run in ran if run.metrics is not None]
    same_rows = len({(run.task, run.rows) for run in done}) == len({run.task for run in done})
    told = [*([] if same_rows else [ROWS_DIFFER]), *notes(done), *absent(ran)]
    headline = {run.task: run.headline for run in done}
    blocks = [f"# {title}", *([f"![{title}]({image})"] if image else [])]
    for task, names in headline.items():
        own = [point for point in found if point.row["task"] == task]
        blocks += [f"## {task}"] * (len(headline) > 1) + [table(own, names, settings)]
    return "\n\n".join([*blocks, "\n".join(f"- {exits.document(note)}" for note in told)]) + "\n"


def absent(ran: Sequence[Ran]) -> list[str]:
    """Return what did not finish, and what was left out."""
    lost = [str(run.folder) for run in ran if run.metrics is None and not run.left_out]
    told = [f"{len(lost)} of {len(ran)} runs did not finish: {', '.join(lost)}"] if lost else []
    return [*told, *left_out(ran)]


def left_out(ran: Sequence[Ran]) -> list[str]:
    """Return which runs were left out, a line for each reason."""
    by_reason: dict[str, list[Ran]] = {}
    for run in ran:
        by_reason.setdefault(run.left_out, []).append(run)
    return [
        f"left out, {len(alike)} of {len(ran)} runs ({named(alike)}): {why}"
        for why, alike in by_reason.items()
        if why
    ]


def named(ran: Sequence[Ran]) -> str:
    """Return the choices of runs, each group's names once."""
    groups = ("task", "dataset", "model", "prompt")
    told = [(group, dict.fromkeys(str(run.choices[group]["name"]) for run in ran)) for group in groups]
    return " ".join(f"{group}={','.join(names)}" for group, names in told)


def table(found: Sequence[Point], headline: Sequence[str], settings: Sequence[str]) -> str:
    """Return a row for each model on each data, in the order of the runs, floors after them; a setting that
    is the same everywhere has no column."""
    together: dict[tuple[object, ...], list[Point]] = {}
    own = {point.row["model"] for point in found if not point.floor_of}
    order = list(dict.fromkeys(point.place for point in found))
    for point in sorted(found, key=lambda point: (order.index(point.place), bool(point.floor_of))):
        if point.floor_of and point.model in own:
            continue
        key = (*point.place, point.model, point.row["seed"], bool(point.floor_of))
        together.setdefault(key, []).append(point)
    settings = [name for name in settings if len({point.settings[name] for point in found}) > 1]
    first = [point.result for point in next(iter(together.values()))]
    shown = [result for name in headline for result in find(first, name)]
    seeds = ["seed"] if len({point.row["seed"] for point in found}) > 1 else []
    header = ["dataset", *settings, *DATA[1:], "model", *seeds, "valid", "rows", *map(heading, shown)]
    left = {"dataset", *LEFT}
    lines = [header, [":--" if name in left else "--:" for name in header]]
    for group in together.values():
        point = group[0]
        results = [find([each.result for each in group], result.id) for result in shown]
        lines.append(
            [
                *cells(point, settings),
                f"*{point.model}*" if point.floor_of else point.model,
                *(str(point.row["seed"]) for _ in seeds),
                f"{point.coverage.valid:,} of {point.coverage.all:,}",
                f"{point.row['n']:,} of {point.row['n_total']:,}",
                *(value(same[0]) if same else "-" for same in results),
            ]
        )
    return exits.table(lines)


def cells(point: Point, settings: Sequence[str]) -> list[str]:
    """Return the cells that describe the data of a row."""
    first, *counts, density = DATA
    chosen = [str(point.settings[name]) for name in settings]
    sizes = [f"{point.data[name]:,}" for name in counts]
    return [str(point.data[first]), *chosen, *sizes, f"{point.data[density]:.3%}"]
