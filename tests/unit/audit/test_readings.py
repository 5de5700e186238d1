"""How evaluators with a known defect count rows."""

import pytest
from builders import question

from llmrec.audit.readings import (
    Tie,
    first_only,
    fives_dropped,
    silent_dropped,
    ties_by,
    ties_to,
)
from llmrec.metric.base import Row
from llmrec.metric.ranking import position
from llmrec.records import Ranking, Rating, Text


def rated(*stars):
    return [
        Row(question=question(), reference=Rating(5.0), answer=None if each is None else Rating(each))
        for each in stars
    ]


def ranked(items, scores=()):
    return [Row(question=question(), reference=Ranking(("b",)), answer=Ranking(tuple(items), scores))]


def kept(read):
    return [row is not None for row in read]


def test_predicted_fives_and_silence_are_dropped_as_p5_does():
    assert kept(fives_dropped(rated(5.0, 4.9, None, 1.0))) == [False, True, False, True]


def test_silence_alone_is_dropped_where_valid_answers_are_counted():
    assert kept(silent_dropped(rated(5.0, None))) == [True, False]


@pytest.mark.parametrize(("rows", "left"), [(19_850, 816), (1_000, 41), (10, 1)])
def test_the_first_rows_are_the_share_that_p5_scored(rows, left):
    row = Row(question=question(), reference=Text("good"), answer=Text("fine"))
    read = first_only([row] * rows)
    assert kept(read) == [True] * left + [False] * (rows - left)


def test_the_right_item_is_put_first_or_last_among_equal_scores():
    rows = ranked("abcd", (3.0, 1.0, 1.0, 1.0))
    places = [
        position(Ranking(("b",)), read[0].answer)
        for read in (rows, ties_to(Tie.FIRST)(rows), ties_to(Tie.LAST)(rows))
    ]
    assert places == [3.0, 2.0, 4.0]


def test_equal_scores_stand_in_the_order_of_the_file():
    rows = ranked("abcd", (3.0, 1.0, 1.0, 1.0))
    [row] = ties_by({"a": 9, "b": 5, "c": 4, "d": 6})(rows)
    assert row.answer == Ranking(("a", "c", "b", "d"))


def test_a_ranking_without_scores_has_no_ties():
    rows = ranked("abcd")
    assert ties_to(Tie.LAST)(rows)[0] is rows[0]
