"""RMSE and MAE, worked by hand."""

import numpy as np
import pytest

from llmrec.errors import ConfigError
from llmrec.metric.base import Context, Row
from llmrec.metric.rating import RatingError, fallback_stars
from llmrec.metric.score import score
from llmrec.records import Answer, Question, Rating, Text
from llmrec.results import MetricResult

QUESTION = Question(id="q", user="u", time=0, history=(), item="i", rating=None, review=None, candidates=())
TRAINING = Context(training=[Rating(5.0), Rating(4.0), Rating(3.0), Rating(2.0)])


def row(given: float, answered: float | None) -> Row:
    answer = None if answered is None else Rating(answered)
    return Row(question=QUESTION, reference=Rating(given), answer=answer)


def results(rows: list[Row], context: Context = TRAINING) -> dict[str, MetricResult]:
    return {result.id: result for result in score([RatingError()], rows, context, seed=0, resamples=50)}


def test_errors_of_one_and_three_stars() -> None:
    found = results([row(5.0, 4.0), row(1.0, 4.0)])
    assert found["rmse"].value == pytest.approx(np.sqrt((1 + 9) / 2))
    assert found["mae"].value == pytest.approx(2.0)
    assert not found["rmse"].higher_is_better


def test_a_missing_rating_counts_as_the_training_mean() -> None:
    found = results([row(5.0, 5.0), row(5.0, None)])
    assert found["mae"].value == pytest.approx((0 + 1.5) / 2)
    assert found["mae"].n == 2
    assert found["mae:valid"].value == 0.0
    assert found["mae:valid"].n == 1


def test_without_training_ratings_the_fallback_is_the_middle_of_the_scale() -> None:
    assert fallback_stars(Context(training=[])) == 3.0


@pytest.mark.parametrize(("reference", "answer"), [(Text("good"), Text("bad")), (Rating(4.0), Text("4"))])
def test_another_kind_of_answer_is_refused(reference: Answer, answer: Answer) -> None:
    rows = [Row(question=QUESTION, reference=reference, answer=answer)]
    told = "metric: Text answers cannot be scored as Rating; choose the metric group that fits the task"
    with pytest.raises(ConfigError, match=f"^{told}$"):
        results(rows)
