"""Ratings for tests of recommenders, and what a model answers after learning from them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from builders import interaction, question

from llmrec.decoding.greedy import Greedy
from llmrec.model.recommender.base import Recommender
from llmrec.progress import Silent
from llmrec.records import Answer, Example, Item, Prompt, Question, Rating, Request, Training

GREEDY = Greedy(name="greedy", max_new_tokens=1, lines=None)
Row = tuple[str, str, float]


def rated(rows: Iterable[Row], held_out: Iterable[Row] = (), catalogue: str = "") -> Training:
    """Return training rows of user, item and stars, in the order of their users, one a second, and rows
    to choose by; `catalogue` adds an item a letter."""
    given = sorted(rows, key=lambda row: row[0])
    interactions = [interaction(user, item, n, stars) for n, (user, item, stars) in enumerate(given)]
    valid = [
        Example(
            question(id=f"v{n}", user=user, item=item), interaction(user, item, 100, stars), Rating(stars)
        )
        for n, (user, item, stars) in enumerate(held_out)
    ]
    ids = dict.fromkeys([row.item for row in interactions] + [example.question.item for example in valid])
    return Training(
        interactions=interactions,
        items={id: Item(id, id, "", ()) for id in [*ids, *catalogue]},
        answered=[(row, Rating(row.rating)) for row in interactions],
        validation=lambda limit: valid[:limit],
    )


def taste(seed: int, users: int = 60, items: int = 40, share: float = 0.5) -> tuple[list[Row], list[Row]]:
    """Return rows to learn from and rows to ask for: offsets of users and items, what they have in common,
    and noise."""
    chance = np.random.default_rng(seed)
    strict, good = chance.normal(size=(users, 1)), chance.normal(scale=0.7, size=(1, items))
    likes, has = chance.normal(size=(users, 1)), chance.normal(size=(1, items))
    noise = chance.normal(scale=0.3, size=(users, items))
    stars = np.clip(np.round(3 + strict + good + likes * has + noise), 1, 5)
    split: tuple[list[Row], list[Row]] = ([], [])
    for u in range(users):
        for i in range(items):
            split[chance.random() > share].append((f"u{u:02}", f"i{i:02}", float(stars[u, i])))
    return split


def asked(rows: Iterable[Row]) -> list[Question]:
    return [question(id=f"q{n}", user=user, item=item) for n, (user, item, _) in enumerate(rows)]


def told(
    model: Recommender, training: Training, questions: Sequence[Question], cache: Path, seed: int = 0
) -> list[Answer | None]:
    """Return the answers of a model that was opened on the training rows."""
    session = model.open(training, seed, cache, Silent())
    requests = [Request(each, Prompt(each.id, 0, (), 0, ())) for each in questions]
    batches = session.batches(requests, GREEDY)
    return [done.answer for batch in batches for done in session.complete(batch, GREEDY)]
