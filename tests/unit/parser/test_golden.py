"""Completions as models write them, and what they must be read as."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from llmrec.parser.base import Reader
from llmrec.parser.number import Number
from llmrec.parser.ranking import Ranking
from llmrec.parser.text import Words
from llmrec.records import Event, Item, Question, Rating, Reading, Text

GOLDEN = Path(__file__).parents[2] / "golden" / "parser"

# Troubles of real catalogues: a shared title, commas, quotes, brackets, a leading number, near twins,
# no title, a title that starts with another item's id.
TITLES = {
    "B0ROSE1": "Rose Petal Hand Cream, 3 Ounce",
    "B0CEDR1": "Cedar Wood Beard Oil",
    "B0CEDR2": "Cedar Wood Beard Oil",
    "B0LOOF1": 'Natural Loofah Sponge 5" [Set of 3]',
    "B0ARGN1": "100% Pure Argan Oil",
    "B0RUBY1": "Velvet Matte Lipstick - Ruby 12",
    "B0CORL1": "Velvet Matte Lipstick - Coral 14",
    "B0NOOR1": "NOORA",
    "B0ORCH1": "Midnight Orchid Eau de Parfum Spray, 1.7 Ounce",
    "B0FOAM1": "Gentle Foaming Face Wash with Green Tea",
    "B0NONE1": "item B0NONE1",
    "10": "Tin Harbour (1995)",
    "11": "10 (1979)",
}
HISTORY = ("B0FOAM1", "B0CEDR1")
CANDIDATES = ("B0ROSE1", "B0CEDR1", "B0LOOF1", "B0RUBY1", "B0CORL1", "B0NOOR1")


def asked(history: tuple[str, ...] = (), candidates: tuple[str, ...] = ()) -> Question:
    events = tuple(Event(item, 5.0, 10, "") for item in history)
    return Question(
        id="q1",
        user="u1",
        time=99,
        history=events,
        item=None,
        rating=None,
        review=None,
        candidates=candidates,
    )


QUESTIONS = {"catalogue": asked(history=HISTORY), "candidates": asked(candidates=CANDIDATES)}


def lines(name: str) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in (GOLDEN / f"{name}.jsonl").read_bytes().splitlines()]


def parsed(reader: Reader, case: dict[str, Any]) -> dict[str, Any]:
    """Return what the reader made of a golden line, in the line's own form."""
    reading: Reading = reader.read(case["text"], QUESTIONS[case.get("question", "catalogue")])
    answer: Any = reading.answer
    if isinstance(answer, Rating):
        answer = answer.stars
    elif isinstance(answer, Text):
        answer = answer.text
    elif answer is not None:
        answer = list(answer.items)
    return {**case, "answer": answer, "failure": reading.failure, "repairs": list(reading.repairs)}


@pytest.mark.parametrize("case", lines("number"), ids=lambda case: case["text"][:50])
def test_number_is_read_as_recorded(case: dict[str, Any]) -> None:
    assert parsed(Number(name="number", low=1.0, high=5.0).bind({}), case) == case


@pytest.mark.parametrize("case", lines("ranking"), ids=lambda case: case["text"][:50])
def test_ranking_is_read_as_recorded(case: dict[str, Any]) -> None:
    catalogue = {id: Item(id, title, "", ()) for id, title in TITLES.items()}
    size = 4 if case["question"] == "candidates" else 10
    parser = Ranking(name="ranking", size=size, fuzzy=90, fill=False)
    assert parsed(parser.bind(catalogue), case) == case


@pytest.mark.parametrize("case", lines("text"), ids=lambda case: case["text"][:50])
def test_text_is_read_as_recorded(case: dict[str, Any]) -> None:
    assert parsed(Words(name="text", max_words=8).bind({}), case) == case
