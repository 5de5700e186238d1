"""How much of a score is chance: the same question asked again with another seed, prompt or order."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from llmrec.comparison.differences import influence, wanted_ids
from llmrec.errors import ConfigError, DataError
from llmrec.finished import Finished
from llmrec.metric.base import Array, Metric
from llmrec.metric.score import count

ROWS, REST = "rows", "rest"
Factors = Mapping[str, Sequence[str]]  # the value of each varied setting in every run
# Settings that say where files lie, and how scores are resampled, are no factors.
_APART = ("data_dir", "cache_dir", "output_dir", "resamples")


class Share(NamedTuple):
    """What part of the variance a factor explains, and the mean score at each of its levels."""

    factor: str
    share: float
    levels: dict[str, float]


class Repeats(NamedTuple):
    """A score of several runs over the `n` rows that all of them were asked: its mean, least and most, its
    standard deviation between the runs, and its standard error in one run, by the rows alone; and what the
    variance of all rows of all runs comes from."""

    metric: str
    n: int
    runs: int
    mean: float
    least: float
    most: float
    between: float
    standard_error: float
    shares: list[Share]


def repeats(runs: Sequence[Finished], wanted: Sequence[str]) -> list[Repeats]:
    """Return what becomes of each wanted score, the headline where none is named, from run to run.

    The scores of single rows y[row, run] are decomposed into what comes from the rows, from each setting
    that varies, and the rest, as sums of squares over their total (Fisher's analysis of variance). Raises
    ConfigError where the runs are no whole grid of choices, DataError where they share no row.
    """
    factors = varied([run.choices for run in runs])
    places = shared(runs)
    first = runs[0]
    scores = first.metrics.metrics
    chosen = wanted_ids(scores, wanted or first.metrics.headline)
    found = []
    for metric in first.plan.metrics:
        ids = metric.ids(first.rows, first.context)
        counted = [
            count([metric], [run.rows[place] for place in own], run.context)[0]
            for run, own in zip(runs, places, strict=True)
            if chosen & set(ids)
        ]
        found += [
            analysed(metric, name, column, counted, factors)
            for column, name in enumerate(ids)
            if name in chosen
        ]
    return found


def analysed(metric: Metric, name: str, column: int, counted: Sequence[Array], factors: Factors) -> Repeats:
    """Return the analysis of one value of a metric, from each run's statistics [rows, d] of the same rows."""
    of_runs = np.array([metric.values(each.mean(axis=0))[column] for each in counted])
    of_rows = np.stack([metric.values(each)[:, column] for each in counted], axis=1)
    added = np.stack([influence(metric, each)[:, column] for each in counted], axis=1)
    return Repeats(
        metric=name,
        n=len(of_rows),
        runs=len(counted),
        mean=float(of_runs.mean()),
        least=float(of_runs.min()),
        most=float(of_runs.max()),
        between=float(of_runs.std(ddof=1)),
        standard_error=float(np.sqrt(added.var(axis=0, ddof=1).mean() / len(added))),
        shares=decomposed(of_rows, of_runs, factors),
    )


def decomposed(of_rows: Array, of_runs: Array, factors: Factors) -> list[Share]:
    """Return what the variance of scores of rows [rows, runs] comes from; levels are given by the scores of
    runs [runs]."""
    rows, runs = of_rows.shape
    apart = of_rows - of_rows.mean()
    total = float((apart**2).sum()) or math.inf
    shares = [Share(ROWS, runs * float((apart.mean(axis=1) ** 2).sum()) / total, {})]
    for name, values in factors.items():
        at = {level: np.array([value == level for value in values]) for level in dict.fromkeys(values)}
        squares = sum(rows * where.sum() * float(apart[:, where].mean()) ** 2 for where in at.values())
        means = {level: float(of_runs[where].mean()) for level, where in at.items()}
        shares.append(Share(name, float(squares) / total, means))
    explained = sum(share.share for share in shares)
    return [*shares, Share(REST, 1.0 - explained if math.isfinite(total) else 0.0, {})]


def varied(choices: Sequence[Mapping[str, Any]]) -> Factors:
    """Return the settings that are not the same in all runs; of those that change together, as all that
    belongs to a prompt does, the one that names them. Raises ConfigError for runs that are no grid."""
    flat = [flattened(each) for each in choices]
    together: dict[tuple[int, ...], list[str]] = {}
    for name in sorted(set().union(*flat)):
        values = [str(each.get(name)) for each in flat]
        levels = list(dict.fromkeys(values))
        if len(levels) > 1:
            together.setdefault(tuple(map(levels.index, values)), []).append(name)
    named = [min(names, key=naming) for names in together.values()]
    found = {name: [str(each.get(name)) for each in flat] for name in named}
    cells = set(zip(*found.values(), strict=True))
    if not len(choices) == len(cells) == math.prod(len(set(values)) for values in found.values()):
        raise ConfigError(
            f"{len(choices)} runs over {', '.join(found) or 'nothing that varies'}: not each combination "
            "once; give the runs of one sweep, as llmrec run -m seed=0,1 prompt=... makes them"
        )
    return found


def naming(setting: str) -> tuple[bool, int, str]:
    """Return what is least for the setting that names those it changes with."""
    return not setting.endswith(".name"), len(setting), setting


def flattened(node: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Return the settings of a config by their dotted names."""
    found: dict[str, Any] = {}
    for key, value in node.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            found |= flattened(value, f"{name}.")
        elif name not in _APART:
            found[name] = value
    return found


def shared(runs: Sequence[Finished]) -> list[list[int]]:
    """Return, for each run, the places of the rows that all were asked, in one order. Raises DataError."""
    for what in ("task", "dataset", "split", "model"):
        given = {str(getattr(run.metrics, what)) for run in runs}
        if len(given) > 1:
            raise DataError(
                f"{runs[0].folder}: runs of {what}={', '.join(sorted(given))}; give runs of one {what}"
            )
    places = [{row.question.id: place for place, row in enumerate(run.rows)} for run in runs]
    common = [id for id in places[0] if all(id in known for known in places)]
    if len(common) < 2:
        raise DataError(
            f"{runs[0].folder}: {len(common)} rows were asked in all runs; take limit=null, for a seed draws "
            "its own"
        )
    return [[known[id] for id in common] for known in places]
