"""How a sequence model learns, and how it scores the catalogue for a history."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from llmrec.model.recommender.index import Array, Index, Numbers
from llmrec.model.recommender.learner import Lesson
from llmrec.model.recommender.network.batches import NOTHING, alike, asked
from llmrec.model.recommender.network.encoders import Encoder
from llmrec.model.recommender.network.losses import binary_cross_entropy, cross_entropy
from llmrec.model.recommender.network.training import Course
from llmrec.records import Question

if TYPE_CHECKING:
    from llmrec.model.recommender.sequence import SequenceModel

_ASKED = 512  # histories scored together
_ENCODED = 64  # sequences padded to one length together


class SequenceCourse(Course):
    """Every user's training rows as one sequence, of which each item but the first is learned."""

    def __init__(
        self, settings: "SequenceModel", encoder: Encoder, lesson: Lesson, device: torch.device
    ) -> None:
        self.network, self._encoder, self._settings, self._device = encoder, encoder, settings, device
        self._index, self._validation = lesson.numbers, lesson.validation
        read = settings.max_history + (0 if encoder.bidirectional else 1)
        by_user = [sequence[-read:] for sequence in lesson.numbers.sequences]
        self._users = np.array([user for user, row in enumerate(by_user) if len(row) > 1], dtype=np.int64)
        self._rows = [by_user[user] for user in self._users]
        self.rows = sum(len(row) - 1 for row in self._rows)
        self.measure = f"ndcg@10 of {len(lesson.validation):,} validation rows"

    def losses(self, chance: Generator) -> Iterator[Tensor]:
        size, order = self._settings.batch_size, chance.permutation(len(self._rows))
        for start in range(0, len(order), size):
            states, wanted = self._states(order[start : start + size], chance)
            table = self._encoder.catalogue()
            if self._settings.loss == "cross_entropy":
                yield cross_entropy(states, table, wanted)
            else:
                yield binary_cross_entropy(states, table, wanted, self._settings.negatives)

    def _states(self, numbers: Numbers, chance: Generator) -> tuple[Tensor, Tensor]:
        """Return the states [n, dim] of some sequences at which something is wanted, and what [n]; encoded in
        parts of like length, for one long sequence would have all others padded."""
        states, wanted = [], []
        for part in alike([len(self._rows[number]) for number in numbers], _ENCODED):
            some = numbers[part]
            batch = self._settings.batch(
                [self._rows[number] for number in some], self._users[some], self._encoder, chance
            )
            targets = batch.targets.to(self._device)
            at = targets != NOTHING
            states.append(self._encoder(batch.sequences.to(self._device), batch.users.to(self._device))[at])
            wanted.append(targets[at])
        return torch.cat(states), torch.cat(wanted)

    def score(self) -> float:
        found = []
        for start in range(0, len(self._validation), _ASKED):
            some = self._validation[start : start + _ASKED]
            questions = [example.question for example in some]
            given = scores(self._encoder, self._index, questions, self._settings.max_history)
            found.append(self._index.ndcg(given, questions, [example.target.item for example in some], k=10))
        return float(np.concatenate(found).mean())


def scores(encoder: Encoder, index: Index, questions: Sequence[Question], length: int) -> Array:
    """Return [questions, items]; a row of NaN where there is no history to read."""
    found = np.full((len(questions), len(index.items)), np.nan, dtype=np.float32)
    histories = [index.history(question) for question in questions]
    there = [number for number, history in enumerate(histories) if history]
    device = encoder.table.weight.device
    users = torch.from_numpy(index.users_of(questions)).to(device)
    with torch.no_grad():
        for start in range(0, len(there), _ASKED):
            some = there[start : start + _ASKED]
            sequences, at = asked([histories[number] for number in some], encoder, length)
            states = encoder(sequences.to(device), users[some])
            states = states[torch.arange(len(some), device=device), at.to(device)]
            found[some] = (states @ encoder.catalogue().t()).cpu().numpy()
    return found
