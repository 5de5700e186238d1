"""The numbers that `TextBlind` sees of a rating: the user's, the item's, the history's, the time."""

from collections.abc import Mapping, Sequence
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from llmrec.model.recommender.index import Index, Numbers
from llmrec.model.recommender.ratings import Rated, items_of
from llmrec.records import Interaction, Question

Array = NDArray[np.float64]

DAY = 24 * 60 * 60  # seconds
LAST = 3  # ratings of the history that are averaged
UNKNOWN = np.nan


def figures(rows: Rated, sizes: tuple[int, int], shrinkage: tuple[float, float]) -> dict[str, Array]:
    """Return [users + 1, 3] and [items + 1, 3]: count, shrunken offset from the mean, spread.

    The last rows are those of what is unknown. Items' offsets come before users', as in
    `UserItemMean`; a spread is UNKNOWN without a rating.
    """
    stars = rows.stars.astype(np.float64)
    of_item = table(rows.items, stars - stars.mean(), sizes[1], shrinkage[1])
    left = stars - stars.mean() - of_item[rows.items, 1]
    return {"user_figures": table(rows.users, left, sizes[0], shrinkage[0]), "item_figures": of_item}


def table(numbers: Numbers, offsets: Array, size: int, shrinkage: float) -> Array:
    """Return [size + 1, 3]: how many rows a number has, their shrunken mean, their standard deviation."""
    count = np.bincount(numbers, minlength=size + 1).astype(np.float64)
    total = np.bincount(numbers, offsets, minlength=size + 1)
    squares = np.bincount(numbers, offsets**2, minlength=size + 1)
    # Without shrinkage nothing over nothing is an offset of 0 too.
    mean = total / np.maximum(count, 1.0)
    spread = np.sqrt(np.maximum(squares / np.maximum(count, 1.0) - mean**2, 0.0))
    shrunken = total / np.maximum(count + shrinkage, 1.0)
    return np.column_stack([count, shrunken, np.where(count > 0, spread, UNKNOWN)])


def crossed(
    interactions: Sequence[Interaction],
    rows: Rated,
    sizes: tuple[int, int],
    shrinkage: tuple[float, float],
    folds: int,
    seed: int,
) -> Array:
    """Return [rows, features] of the training rows, each with figures from the folds it is not in."""
    # Dealt out, not drawn: no fold is empty where there are rows enough.
    fold = np.random.default_rng(seed).permutation(len(rows.stars)) % folds
    past = histories(interactions)
    times = np.array([row.timestamp for row in interactions], dtype=np.float64)
    found = np.empty((len(interactions), 8 + past.shape[1]))
    for number in range(folds):
        here = fold == number
        others = Rated(*(column[~here] for column in rows))
        known = figures(others, sizes, shrinkage)
        found[here] = joined(known, rows.users[here], rows.items[here], times[here], past[here])
    return found


def histories(interactions: Sequence[Interaction]) -> Array:
    """Return [rows, 5]: what `recent` tells of the rows before each, user by user, oldest first."""
    found = []
    past: list[tuple[float, int]] = []
    for row, before in zip(interactions, [None, *interactions], strict=False):
        if before is None or row.user != before.user:
            past = []
        found.append(recent(past, row.timestamp))
        past.append((row.rating, row.timestamp))
    return np.array(found, dtype=np.float64).reshape(len(found), 5)


def asked(known: Mapping[str, Array], index: Index, questions: Sequence[Question]) -> Array:
    """Return [questions, features]."""
    past = [recent([(it.rating, it.timestamp) for it in q.history], q.time) for q in questions]
    times = np.array([question.time for question in questions], dtype=np.float64)
    users, items = index.users_of(questions), items_of(index, questions)
    return joined(known, users, items, times, np.array(past, dtype=np.float64))


def recent(past: Sequence[tuple[float, int]], time: int) -> list[float]:
    """Return of earlier (stars, second), oldest first: their number, the last stars, the mean of the last
    three, days since the last, and the mean of the last day; UNKNOWN where there are none."""
    if not past:
        return [0.0, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]
    last = [stars for stars, _ in past[-LAST:]]
    # From the end: a long history is read no further than it must be.
    today = [stars for stars, _ in takewhile(lambda event: time - event[1] < DAY, reversed(past))]
    return [
        float(len(past)),
        last[-1],
        sum(last) / len(last),
        (time - past[-1][1]) / DAY,
        sum(today) / len(today) if today else UNKNOWN,
    ]


def joined(known: Mapping[str, Array], users: Numbers, items: Numbers, times: Array, past: Array) -> Array:
    """Return [rows, features]; number -1 finds the figures of the unknown."""
    user, item = known["user_figures"][users], known["item_figures"][items]
    both = user[:, 1] + item[:, 1]
    return np.column_stack([user, item, both, times / DAY, past])
