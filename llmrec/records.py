"""The types that pass between the stages of a run; imports nothing of ours.

Every record is immutable and has one JSON form (msgspec). What a model may see is a `Question`;
what it is scored against stands beside it in an `Example`, so no label can reach a prompt, a parser,
a retry or a baseline without breaking a type.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace


class Interaction(Struct, frozen=True, gc=False):
    """One review. `rating` in stars (1..5), `timestamp` in Unix seconds UTC; absent texts are ""."""

    user: str
    item: str
    rating: float
    timestamp: int
    review: str
    summary: str


class Item(Struct, frozen=True, gc=False):
    """One product or film. `categories` from general to special; an unknown title or brand is ""."""

    id: str
    title: str
    brand: str
    categories: tuple[str, ...]


class Corpus(Struct, frozen=True):
    """A data set as read: interactions in file order, items by id, and what reading it counted.

    `fingerprint` identifies raw bytes and reading rules; `counts` holds totals and everything that
    was dropped or repaired, by name.
    """

    name: str
    fingerprint: str
    interactions: list[Interaction]
    items: dict[str, Item]
    counts: dict[str, int]
    notes: list[str]


class Rating(Struct, frozen=True, tag="rating"):
    """Stars."""

    stars: float


class Ranking(Struct, frozen=True, tag="ranking"):
    """Item ids, most likely first.

    `scores`, if given, has one number an item, descending; items of equal score are tied and a metric
    ranks them at their mean position. Whoever gives scores lists every item tied with the last one.
    """

    items: tuple[str, ...]
    scores: tuple[float, ...] = ()


class Text(Struct, frozen=True, tag="text"):
    """A sentence or a few words."""

    text: str


Answer = Rating | Ranking | Text


def unscored(answer: Answer | None) -> Answer | None:
    """Return an answer as it counts: of a ranking the order and what is tied, without likelihoods, whose last
    bits depend on what else stood in their batch. Scores are the reciprocals of places then, or none where
    no items are tied."""
    if not isinstance(answer, Ranking):
        return answer
    if len(set(answer.scores)) == len(answer.scores):
        return Ranking(answer.items)
    return Ranking(answer.items, tuple(1.0 / (answer.scores.index(score) + 1) for score in answer.scores))


class Event(Struct, frozen=True, gc=False):
    """An earlier interaction of the user, without the text of its review."""

    item: str
    rating: float
    timestamp: int
    summary: str


class Question(Struct, frozen=True):
    """A task's question in data terms: all that a model, a parser or a re-ask may see.

    `id` is an opaque hash of the row that does not tell the item, followed by `:1`, `:2`, ... where the row
    is asked again with its candidates in another order. `time` is the moment of asking (Unix seconds):
    nothing later may be shown. `history` is oldest first; `candidates` stand in the order shown. `item`,
    `rating` and `review` are None where the task asks for them or has no use for them.
    """

    id: str
    user: str
    time: int
    history: tuple[Event, ...]
    item: str | None
    rating: float | None
    review: str | None
    candidates: tuple[str, ...]

    @property
    def row(self) -> str:
        """The row that is asked about."""
        return self.id.partition(":")[0]


class Example(Struct, frozen=True):
    """A question with its answer: `target` is the row behind it, `reference` what counts as right."""

    question: Question
    target: Interaction
    reference: Answer

    @property
    def id(self) -> str:
        return self.question.id


class Module(StrEnum):
    """The parts of a prompt: the paper's three modules, and the row's own data, never ablated."""

    TASK = "task"
    INPUT = "input"
    BEHAVIOR = "behavior"
    FORMAT = "format"


class Part(Struct, frozen=True):
    """A stretch of a message; `module` is None for turns that no module wrote (answers, re-asks)."""

    module: Module | None
    text: str


class Message(Struct, frozen=True):
    """A turn of a conversation. `role` is system, user or assistant."""

    role: str
    parts: tuple[Part, ...]

    @property
    def content(self) -> str:
        return "\n\n".join(part.text for part in self.parts)


class Prompt(Struct, frozen=True):
    """What a model is asked. `ask` is 0, or the number of the re-ask; `messages` is empty for a
    recommender that answers the question from data. `cut` counts history events (and a review's
    tail, as one) left out to keep the token budget; `demonstrations` are ids of training rows.
    """

    example_id: str
    ask: int
    messages: tuple[Message, ...]
    cut: int
    demonstrations: tuple[str, ...]


class Pair(Struct, frozen=True):
    """What is learned from: a prompt, and the right answer alone, as a model should write it."""

    prompt: Prompt
    target: str


class Choices(NamedTuple):
    """What an answer is chosen among: names of answers, and the text that a model would write for each."""

    names: tuple[str, ...]
    texts: tuple[str, ...]


NO_CHOICES = Choices((), ())


class Request(NamedTuple):
    """A prompt, the question behind it and what may be answered, if that is bound, as a session takes
    them; never stored."""

    question: Question
    prompt: Prompt
    choices: Choices = NO_CHOICES


class Completion(Struct, frozen=True):
    """What came back for one ask: texts, best first, or an answer where no text was written.

    `finish_reason`: stop, length (out of tokens), too_long (the prompt did not fit) or answered.
    """

    example_id: str
    ask: int
    texts: tuple[str, ...]
    answer: Answer | None
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


class Reading(NamedTuple):
    """A completion as parsed: an answer, or the name of what was wrong; repairs by name."""

    answer: Answer | None
    failure: str | None
    repairs: tuple[str, ...]


class Prediction(Struct, frozen=True):
    """The last word on one example after `asks` asks; exactly one of answer and failure is set."""

    example_id: str
    answer: Answer | None
    failure: str | None
    repairs: tuple[str, ...]
    asks: int

    def unscored(self) -> "Prediction":
        """Return it without likelihoods; these stand with the completion."""
        return replace(self, answer=unscored(self.answer))


def no_examples(limit: int | None) -> list[Example]:
    return []


class Training(NamedTuple):
    """What a conventional recommender may learn from: rows of the train role, user by user and each
    user's oldest first, and the items.

    `answered` are the training rows that have a reference of the task at hand, with it, in file order;
    `validation` draws so many examples of the validation role, all for None, to choose settings by.
    """

    interactions: list[Interaction]
    items: dict[str, Item]
    answered: list[tuple[Interaction, Answer]]
    validation: Callable[[int | None], list[Example]] = no_examples

    @property
    def answers(self) -> list[Answer]:
        return [answer for _, answer in self.answered]
