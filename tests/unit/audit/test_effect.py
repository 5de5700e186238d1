"""What a defect does to a score, against values worked by hand and draws made one by one."""

import numpy as np
import pytest
from builders import question

from llmrec.audit.effect import effects
from llmrec.metric.base import Context, Row
from llmrec.metric.ranking import HitRate
from llmrec.metric.rating import RatingError
from llmrec.records import Ranking, Rating
from llmrec.seeded import hash64

CONTEXT = Context(training=[Rating(4.0)])
TRUE = [5.0, 4.0, 1.0, 5.0]
GIVEN = [5.0, 2.0, 2.0, None]


def rows():
    return [
        Row(question=question(), reference=Rating(true), answer=None if stars is None else Rating(stars))
        for true, stars in zip(TRUE, GIVEN, strict=True)
    ]


def test_rows_that_are_dropped_count_for_us_and_not_under_the_defect():
    ours = rows()
    rmse, mae = effects([RatingError()], ours, [None, ours[1], ours[2], None], CONTEXT, 0, 50)
    # Errors: 0, -2, 1 and, by the training mean 4 in place of silence, -1; the second and third are kept.
    assert (rmse.metric, rmse.n, rmse.kept) == ("rmse", 4, 2)
    assert rmse.ours == pytest.approx((6 / 4) ** 0.5)
    assert rmse.theirs == pytest.approx((5 / 2) ** 0.5)
    assert (mae.ours, mae.theirs, mae.difference) == pytest.approx((1.0, 1.5, 0.5))


def test_the_interval_is_over_draws_that_take_the_same_rows_for_both():
    ours = rows()
    [_, mae] = effects([RatingError()], ours, [ours[0], ours[1], ours[2], None], CONTEXT, 3, 300)
    errors, kept = np.array([0, 2, 1, 1.0]), np.array([1, 1, 1, 0.0])
    drawn = np.random.default_rng(hash64("bootstrap", 3)).integers(0, 4, size=(300, 4), dtype=np.int32)
    if (kept[drawn].sum(axis=1) == 0).any():
        assert mae.ci95 is None
        return
    theirs = (errors * kept)[drawn].sum(axis=1) / kept[drawn].sum(axis=1)
    expected = np.quantile(theirs - errors[drawn].mean(axis=1), [0.025, 0.975])
    assert mae.ci95 == pytest.approx(tuple(expected))


def test_where_no_row_is_left_there_is_no_score():
    [rmse, _] = effects([RatingError()], rows(), [None] * 4, CONTEXT, 0, 50)
    assert (rmse.theirs, rmse.difference, rmse.ci95, rmse.kept) == (None, None, None, 0)


def test_hits_of_valid_answers_alone_are_more():
    reference = Ranking(("a",))
    answers = [Ranking(("a",)), None, None, Ranking(("b",))]
    ours = [Row(question=question(), reference=reference, answer=answer) for answer in answers]
    [hit] = effects([HitRate(k=[1])], ours, [row if row.answer else None for row in ours], CONTEXT, 0, 50)
    assert (hit.ours, hit.theirs, hit.kept) == (0.25, 0.5, 2)
