"""Paired differences, against values worked by hand and against the same draws made one by one."""

import numpy as np
import pytest
from builders import question

from llmrec.metric.base import Context, Row
from llmrec.metric.difference import differences, limits, verdict
from llmrec.metric.ranking import HitRate
from llmrec.metric.rating import RatingError
from llmrec.records import Ranking, Rating
from llmrec.results import MetricResult
from llmrec.seeded import hash64

CONTEXT = Context(training=[Rating(4.0)])
TRUE = [5.0, 4.0, 1.0, 5.0, 3.0, 2.0]
ONE = [4.0, 4.0, 3.0, None, 1.0, 2.0]
OTHER = [5.0, 4.0, 2.0, 5.0, 3.0, None]


def rows(answers):
    return [
        Row(question=question(), reference=Rating(true), answer=None if stars is None else Rating(stars))
        for true, stars in zip(TRUE, answers, strict=True)
    ]


def paired(one, other):
    return list(zip(rows(one), rows(other), strict=True))


def test_the_difference_is_that_of_the_scores_with_every_row_counted():
    rmse, mae = differences([RatingError()], paired(ONE, OTHER), CONTEXT, seed=0, resamples=50)
    # Squared errors: 1 0 4 1 4 0 (a missing rating counts as 4), and 0 0 1 0 0 4.
    assert (rmse.id, rmse.n, rmse.higher_is_better) == ("rmse", 6, False)
    assert rmse.value == pytest.approx((5 / 6) ** 0.5 - (10 / 6) ** 0.5)
    assert mae.value == pytest.approx(3 / 6 - 6 / 6)


def test_the_interval_is_over_draws_that_take_the_same_rows_for_both():
    rmse, _ = differences([RatingError()], paired(ONE, OTHER), CONTEXT, seed=3, resamples=400)
    one, other = np.array([1, 0, 4, 1, 4, 0.0]), np.array([0, 0, 1, 0, 0, 4.0])
    chance = np.random.default_rng(hash64("bootstrap", 3))
    drawn = chance.integers(0, 6, size=(400, 6), dtype=np.int32)
    apart = np.sqrt(other[drawn].mean(axis=1)) - np.sqrt(one[drawn].mean(axis=1))
    assert rmse.ci95 == pytest.approx(tuple(np.quantile(apart, [0.025, 0.975])))


def test_equal_answers_are_no_proof_that_models_are_equal():
    for result in differences([RatingError()], paired(ONE, ONE), CONTEXT, seed=0, resamples=50):
        assert (result.value, result.ci95) == (0.0, None)
    missed = [Row(question=question(), reference=Ranking(("a",)), answer=None)] * 20
    [hit] = differences([HitRate(k=[5])], list(zip(missed, missed, strict=True)), CONTEXT, 0, 50)
    assert hit.ci95 == pytest.approx((-(1 - 0.025 ** (1 / 20)), 1 - 0.025 ** (1 / 20)))


def test_one_row_has_no_interval():
    [rmse, _] = differences([RatingError()], paired(ONE, OTHER)[:1], CONTEXT, seed=0, resamples=50)
    assert rmse.ci95 is None


def test_limits_are_those_that_were_drawn_where_they_have_a_width():
    hit = HitRate(k=[5])
    assert limits(0.5, (0.1, 0.9), 2, hit) == (0.1, 0.9)
    unseen = 1 - 0.025 ** (1 / 5)
    assert limits(0.1, (0.1, 0.1 + 1e-13), 5, hit) == pytest.approx((0.1 - unseen, 0.1 + unseen))
    assert limits(0.0, (0.0, 1e-12), 5, hit) == pytest.approx((-unseen, unseen))
    assert limits(-0.9, (-0.9, -0.9), 5, hit) == pytest.approx((-1.0, -0.9 + unseen))
    assert limits(0.9, (0.9, 0.9), 5, hit) == pytest.approx((0.9 - unseen, 1.0))
    assert limits(0.9, (0.9, 0.9), 5, RatingError()) is None


@pytest.mark.parametrize(
    ("ci95", "higher_is_better", "said"),
    [
        ((0.1, 0.3), True, "yes"),
        ((-0.3, -0.1), True, "no"),
        ((-0.3, -0.1), False, "yes"),
        ((0.1, 0.3), False, "no"),
        ((-0.1, 0.3), True, "unclear"),
        ((0.0, 0.3), True, "unclear"),
        ((-0.3, 0.0), True, "unclear"),
        (None, True, "unclear"),
    ],
)
def test_a_model_beats_another_where_the_interval_leaves_out_zero(ci95, higher_is_better, said):
    assert verdict(MetricResult("m", 0.2, 9, ci95, higher_is_better)) == said


def test_several_metrics_are_drawn_as_each_for_itself():
    pairs = paired(ONE, OTHER)
    together = differences([RatingError(), RatingError()], pairs, CONTEXT, seed=1, resamples=60)
    alone = differences([RatingError()], pairs, CONTEXT, seed=1, resamples=60)
    for result, expected in zip(together, [*alone, *alone], strict=True):
        assert result.ci95 == pytest.approx(expected.ci95)
