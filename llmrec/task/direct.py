"""Which of a few shown items will the user buy?"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from itertools import accumulate
from random import Random
from typing import ClassVar

from msgspec.structs import replace

from llmrec.errors import ConfigError, UnfitError
from llmrec.records import Corpus, Example, Interaction, Question
from llmrec.seeded import rng
from llmrec.split.ledger import Ledger, Role
from llmrec.task.base import Reveal
from llmrec.task.sequential import Sequential


class Negatives(StrEnum):
    """How the items that were not bought are drawn."""

    uniform = auto()
    popularity = auto()


@dataclass(frozen=True, kw_only=True)
class Direct(Sequential):
    """The bought item among `num_negatives` others, none of them an item of that user at any time.

    The draw depends on the run's seed, the order in which candidates are shown on `shuffle_seed`. Every row
    is asked `candidate_orders` times, each time with its candidates in another order, and counts once.
    """

    shows_candidates: ClassVar[bool] = True

    num_negatives: int
    negatives: Negatives
    shuffle_seed: int
    candidate_orders: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_negatives < 1:
            raise ConfigError(
                f"num_negatives: {self.num_negatives} is below 1, nothing to choose from; give 1"
            )
        if self.candidate_orders < 1:
            raise ConfigError(f"candidate_orders: {self.candidate_orders} asks nothing; use 1 or more")

    def notes(self) -> list[str]:
        if self.candidate_orders == 1:
            return []
        return [
            f"every row was asked {self.candidate_orders} times, its candidates in another order each time, "
            "and counts once, by the mean of its scores"
        ]

    def check(self, corpus: Corpus) -> None:
        super().check(corpus)
        owned = Counter(it.user for it in corpus.interactions)
        user, most = owned.most_common(1)[0]
        if len(corpus.items) - most < self.num_negatives:
            raise UnfitError(
                f"task.num_negatives: {self.num_negatives} items were asked for, but of the "
                f"{len(corpus.items):,} of dataset={corpus.name} only {len(corpus.items) - most:,} are not "
                f"{user}'s own; lower task.num_negatives, or take a data set with more items"
            )

    def reveals(self, ledger: Ledger, seed: int) -> Reveal:
        interactions, timelines = ledger.corpus.interactions, ledger.timelines
        draw = self._drawer(ledger)

        def reveal(bare: Question, target: Interaction) -> Question:
            own = {interactions[row].item for row in timelines[target.user]}
            chance = rng(seed, "negatives", bare.id)
            chosen: dict[str, None] = {}
            while len(chosen) < self.num_negatives:
                item = draw(chance)
                if item not in own:
                    chosen[item] = None
            shown = [target.item, *chosen]
            rng(self.shuffle_seed, "shown", bare.id).shuffle(shown)
            return replace(bare, candidates=tuple(shown))

        return reveal

    def asked(self, examples: Sequence[Example]) -> list[Example]:
        return [self._shown(example, order) for example in examples for order in range(self.candidate_orders)]

    def _shown(self, example: Example, order: int) -> Example:
        """Return an example whose candidates stand in the order of that number; 0 is the one that it has."""
        if order == 0:
            return example
        shown = list(example.question.candidates)
        rng(self.shuffle_seed, "shown", example.id, order).shuffle(shown)
        question = replace(example.question, id=f"{example.id}:{order}", candidates=tuple(shown))
        return replace(example, question=question)

    def _drawer(self, ledger: Ledger) -> Callable[[Random], str]:
        """Return a draw of one item: uniform, or in proportion to 1 + its training interactions."""
        catalogue = sorted(ledger.corpus.items)
        if self.negatives is Negatives.uniform:
            return lambda chance: catalogue[int(chance.random() * len(catalogue))]
        interactions = ledger.corpus.interactions
        counts = Counter(interactions[row].item for row in ledger.rows(self.scheme, Role.TRAIN))
        weights = list(accumulate(1 + counts[item] for item in catalogue))
        return lambda chance: chance.choices(catalogue, cum_weights=weights)[0]
