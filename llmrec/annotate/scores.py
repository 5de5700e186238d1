"""What ratings come to: per system, per position, and how far they can be relied on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from llmrec.annotate.agreement import agreed, alike, alpha, coincidences, preferences, reliability, tau
from llmrec.annotate.ballot import Key
from llmrec.annotate.ratings import Ratings
from llmrec.annotate.rubric import SCALE
from llmrec.metric.base import Array
from llmrec.metric.score import TAIL, resampled_means

RANK = "rank"
_NO_WIDTH = 1e-12  # a width that rounding alone makes


class Estimate(Struct, frozen=True):
    """A mean over `n` ratings of `rows` rows with the 95% interval of a bootstrap over rows, all ratings of
    a row together; None where there is no rating, or one row alone."""

    value: float | None
    ci95: tuple[float, float] | None
    n: int
    rows: int


class SystemScore(Struct, frozen=True):
    """A system by its mean mid-rank (1 is best), its share of first places (equal ones share theirs) and
    its mean score by criterion (1 to 5)."""

    name: str
    folder: str | None
    rows: int
    raters: int
    rank: Estimate
    first: Estimate
    criteria: dict[str, Estimate]


class Agreement(Struct, frozen=True):
    """Krippendorff's alpha, ordinal, of the ranks or of a criterion, with the interval of `reliable`: `units`
    are texts that two raters or more valued, `n` their values."""

    what: str
    alpha: float | None
    units: int
    n: int
    ci95: tuple[float, float] | None


class Consistency(Struct, frozen=True):
    """A rater against themselves on rows shown twice: the share of pairs of texts that were ordered alike
    (equal counts as an order), and the mean distance between the two scores of a text and criterion."""

    rater: str
    same: Estimate
    distance: Estimate


class Position(Struct, frozen=True):
    """The share of first places that a position got; without bias it is 1 by the number of texts."""

    letter: str
    first: Estimate


class Judge(Struct, frozen=True):
    """A judge against the people. `pairs` is the share of their preferences that the judge holds too (half of
    one where it holds texts for equal), `people` the same of any other person on the rows that the judge
    ranked, `tau` the mean over rows of Kendall's tau-b with the people's mean ranks."""

    judge: str
    pairs: Estimate
    people: Estimate
    tau: Estimate
    positions: list[Position]


class Scores(Struct, frozen=True):
    """All of it. `shown` counts the showings of the raters' pages, `ranked` those that were ranked whole."""

    task: str
    dataset: str
    split: str
    raters: list[str]
    shown: int
    ranked: int
    systems: list[SystemScore]
    agreement: list[Agreement]
    consistency: list[Consistency]
    positions: list[Position]
    judges: list[Judge]


class Chance(NamedTuple):
    """Of the bootstrap."""

    seed: int
    resamples: int


def estimate(values: Array, bounds: tuple[float, float], chance: Chance) -> Estimate:
    """Return the mean of values [ratings, rows], NaN where there is none.

    `ci95` is the percentile bootstrap over rows (Efron and Tibshirani, "An introduction to the bootstrap",
    1993). Where every draw gives the same, it would claim certainty: the limits are then what at most a share
    1 - .025^(1/rows) of rows, of which none was drawn, could do to the mean within `bounds` (Clopper and
    Pearson, Biometrika, 1934).
    """
    statistics = np.stack([np.nansum(values, axis=0), (~np.isnan(values)).sum(axis=0)], axis=1)
    statistics = statistics[statistics[:, 1] > 0]
    rows, n = len(statistics), int(statistics[:, 1].sum())
    if not rows:
        return Estimate(value=None, ci95=None, n=0, rows=0)
    value = float(statistics[:, 0].sum() / n)
    if rows < 2:
        return Estimate(value=value, ci95=None, n=n, rows=rows)
    means = resampled_means(statistics, chance.seed, chance.resamples)
    low, high = (float(limit) for limit in np.quantile(means[:, 0] / means[:, 1], [TAIL, 1.0 - TAIL]))
    if high - low <= _NO_WIDTH:
        unseen = 1.0 - TAIL ** (1.0 / rows)
        low, high = (value + unseen * (bound - value) for bound in bounds)
    return Estimate(value=value, ci95=(low, high), n=n, rows=rows)


def scores(key: Key, people: Ratings, judges: Sequence[Ratings]) -> Scores:
    """Return what the people's ratings come to, and how each judge, a rater alone, agrees with them."""
    chance = Chance(key.seed, key.resamples)
    used = people.first.ranks, people.again.ranks
    return Scores(
        task=key.task,
        dataset=key.dataset,
        split=key.split,
        raters=people.raters,
        shown=people.shown,
        ranked=sum(int((~np.isnan(ranks[:, :, 0])).sum()) for ranks in used),
        systems=sorted(systems(key, people, chance), key=standing),
        agreement=agreement(key, people, chance),
        consistency=consistency(people, chance),
        positions=positions(people, chance),
        judges=[judged(people, judge, chance) for judge in judges],
    )


def standing(system: SystemScore) -> tuple[bool, float]:
    """Return what systems are sorted by: the mean rank, those without one last."""
    return system.rank.value is None, system.rank.value or 0.0


def firsts(ranks: Array) -> Array:
    """Return the share of a first place that each text of ranks [..., M] has."""
    best = (ranks == ranks.min(axis=-1, keepdims=True)).astype(np.float64)
    return np.asarray(
        np.where(np.isnan(ranks), np.nan, best / np.maximum(best.sum(axis=-1, keepdims=True), 1))
    )


def systems(key: Key, people: Ratings, chance: Chance) -> list[SystemScore]:
    ranks, given = people.first.ranks, people.first.scores
    first = firsts(ranks)
    said = ~np.isnan(ranks) | ~np.isnan(given).all(axis=0)
    size = len(key.systems)
    return [
        SystemScore(
            name=system.name,
            folder=system.folder,
            rows=int(said[:, :, at].any(axis=0).sum()),
            raters=int(said[:, :, at].any(axis=1).sum()),
            rank=estimate(ranks[:, :, at], (1, size), chance),
            first=estimate(first[:, :, at], (0, 1), chance),
            criteria={
                criterion.id: estimate(given[column, :, :, at], (SCALE[0], SCALE[-1]), chance)
                for column, criterion in enumerate(key.rubric.criteria)
            },
        )
        for at, system in enumerate(key.systems)
    ]


def agreement(key: Key, people: Ratings, chance: Chance) -> list[Agreement]:
    names = [RANK, *(criterion.id for criterion in key.rubric.criteria)]
    valued = [people.first.ranks, *people.first.scores]
    return [
        Agreement(name, *alpha(values), reliable(values, chance))
        for name, values in zip(names, valued, strict=True)
    ]


def reliable(values: Array, chance: Chance) -> tuple[float, float] | None:
    """Return the 95% percentile bootstrap over rows of Krippendorff's alpha of values [raters, rows, texts],
    a row's texts together; None where two raters share fewer than two rows, or a draw has no alpha.

    Where every draw gives the same, the limits are those that `estimate` has then: what a share of rows, of
    which none was drawn, could do, its raters as far apart as the scale allows or wholly agreed.
    """
    together = coincidences(values).sum(axis=1)
    together = together[together.any(axis=(1, 2))]
    rows = len(together)
    if rows < 2:
        return None
    means = resampled_means(together.reshape(rows, -1), chance.seed, chance.resamples)
    drawn = reliability(rows * means.reshape(-1, *together.shape[1:]))
    if np.isnan(drawn).any():
        return None
    low, high = (float(limit) for limit in np.quantile(drawn, [TAIL, 1.0 - TAIL]))
    if high - low <= _NO_WIDTH:
        seen, unseen = together.sum(axis=0), 1.0 - TAIL ** (1.0 / rows)
        apart = np.zeros_like(seen)
        apart[0, -1] = apart[-1, 0] = seen.sum() / 2
        others = np.stack([apart, np.diag(seen.sum(axis=0))])
        low, high = (float(limit) for limit in reliability((1 - unseen) * seen + unseen * others))
    return low, high


def consistency(people: Ratings, chance: Chance) -> list[Consistency]:
    """Return each rater's; none where no row was rated twice."""
    same = alike(preferences(people.first.ranks), preferences(people.again.ranks))
    distance = np.abs(people.first.scores - people.again.scores)
    found = [
        Consistency(
            rater=rater,
            same=estimate(same[at].T, (0, 1), chance),
            distance=estimate(flat(distance[:, at]), (0, SCALE[-1] - SCALE[0]), chance),
        )
        for at, rater in enumerate(people.raters)
    ]
    return [one for one in found if one.same.n or one.distance.n]


def flat(values: Array) -> Array:
    """Return [ratings, rows] of [criteria, rows, texts]."""
    return np.asarray(values.transpose(0, 2, 1).reshape(-1, values.shape[1]))


def positions(people: Ratings, chance: Chance) -> list[Position]:
    first, shown = firsts(people.first.ranks), people.first.positions
    size = shown.shape[-1]
    at = [np.where(shown == place, first, np.nan) for place in range(size)]
    return [
        Position(chr(ord("A") + place), estimate(rows_last(values), (0, 1), chance))
        for place, values in enumerate(at)
    ]


def rows_last(values: Array) -> Array:
    """Return [ratings, rows] of [raters, rows, ...]."""
    return np.asarray(np.moveaxis(values, 1, -1).reshape(-1, values.shape[1]))


def judged(people: Ratings, judge: Ratings, chance: Chance) -> Judge:
    theirs, its = preferences(people.first.ranks), preferences(judge.first.ranks)
    others = [
        agreed(theirs[one], theirs[other])
        for one in range(len(theirs))
        for other in range(len(theirs))
        if one != other
    ]
    between = np.where(np.isnan(its), np.nan, others) if others else np.full_like(its, np.nan)
    ranked = ~np.isnan(people.first.ranks).all(axis=0)
    mean = np.where(ranked, np.nansum(people.first.ranks, axis=0), np.nan) / np.maximum(
        (~np.isnan(people.first.ranks)).sum(axis=0), 1
    )
    taus = np.array([[tau(one, other) for one, other in zip(mean, judge.first.ranks[0], strict=True)]])
    return Judge(
        judge=judge.raters[0],
        pairs=estimate(rows_last(agreed(theirs, its)), (0, 1), chance),
        people=estimate(rows_last(between), (0, 1), chance),
        tau=estimate(taus, (-1, 1), chance),
        positions=positions(judge, chance),
    )
