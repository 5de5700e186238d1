"""A user as the mean of what they bought, and how that is learned."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn import functional

from llmrec.model.recommender.index import Array, Index
from llmrec.model.recommender.learner import Lesson
from llmrec.model.recommender.network.batches import padded
from llmrec.model.recommender.network.losses import cosine_contrastive
from llmrec.model.recommender.network.training import Course
from llmrec.records import Question

if TYPE_CHECKING:
    from llmrec.model.recommender.simplex import SimpleX

_ASKED = 1024  # histories scored together


class Pooled(nn.Module):
    """Vectors of items and users; the last row of each table is the padding, and the unknown user."""

    def __init__(self, items: int, users: int, dim: int, user_share: float, dropout: float) -> None:
        super().__init__()
        self.items = nn.Embedding(items + 1, dim, padding_idx=items)
        self.users = nn.Embedding(users + 1, dim, padding_idx=users)
        self.map, self.dropout = nn.Linear(dim, dim, bias=False), nn.Dropout(dropout)
        self.user_share = user_share
        for table in (self.items, self.users):
            nn.init.normal_(table.weight, std=0.1)
            with torch.no_grad():
                table.weight[-1] = 0.0

    def forward(self, histories: Tensor, users: Tensor) -> Tensor:
        """Map histories [batch, length] and users [batch] to vectors [batch, dim] of length 1."""
        there = (histories != self.items.num_embeddings - 1).sum(1, keepdim=True).clamp(min=1)
        mean = self.map(self.items(histories).sum(1) / there)
        own = self.users(torch.where(users < 0, self.users.num_embeddings - 1, users))
        return functional.normalize(
            self.dropout(self.user_share * own + (1.0 - self.user_share) * mean), dim=-1
        )

    def vectors(self, items: Tensor) -> Tensor:
        """Return the vectors of items [n], each of length 1."""
        return functional.normalize(self.items(items), dim=-1)

    def catalogue(self) -> Tensor:
        """Return the vectors of all items, [items, dim], each of length 1."""
        return functional.normalize(self.items.weight[:-1], dim=-1)


class PooledCourse(Course):
    """Every interaction against items drawn for its batch; the history is all the user's other items."""

    def __init__(self, settings: "SimpleX", network: Pooled, lesson: Lesson, device: torch.device) -> None:
        self.network, self._network, self._settings, self._device = network, network, settings, device
        self._index, self._validation = lesson.numbers, lesson.validation
        sequences = lesson.numbers.sequences
        self._users = np.repeat(np.arange(len(sequences)), [len(sequence) for sequence in sequences])
        self._items = np.concatenate(sequences)
        self.rows = len(self._items)
        self.measure = f"ndcg@10 of {len(lesson.validation):,} validation rows"

    def losses(self, chance: Generator) -> Iterator[Tensor]:
        settings, size = self._settings, self._settings.batch_size
        order, count = chance.permutation(self.rows), len(self._index.items)
        sequences = self._index.sequences
        for start in range(0, self.rows, size):
            rows = order[start : start + size]
            users, items = self._users[rows], self._items[rows]
            histories = [
                own[own != item][-settings.max_history :]
                for own, item in zip([sequences[user] for user in users], items, strict=True)
            ]
            drawn = torch.from_numpy(chance.integers(0, count, settings.negatives)).to(self._device)
            shown = padded(histories, count).to(self._device)
            vectors = self._network(shown, torch.from_numpy(users).to(self._device))
            right = self._network.vectors(torch.from_numpy(items).to(self._device))
            wrong = self._network.vectors(drawn)
            yield cosine_contrastive(vectors, right, wrong, settings.margin, settings.negative_weight)

    def score(self) -> float:
        questions = [example.question for example in self._validation]
        targets = [example.target.item for example in self._validation]
        given = scores(self._network, self._index, questions, self._settings.max_history)
        return float(self._index.ndcg(given, questions, targets, k=10).mean())


def scores(network: Pooled, index: Index, questions: Sequence[Question], length: int) -> Array:
    """Return [questions, items]; a row of NaN where neither user nor history is known."""
    found = np.full((len(questions), len(index.items)), np.nan, dtype=np.float32)
    histories = [np.array(index.history(question)[-length:], dtype=np.int64) for question in questions]
    users = index.users_of(questions)
    there = [number for number, own in enumerate(histories) if len(own) or users[number] >= 0]
    device = network.items.weight.device
    with torch.no_grad():
        for start in range(0, len(there), _ASKED):
            some = there[start : start + _ASKED]
            shown = padded([histories[number] for number in some], len(index.items)).to(device)
            vectors = network(shown, torch.from_numpy(users[some]).to(device))
            found[some] = (vectors @ network.catalogue().t()).cpu().numpy()
    return found
