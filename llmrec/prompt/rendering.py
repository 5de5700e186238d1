"""What a question shows, as texts for the places of a wording."""

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from llmrec.prompt.naming import Names
from llmrec.prompt.wording import Wording, fill
from llmrec.records import Answer, Item, Question, Ranking, Rating
from llmrec.seeded import rng
from llmrec.text import cut, tokens


class Budget(NamedTuple):
    """The most tokens (see text.tokens) that a history and a review may take."""

    history: int
    review: int


class Rendering:
    """A question's values by place, and how much of it was cut."""

    def __init__(self, question: Question, names: Names, wording: Wording, budget: Budget) -> None:
        self.question, self.names, self.wording, self.budget = question, names, wording, budget

    @cached_property
    def values(self) -> dict[str, str]:
        question, names = self.question, self.names
        item = names.items[question.item] if question.item is not None else None
        return {
            "user": names.user(question.user),
            "user_id": names.user_id(question.user),
            "item": names.item(question.item) if question.item is not None else "",
            "item_id": item.id if item else "",
            "title": item.title if item else "",
            "brand": (item.brand if item else "") or "unknown",
            "category": (" > ".join(item.categories) if item else "") or "unknown",
            "stars": stars(question.rating) if question.rating is not None else "",
            "review": cut(question.review or "", self.budget.review),
            "history": "\n".join(self._history[0]),
            "candidates": "\n".join(self._candidates()),
        }

    def cut(self, template: str) -> int:
        """Count what a template that is filled here leaves out: events, and a review's tail as one."""
        events = self._history[1] if "{history}" in template else 0
        tail = "{review}" in template and tokens(self.question.review or "") > self.budget.review
        return events + tail

    @cached_property
    def _history(self) -> tuple[list[str], int]:
        """Return lines for the latest events that fit the budget, and how many older ones did not."""
        room, kept = self.budget.history, []
        for event in reversed(self.question.history):
            item = self.names.items[event.item]
            values = {
                "item_id": item.id,
                "title": cut(item.title, max(self.budget.history // 2, 1)),
                "stars": stars(event.rating),
                "summary": cut(event.summary, max(self.budget.history // 2, 1)),
            }
            room -= tokens(fill(self.wording.event, values)) + 1
            if room < 0:
                break
            kept.append(values)
        kept.reverse()
        if not self.wording.ordered:
            rng("unordered", self.question.id).shuffle(kept)
        lines = [fill(self.wording.event, {"i": str(i), **values}) for i, values in enumerate(kept, 1)]
        return lines, len(self.question.history) - len(kept)

    def _candidates(self) -> list[str]:
        shown = (self.names.items[item] for item in self.question.candidates)
        return [
            fill(self.wording.candidate, {"i": str(i), "item_id": item.id, "title": item.title})
            for i, item in enumerate(shown, 1)
        ]


def stars(rating: float) -> str:
    """Return 4 for 4.0, 4.5 for 4.5."""
    return f"{rating:g}"


def answer_text(answer: Answer, items: Mapping[str, Item]) -> str:
    """Return the right answer as a model should write it: the answer alone, items by name, one a line."""
    if isinstance(answer, Rating):
        return stars(answer.stars)
    if isinstance(answer, Ranking):
        return "\n".join(items[item].title for item in answer.items)
    return answer.text
