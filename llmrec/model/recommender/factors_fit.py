"""How cornac learns the factors of ratings, and what they predict."""

from typing import TYPE_CHECKING

import numpy as np

from llmrec.model.recommender.index import Numbers
from llmrec.model.recommender.ratings import Array, Course, Rated, Weights, best_epoch, rmse

if TYPE_CHECKING:
    from llmrec.model.recommender.factors import MatrixFactorization

# Spread of the factors at the start, as cornac draws them.
SPREAD = 0.01


def fit(
    model: "MatrixFactorization",
    regularization: float,
    rows: Rated,
    held_out: Rated,
    sizes: tuple[int, int],
    seed: int,
) -> Course:
    """Return the best epoch. `sizes` are the numbers of users and items."""
    from cornac.data import Dataset
    from cornac.models import MF

    chance = np.random.default_rng(seed)
    # One user's rows after another would pull the items' offsets along; cornac takes rows as they come.
    order = chance.permutation(len(rows.stars))
    data = Dataset.build(
        zip(rows.users[order].tolist(), rows.items[order].tolist(), rows.stars[order].tolist(), strict=True),
        global_uid_map={number: number for number in range(sizes[0])},
        global_iid_map={number: number for number in range(sizes[1])},
    )
    learned = start(rows, model.factors, sizes, chance)

    def epoch() -> None:
        # Given a seed, cornac keeps to one thread: several would race for the same factors.
        one = MF(
            k=model.factors,
            max_iter=1,
            learning_rate=model.learning_rate,
            lambda_reg=regularization,
            init_params=learned,
            seed=seed,
        )
        one.fit(data)  # in place

    mean = np.array([data.global_mean], dtype=np.float32)
    names = {"user_factors": "U", "item_factors": "V", "user_offsets": "Bu", "item_offsets": "Bi"}
    return best_epoch(
        epoch=epoch,
        weights=lambda: {"mean": mean} | {name: learned[key].copy() for name, key in names.items()},
        score=lambda weights: rmse(predict(weights, held_out.users, held_out.items), held_out.stars),
        max_epochs=model.max_epochs,
        patience=model.patience,
    )


def start(rows: Rated, factors: int, sizes: tuple[int, int], chance: np.random.Generator) -> dict[str, Array]:
    """Return cornac's parameters before the first epoch: small factors, and zeros for what has no rating,
    which stay as they are."""
    found = {}
    for key, numbers, size in zip("UV", (rows.users, rows.items), sizes, strict=True):
        drawn = chance.normal(scale=SPREAD, size=(size, factors)).astype(np.float32)
        drawn[np.bincount(numbers, minlength=size) == 0] = 0.0
        found[key] = drawn
    return found | {"Bu": np.zeros(sizes[0], np.float32), "Bi": np.zeros(sizes[1], np.float32)}


def predict(weights: Weights, users: Numbers, items: Numbers) -> Array:
    """Return [rows] stars, not yet within the scale; number -1 adds nothing."""
    user, item = with_unknown(weights["user_factors"]), with_unknown(weights["item_factors"])
    offsets = with_unknown(weights["user_offsets"])[users] + with_unknown(weights["item_offsets"])[items]
    products: Array = np.sum(user[users] * item[items], axis=1)
    return weights["mean"] + offsets + products


def with_unknown(array: Array) -> Array:
    """Return the array with a row of zeros behind it, which number -1 finds."""
    return np.concatenate([array, np.zeros_like(array[:1])])
