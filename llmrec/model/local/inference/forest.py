"""Texts as trees of tokens: what several of them begin with stands there once, and is read once."""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad


class Place(NamedTuple):
    """Where the tokens of one text stand: a row, and a node for every token."""

    row: int
    nodes: list[int]


class Forest(NamedTuple):
    """`ids` and `depths` [rows, nodes]: tokens, and their distance from the first of their text. `sees`
    [rows, nodes, nodes] is true where a token may look: at itself and at those before it in its text."""

    ids: Tensor
    depths: Tensor
    sees: Tensor
    places: list[Place]


class _Row:
    def __init__(self) -> None:
        self.ids: list[int] = []
        self.depths: list[int] = []
        self.lines: list[tuple[list[int], int, int]] = []
        self._last: Sequence[int] = ()
        self._nodes: list[int] = []

    def length_with(self, text: Sequence[int]) -> int:
        return len(self.ids) + len(text) - shared(self._last, text)

    def add(self, text: Sequence[int]) -> list[int]:
        """Hang the text on the one before it, where they part."""
        common = shared(self._last, text)
        begin, end = len(self.ids), len(self.ids) + len(text) - common
        self.lines.append((self._nodes[:common], begin, end))
        self._last, self._nodes = text, [*self._nodes[:common], *range(begin, end)]
        self.ids += text[common:]
        self.depths += range(common, len(text))
        return self._nodes

    def draw(self, sees: np.ndarray) -> None:
        for before, begin, end in self.lines:
            sees[begin:end, before] = True
            sees[begin:end, begin:end] = np.tri(end - begin, dtype=bool)


def plant(texts: Sequence[list[int]], width: int) -> Forest:
    """Return the trees of non-empty texts, in as few rows as hold about `width` nodes each, equally full.

    Texts of common beginnings stand side by side, whatever their order; `places` keep the order given.
    """
    order = sorted(range(len(texts)), key=lambda number: texts[number])
    whole = _Row()
    for number in order:
        whole.add(texts[number])
    target = len(whole.ids) / math.ceil(len(whole.ids) / width)
    rows = [_Row()]
    places: dict[int, Place] = {}
    for number in order:
        # As full as can be: a row ends where one text more would miss the target by more than it does.
        if rows[-1].ids and rows[-1].length_with(texts[number]) - target > target - len(rows[-1].ids):
            rows.append(_Row())
        places[number] = Place(len(rows) - 1, rows[-1].add(texts[number]))
    size = max(len(row.ids) for row in rows)
    ids, depths = (np.zeros((len(rows), size), dtype=np.int64) for _ in range(2))
    # What fills a shorter row up looks at itself, for a token that sees nothing has no number.
    sees = np.tile(np.eye(size, dtype=bool), (len(rows), 1, 1))
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)], depths[number, : len(row.ids)] = row.ids, row.depths
        row.draw(sees[number])
    return Forest(
        ids=torch.from_numpy(ids),
        depths=torch.from_numpy(depths),
        sees=torch.from_numpy(sees),
        places=[places[number] for number in range(len(texts))],
    )


def side_by_side(forests: Sequence[Forest]) -> Forest:
    """Return the rows of all forests in one, those of the first forest first."""
    counts, sizes = zip(*(forest.ids.shape for forest in forests), strict=True)
    size = max(sizes)
    sees = torch.eye(size, dtype=torch.bool).repeat(sum(counts), 1, 1)
    begins = [0, *accumulate(counts)]
    for begin, own, forest in zip(begins, sizes, forests, strict=False):
        sees[begin : begin + len(forest.ids), :own, :own] = forest.sees
    padded = [
        [pad(part, (0, size - own)) for own, part in zip(sizes, parts, strict=True)]
        for parts in ((forest.ids for forest in forests), (forest.depths for forest in forests))
    ]
    places = [
        Place(begin + place.row, place.nodes)
        for begin, forest in zip(begins, forests, strict=False)
        for place in forest.places
    ]
    return Forest(torch.cat(padded[0]), torch.cat(padded[1]), sees, places)


def shared(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many tokens two texts begin with alike."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))
