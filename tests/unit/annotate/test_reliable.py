"""The interval of raters' agreement, on ratings whose agreement is known."""

import numpy as np
import pytest

from llmrec.annotate.agreement import alpha
from llmrec.annotate.scores import Chance, reliable

NONE = np.nan
CHANCE = Chance(seed=0, resamples=400)


def test_agreement_by_chance_has_an_interval_that_holds_zero_and_one_by_taste_has_none_of_it():
    """Of 20 studies whose raters guess, at most 3 intervals leave 0 out (5% would)."""
    outside = 0
    for seed in range(20):
        values = np.random.default_rng(seed).integers(1, 6, size=(3, 40, 4)).astype(float)
        low, high = reliable(values, CHANCE)
        assert low < alpha(values)[0] < high
        outside += not low < 0 < high
    assert outside <= 3
    values[1:] = np.where(np.random.default_rng(1).random((2, 40, 4)) < 0.8, values[0], values[1:])
    assert 0 < reliable(values, CHANCE)[0] < alpha(values)[0] < 1


def test_the_texts_of_a_row_are_drawn_together():
    """Rows of ten texts alike say no more than rows of one: their interval is wider than texts' would be."""
    by_row = np.random.default_rng(0).integers(1, 6, size=(2, 30, 1)).astype(float)
    by_row[1, :15] = by_row[0, :15]
    alike = np.repeat(by_row, 10, axis=2)
    together, apart = (reliable(values, CHANCE) for values in (alike, alike.reshape(2, 300, 1)))
    assert together == pytest.approx(reliable(by_row, CHANCE), abs=0.05)
    assert together[1] - together[0] > 2 * (apart[1] - apart[0])


def test_raters_who_agree_wholly_are_not_certain_to():
    few, many = (np.tile(np.arange(rows) % 5 + 1.0, (2, 1))[:, :, None] for rows in (10, 200))
    for values in (few, many):
        assert alpha(values)[0] == pytest.approx(1)
        assert reliable(values, CHANCE)[1] == pytest.approx(1)
    assert reliable(few, CHANCE)[0] < reliable(many, CHANCE)[0] < 1


def test_agreement_without_enough_to_draw_from_has_no_interval():
    one = np.array([[[1.0, 2, 3], [NONE] * 3], [[1, 3, 2], [4, 5, 1]]])
    assert alpha(one)[0] is not None
    assert reliable(one, CHANCE) is None  # two raters share one row alone
    undefined = np.array([[[1.0], [1.0]], [[1.0], [2.0]]])
    assert alpha(undefined)[0] is not None
    assert reliable(undefined, CHANCE) is None  # the first row twice: all the same
    assert reliable(np.full((2, 3, 1), NONE), CHANCE) is None
