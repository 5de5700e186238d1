"""Duplicates, k-core, ties and published counts, worked by hand."""

import pytest

from llmrec.dataset.assemble import Expected
from llmrec.errors import ConfigError, DataError


def test_of_a_repeated_pair_the_earliest_in_time_is_kept(load, row):
    corpus = load([row(unixReviewTime=30, summary="late"), row(unixReviewTime=10, summary="early")])
    assert [r.summary for r in corpus.interactions] == ["early"]
    assert (corpus.counts["rows"], corpus.counts["duplicates"]) == (2, 1)


def test_of_equally_early_repeats_the_first_in_the_file_is_kept(load, row):
    assert [r.summary for r in load([row(summary="a"), row(summary="b")]).interactions] == ["a"]


def test_interactions_stay_in_file_order(load, row):
    rows = [row(asin=item, unixReviewTime=time) for item, time in (("c", 9), ("a", 5), ("b", 7))]
    assert [r.item for r in load(rows).interactions] == ["c", "a", "b"]


def test_a_k_core_is_taken_until_nothing_more_falls(load, row):
    # i3 has one user and falls; then u3 has only i1 left and falls; u1, u2 x i1, i2 remain.
    pairs = [("u1", "i1"), ("u1", "i2"), ("u2", "i1"), ("u2", "i2"), ("u3", "i1"), ("u3", "i3")]
    counts = load([row(reviewerID=u, asin=i) for u, i in pairs], k_core=2).counts
    assert (counts["users"], counts["items"], counts["interactions"]) == (2, 2, 4)
    assert counts["k_core_dropped"] == 2


def test_a_user_with_one_interaction_is_kept_without_a_k_core(load, row):
    assert load([row()]).counts["users"] == 1


def test_a_k_core_of_nothing_is_refused(load, row):
    with pytest.raises(DataError, match=r"^dataset\.k_core: 5 leaves none of 1 interactions; lower it$"):
        load([row()], k_core=5)


def test_a_negative_k_core_is_refused(load, row):
    with pytest.raises(ConfigError, match=r"^k_core: -1 is not a count; use 0 or more$"):
        load([row()], k_core=-1)


def test_ties_are_a_users_interactions_at_one_moment(load, row):
    # i1 and i2 tie for u1; u2's at the same moment stands alone, as does u1's later one.
    rows = [row(), row(asin="i2"), row(reviewerID="u2"), row(asin="i3", unixReviewTime=90000)]
    assert load(rows).counts["tied"] == 2


def test_missing_texts_are_counted(load, row):
    counts = load([row(reviewText=None), row(asin="i2", summary="")]).counts
    assert (counts["without_review"], counts["without_summary"]) == (1, 1)


def test_a_count_that_differs_from_the_published_one_becomes_a_note(load, row):
    corpus = load([row()], expected=Expected(users=22363, items=1, interactions=None))
    assert "dataset=shop: 22,363 users expected, 1 found" in corpus.notes
    assert not any("items expected" in note for note in corpus.notes)


def test_published_counts_are_those_before_duplicates_are_dropped(load, row):
    corpus = load([row(), row()], expected=Expected(users=1, items=1, interactions=2))
    assert not any("expected" in note for note in corpus.notes)
