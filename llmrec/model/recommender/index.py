"""Users and items by number, and scores of items as rankings."""

from collections.abc import Sequence
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from llmrec.records import Question, Ranking, Training
from llmrec.seeded import hash64

Array = NDArray[np.float32]
Numbers = NDArray[np.int64]


class Index:
    """The catalogue and the users of the training rows, numbered from 0 in the order of their ids."""

    def __init__(self, training: Training) -> None:
        self.items = sorted(training.items)
        self.item = {item: number for number, item in enumerate(self.items)}
        self.users = sorted({row.user for row in training.interactions})
        self.user = {user: number for number, user in enumerate(self.users)}
        self._training = training

    @cached_property
    def sequences(self) -> list[Numbers]:
        """Each user's training items, oldest first, in the order of `users`."""
        by_user = {
            user: np.array([self.item[row.item] for row in rows], dtype=np.int64)
            for user, rows in groupby(self._training.interactions, key=lambda row: row.user)
        }
        return [by_user[user] for user in self.users]

    @cached_property
    def counts(self) -> Array:
        """[items]: the training interactions of each item."""
        found = np.zeros(len(self.items), dtype=np.float32)
        for row in self._training.interactions:
            found[self.item[row.item]] += 1
        return found

    @cached_property
    def _lot(self) -> Numbers:
        """[items]: the order among equal scores, by hash: an id may tell when its item was listed."""
        return np.argsort(np.argsort([hash64("tie of scores", item) for item in self.items]))

    def history(self, question: Question) -> list[int]:
        """Return the items of the history, oldest first."""
        return [self.item[event.item] for event in question.history]

    def users_of(self, questions: Sequence[Question]) -> Numbers:
        """Return each question's user, -1 for one without training rows."""
        return np.array([self.user.get(question.user, -1) for question in questions], dtype=np.int64)

    def offered(self, scores: Array, questions: Sequence[Question]) -> Array:
        """Return [questions, items] scores with -inf where an item cannot be the answer: one of the
        history, or none of the candidates. A row of NaN knows nothing of its user: popularity stands in.
        """
        unknown = np.isnan(scores[:, 0])
        scores = np.where(unknown[:, None], self.counts, scores)
        for row, question in zip(scores, questions, strict=True):
            if question.candidates:
                shown = [self.item[item] for item in question.candidates if item in self.item]
                kept = row[shown]
                row[:] = -np.inf
                row[shown] = kept
            row[self.history(question)] = -np.inf
        return scores

    def ranked(self, scores: Array, questions: Sequence[Question], size: int) -> list[Ranking]:
        """Return each question's `size` best items, and every item tied with the last of them."""
        found = []
        for row in self.offered(scores, questions):
            among = min(size, int(np.isfinite(row).sum()))
            if among == 0:
                found.append(Ranking(()))
                continue
            least = np.partition(row, len(row) - among)[len(row) - among]
            best = np.flatnonzero(row >= least)
            best = best[np.lexsort((self._lot[best], -row[best]))]
            items = tuple(self.items[number] for number in best)
            found.append(Ranking(items, tuple(float(score) for score in row[best])))
        return found

    def ndcg(self, scores: Array, questions: Sequence[Question], targets: Sequence[str], k: int) -> Array:
        """Return [questions]: nDCG@k of each target among what can be the answer, ties against it."""
        offered = self.offered(scores, questions)
        wanted = offered[np.arange(len(targets)), [self.item[target] for target in targets]]
        at = (offered >= wanted[:, None]).sum(axis=1)
        return np.where(at <= k, 1.0 / np.log2(at + 1.0), 0.0).astype(np.float32)
