"""Ratings as tables."""

from collections.abc import Sequence
from typing import NamedTuple

from llmrec.annotate.scores import Agreement, Consistency, Estimate, Judge, Position, Scores, SystemScore

NOTES = (
    "in brackets the 95% bootstrap interval over rows, all raters of a row together",
    "rank: mean, 1 is best, equal texts at their mid-rank; first: share of first places, split by equal ones",
    "scores by criterion: 1 to 5; a row's second showing counts for consistency alone",
)


class Section(NamedTuple):
    """A table with what must be known of it."""

    title: str
    header: Sequence[str]
    rows: list[list[str]]
    notes: Sequence[str] = ()


def sections(found: Scores) -> list[Section]:
    """Return the tables in the order in which they are read, without those that have no rows."""
    made = [
        of_systems(found),
        of_agreement(found.agreement),
        of_consistency(found.consistency),
        of_positions("first places by position", found.positions),
        *(section for judge in found.judges for section in of_judge(judge)),
    ]
    return [section for section in made if section.rows]


def of_systems(found: Scores) -> Section:
    criteria = list(found.systems[0].criteria)
    title = (
        f"{found.task} on {found.dataset}, split={found.split}, rated by {len(found.raters)}, "
        f"{found.ranked:,} of {found.shown:,} showings ranked"
    )
    rows = [of_system(system) for system in found.systems]
    return Section(title, ("system", "rows", "raters", "rank ↓", "first ↑", *criteria), rows, NOTES)


def of_system(system: SystemScore) -> list[str]:
    estimates = system.rank, system.first, *system.criteria.values()
    return [system.name, f"{system.rows:,}", f"{system.raters:,}", *map(told, estimates)]


def of_agreement(found: Sequence[Agreement]) -> Section:
    rows = [
        [one.what, within(one.alpha, one.ci95), f"{one.units:,}", f"{one.n:,}"] for one in found if one.units
    ]
    notes = (
        "Krippendorff's alpha, ordinal, for ranks and scores alike: 1 is agreement, 0 chance; '-' where all "
        "said the same; without an interval where rows are too few, or too alike, to draw from",
    )
    return Section("agreement of raters", ("of", "alpha", "texts rated by two", "ratings"), rows, notes)


def of_consistency(found: Sequence[Consistency]) -> Section:
    rows = [
        [one.rater, f"{one.same.rows:,}", told(one.same), f"{one.same.n:,}", told(one.distance)]
        for one in found
    ]
    notes = ("ordered alike: of two texts, the same one better both times, or equal both times",)
    return Section(
        "raters against themselves", ("rater", "rows", "ordered alike", "pairs", "scores apart"), rows, notes
    )


def of_positions(title: str, found: Sequence[Position]) -> Section:
    rows = [[one.letter, told(one.first), f"{one.first.n:,}"] for one in found if one.first.n]
    return Section(title, ("position", "first", "times"), rows, (f"without bias: {1 / len(found):.2f}",))


def of_judge(judge: Judge) -> list[Section]:
    rows = [
        ["preferences of people that the judge holds", told(judge.pairs), f"{judge.pairs.n:,}"],
        ["... that another person holds, on those rows", told(judge.people), f"{judge.people.n:,}"],
        ["Kendall's tau-b with mean ranks", told(judge.tau), f"{judge.tau.n:,}"],
    ]
    notes = ("preferences: by pairs of texts; where judge or other person holds two for equal, half a one",)
    name = judge.judge
    return [
        Section(f"judge {name}", ("agreement", "mean", "n"), rows, notes),
        of_positions(f"judge {name}: first places by position", judge.positions),
    ]


def told(found: Estimate) -> str:
    return within(found.value, found.ci95)


def within(value: float | None, limits: tuple[float, float] | None) -> str:
    """Return a value over its interval."""
    if value is None:
        return "-"
    interval = f"\n[{limits[0]:.2f}, {limits[1]:.2f}]" if limits else ""
    return f"{value:.2f}{interval}"
