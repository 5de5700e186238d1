"""Small corpora and records for tests, and the folder of real data."""

import os
from pathlib import Path

import pytest

from llmrec.dataset.sample import Sample
from llmrec.records import Corpus, Event, Interaction, Item, Question

CHECKOUT = Path(__file__).resolve().parent.parent
EVERYTHING = Sample(users=1.0, items=1.0, interactions=1.0, seed=0)


def real_data(*names: str) -> Path:
    """Return the folder that holds these data sets, or skip the test saying what is missing."""
    folder = Path(os.environ.get("LLMREC_DATA") or CHECKOUT.parent / "shared" / "data")
    missing = [name for name in names if not (folder / name).is_dir()]
    if missing:
        message = f"no real data: {', '.join(missing)} not in LLMREC_DATA or ../shared/data"
        if os.environ.get("LLMREC_REQUIRE_DATA"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


def interaction(user: str, item: str, time: int, rating: float = 5.0, text: str = "") -> Interaction:
    summary = " ".join(text.split()[:2])
    return Interaction(user=user, item=item, rating=rating, timestamp=time, review=text, summary=summary)


def corpus_of(interactions: list[Interaction], titles: dict[str, str] | None = None) -> Corpus:
    """Return a corpus of the interactions' items; a title not given is `Title of <id>`."""
    titles = titles or {}
    ids = dict.fromkeys([it.item for it in interactions] + list(titles))
    items = {id: Item(id, titles.get(id, f"Title of {id}"), "Brand", ("Shop", "Shelf")) for id in ids}
    return Corpus("small", "0" * 16, interactions, items, {}, [])


def square(users: int, items: int, start: int = 0) -> list[Interaction]:
    """Return interactions of every user with every item, one a second, users taking turns."""
    return [
        interaction(f"u{u}", f"i{i}", start + i * users + u, rating=1 + (u + i) % 5)
        for u in range(users)
        for i in range(items)
    ]


def question(**given: object) -> Question:
    """Return a question with neutral values where none are given."""
    neutral: dict[str, object] = {
        "id": "q", "user": "u", "time": 100, "history": (), "item": None, "rating": None, "review": None,
        "candidates": (),
    }  # fmt: skip
    return Question(**(neutral | given))  # type: ignore[arg-type]


def event(item: str, time: int = 1, rating: float = 4.0, summary: str = "") -> Event:
    return Event(item=item, rating=rating, timestamp=time, summary=summary)
