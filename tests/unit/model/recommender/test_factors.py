"""Matrix factorisation by cornac: the same scores as cornac's own, in our evaluation and in its own."""

import numpy as np
import pytest
from builders import question
from rated import asked, rated, taste, told

from llmrec.errors import BackendError, ConfigError
from llmrec.metric.base import Context, Row
from llmrec.metric.rating import RatingError
from llmrec.metric.score import score
from llmrec.model.recommender.factors import MatrixFactorization
from llmrec.model.recommender.index import Index
from llmrec.model.recommender.learner import kept
from llmrec.progress import Silent
from llmrec.records import Rating, Text

cornac = pytest.importorskip("cornac", reason="needs the extra baselines")

ROWS, HELD_OUT = taste(seed=3)
VALID, TEST = HELD_OUT[::2], HELD_OUT[1::2]
SETTINGS = {
    "name": "mf",
    "factors": 4,
    "learning_rate": 0.02,
    "regularization": [0.02],
    "max_epochs": 100,
    "patience": 20,
    "validation_rows": None,
}


def mf(**changes):
    return MatrixFactorization(**(SETTINGS | changes))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("mf")


def learned(model, training, cache):
    session = model.open(training, 0, cache, Silent())
    weights, _ = kept(cache / "recommender" / session.fit.name)
    return weights, session.fit


def as_cornac(weights, epochs):
    """Return cornac's model with our parameters, or, of epochs, what it learns from where we started."""
    names = {"U": "user_factors", "V": "item_factors", "Bu": "user_offsets", "Bi": "item_offsets"}
    given = {key: weights[name].copy() for key, name in names.items()}
    return cornac.models.MF(
        k=4, max_iter=epochs, learning_rate=0.02, lambda_reg=0.02, init_params=given, seed=0,
        trainable=epochs > 0,
    )  # fmt: skip


def test_our_evaluation_and_cornacs_own_agree_on_the_same_rows(cache):
    training = rated(ROWS, VALID)
    weights, _ = learned(mf(), training, cache)
    index = Index(training)
    maps = {"global_uid_map": dict(index.user), "global_iid_map": dict(index.item)}
    model = as_cornac(weights, epochs=0).fit(cornac.data.Dataset.build(ROWS, **maps))
    theirs, _ = cornac.eval_methods.base_method.rating_eval(
        model, [cornac.metrics.RMSE(), cornac.metrics.MAE()], cornac.data.Dataset.build(TEST, **maps)
    )

    answers = told(mf(), training, asked(TEST), cache)
    rows = [
        Row(question=one, reference=Rating(stars), answer=answer)
        for one, (_, _, stars), answer in zip(asked(TEST), TEST, answers, strict=True)
    ]
    context = Context(training=training.answers)
    ours = {one.id: one.value for one in score([RatingError()], rows, context, seed=0, resamples=10)}
    assert [ours["rmse"], ours["mae"]] == pytest.approx(theirs, abs=1e-5)
    assert len(rows) == len(TEST) > 100


def test_epochs_one_by_one_are_those_of_cornac_in_one_go(cache, tmp_path):
    from llmrec.model.recommender.factors_fit import start
    from llmrec.model.recommender.learner import Lesson
    from llmrec.model.recommender.ratings import training_rows

    training = rated(ROWS, VALID)
    weights, fit = learned(mf(max_epochs=4, patience=4), training, cache)
    assert fit.best_epoch == 4
    rows = training_rows("mf", Lesson(training, Index(training), [], 0, tmp_path, Silent()))
    chance = np.random.default_rng(0)
    order = chance.permutation(len(rows.stars))
    data = cornac.data.Dataset.build(
        list(zip(*(column[order].tolist() for column in rows), strict=True)),
        global_uid_map={n: n for n in range(60)},
        global_iid_map={n: n for n in range(40)},
    )
    at_once = cornac.models.MF(
        k=4, max_iter=4, learning_rate=0.02, lambda_reg=0.02, seed=0,
        init_params=start(rows, 4, (60, 40), chance),
    ).fit(data)  # fmt: skip
    np.testing.assert_array_equal(weights["user_factors"], at_once.u_factors)
    np.testing.assert_array_equal(weights["item_offsets"], at_once.i_biases)


def test_taste_is_learned_beyond_the_mean(cache):
    training = rated(ROWS, VALID)
    answers = told(mf(), training, asked(TEST), cache)
    given = np.array([stars for _, _, stars in TEST])
    errors = np.array([answer.stars for answer in answers]) - given
    mean = np.mean([stars for _, _, stars in ROWS])
    assert np.mean(errors**2) < 0.5 * np.mean((mean - given) ** 2)


def test_the_strength_that_is_best_on_validation_rows_is_kept(cache):
    _, fit = learned(mf(regularization=[5.0, 0.02]), rated(ROWS, VALID), cache)
    assert fit.measure == "rmse (regularization=0.02)"
    assert (fit.rows, fit.library.split()[0]) == (len(ROWS), "cornac")


def test_what_is_unknown_adds_nothing(cache):
    training = rated(ROWS, VALID, catalogue="x")
    weights, _ = learned(mf(), training, cache)
    index = Index(training)
    user, item, mean = index.user["u03"], index.item["i05"], weights["mean"][0]
    asking = [
        question(user="nobody", item="i05"),
        question(user="u03", item="x"),
        question(user="nobody", item="x"),
        question(user="nobody", item="elsewhere"),
    ]
    expected = [mean + weights["item_offsets"][item], mean + weights["user_offsets"][user], mean, mean]
    answers = told(mf(), training, asking, cache)
    assert [answer.stars for answer in answers] == pytest.approx(expected)


def test_the_same_seed_learns_the_same_and_another_something_else(tmp_path):
    training = rated(ROWS, VALID)
    first, again, other = (
        told(mf(), training, asked(TEST[:5]), tmp_path / name, seed)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first == again != other


def test_a_fit_without_validation_rows_is_refused(tmp_path):
    with pytest.raises(BackendError, match="model=mf: no validation row to stop by"):
        told(mf(validation_rows=0), rated(ROWS, VALID), [], tmp_path)


def test_a_task_without_ratings_is_refused(tmp_path):
    training = rated(ROWS, VALID)
    worded = training._replace(answered=[(row, Text("x")) for row in training.interactions])
    with pytest.raises(BackendError, match="model=mf: no training rating to learn from; choose task=rating"):
        told(mf(), worded, [], tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"factors": 0}, "factors: 0 is too small"),
        ({"regularization": []}, "regularization: .* are no strengths"),
        ({"regularization": [-1.0]}, "regularization: .* are no strengths"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(changes, message):
    with pytest.raises(ConfigError, match=message):
        mf(**changes)
