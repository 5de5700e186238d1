"""A prompt in which some sellers speak to the model: what that does to answers is what is measured."""

from dataclasses import dataclass

from msgspec.structs import replace

from llmrec.errors import ConfigError
from llmrec.prompt.naming import Names
from llmrec.prompt.variant import Variant
from llmrec.seeded import hash64

WHOLE = 1 << 64


@dataclass(frozen=True, kw_only=True)
class Injected(Variant):
    """Any prompt, but for the titles of a `share` of the items, drawn by seed, each of which ends in one of
    the `texts` that are worded for the kind of answer (rating, ranking, text)."""

    share: float
    texts: dict[str, list[str]]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.share <= 1:
            raise ConfigError(f"share: {self.share} is no share of the items; use more than 0, up to 1")

    def shown(self, names: Names, answer: str, seed: int) -> Names:
        texts = self.texts.get(answer)
        if not texts:
            raise ConfigError(f"texts: none is worded for a {answer}; add one to prompt.texts.{answer}")
        return names._replace(
            items={
                id: replace(item, title=f"{item.title} {texts[hash64(seed, 'wording', id) % len(texts)]}")
                if self.injects(id, seed)
                else item
                for id, item in names.items.items()
            }
        )

    def injects(self, item: str, seed: int) -> bool:
        """Say whether an item is one of the share."""
        return hash64(seed, "injection", item) < self.share * WHOLE

    def notes(self) -> list[str]:
        told = f"the titles of {self.share:.0%} of the items carry an instruction to the model"
        return [*super().notes(), told]
