"""Numbers without words: what is seen of a rating, that it never sees itself, and trees as arrays."""

import numpy as np
import pytest
from builders import event, interaction, question
from rated import asked, rated, taste, told

from llmrec.errors import BackendError, ConfigError
from llmrec.model.recommender.blind import TextBlind
from llmrec.model.recommender.blind_features import crossed, figures, histories, recent
from llmrec.model.recommender.ratings import Rated
from llmrec.model.recommender.trees import arrays, predict

sklearn = pytest.importorskip("sklearn", reason="needs the extra baselines")

DAY = 24 * 60 * 60
ROWS, HELD_OUT = taste(seed=3)
VALID, TEST = HELD_OUT[::2], HELD_OUT[1::2]
SETTINGS = {
    "name": "text_blind",
    "user_shrinkage": 2.0,
    "item_shrinkage": 2.0,
    "folds": 10,
    "learning_rate": 0.1,
    "max_leaves": 7,
    "min_leaf_rows": 20,
    "l2": 1.0,
    "max_epochs": 60,
    "patience": 5,
    "validation_rows": None,
}


def blind(**changes):
    return TextBlind(**(SETTINGS | changes))


def columns(users, items, stars):
    return Rated(np.array(users), np.array(items), np.array(stars, dtype=np.float32))


def test_figures_are_count_shrunken_offset_and_spread():
    # The mean is 3. Item 0 has 5 and 3, item 1 has 1: offsets 2 / (2 + 1) and -2 / (1 + 1).
    known = figures(columns([0, 0, 1], [0, 1, 0], [5, 1, 3]), (2, 2), (1.0, 1.0))
    np.testing.assert_allclose(known["item_figures"], [[2, 2 / 3, 1], [1, -1, 0], [0, 0, np.nan]])
    # What is left of user 0 after its items: 2 - 2/3 and -2 + 1; of user 1: 0 - 2/3.
    np.testing.assert_allclose(known["user_figures"][0], [2, (4 / 3 - 1) / 3, (4 / 3 + 1) / 2])
    np.testing.assert_allclose(known["user_figures"][1:], [[1, -1 / 3, 0], [0, 0, np.nan]])


def test_recent_tells_number_last_mean_of_three_days_since_and_the_mean_of_the_last_day():
    past = [(1.0, 0), (2.0, 5 * DAY), (4.0, 9 * DAY + 1), (5.0, 9 * DAY + 2)]
    assert recent(past, 10 * DAY) == [4.0, 5.0, 11 / 3, pytest.approx(1 - 2 / DAY), 4.5]
    assert recent(past[:2], 10 * DAY)[3:] == [5.0, pytest.approx(np.nan, nan_ok=True)]


def test_an_empty_history_is_unknown():
    number, *rest = recent([], 10)
    assert number == 0.0
    assert np.isnan(rest).all()


def test_a_training_rows_history_is_what_came_before_it_of_the_same_user():
    rows = [interaction("u", "a", 0, 1.0), interaction("u", "b", 1, 2.0), interaction("v", "a", 2, 3.0)]
    numbers, last = histories(rows)[:, 0], histories(rows)[:, 1]
    assert numbers.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(last, [np.nan, 1.0, np.nan])


def test_no_training_row_sees_its_own_stars():
    training = rated(ROWS)
    users, items = ([int(row[place][1:]) for row in sorted(ROWS)] for place in (0, 1))
    stars = np.array([row[2] for row in sorted(ROWS)], dtype=np.float32)

    def seen(given):
        return crossed(training.interactions, columns(users, items, given), (60, 40), (1.0, 1.0), 5, seed=0)

    for row in (0, 17, 400):
        changed = stars.copy()
        changed[row] = 6 - changed[row] if changed[row] != 3 else 5
        before, after = seen(stars), seen(changed)
        np.testing.assert_array_equal(before[row], after[row])
        assert not np.array_equal(before, after, equal_nan=True)


def test_trees_as_arrays_predict_what_scikit_learn_does():
    from sklearn.ensemble import HistGradientBoostingRegressor

    chance = np.random.default_rng(0)
    features = chance.normal(size=(500, 4))
    features[chance.random(features.shape) < 0.2] = np.nan
    stars = np.nan_to_num(features[:, 0]) + np.isnan(features[:, 1]) + chance.normal(scale=0.1, size=500)
    boosted = HistGradientBoostingRegressor(max_iter=20, random_state=0).fit(features, stars)
    np.testing.assert_allclose(predict(arrays(boosted, 20), features), boosted.predict(features))
    seventh = list(boosted.staged_predict(features))[6]
    np.testing.assert_allclose(predict(arrays(boosted, 7), features), seventh)


def test_numbers_alone_beat_the_mean_of_all(tmp_path):
    answers = told(blind(), rated(ROWS, VALID), asked(TEST), tmp_path)
    given = np.array([stars for _, _, stars in TEST])
    errors = np.array([answer.stars for answer in answers]) - given
    mean = np.mean([stars for _, _, stars in ROWS])
    assert np.mean(errors**2) < 0.7 * np.mean((mean - given) ** 2)


def test_words_do_not_matter_and_the_history_does(tmp_path):
    training = rated(ROWS, VALID)
    retold = training._replace(
        items={id: type(item)(id, "Another title", "Else", ("x",)) for id, item in training.items.items()}
    )
    questions = asked(TEST)
    plain = told(blind(), training, questions, tmp_path)
    assert told(blind(), retold, questions, tmp_path) == plain
    bad = tuple(event("i00", time=100, rating=1.0) for _ in range(3))
    after = [
        type(one)(**{f: getattr(one, f) for f in one.__struct_fields__} | {"history": bad})
        for one in questions
    ]
    assert told(blind(), training, after, tmp_path) != plain


def test_an_unknown_user_and_item_are_answered(tmp_path):
    [answer] = told(blind(), rated(ROWS, VALID), [question(user="nobody", item="nothing")], tmp_path)
    assert 1.0 <= answer.stars <= 5.0


def test_the_same_seed_learns_the_same(tmp_path):
    first, again = (
        told(blind(), rated(ROWS, VALID), asked(TEST), tmp_path / name) for name in ("first", "again")
    )
    assert first == again


def test_a_fit_without_validation_rows_is_refused(tmp_path):
    with pytest.raises(BackendError, match="model=text_blind: no validation row to stop by"):
        told(blind(), rated(ROWS), [], tmp_path)


def test_one_fold_is_refused():
    with pytest.raises(ConfigError, match="folds: 1 is too small; give 2 or more"):
        blind(folds=1)
