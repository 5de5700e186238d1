"""The split of the paper: leave-one-out for next items, random 80/10/10 for single interactions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from llmrec.errors import ConfigError
from llmrec.records import Corpus
from llmrec.seeded import hash64
from llmrec.split.base import Split
from llmrec.split.ledger import Ledger, Role, Scheme, Ties, timelines


@dataclass(frozen=True, kw_only=True)
class Paper(Split):
    """Last item of a user = test, second last = validation, where the user has `min_interactions`;
    beside it a random `held_out` share of rows each for test and validation, leaving every user and
    item at least one training row.
    """

    min_interactions: int
    held_out: float

    def __post_init__(self) -> None:
        if self.min_interactions < 3:
            raise ConfigError(f"min_interactions: {self.min_interactions} is below 3, one row a role; give 3")
        if not 0 < self.held_out < 0.5:
            raise ConfigError(f"held_out: {self.held_out} is no share; give one above 0 and below 0.5")

    def assign(self, corpus: Corpus, ties: Ties, seed: int) -> Ledger:
        by_user = timelines(corpus, ties, seed)
        roles: dict[Scheme, Sequence[int]] = {
            Scheme.NEXT: self._leave_one_out(corpus, by_user),
            Scheme.ANY: self._random(corpus, seed),
        }
        return Ledger(corpus=corpus, timelines=by_user, roles=roles, hides_held_out=True)

    def _leave_one_out(self, corpus: Corpus, by_user: dict[str, list[int]]) -> bytearray:
        roles = bytearray([Role.TRAIN]) * len(corpus.interactions)
        for rows in by_user.values():
            if len(rows) >= self.min_interactions:
                roles[rows[-2]] = Role.VALID
                roles[rows[-1]] = Role.TEST
        return roles

    def _random(self, corpus: Corpus, seed: int) -> bytearray:
        interactions = corpus.interactions
        order = sorted(
            range(len(interactions)),
            key=lambda row: hash64(seed, "held_out", interactions[row].user, interactions[row].item),
        )
        roles = bytearray([Role.TRAIN]) * len(interactions)
        left_of_user = Counter(it.user for it in interactions)
        left_of_item = Counter(it.item for it in interactions)
        share = round(self.held_out * len(interactions))
        quota = [Role.VALID] * share + [Role.TEST] * share  # taken from the end: test rows first
        for row in order:
            it = interactions[row]
            if not quota:
                break
            if left_of_user[it.user] > 1 and left_of_item[it.item] > 1:
                roles[row] = quota.pop()
                left_of_user[it.user] -= 1
                left_of_item[it.item] -= 1
        return roles
