"""How far raters agree with one another, with themselves, and with a judge."""

import numpy as np

from llmrec.metric.base import Array


def coincidences(values: Array) -> Array:
    """Return [..., levels, levels] of values [raters, ...], NaN where there is none: how often two raters
    gave a unit this level and that one, every value counted once; zeros where fewer than two valued it."""
    levels = np.unique(values[~np.isnan(values)])
    counts = (values[..., None] == levels).sum(axis=0).astype(np.float64)
    valued = counts.sum(axis=-1)[..., None, None]
    together = counts[..., :, None] * counts[..., None, :] - counts[..., :, None] * np.eye(len(levels))
    return np.asarray(np.where(valued < 2, 0.0, together / np.maximum(valued - 1, 1)))


def reliability(together: Array) -> Array:
    """Return Krippendorff's alpha [...] at the ordinal level from sums of coincidences [..., levels, levels],
    levels ascending; NaN where all values are the same, or there are none.

    1 is agreement, 0 what chance would give. (Krippendorff, "Computing Krippendorff's alpha-reliability",
    2011.)
    """
    frequencies = together.sum(axis=-1)
    total = frequencies.sum(axis=-1)
    # The ordinal distance of two levels: what lies between them, and half of either.
    middle = np.cumsum(frequencies, axis=-1) - frequencies / 2
    distance = (middle[..., :, None] - middle[..., None, :]) ** 2
    expected = (frequencies[..., :, None] * frequencies[..., None, :] * distance).sum(axis=(-1, -2))
    observed = (together * distance).sum(axis=(-1, -2))
    known = np.where(expected > 0, expected, np.nan)
    return np.asarray(1 - (total - 1) * observed / known)


def alpha(values: Array) -> tuple[float | None, int, int]:
    """Return Krippendorff's alpha of values [raters, ...], None where there is none, with the number of units
    that two raters or more valued and that of their values."""
    together = coincidences(values)
    of_units = together.sum(axis=(-1, -2))
    found = float(reliability(together.sum(axis=tuple(range(together.ndim - 2)))))
    return None if np.isnan(found) else found, int((of_units > 0).sum()), round(float(of_units.sum()))


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
