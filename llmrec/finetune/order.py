"""In which order pairs are learned."""

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler


class Steps(Sampler[int]):
    """Every pair once an epoch, in a random order that the seed and the epoch alone decide. With
    `by_length` those of a step follow each other by length, so that its micro batches hold little padding;
    what a step consists of, and so what is learned from it, stays the same."""

    def __init__(self, lengths: Sequence[int], step: int, seed: int, by_length: bool) -> None:
        self._lengths, self._step, self._seed, self._by_length = lengths, step, seed, by_length
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer, also where it goes on from a checkpoint."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        chance = torch.Generator().manual_seed(self._seed + self._epoch)
        order: list[int] = torch.randperm(len(self), generator=chance).tolist()
        for start in range(0, len(order), self._step):
            step = order[start : start + self._step]
            yield from sorted(step, key=self._lengths.__getitem__) if self._by_length else step
