"""A prompt in which sellers and reviewers speak to the model: what that does to answers is measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

from msgspec.structs import replace

from llmrec.errors import ConfigError
from llmrec.prompt.naming import Names
from llmrec.prompt.variant import Variant
from llmrec.records import Event, Question
from llmrec.seeded import hash64

WHOLE = 1 << 64


class Field(Enum):
    """Whose texts carry instructions: sellers' titles; reviewers' reviews, with their summaries.

    No StrEnum: a member would stand in the way of str.title.
    """

    title = auto()
    review = auto()


@dataclass(frozen=True, kw_only=True)
class Injected(Variant):
    """Any prompt, but for a `share` of the texts of each of the `fields`, drawn by seed, each of which ends
    in one of the `texts` that are worded for the kind of answer (rating, ranking, text).

    Only what is shown changes, of questions and of demonstrations: references stay what they are. `word` is
    what the texts for a text order to write.
    """

    share: float
    fields: list[Field]
    texts: dict[str, list[str]]
    word: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.share <= 1:
            raise ConfigError(f"share: {self.share} is no share of the texts; use more than 0, up to 1")
        if not self.fields:
            raise ConfigError("fields: none, so nothing carries an instruction; use title, review or both")

    def shown(self, names: Names, answer: str, seed: int) -> Names:
        texts = self.texts.get(answer)
        if not texts:
            raise ConfigError(f"texts: none is worded for a {answer}; add one to prompt.texts.{answer}")
        end = partial(self._ended, texts, seed)
        if Field.title in self.fields:
            items = names.items.items()
            names = names._replace(items={id: replace(it, title=end(id, it.title)) for id, it in items})
        if Field.review in self.fields:
            names = names._replace(told=partial(told, end))
        return names

    def injects(self, key: str, seed: int) -> bool:
        """Say whether an item, or a row by its id, is one of the share."""
        return hash64(seed, "injection", key) < self.share * WHOLE

    def asks_about(self, question: Question, seed: int) -> bool:
        """Say whether the item or the review that a question is about carries an instruction."""
        keys = {Field.title: question.item, Field.review: question.row if question.review else None}
        return any((key := keys[field]) is not None and self.injects(key, seed) for field in self.fields)

    def notes(self) -> list[str]:
        whose = {Field.title: "titles", Field.review: "reviews and summaries"}
        named = " and of the ".join(whose[field] for field in self.fields)
        told = f"{self.share:.0%} of the {named} that prompts show end in an instruction to the model"
        return [*super().notes(), told]

    def _ended(self, texts: Sequence[str], seed: int, key: str, text: str) -> str:
        if not self.injects(key, seed):
            return text
        return f"{text} {texts[hash64(seed, 'wording', key) % len(texts)]}"


def told(end: Callable[[str, str], str], question: Question) -> Question:
    """Return a question whose review and earlier summaries end as `end` says, by the row that they are of."""

    def ended(event: Event) -> Event:
        if not event.summary:
            return event
        return replace(event, summary=end(f"{question.user} {event.item} {event.timestamp}", event.summary))

    review = end(question.row, question.review) if question.review else question.review
    return replace(question, review=review, history=tuple(map(ended, question.history)))
