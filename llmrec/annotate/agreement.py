"""How far raters agree with one another, with themselves, and with a judge."""

import numpy as np

from llmrec.metric.base import Array


def alpha(values: Array) -> tuple[float | None, int, int]:
    """Return Krippendorff's alpha of values [raters, units], NaN where there is none, at the ordinal level,
    with the number of units that two raters or more valued and that of their values.

    1 is agreement, 0 what chance would give; None where all values are the same, or no unit has two.
    (Krippendorff, "Computing Krippendorff's alpha-reliability", 2011.)
    """
    levels = np.unique(values[~np.isnan(values)])
    counts = (values[:, :, None] == levels).sum(axis=0).astype(np.float64)
    counts = counts[counts.sum(axis=1) >= 2]
    valued = counts.sum(axis=1)
    total = valued.sum()
    together = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(len(levels))
    coincidences = (together / (valued - 1)[:, None, None]).sum(axis=0)
    frequencies = coincidences.sum(axis=0)
    # The ordinal distance of two levels: what lies between them, and half of either.
    middle = np.cumsum(frequencies) - frequencies / 2
    distance = (middle[:, None] - middle[None, :]) ** 2
    expected = float((np.outer(frequencies, frequencies) * distance).sum())
    found = None
    if expected > 0:
        found = 1 - float(total - 1) * float((coincidences * distance).sum()) / expected
    return found, len(counts), int(total)


def preferences(ranks: Array) -> Array:
    """Return [..., pairs] of ranks [..., M]: 1 where the earlier text of a pair is the better one, -1 where
    the later one is, 0 where they are equal, NaN where they are not ranked."""
    one, other = np.triu_indices(ranks.shape[-1], 1)
    return np.asarray(np.sign(ranks[..., other] - ranks[..., one]))


def agreed(one: Array, other: Array) -> Array:
    """Return [..., pairs]: 1 where the second holds the preference of the first, 0 where it holds the
    opposite, a half where it has none; NaN where the first has none, or either is not known."""
    known = (one != 0) & ~np.isnan(one) & ~np.isnan(other)
    return np.where(known, (1 + one * other) / 2, np.nan)


def alike(one: Array, other: Array) -> Array:
    """Return [..., pairs]: 1 where both hold the same of a pair, be it that the texts are equal, else 0; NaN
    where either is not known."""
    return np.where(np.isnan(one) | np.isnan(other), np.nan, (one == other).astype(np.float64))


def tau(one: Array, other: Array) -> float:
    """Return Kendall's tau-b of two rankings [M], NaN where one of them ranks nothing (Kendall, "The
    treatment of ties in ranking problems", 1945)."""
    first, second = preferences(one), preferences(other)
    size = np.sqrt((first**2).sum() * (second**2).sum())
    return float((first * second).sum() / size) if size > 0 else float("nan")
