from pathlib import Path

import pytest
from builders import question
from rated import rated, told

from llmrec.errors import BackendError, ConfigError
from llmrec.model.recommender.means import ItemMean, UserItemMean, UserMean
from llmrec.records import Rating, Text

NOWHERE = Path("unused")
# The mean of all is 3: u has 5 and 4, v has 2 and 1; a has 5 and 2, b has 4 and 1.
ROWS = [("u", "a", 5.0), ("u", "b", 4.0), ("v", "a", 2.0), ("v", "b", 1.0)]
USER = UserMean(name="user_mean", shrinkage=1)
ITEM = ItemMean(name="item_mean", shrinkage=2)
BOTH = UserItemMean(name="user_item_mean", user_shrinkage=1, item_shrinkage=2)


def stars(model, user, item, rows=ROWS):
    [answer] = told(model, rated(rows), [question(user=user, item=item)], NOWHERE)
    return answer.stars


def test_a_users_mean_is_shrunk_towards_that_of_all_by_so_many_ratings():
    # (5 + 4 + 3) / 3
    assert stars(USER, "u", "a") == pytest.approx(4.0)


def test_an_items_mean_is_shrunk_towards_that_of_all_by_so_many_ratings():
    # (4 + 1 + 3 + 3) / 4
    assert stars(ITEM, "u", "b") == pytest.approx(2.75)


def test_without_shrinkage_means_are_plain():
    assert stars(UserMean(name="user_mean", shrinkage=0), "v", "a") == pytest.approx(1.5)


def test_both_offsets_are_added_the_items_first():
    # a: (2 - 1) / (2 + 2) = 0.25, b: (1 - 2) / 4 = -0.25.
    # u: (5 - 3 - 0.25 + 4 - 3 + 0.25) / (2 + 1) = 1.
    assert stars(BOTH, "u", "a") == pytest.approx(3 + 0.25 + 1)


def test_what_is_unknown_adds_nothing():
    assert stars(USER, "w", "a") == pytest.approx(3.0)
    assert stars(ITEM, "u", "c") == pytest.approx(3.0)
    assert stars(BOTH, "w", "a") == pytest.approx(3.25)
    assert stars(BOTH, "u", "c") == pytest.approx(4.0)


def test_stars_stay_within_the_scale():
    # The mean of all is 3, a's offset is 2 and u's 2 more; with b and v it is the same below.
    rows = [
        ("u", "a", 5.0),
        ("v", "b", 1.0),
        ("u", "c", 5.0),
        ("w", "a", 5.0),
        ("v", "d", 1.0),
        ("x", "b", 1.0),
    ]
    plain = UserItemMean(name="user_item_mean", user_shrinkage=0, item_shrinkage=0.5)
    assert stars(plain, "u", "a", rows) == 5.0
    assert stars(plain, "v", "b", rows) == 1.0


def test_rows_without_stars_as_answers_are_refused():
    training = rated(ROWS)._replace(answered=[(row, Text("x")) for row in rated(ROWS).interactions])
    with pytest.raises(BackendError, match="model=user_mean: no training rating"):
        told(USER, training, [], NOWHERE)


def test_a_negative_number_of_ratings_is_refused():
    with pytest.raises(ConfigError, match="item_shrinkage: -1 is not a number of ratings"):
        UserItemMean(name="user_item_mean", user_shrinkage=1, item_shrinkage=-1)


def test_means_answer_ratings_only():
    assert [model.answers() for model in (USER, ITEM, BOTH)] == [(Rating,)] * 3
