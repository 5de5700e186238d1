"""Scores of several runs as points: each with the data it was had on, for tables, plots and programs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from llmrec.exits import sheet
from llmrec.report.flat import flat
from llmrec.report.study import Ran
from llmrec.report.table import stamped
from llmrec.results import Coverage, MetricResult, Metrics

COUNTED = ("users", "items", "interactions")
LONGEST = 16  # characters of a value in a legend
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
    done = [(run, run.metrics) for run in ran if run.metrics is not None]
    places = [(described(metrics), chosen(run, settings)) for run, metrics in done]
    names = labels(done, places)
    found = []
    for (run, metrics), (data, set_to), name in zip(done, places, names, strict=True):
        for row, coverage, result in scored(run, metrics):
            of = str(row["floor_of"])
            model = str(row["model"]) if of else name
            panel = f"{row['task']} on {row['dataset']}"
            found.append(Point(data, set_to, panel, model, of, result, coverage, row))
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


def chosen(run: Ran, settings: Mapping[str, str]) -> dict[str, Any]:
    """Return what a run has at the places of the config that the columns name."""
    return {column: select(run.choices, place) for column, place in settings.items()}


def labels(done: Sequence[tuple[Ran, Metrics]], places: Sequence[tuple[Mapping[str, Any], ...]]) -> list[str]:
    """Return what each run's model is called; where two of one name would stand at one place, by the
    choices that they differ in too, such as the prompt."""
    names = [" ".join(stamped(metrics).split()) for _, metrics in done]
    together: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, ((_, metrics), place, name) in enumerate(zip(done, places, names, strict=True)):
        together[name, metrics.task, repr(place), str(metrics.seed)].append(number)
    apart: dict[str, dict[str, None]] = defaultdict(dict)
    every = [leaves(run.choices) for run, _ in done]
    for (name, *_), numbers in together.items():
        keys = dict.fromkeys(key for number in numbers for key in every[number])
        apart[name] |= {
            key: None for key in keys if len({repr(every[number].get(key)) for number in numbers}) > 1
        }
    return [", ".join([name, *told(apart[name], leaf)]) for name, leaf in zip(names, every, strict=True)]


def leaves(node: Any, place: str = "") -> dict[str, Any]:
    """Return every value of a config by its dotted place."""
    if not isinstance(node, Mapping):
        return {place: node}
    found: dict[str, Any] = {}
    for key, value in node.items():
        found |= leaves(value, f"{place}.{key}" if place else str(key))
    return found


def told(apart: Iterable[str], leaf: Mapping[str, Any]) -> list[str]:
    """Return choices in few words: a group by its name, else key=value, of a path the beginning of its last
    part."""
    named = {key.removesuffix(".name") for key in apart if key.endswith(".name")}
    words = []
    for key in apart:
        if key.endswith(".name"):
            words.append(str(leaf.get(key)))
        elif key.partition(".")[0] not in named:
            value = "null" if leaf.get(key) is None else str(leaf[key]).rstrip("/").rpartition("/")[2]
            words.append(f"{key.rpartition('.')[2]}={value[:LONGEST]}")
    return words


def to_csv(found: Sequence[Point], settings: Sequence[str]) -> bytes:
    """Return the points as CSV: the data and what was set, then what `llmrec report --format csv` has."""
    columns = ["dataset", *settings, *DATA[1:], "model"]
    rows = [{**point.row, **point.data, **point.settings, "model": point.model} for point in found]
    columns += [name for name in (rows[0] if rows else {}) if name not in columns and name != "run"] + ["run"]
    return sheet(columns, ([row[name] for name in columns] for row in rows)).encode()
