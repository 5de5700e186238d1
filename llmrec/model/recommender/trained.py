"""What every network has in common that is learned in epochs. Torch comes in late."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from llmrec.errors import ConfigError
from llmrec.model.recommender.learner import Learner
from llmrec.records import Answer, Ranking

if TYPE_CHECKING:
    import torch

    from llmrec.model.recommender.network.training import Budget


@dataclass(frozen=True, kw_only=True)
class Trained(Learner):
    """A network over items of `dim` numbers that lists `size` items. Learned in batches of `batch_size` rows
    by AdamW, for `epochs` at most; every `evaluate_every` epochs the validation rows are asked, and
    `patience` such judgements without a better one end it.
    """

    packages: ClassVar[tuple[str, ...]] = ("torch",)

    size: int
    dim: int
    dropout: float
    batch_size: int
    learning_rate: float
    weight_decay: float
    epochs: int
    evaluate_every: int
    patience: int
    device: str

    def __post_init__(self) -> None:
        for name in ("size", "dim", "batch_size", "epochs", "evaluate_every", "patience"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: {getattr(self, name)} is below 1; give 1 or more")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout: {self.dropout} is no share; give one from 0 to below 1")

    def answers(self) -> tuple[type[Answer], ...]:
        return (Ranking,)

    def budget(self) -> "Budget":
        from llmrec.model.recommender.network.training import Budget

        return Budget(
            epochs=self.epochs,
            evaluate_every=self.evaluate_every,
            patience=self.patience,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
        )

    def torch_device(self) -> "torch.device":
        from llmrec.model.local.device import pick_device

        return pick_device(self.device)

    def placed(self) -> str:
        return str(self.torch_device())

    @contextmanager
    def seeded(self, seed: int) -> Iterator[None]:
        """Draw initial weights by the seed, and leave everyone else's chance as it was."""
        import torch

        with torch.random.fork_rng():
            torch.manual_seed(seed)
            yield
