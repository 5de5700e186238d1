"""Answers that change with their batch are counted, and only where the arithmetic lets them change."""

from typing import ClassVar

import pytest
from builders import question

from llmrec.alone import ROWS, SHARE, changed, said
from llmrec.decoding.greedy import Greedy
from llmrec.model.base import Session
from llmrec.progress import Silent
from llmrec.records import Completion, Prompt, Ranking, Rating, Request
from llmrec.results import Environment

GREEDY = Greedy(name="greedy", max_new_tokens=8, lines=None)


def done(id, text="", answer=None, ask=0):
    return Completion(id, ask, (text,) if text else (), answer, "stop", 3, 1)


class Moody(Session):
    """Answers "5" to whoever stands in a batch, and alone something else to those of `moods`."""

    environment: ClassVar = {}

    def __init__(self, moods):
        self.moods, self.asked = moods, []

    def batches(self, requests, decoding):
        return [list(requests)]

    def complete(self, batch, decoding):
        self.asked.append([request.question.id for request in batch])
        alone = len(batch) == 1
        return [done(r.question.id, "4" if alone and r.question.id in self.moods else "5") for r in batch]


def requests(count):
    return [Request(question(id=f"q{n}"), Prompt(f"q{n}", 0, (), 0, ())) for n in range(count)]


def test_rows_that_answer_otherwise_alone_are_counted():
    session, asked = Moody({f"q{n}" for n in range(0, 400, 2)}), requests(400)
    found = changed(session, asked, session.complete(asked, GREEDY), GREEDY, Silent())
    alone = [ids for ids in session.asked if len(ids) == 1]
    even = sum(int(id[1:]) % 2 == 0 for (id,) in alone)
    assert 0 < even < ROWS
    assert (found, len(alone)) == (f"{even} of {ROWS}", ROWS)


@pytest.mark.parametrize(("rows", "alone"), [(0, 0), (1, 1), (SHARE, 1), (SHARE + 1, 2), (100 * SHARE, ROWS)])
def test_few_are_drawn_of_few_for_one_alone_takes_as_long_as_a_batch(rows, alone):
    session, asked = Moody(set()), requests(rows)
    given = session.complete(asked, GREEDY)
    assert changed(session, asked, given, GREEDY, Silent()) == f"0 of {alone}"


def test_some_rows_are_drawn_of_many_whatever_their_order():
    drawn = []
    for asked in (requests(400), requests(400)[::-1]):
        session = Moody(set())
        given = session.complete(asked, GREEDY)
        assert changed(session, asked, given, GREEDY, Silent()) == f"0 of {ROWS}"
        drawn.append(session.asked[1:])
    assert drawn[0] == drawn[1]


def test_it_is_the_first_answer_that_is_held_against():
    session, asked = Moody(set()), requests(1)
    given = [done("q0", "3"), done("q0", "5", ask=1)]
    assert changed(session, asked, given, GREEDY, Silent()) == "1 of 1"


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (Rating(4.001), Rating(4.002), True),
        (Rating(4.00), Rating(4.02), False),
        (Ranking(("a", "b"), (2.0, 1.0)), Ranking(("a", "b"), (2.1, 1.1)), True),
        (Ranking(("a", "b")), Ranking(("b", "a")), False),
    ],
)
def test_an_answer_is_what_a_reader_would_see(left, right, same):
    assert (said(done("a", answer=left)) == said(done("a", answer=right))) is same


@pytest.mark.parametrize(
    ("device", "dtype", "exact"),
    [
        ("cpu", "float32", True),
        ("cpu", "float64", True),
        ("cpu", "bfloat16", False),
        ("cuda", "float32", False),
        ("mps", "float16", False),
        ("server", "as served", True),
    ],
)
def test_only_where_rounding_can_change_an_answer_is_it_asked(device, dtype, exact):
    assert Environment({}, None, device, dtype, "", {}).exact is exact
