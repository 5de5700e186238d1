"""How many rows it takes to see a difference, by what a pilot run found."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

from llmrec.report.table import number
from llmrec.report.verdicts import judges, short
from llmrec.results import Metrics

LEVEL = 0.05
HEADER = ("score", "against", "spread", "rows", "tokens", "time", "all rows show")


class Price(NamedTuple):
    """What a model's tokens cost, for a million of them, in whatever money."""

    prompt: float
    completion: float


class Need(NamedTuple):
    """What it takes to see a difference in a score from another model's, as far from it as a floor is.

    `spread` is the standard deviation of what single rows add to the difference in the pilot; `rows` of
    the `all` that there are take so many tokens and seconds; `least` is the smallest difference that all rows
    show.
    """

    metric: str
    against: str
    spread: float
    rows: int
    all: int
    prompt_tokens: float
    completion_tokens: float
    seconds: float
    least: float


def needs(pilot: Metrics, detect: float, power: float) -> list[Need]:
    """Return what it takes for each headline score against the floors that a result is held against.

    The paired difference is taken for normal: n = ((z_{1-a/2} + z_power) spread / detect)^2, two-sided at
    a = .05 (Cohen, "Statistical power analysis for the behavioral sciences", 1988). `spread` comes from the
    width of the bootstrap interval, and holds what little the pilot knows.
    """
    normal = NormalDist()
    edge = normal.inv_cdf(1 - LEVEL / 2)
    both = edge + normal.inv_cdf(power)
    inference = pilot.seconds.get("inference", 0.0)
    found = []
    for floor in pilot.floors:
        for margin in floor.margins if floor.model in judges(pilot.floors, pilot.headline) else ():
            if margin.ci95 is None:
                continue
            spread = (margin.ci95[1] - margin.ci95[0]) / (2 * edge) * math.sqrt(margin.n)
            rows = max(2, math.ceil((both * spread / detect) ** 2))
            found.append(
                Need(
                    metric=short(margin),
                    against=floor.model,
                    spread=spread,
                    rows=rows,
                    all=pilot.n_total,
                    prompt_tokens=rows * pilot.tokens.prompt / pilot.n,
                    completion_tokens=rows * pilot.tokens.completion / pilot.n,
                    seconds=rows * inference / pilot.n,
                    least=both * spread / math.sqrt(pilot.n_total),
                )
            )
    return found


def cells(need: Need, price: Price | None) -> list[str]:
    """Return a need's row, as HEADER names it, and its cost where there is a price."""
    told = f"{need.rows:,}" if need.rows <= need.all else f"{need.rows:,}, more than the {need.all:,}"
    tokens = need.prompt_tokens + need.completion_tokens
    row = [need.metric, need.against, number(need.spread), told, f"{tokens:,.0f}", lasting(need.seconds)]
    row.append(number(need.least))
    if price is not None:
        cost = need.prompt_tokens * price.prompt + need.completion_tokens * price.completion
        row.append(f"{cost / 1e6:,.2f}")
    return row


def lasting(seconds: float) -> str:
    """Return a time in the unit that one would say it in."""
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def header(price: Price | None) -> Sequence[str]:
    return HEADER if price is None else (*HEADER, "cost")
