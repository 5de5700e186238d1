"""Permutation tests and intervals against scipy, against each other, and against known truth."""

import numpy as np
import pytest
from scipy.stats import kstest, permutation_test

from llmrec.metric import permutation
from llmrec.metric.difference import apart
from llmrec.metric.permutation import corrected, p_values
from llmrec.metric.ranking import HitRate
from llmrec.metric.rating import RatingError

HIT, ERROR = HitRate(k=[5]), RatingError()
DRAWN = [0.652]


def by_scipy(one, other, value, permutations):
    """Return scipy's p-value of a difference of scores that are functions of the mean of single numbers."""

    def between(first, second, axis):
        return value(second.mean(axis=axis)) - value(first.mean(axis=axis))

    test = permutation_test(
        (one, other), between, permutation_type="samples", vectorized=True, n_resamples=permutations, rng=0
    )
    return test.pvalue


@pytest.mark.parametrize("seed", range(5))
def test_few_rows_are_exchanged_in_every_way_as_by_scipy(seed):
    one, other = np.random.default_rng(seed).random((2, 9, 2))
    rmse, mae = p_values(ERROR, one, other, seed=0)
    assert rmse == pytest.approx(by_scipy(one[:, 0], other[:, 0], np.sqrt, 9999))
    assert mae == pytest.approx(by_scipy(one[:, 1], other[:, 1], lambda mean: mean, 9999))


def test_rows_that_do_not_differ_change_nothing():
    one, other = np.random.default_rng(1).random((2, 8, 2))
    same = np.random.default_rng(2).random((5, 2))
    longer = p_values(ERROR, np.vstack([one, same]), np.vstack([other, same]), seed=0)
    assert longer[1] == pytest.approx(p_values(ERROR, one, other, seed=0)[1])
    assert p_values(ERROR, one, one, seed=0) == [1.0, 1.0]


def test_many_rows_are_exchanged_by_chance_close_to_scipy():
    chance = np.random.default_rng(3)
    one, other = (chance.random((300, 1)) < share for share in (0.2, 0.23))
    [own] = p_values(HIT, one.astype(float), other.astype(float), seed=0)
    assert own == pytest.approx(by_scipy(one[:, 0], other[:, 0], lambda mean: mean, 9999), abs=0.01)
    assert 0.001 < own < 0.9


def test_p_is_never_zero_and_the_seed_decides_it():
    one, other = np.zeros((60, 1)), np.ones((60, 1))
    assert p_values(HIT, one, other, seed=0, permutations=199) == [1 / 200]
    chance = np.random.default_rng(4).random((2, 50, 1))
    assert p_values(HIT, *chance, seed=5) == p_values(HIT, *chance, seed=5)
    assert p_values(HIT, *chance, seed=5) != p_values(HIT, *chance, seed=6)


def test_p_values_are_uniform_where_there_is_no_difference():
    found = []
    for seed in range(1000):
        alike = np.random.default_rng(seed).normal(size=(2, 60, 2)) ** 2
        found.append(p_values(ERROR, *alike, seed=seed, permutations=499)[0])
    assert kstest(found, "uniform").pvalue > 0.01
    assert 0.03 < np.mean(np.array(found) < 0.05) < 0.07


@pytest.mark.parametrize(("metric", "column"), [(ERROR, 0), (HIT, 0)])
def test_an_interval_of_95_percent_holds_the_truth_that_often(metric, column):
    held = 0
    for seed in range(1000):
        chance = np.random.default_rng(seed)
        if metric is HIT:  # of two hits that go together: .3 and .4
            dice = chance.random((200, 1))
            one, other, truth = (dice < 0.3) * 1.0, (dice > 0.25) * (dice < 0.65) * 1.0, 0.1
        else:  # errors of standard deviation 1 and 1.2, in pairs
            noise = chance.normal(size=(200, 2)) @ np.array([[1.0, 0.7], [0.0, 1.0]])
            noise *= np.array([1.0, 1.2 / np.hypot(0.7, 1.0)])
            one, other = (np.column_stack([noise[:, side] ** 2, abs(noise[:, side])]) for side in (0, 1))
            truth = 0.2
        low, high = apart([(metric, ["score"])], [one], [other], seed, 400)[column].ci95
        held += low <= truth <= high
    assert 930 <= held <= 970


def test_p_values_are_corrected_for_their_number():
    # Sorted .01 .02 .03 .2 by 4, 3, 2, 1, none below the one before it.
    assert corrected([0.02, 0.2, 0.01, 0.03]) == pytest.approx([0.06, 0.2, 0.04, 0.06])
    assert corrected([0.6, 0.9]) == [1.0, 1.0]
    assert corrected([]) == []


def test_exchanges_are_made_in_parts_alike(monkeypatch):
    one, other = np.random.default_rng(7).random((2, 50, 2))
    whole = p_values(ERROR, one, other, seed=0, permutations=333)
    monkeypatch.setattr(permutation, "_CELLS", 50 * 100)
    parts = [len(part) for part in permutation._drawn(50, 333, np.random.default_rng(0))]
    assert parts == [100, 100, 100, 33]
    assert p_values(ERROR, one, other, seed=0, permutations=333) == whole
    monkeypatch.setattr(permutation, "_CELLS", 10)  # fewer than rows
    assert [len(part) for part in permutation._drawn(50, 3, np.random.default_rng(0))] == [1, 1, 1]


def test_as_many_exchanges_as_are_allowed_are_all_made():
    one, other = np.zeros((3, 1)), np.ones((3, 1))
    assert p_values(HIT, one, other, seed=0, permutations=8) == [2 / 8]


def test_what_a_seed_draws_stays_drawn():
    one, other = np.random.default_rng(8).random((2, 40, 1))
    # Written down: by another hash results that were published could not be had again.
    assert p_values(HIT, one, other, seed=0, permutations=499) == DRAWN
