"""Ratings by number, the epochs of a fit that is chosen by them, and predicted stars as answers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from llmrec.errors import BackendError
from llmrec.model.recommender.index import Index, Numbers
from llmrec.model.recommender.learner import Lesson
from llmrec.records import Question, Rating
from llmrec.results import FitPoint

Array = NDArray[np.float32]
Stars = NDArray[np.floating[Any]]
Weights = Mapping[str, Array]


class Rated(NamedTuple):
    """[rows] each: the user (-1 for one without training rows), the item, the stars given."""

    users: Numbers
    items: Numbers
    stars: Array


def training_rows(model: str, lesson: Lesson) -> Rated:
    """Return the training interactions, user by user and each user's oldest first. Raises BackendError
    where the task asks for no ratings."""
    if not any(isinstance(answer, Rating) for answer in lesson.training.answers):
        raise BackendError(f"model={model}: no training rating to learn from; choose task=rating")
    rows, numbers = lesson.training.interactions, lesson.numbers
    return Rated(
        np.array([numbers.user[row.user] for row in rows], dtype=np.int64),
        np.array([numbers.item[row.item] for row in rows], dtype=np.int64),
        np.array([row.rating for row in rows], dtype=np.float32),
    )


def validation_rows(model: str, lesson: Lesson) -> Rated:
    """Return the rows to choose by. Raises BackendError where there are none."""
    if not lesson.validation:
        raise BackendError(
            f"model={model}: no validation row to stop by; raise model.validation_rows, or take more data"
        )
    questions = [example.question for example in lesson.validation]
    given = [example.reference for example in lesson.validation]
    stars = [answer.stars for answer in given if isinstance(answer, Rating)]
    return Rated(
        lesson.numbers.users_of(questions),
        items_of(lesson.numbers, questions),
        np.array(stars, dtype=np.float32),
    )


def items_of(index: Index, questions: Sequence[Question]) -> Numbers:
    """Return each question's item, -1 for one outside the catalogue."""
    return np.array([index.item.get(question.item or "", -1) for question in questions], dtype=np.int64)


def answers(stars: Stars) -> list[Rating]:
    """Return predicted stars as answers within the scale."""
    return [Rating(float(each)) for each in np.clip(stars, 1.0, 5.0)]


def rmse(predicted: Stars, given: Stars) -> float:
    """Return the root mean square error of predicted stars, brought within the scale."""
    errors = np.clip(predicted, 1.0, 5.0).astype(np.float64) - given
    return float(np.sqrt(np.mean(errors**2)))


class Course(NamedTuple):
    """The epochs of a fit: the weights of the best one, its number and score, and the curve."""

    weights: Weights
    best_epoch: int
    score: float
    curve: list[FitPoint]


def best_epoch(
    epoch: Callable[[], float | None],
    weights: Callable[[], Weights],
    score: Callable[[Weights], float],
    max_epochs: int,
    patience: int,
) -> Course:
    """Train until `patience` epochs brought no lower score. `epoch` does one and returns its loss; `weights`
    copies what is learned so far."""
    curve: list[FitPoint] = []
    best = Course(weights(), 0, np.inf, curve)
    while len(curve) < max_epochs and len(curve) < best.best_epoch + patience:
        loss = epoch()
        found = weights()
        curve.append(FitPoint(len(curve) + 1, loss, score(found)))
        if curve[-1].validation is not None and curve[-1].validation < best.score:
            best = Course(found, len(curve), curve[-1].validation, curve)
    return best
