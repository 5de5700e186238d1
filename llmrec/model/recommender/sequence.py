"""Recommenders that read the history as a sequence: SASRec, BERT4Rec, GRU4Rec, HGN. Torch comes in late."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Any

from llmrec.errors import ConfigError
from llmrec.model.recommender.base import Rule
from llmrec.model.recommender.learner import Learned, Lesson
from llmrec.model.recommender.trained import Trained

if TYPE_CHECKING:
    from llmrec.model.recommender.index import Index, Numbers
    from llmrec.model.recommender.network.batches import Batch
    from llmrec.model.recommender.network.encoders import Encoder


class Loss(StrEnum):
    """What a next item is learned against: every other item, or a few drawn at random."""

    cross_entropy = auto()
    binary_cross_entropy = auto()


@dataclass(frozen=True, kw_only=True)
class SequenceModel(Trained):
    """Learns, at each item of a user's training rows, the item that followed. At most `max_history` items,
    the last ones, are read. `negatives` items are drawn for each that was bought, where the loss draws any.
    """

    max_history: int
    loss: Loss
    negatives: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_history < 2:
            raise ConfigError(f"max_history: {self.max_history} leaves nothing to follow; give 2 or more")
        if self.negatives < 1:
            raise ConfigError(f"negatives: {self.negatives} is below 1, nothing to learn against; give 1")

    @abstractmethod
    def encoder(self, items: int, users: int) -> "Encoder":
        """Return the untrained network."""

    def batch(self, rows: "Sequence[Numbers]", users: "Numbers", encoder: "Encoder", chance: Any) -> "Batch":
        """Return what is read and what is to be learned from some users' rows."""
        from llmrec.model.recommender.network.batches import next_items

        return next_items(rows, users, encoder)

    def learn(self, lesson: Lesson) -> Learned:
        from llmrec.model.recommender.network import sequence, training

        device = self.torch_device()
        with self.seeded(lesson.seed):
            encoder = self.encoder(len(lesson.numbers.items), len(lesson.numbers.users))
        return training.learn(
            sequence.SequenceCourse(self, encoder, lesson, device), self.budget(), lesson, device
        )

    def rule(self, index: "Index", weights: Mapping[str, Any]) -> Rule:
        from llmrec.model.recommender.network import sequence, training

        encoder = self.encoder(len(index.items), len(index.users))
        training.restore(encoder, weights, self.torch_device())
        return lambda questions: index.ranked(
            sequence.scores(encoder, index, questions, self.max_history), questions, self.size
        )


@dataclass(frozen=True, kw_only=True)
class Attentive(SequenceModel):
    """Self-attention. Sources: see the network."""

    layers: int
    heads: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dim % self.heads:
            raise ConfigError(f"heads: {self.heads} do not share dim={self.dim} evenly; give a divisor")


@dataclass(frozen=True, kw_only=True)
class SASRec(Attentive):
    """Kang and McAuley, "Self-attentive sequential recommendation", 2018; the loss is the setting's."""

    def encoder(self, items: int, users: int) -> "Encoder":
        from llmrec.model.recommender.network.encoders import Transformer

        return Transformer(
            items, self.dim, self.layers, self.heads, self.max_history, self.dropout, bidirectional=False
        )


@dataclass(frozen=True, kw_only=True)
class BERT4Rec(Attentive):
    """Sun et al., "BERT4Rec: sequential recommendation with bidirectional encoder representations from
    transformer", 2019: a share of the items is masked and learned from both sides."""

    mask_share: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.mask_share < 1:
            raise ConfigError(f"mask_share: {self.mask_share} is no share; give one above 0 and below 1")

    def encoder(self, items: int, users: int) -> "Encoder":
        from llmrec.model.recommender.network.encoders import Transformer

        return Transformer(
            items, self.dim, self.layers, self.heads, self.max_history, self.dropout, bidirectional=True
        )

    def batch(self, rows: "Sequence[Numbers]", users: "Numbers", encoder: "Encoder", chance: Any) -> "Batch":
        from llmrec.model.recommender.network.batches import masked_items

        return masked_items(rows, users, encoder, self.mask_share, chance)


@dataclass(frozen=True, kw_only=True)
class GRU4Rec(SequenceModel):
    """Hidasi et al., "Session-based recommendations with recurrent neural networks", 2016; a user's history
    is the session."""

    layers: int

    def encoder(self, items: int, users: int) -> "Encoder":
        from llmrec.model.recommender.network.encoders import Recurrent

        return Recurrent(items, self.dim, self.layers, self.dropout)


@dataclass(frozen=True, kw_only=True)
class HGN(SequenceModel):
    """Ma et al., "Hierarchical gating networks for sequential recommendation", 2019; `window` items are
    looked at together."""

    window: int

    def encoder(self, items: int, users: int) -> "Encoder":
        from llmrec.model.recommender.network.encoders import Gated

        return Gated(items, users, self.dim, self.window, self.dropout)
