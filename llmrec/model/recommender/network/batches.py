"""Sequences of items as padded tensors: for learning, and for answering."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from llmrec.model.recommender.index import Numbers
from llmrec.model.recommender.network.encoders import Encoder

NOTHING = -1  # a position at which nothing is to be learned
_POOL = 50  # batches whose sequences are sorted by length together


class Batch(NamedTuple):
    """Items [batch, length], users [batch], and what is wanted at each position, or NOTHING."""

    sequences: Tensor
    users: Tensor
    targets: Tensor


def batches(lengths: Sequence[int], size: int, chance: Generator) -> Iterator[Numbers]:
    """Yield row numbers in batches of like length, all rows once, in an order of chance: a batch is as wide
    as its longest row, and most users have few items."""
    order = chance.permutation(len(lengths))
    by_length = np.asarray(lengths)
    found: list[Numbers] = []
    for start in range(0, len(order), size * _POOL):
        pool = order[start : start + size * _POOL]
        pool = pool[np.argsort(by_length[pool], kind="stable")]
        found += [pool[at : at + size] for at in range(0, len(pool), size)]
    for at in chance.permutation(len(found)):
        yield found[at]


def padded(rows: Sequence[Numbers], filling: int) -> Tensor:
    """Return rows [batch, longest], filled up behind their ends."""
    whole = np.full((len(rows), max(map(len, rows))), filling, dtype=np.int64)
    for place, row in enumerate(rows):
        whole[place, : len(row)] = row
    return torch.from_numpy(whole)


def next_items(rows: Sequence[Numbers], users: Numbers, encoder: Encoder) -> Batch:
    """Return sequences without their last items, and at each position the item that follows."""
    return Batch(
        padded([row[:-1] for row in rows], encoder.padding),
        torch.from_numpy(users),
        padded([row[1:] for row in rows], NOTHING),
    )


def masked_items(
    rows: Sequence[Numbers], users: Numbers, encoder: Encoder, share: float, chance: Generator
) -> Batch:
    """Return sequences with a share of items masked, at least one each, every tenth sequence its last alone:
    what is masked is wanted there."""
    shown, wanted = [], []
    for row in rows:
        hidden = chance.random(len(row)) < share
        if chance.random() < 0.1:
            hidden[:] = False
        if not hidden.any():
            hidden[-1] = True
        shown.append(np.where(hidden, encoder.mask, row))
        wanted.append(np.where(hidden, row, NOTHING))
    return Batch(padded(shown, encoder.padding), torch.from_numpy(users), padded(wanted, NOTHING))


def asked(histories: Sequence[Sequence[int]], encoder: Encoder, length: int) -> tuple[Tensor, Tensor]:
    """Return the last items of histories as sequences, and the position of each at which to read what comes
    next: its end, or a mask put behind it."""
    tail = [encoder.mask] if encoder.bidirectional else []
    rows = [np.array([*history[len(tail) - length :], *tail], dtype=np.int64) for history in histories]
    return padded(rows, encoder.padding), torch.tensor([len(row) - 1 for row in rows])
