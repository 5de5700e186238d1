import numpy as np
import pytest

from llmrec.model.recommender.index import Index
from llmrec.records import Ranking

from .conftest import asked, taught


@pytest.fixture
def index():
    return Index(taught({"v": "ba", "u": "abb"}, catalogue="abcd"))


def test_users_and_items_are_numbered_by_their_ids(index):
    assert (index.items, index.users) == (["a", "b", "c", "d"], ["u", "v"])
    assert [sequence.tolist() for sequence in index.sequences] == [[0, 1, 1], [1, 0]]
    assert index.counts.tolist() == [2, 3, 0, 0]
    assert index.users_of([asked("v"), asked("new")]).tolist() == [1, -1]


def test_a_ranking_leaves_out_the_history(index):
    scores = np.array([[4.0, 3.0, 2.0, 1.0]], dtype=np.float32)
    assert index.ranked(scores, [asked("u", "a")], 2) == [Ranking(("b", "c"), (3.0, 2.0))]


def test_a_ranking_is_of_the_candidates_where_there_are_some(index):
    scores = np.array([[4.0, 3.0, 2.0, 1.0]], dtype=np.float32)
    assert index.ranked(scores, [asked("u", candidates="dcz")], 5) == [Ranking(("c", "d"), (2.0, 1.0))]


def test_every_item_tied_with_the_last_is_listed(index):
    scores = np.array([[1.0, 2.0, 1.0, 1.0]], dtype=np.float32)
    [ranking] = index.ranked(scores, [asked("u")], 2)
    assert ranking.scores == (2.0, 1.0, 1.0, 1.0)
    assert ranking.items[0] == "b"


def test_a_row_of_nan_is_answered_by_popularity(index):
    scores = np.full((1, 4), np.nan, dtype=np.float32)
    assert index.ranked(scores, [asked("new")], 2) == [Ranking(("b", "a"), (3.0, 2.0))]


def test_a_user_who_has_everything_gets_nothing(index):
    assert index.ranked(np.zeros((1, 4), dtype=np.float32), [asked("u", "abcd")], 2) == [Ranking(())]


def test_ndcg_counts_ties_against_the_target(index):
    # Target c: behind a alone, 1 / log2(3); tied with d, 1 / log2(4); masked a before it, 1.
    for row, history, expected in (
        ([3.0, 1.0, 2.0, 0.0], "", 1 / np.log2(3)),
        ([3.0, 1.0, 2.0, 2.0], "", 1 / np.log2(4)),
        ([3.0, 1.0, 2.0, 0.0], "a", 1.0),
    ):
        scores = np.array([row], dtype=np.float32)
        assert index.ndcg(scores, [asked("u", history)], ["c"], k=10) == pytest.approx([expected])


def test_ndcg_is_nothing_below_k(index):
    scores = np.array([[3.0, 2.0, 1.0, 0.0]], dtype=np.float32)
    assert index.ndcg(scores, [asked("u")], ["d"], k=3).tolist() == [0.0]
