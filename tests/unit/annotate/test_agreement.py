"""Agreement, against what was published and against other programs."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from llmrec.annotate.agreement import agreed, alike, alpha, preferences, tau

NONE = np.nan
# Four observers and twelve units of Krippendorff, "Computing Krippendorff's alpha-reliability", 2011.
PUBLISHED = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
        [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
    ]
)


def test_alpha_is_the_published_one():
    value, units, values = alpha(PUBLISHED)
    assert value == pytest.approx(0.815, abs=5e-4)
    assert (units, values) == (11, 40)  # one unit has one value alone


def test_alpha_by_hand():
    # Two raters, units (1, 1), (2, 2), (1, 2): coincidences 11: 2, 22: 2, 12 and 21: 1; n1 = n2 = 3, n = 6.
    # The only distance is 3^2: observed 2 * 9, expected 2 * 3 * 3 * 9 / 5; alpha = 1 - 18 / 32.4.
    value, units, values = alpha(np.array([[1.0, 2, 1], [1, 2, 2]]))
    assert value == pytest.approx(1 - 18 / 32.4)
    assert (units, values) == (3, 6)


def test_alpha_is_one_for_equals_and_none_where_nothing_differs_or_nothing_is_shared():
    same = np.array([[1.0, 2, 5], [1, 2, 5]])
    assert alpha(same)[0] == pytest.approx(1.0)
    assert alpha(np.ones((2, 3)))[0] is None
    assert alpha(np.array([[1.0, NONE], [NONE, 2]])) == (None, 0, 0)
    assert alpha(np.full((2, 3), NONE)) == (None, 0, 0)
    assert alpha(np.array([[1.0, 2, 3]])) == (None, 0, 0)


@pytest.mark.parametrize("seed", range(8))
def test_alpha_agrees_with_another_program(seed):
    krippendorff = pytest.importorskip("krippendorff", reason="needs krippendorff: pip install 'llmrec[dev]'")
    chance = np.random.default_rng(seed)
    values = chance.integers(1, 6, size=(4, 30)).astype(float)
    values[1] = np.where(chance.random(30) < 0.6, values[0], values[1])
    values[chance.random(values.shape) < 0.25] = NONE
    judge = krippendorff.alpha(reliability_data=values, level_of_measurement="ordinal")
    assert alpha(values)[0] == pytest.approx(judge)
    assert alpha(values.reshape(4, 6, 5))[0] == pytest.approx(judge)


@pytest.mark.parametrize("seed", range(8))
def test_tau_is_scipy_s_with_ties(seed):
    one, other = np.random.default_rng(seed).integers(1, 4, size=(2, 6)).astype(float)
    assert tau(one, other) == pytest.approx(kendalltau(one, other).statistic, nan_ok=True)


def test_tau_by_hand():
    # pairs AB, AC, BC: the same, the same, opposite
    assert tau(np.array([1.0, 2, 3]), np.array([1.0, 3, 2])) == pytest.approx(1 / 3)
    # of three pairs one is tied in the second: (1 + 1 + 0) / sqrt(3 * 2)
    assert tau(np.array([1.0, 2, 3]), np.array([1.0, 2.5, 2.5])) == pytest.approx(2 / np.sqrt(6))
    assert np.isnan(tau(np.array([1.0, 2]), np.array([1.5, 1.5])))
    assert np.isnan(tau(np.array([1.0, 2]), np.array([NONE, NONE])))


def test_preferences_say_of_each_pair_which_is_better():
    # AB: A is better; AC: equal; BC: C is better
    assert preferences(np.array([1.5, 3, 1.5])).tolist() == [1, 0, -1]
    assert np.isnan(preferences(np.array([NONE, NONE, NONE]))).all()


def test_agreed_counts_a_tie_of_the_other_as_half_and_takes_no_tie_of_the_one():
    one, other = np.array([1.0, 1, -1, 0, 1]), np.array([1.0, 0, 1, 1, NONE])
    np.testing.assert_array_equal(agreed(one, other), [1, 0.5, 0, NONE, NONE])
    np.testing.assert_array_equal(alike(one, other), [1, 0, 0, 0, NONE])
