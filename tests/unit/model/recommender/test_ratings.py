import numpy as np
import pytest

from llmrec.model.recommender.ratings import answers, best_epoch, rmse
from llmrec.records import Rating


def test_predicted_stars_are_brought_within_the_scale():
    assert answers(np.array([0.2, 3.5, 7.0])) == [Rating(1.0), Rating(3.5), Rating(5.0)]


def test_errors_are_those_of_stars_within_the_scale():
    # 5 for 9, 2 for 1: the errors are 0 and 1.
    assert rmse(np.array([9.0, 2.0]), np.array([5.0, 1.0])) == pytest.approx(0.5**0.5)


def course(scores, max_epochs=10, patience=2):
    done = []
    return best_epoch(
        epoch=lambda: done.append(len(done) + 1),
        weights=lambda: {"epoch": np.array([len(done)])},
        score=lambda weights: scores[int(weights["epoch"][0]) - 1],
        max_epochs=max_epochs,
        patience=patience,
    )


def test_a_fit_stops_once_patience_is_spent_and_keeps_the_best_epoch():
    found = course([3.0, 1.0, 2.0, 1.5, 0.1])
    assert (found.best_epoch, found.score, found.weights["epoch"][0]) == (2, 1.0, 2)
    assert [point.validation for point in found.curve] == [3.0, 1.0, 2.0, 1.5]


def test_of_equally_good_epochs_the_first_is_kept():
    assert course([1.0, 1.0, 1.0]).best_epoch == 1


def test_a_fit_that_gets_better_stops_at_its_most_epochs():
    assert course([3.0, 2.0, 1.0], max_epochs=3).best_epoch == 3
