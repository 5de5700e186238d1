"""Which of a few shown items will the user buy?"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, auto
from itertools import accumulate
from random import Random
from typing import ClassVar

from msgspec.structs import replace

from llmrec.errors import ConfigError, DataError
from llmrec.records import Corpus, Interaction, Question
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

    The draw depends on the run's seed, the order in which candidates are shown on `shuffle_seed`.
    """

    shows_candidates: ClassVar[bool] = True

    num_negatives: int
    negatives: Negatives
    shuffle_seed: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_negatives < 1:
            raise ConfigError(f"num_negatives: {self.num_negatives} is below 1, nothing to choose from")

    def check(self, corpus: Corpus) -> None:
        super().check(corpus)
        owned = Counter(it.user for it in corpus.interactions)
        user, most = owned.most_common(1)[0]
        if len(corpus.items) - most < self.num_negatives:
            raise DataError(
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

    def _drawer(self, ledger: Ledger) -> Callable[[Random], str]:
        """Return a draw of one item: uniform, or in proportion to 1 + its training interactions."""
        catalogue = sorted(ledger.corpus.items)
        if self.negatives is Negatives.uniform:
            return lambda chance: catalogue[int(chance.random() * len(catalogue))]
        interactions = ledger.corpus.interactions
        counts = Counter(interactions[row].item for row in ledger.rows(self.scheme, Role.TRAIN))
        weights = list(accumulate(1 + counts[item] for item in catalogue))
        return lambda chance: chance.choices(catalogue, cum_weights=weights)[0]
