"""Meaning and feeling, by the models that packages carry."""

import importlib.util

import pytest
from builders import question

from llmrec.metric.base import Context, Row
from llmrec.metric.meaning import Meaning, Sentiment
from llmrec.metric.score import score
from llmrec.records import Text


def rows(*texts, stars=None):
    return [
        Row(question=question(rating=stars), reference=Text(own), answer=None if said is None else Text(said))
        for own, said in texts
    ]


def value(metric, given):
    found = {result.id: result.value for result in score([metric], given, Context(training=[]), 0, 20)}
    return found[metric.ids(given, Context(training=[]))[0]]


def test_texts_of_one_meaning_lie_closer_than_others():
    same = value(Meaning(), rows(("It smells lovely.", "It smells lovely.")))
    close = value(Meaning(), rows(("It smells lovely.", "A very nice scent.")))
    far = value(Meaning(), rows(("It smells lovely.", "The battery died after a week.")))
    assert same == pytest.approx(1.0, abs=1e-5)
    assert same > close > far + 0.1


def test_a_row_without_words_counts_as_nothing_in_common():
    good = ("It smells lovely.", "It smells lovely.")
    assert value(Meaning(), rows(good, ("x", None), ("", "y"), ("x", " "))) == pytest.approx(1 / 4, abs=1e-5)


def test_a_feeling_is_held_against_the_stars_or_else_the_reference():
    glad, angry, flat = "I love it, wonderful!", "Terrible, I hate it.", "It is a box."
    assert value(Sentiment(), rows(("x", glad), ("x", angry), ("x", None), stars=5.0)) == pytest.approx(1 / 3)
    assert value(Sentiment(), rows(("x", glad), ("x", angry), stars=1.0)) == pytest.approx(1 / 2)
    assert value(Sentiment(), rows(("x", flat), stars=3.0)) == 1.0
    assert value(Sentiment(), rows((glad, "So good"), (glad, angry), (flat, flat))) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("metric", "id", "needs"),
    [
        (Meaning(), "meaning/wordllama-256", "no meaning: it takes wordllama"),
        (Sentiment(), "sentiment/vader", "no sentiment: it takes vaderSentiment"),
    ],
)
def test_without_its_package_a_score_has_no_value_and_says_why(metric, id, needs, monkeypatch):
    given = rows(("a", "b"), ("c", "d"))
    assert metric.ids(given, Context(training=[])) == [id]
    assert metric.notes() == []
    assert metric.statistics(given, Context(training=[])).shape == (2, 1)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert value(metric, given) is None
    assert metric.statistics(given, Context(training=[])).shape == (2, 1)
    assert metric.notes() == [f"{needs}; pip install 'llmrec[texts]'"]
