"""Takes the details of rows and samples out of run folders."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import msgspec

from llmrec.metric.ranking import position
from llmrec.onefile import embedded
from llmrec.pages.browser import (
    LONGEST,
    RANKED,
    Answered,
    Asked,
    Asking,
    Details,
    Said,
    Turn,
    titled,
    visible,
)
from llmrec.pages.groups import Group
from llmrec.pages.samples import Chosen
from llmrec.records import Answer, Completion, Example, Message, Ranking, Rating, Text

K = TypeVar("K")
T = TypeVar("T")


class Place(NamedTuple):
    """Where a sample comes from: a row of a group, and the run at `run` of its entries."""

    group: Group
    one: Chosen
    run: int


class Telling:
    """What was told so far; `bytes` is what it comes to as JSON."""

    def __init__(self) -> None:
        self.made = Details([], {}, [], [], {}, {})
        self.bytes = 0
        self._texts: dict[str, int] = {}
        self._prompts: dict[bytes, int] = {}
        self._items: dict[tuple[str, str], int] = {}

    def tell(self, number: int, row: int, place: Place) -> None:
        """Tell a sample, and its row where that is new, under their numbers."""
        group, one, run = place
        if row not in self.made.rows:
            self.made.rows[row] = self._asking(group, group.examples[one.row])
            self._spend(self.made.rows[row])
        self.made.samples[number] = self._answered(group, one, run)
        self._spend(self.made.samples[number])

    def _asking(self, group: Group, example: Example) -> Asking:
        question = example.question
        return Asking(
            item=None if question.item is None else self._item(group, question.item),
            right=self._said(group, example.reference),
            candidates=[self._item(group, item) for item in question.candidates],
            review=self._text(question.review) if question.review else None,
        )

    def _answered(self, group: Group, one: Chosen, run: int) -> Answered:
        entry, example = group.entries[run], group.examples[one.row]
        prompt = next(iter(entry.prompts.of(example.id)), None)
        completions = sorted(entry.completions.of(example.id), key=lambda done: done.ask)
        prediction = entry.predictions[one.row]
        answer = prediction.answer
        return Answered(
            why=one.why,
            prompt=self._prompt(prompt.messages) if prompt is not None and prompt.messages else None,
            cut=prompt.cut if prompt is not None else 0,
            completions=[self._asked(done) for done in completions],
            read=None if answer is None else self._said(group, answer),
            ranked=len(answer.items) if isinstance(answer, Ranking) else 0,
            place=place_of(example, answer),
            asks=prediction.asks,
        )

    def _prompt(self, messages: Sequence[Message]) -> int:
        turns = [
            Turn(message.role, [(part.module or "", self._text(part.text)) for part in message.parts])
            for message in messages
        ]
        return self._number(self._prompts, msgspec.json.encode(turns), self.made.prompts, turns)

    def _asked(self, done: Completion) -> Asked:
        texts = [self._text(text) for text in done.texts]
        return Asked(done.ask, done.finish_reason, texts, done.prompt_tokens, done.completion_tokens)

    def _said(self, group: Group, answer: Answer) -> Said:
        if isinstance(answer, Ranking):
            return Said("", [self._item(group, item) for item in answer.items[:RANKED]])
        return Said(worded(answer), [])

    def _text(self, whole: str) -> int:
        number = self._number(self._texts, whole, self.made.texts, visible(whole))
        if len(whole) > LONGEST:
            self.made.lengths[number] = len(whole)
        return number

    def _item(self, group: Group, id: str) -> int:
        item = id, titled(group.titles.get(id, ""))
        return self._number(self._items, item, self.made.items, item)

    def _number(self, known: dict[K, int], key: K, told: list[T], record: T) -> int:
        """Return the number of a record among those told, which it joins where its key is new."""
        if key not in known:
            known[key] = len(told)
            told.append(record)
            self._spend(record)
        return known[key]

    def _spend(self, record: object) -> None:
        self.bytes += size(record)


def size(record: object) -> int:
    """Return the bytes of a record among others on a page."""
    return len(embedded(record).encode()) + 1


def worded(answer: Rating | Text) -> str:
    return f"{answer.stars:g}" if isinstance(answer, Rating) else visible(answer.text)


def place_of(example: Example, answer: Answer | None) -> int:
    """Return where the right item stands in a ranking, from 1; 0 where it does not, or nothing is ranked."""
    if not isinstance(answer, Ranking) or not isinstance(example.reference, Ranking):
        return 0
    found = position(example.reference, answer)
    return int(found) if found < float("inf") else 0
