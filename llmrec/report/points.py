"""Scores of several runs as points: each with the data it was had on, for tables, plots and programs."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from llmrec.report.flat import flat
from llmrec.report.study import Ran
from llmrec.report.table import stamped
from llmrec.results import Coverage, MetricResult, Metrics

COUNTED = ("users", "items", "interactions")
DATA = ("dataset", *COUNTED, "density")


class Point(NamedTuple):
    """A score. `data` has the DATA columns, `settings` those of the study; `panel` is what cannot share a
    plot with another; `floor_of` is the model whose floor it is, or ""."""

    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    panel: str
    model: str
    floor_of: str
    result: MetricResult
    coverage: Coverage
    row: Mapping[str, object]

    def at(self, column: str) -> Any:
        """Return what a column holds."""
        return self.settings[column] if column in self.settings else self.data[column]

    @property
    def place(self) -> tuple[Any, ...]:
        """Return all that tells the point's data from another's."""
        return (*self.data.values(), *self.settings.values())


def points(ran: Sequence[Ran], settings: Mapping[str, str]) -> list[Point]:
    """Return every score of the runs that finished, floors included, in the order of the runs.

    `settings` maps columns to places in the config, such as `dataset.k_core`.
    """
    names = labels(ran)
    found = []
    for run in ran:
        if run.metrics is None:
            continue
        data = described(run.metrics)
        chosen = {column: select(run.choices, place) for column, place in settings.items()}
        for row, coverage, result in scored(run, run.metrics):
            of = str(row["floor_of"])
            model = str(row["model"]) if of else names[str(run.folder)]
            panel = f"{row['task']} on {row['dataset']}"
            found.append(Point(data, chosen, panel, model, of, result, coverage, row))
    return found


def scored(run: Ran, metrics: Metrics) -> Iterator[tuple[Mapping[str, object], Coverage, MetricResult]]:
    """Yield each score of a run and its floors, beside its row as programs get it."""
    everyone = [(metrics.coverage, metrics.metrics), *((f.coverage, f.metrics) for f in metrics.floors)]
    each = [(coverage, result) for coverage, results in everyone for result in results]
    for row, (coverage, result) in zip(flat(run.folder, metrics), each, strict=True):
        yield row, coverage, result


def described(metrics: Metrics) -> dict[str, Any]:
    """Return the data of a run: its name, its size, and its density, the share of pairs that are known."""
    users, items, interactions = (metrics.counts[name] for name in COUNTED)
    values = (metrics.dataset, users, items, interactions, interactions / (users * items))
    return dict(zip(DATA, values, strict=True))


def select(choices: Mapping[str, Any], place: str) -> Any:
    """Return what stands at a dotted place of a config, None where there is nothing."""
    node: Any = choices
    for key in place.split("."):
        node = node.get(key) if isinstance(node, Mapping) else None
    return node


def labels(ran: Sequence[Ran]) -> dict[str, str]:
    """Return what each finished run's model is called, by folder: with its prompt where that differs too."""
    found = {str(run.folder): run.metrics for run in ran if run.metrics is not None}
    names = {folder: " ".join(stamped(metrics).split()) for folder, metrics in found.items()}
    prompts = defaultdict(set)
    for folder, metrics in found.items():
        prompts[names[folder]].add(metrics.prompt)
    return {
        folder: f"{name}, {found[folder].prompt}" if len(prompts[name]) > 1 else name
        for folder, name in names.items()
    }


def to_csv(found: Sequence[Point], settings: Sequence[str]) -> bytes:
    """Return the points as CSV: the data and what was set, then what `llmrec report --format csv` has."""
    columns = ["dataset", *settings, *DATA[1:], "model"]
    rows = [{**point.row, **point.data, **point.settings, "model": point.model} for point in found]
    columns += [name for name in (rows[0] if rows else {}) if name not in columns and name != "run"] + ["run"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
