import numpy as np
import pytest
import torch
from builders import question
from rated import asked, rated, taste, told

from llmrec.errors import BackendError, ConfigError
from llmrec.model.recommender.index import Index
from llmrec.model.recommender.learner import kept
from llmrec.model.recommender.mlp import MLP
from llmrec.model.recommender.mlp_fit import Network, arrays, predict
from llmrec.model.recommender.ratings import Rated
from llmrec.progress import Silent
from llmrec.records import Text

ROWS, HELD_OUT = taste(seed=3)
VALID, TEST = HELD_OUT[::2], HELD_OUT[1::2]
SETTINGS = {
    "name": "mlp",
    "embedding": 4,
    "hidden": [8, 4],
    "dropout": 0.1,
    "learning_rate": 0.01,
    "weight_decay": 0.0,
    "batch_size": 64,
    "max_epochs": 20,
    "patience": 3,
    "validation_rows": None,
}


def mlp(**changes):
    return MLP(**(SETTINGS | changes))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("mlp")


def test_the_arrays_predict_what_the_network_does():
    torch.manual_seed(0)
    network = Network(mlp(), users=3, items=2).eval()
    rows = Rated(np.array([0, 1, 2]), np.array([0, 1, 1]), np.array([1.0, 2.0, 3.0], dtype=np.float32))
    weights = arrays(network, rows, np.array([2.0], dtype=np.float32))
    expected = 2.0 + network(torch.from_numpy(rows.users), torch.from_numpy(rows.items)).detach().numpy()
    np.testing.assert_allclose(predict(weights, rows.users, rows.items), expected, rtol=1e-5)


def test_what_is_unknown_has_the_mean_embedding_of_what_has_ratings():
    network = Network(mlp(), users=3, items=2)
    rows = Rated(np.array([0, 2]), np.array([1, 1]), np.array([1.0, 2.0], dtype=np.float32))
    weights = arrays(network, rows, np.array([2.0], dtype=np.float32))
    user, item = network.user.weight.detach().numpy(), network.item.weight.detach().numpy()
    np.testing.assert_allclose(weights["user"][-1], (user[0] + user[2]) / 2, rtol=1e-5)
    np.testing.assert_allclose(weights["user"][1], weights["user"][-1])
    np.testing.assert_allclose(weights["item"], [item[1]] * 3)


def test_taste_is_learned_beyond_the_mean_of_all(cache):
    answers = told(mlp(), rated(ROWS, VALID), asked(TEST), cache)
    given = np.array([stars for _, _, stars in TEST])
    errors = np.array([answer.stars for answer in answers]) - given
    mean = np.mean([stars for _, _, stars in ROWS])
    assert np.mean(errors**2) < 0.6 * np.mean((mean - given) ** 2)


def test_the_best_epoch_is_kept_with_its_curve(cache):
    session = mlp().open(rated(ROWS, VALID), 0, cache, Silent())
    scores = [point.validation for point in session.fit.curve]
    assert session.fit.best_epoch == scores.index(min(scores)) + 1
    assert all(point.loss is not None for point in session.fit.curve)
    assert session.fit.measure == "rmse"


def test_the_same_seed_learns_the_same_and_leaves_the_chance_of_others_alone(cache, tmp_path):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    again = told(mlp(), rated(ROWS, VALID), asked(TEST[:5]), tmp_path)
    assert torch.equal(torch.rand(3), expected)
    assert again == told(mlp(), rated(ROWS, VALID), asked(TEST[:5]), cache)


def test_an_unknown_user_gets_stars_of_the_item(cache):
    training = rated(ROWS, VALID)
    session = mlp().open(training, 0, cache, Silent())
    weights, _ = kept(cache / "recommender" / session.fit.name)
    item = Index(training).item["i03"]
    [answer] = told(mlp(), training, [question(user="nobody", item="i03")], cache)
    assert answer.stars == pytest.approx(predict(weights, np.array([-1]), np.array([item]))[0])


def test_a_task_without_ratings_is_refused(tmp_path):
    training = rated(ROWS, VALID)
    worded = training._replace(answered=[(row, Text("x")) for row in training.interactions])
    with pytest.raises(BackendError, match="model=mlp: no training rating to learn from; choose task=rating"):
        told(mlp(), worded, [], tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden": [8, 0]}, r"hidden\[1\]: 0 is too small"),
        ({"batch_size": 0}, "batch_size: 0 is too small"),
        ({"dropout": 1.0}, "dropout: 1.0 is no share"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(changes, message):
    with pytest.raises(ConfigError, match=message):
        mlp(**changes)
