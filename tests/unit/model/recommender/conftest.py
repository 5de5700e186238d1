"""Training rows and questions for conventional recommenders."""

from collections.abc import Sequence

import pytest

from llmrec.decoding.greedy import Greedy
from llmrec.model.recommender.base import Recommender
from llmrec.progress import Silent
from llmrec.records import Answer, Event, Example, Interaction, Item, Question, Ranking, Request, Training
from llmrec.scoring import unworded

GREEDY = Greedy(name="greedy", max_new_tokens=1, lines=None)


def taught(
    sequences: dict[str, str], catalogue: str = "abcdefgh", targets: dict[str, str] | None = None
) -> Training:
    """Return training rows: each user's items, a letter an item, a day apart; `targets` are what the users
    bought next, as validation rows."""
    rows = [
        Interaction(user, item, 5.0, 86_400 * day, "", "")
        for user, items in sequences.items()
        for day, item in enumerate(items)
    ]
    examples = [
        Example(asked(user, sequences[user]), Interaction(user, item, 5.0, 0, "", ""), Ranking((item,)))
        for user, item in (targets or {}).items()
    ]
    items = {item: Item(item, item, "", ()) for item in catalogue}
    answered = [(row, Ranking((row.item,))) for row in rows]
    return Training(rows, items, answered, lambda limit: examples[:limit])


def asked(user: str, history: str = "", candidates: str = "", day: float = 100) -> Question:
    """Return the question what the user buys next, on that day."""
    events = tuple(Event(item, 5.0, 86_400 * place, "") for place, item in enumerate(history))
    return Question(
        id=f"{user}-{history}-{candidates}",
        user=user,
        time=round(86_400 * day),
        history=events,
        item=None,
        rating=None,
        review=None,
        candidates=tuple(candidates),
    )


@pytest.fixture
def answers(tmp_path):
    """Return what a model answers after learning, its cache in a folder of the test's own."""

    def ask(
        model: Recommender, training: Training, questions: Sequence[Question], seed: int = 0
    ) -> list[Answer | None]:
        session = model.open(training, seed, tmp_path, Silent())
        requests = [
            Request(question, unworded(Example(question, training.interactions[0], Ranking(()))))
            for question in questions
        ]
        return [
            done.answer
            for batch in session.batches(requests, GREEDY)
            for done in session.complete(batch, GREEDY)
        ]

    return ask
