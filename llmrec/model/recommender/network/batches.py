"""Sequences of items as padded tensors: for learning, and for answering."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from llmrec.model.recommender.index import Numbers
from llmrec.model.recommender.network.encoders import Encoder

NOTHING = -1  # a position at which nothing is to be learned


class Batch(NamedTuple):
    """Items [batch, length], users [batch], and what is wanted at each position, or NOTHING."""

    sequences: Tensor
    users: Tensor
    targets: Tensor


def alike(lengths: Sequence[int], size: int) -> list[Numbers]:
    """Return the rows' numbers in parts of at most `size` rows, of like length, all rows once."""
    order = np.argsort(np.asarray(lengths), kind="stable")
    return [order[start : start + size] for start in range(0, len(order), size)]


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
