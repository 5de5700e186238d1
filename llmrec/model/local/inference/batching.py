"""Which prompts are answered side by side."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]

# Prompts that share so many tokens more than all prompts do are answered one after the other.
KIN = 32


class Sized(NamedTuple):
    """A row by its number among those given: its name, its prompt, and the tokens that it takes at most."""

    number: int
    name: tuple[str, int]
    ids: Ids
    tokens: int


def batched(rows: Sequence[Sized], budget: int, most: int) -> list[list[int]]:
    """Return the numbers of the rows in batches of at most `most`, which hold `budget` tokens when every row
    takes as many as the largest, or of one row. The largest families come first, so that memory runs out
    at once or never; the order of the arguments does not show."""
    batches: list[list[int]] = []
    largest = 0
    for row in ordered(rows):
        largest = max(largest, row.tokens)
        full = not batches or len(batches[-1]) == most or (len(batches[-1]) + 1) * largest > budget
        if full:
            batches.append([])
            largest = row.tokens
        batches[-1].append(row.number)
    return batches


def in_order(row: Sized) -> tuple[bytes, tuple[str, int]]:
    """Return what sorts rows by their prompts: numbers with their high byte first sort as bytes do."""
    return row.ids.astype(">i4").tobytes(), row.name


def ordered(rows: Sequence[Sized]) -> list[Sized]:
    """Return the rows family by family: those that begin alike beyond what all begin with, in the order of
    their tokens. Families stand in the order of their largest row."""
    in_turn = sorted(rows, key=in_order)
    if not in_turn:
        return []
    stem = alike(in_turn[0].ids, in_turn[-1].ids)
    families: list[list[Sized]] = []
    for row in in_turn:
        if not families or alike(families[-1][-1].ids, row.ids) < stem + KIN:
            families.append([])
        families[-1].append(row)
    families.sort(key=lambda family: (-max(row.tokens for row in family), family[0].name))
    return [row for family in families for row in family]


def alike(one: Ids, other: Ids) -> int:
    """Return how many tokens two prompts begin with alike."""
    size = min(len(one), len(other))
    apart = np.flatnonzero(one[:size] != other[:size])
    return int(apart[0]) if len(apart) else size
