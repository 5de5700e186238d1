"""Boosted trees: fitted by scikit-learn, kept and read as plain arrays."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from llmrec.model.recommender.ratings import rmse
from llmrec.results import FitPoint

if TYPE_CHECKING:
    from llmrec.model.recommender.blind import TextBlind

Array = NDArray[np.float64]


def fit(
    model: "TextBlind", seen: tuple[Array, Any], ahead: tuple[Array, Any], seed: int
) -> tuple[dict[str, Array], list[FitPoint]]:
    """Return the trees up to the one after which validation was best, and the curve, a tree a point.

    `seen` and `ahead` are [rows, features] and [rows] stars, to learn from and to stop by.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    boosted = HistGradientBoostingRegressor(
        learning_rate=model.learning_rate,
        max_iter=model.max_epochs,
        max_leaf_nodes=model.max_leaves,
        min_samples_leaf=model.min_leaf_rows,
        l2_regularization=model.l2,
        early_stopping=True,
        n_iter_no_change=model.patience,
        tol=0.0,
        random_state=seed,
    ).fit(seen[0], seen[1], X_val=ahead[0], y_val=ahead[1])
    curve = [
        FitPoint(number, None, rmse(stars, ahead[1]))
        for number, stars in enumerate(boosted.staged_predict(ahead[0]), 1)
    ]
    best = min(range(len(curve)), key=lambda place: (curve[place].validation, place))
    return arrays(boosted, best + 1), curve


def arrays(boosted: Any, trees: int) -> dict[str, Array]:
    """Return the nodes of the first `trees` trees one behind the other, and where each tree starts.

    A leaf leads to itself, both ways; children are counted over all trees.
    """
    nodes = [boosted._predictors[number][0].nodes for number in range(trees)]
    roots = np.cumsum([0, *(len(each) for each in nodes)])
    whole = np.concatenate(nodes)
    shift = np.repeat(roots[:-1], np.diff(roots))
    here, is_leaf = np.arange(len(whole)), whole["is_leaf"].astype(bool)
    return {
        "start": np.asarray(boosted._baseline_prediction, dtype=np.float64).reshape(1),
        "roots": roots[:-1],
        "feature": np.where(is_leaf, 0, whole["feature_idx"]),
        "threshold": whole["num_threshold"].astype(np.float64),
        "unknown_left": whole["missing_go_to_left"].astype(np.int64),
        "left": np.where(is_leaf, here, whole["left"] + shift),
        "right": np.where(is_leaf, here, whole["right"] + shift),
        "value": whole["value"].astype(np.float64),
    }


def predict(weights: Mapping[str, Array], features: Array) -> Array:
    """Return [rows]: what the trees add up to for [rows, features]; NaN goes the way of the unknown."""
    rows = np.arange(len(features))[:, None]
    node = np.tile(weights["roots"], (len(features), 1))
    while True:
        value = features[rows, weights["feature"][node]]
        unknown = np.isnan(value) & (weights["unknown_left"][node] == 1)
        goes_left = (value <= weights["threshold"][node]) | unknown
        child = np.where(goes_left, weights["left"][node], weights["right"][node])
        if np.array_equal(child, node):
            grown: Array = weights["value"][node].sum(axis=1)
            return weights["start"] + grown
        node = child
