"""A share of a data set: the same ids every time, smaller ones within larger ones, and said aloud."""

from itertools import compress

import pytest
from builders import interaction, square

from llmrec.dataset.assemble import Expected
from llmrec.dataset.sample import Sample
from llmrec.errors import ConfigError, DataError
from llmrec.records import Interaction


def sample(users: float = 1.0, items: float = 1.0, interactions: float = 1.0, seed: int = 0) -> Sample:
    return Sample(users=users, items=items, interactions=interactions, seed=seed)


ROWS = square(users=400, items=10)


def drawn(share: Sample, rows: list[Interaction] = ROWS) -> list[Interaction]:
    return list(compress(rows, share.drawn(rows)))


def test_all_of_everything_is_the_rows_themselves():
    assert drawn(sample()) == ROWS
    assert sample().notes({}, {}) == []


@pytest.mark.parametrize("name", ["users", "items", "interactions"])
def test_a_larger_share_contains_a_smaller_one(name):
    quarter, half = (drawn(sample(**{name: share})) for share in (0.25, 0.5))
    assert {(row.user, row.item) for row in quarter} < {(row.user, row.item) for row in half}


def test_a_share_of_users_keeps_all_that_those_did():
    kept = drawn(sample(users=0.25))
    users = {row.user for row in kept}
    assert 70 < len(users) < 130  # 100 expected of 400, standard deviation 8.7
    assert kept == [row for row in ROWS if row.user in users]


def test_a_share_of_interactions_keeps_about_as_many():
    assert 1890 < len(drawn(sample(interactions=0.5))) < 2110  # 2,000 expected, deviation 32


def test_the_draw_has_a_seed_of_its_own():
    assert drawn(sample(users=0.5)) == drawn(sample(users=0.5))
    assert drawn(sample(users=0.5)) != drawn(sample(users=0.5, seed=1))


def test_what_a_user_is_drawn_by_is_not_the_order_of_the_file():
    assert drawn(sample(users=0.5), ROWS[::-1]) == drawn(sample(users=0.5))[::-1]


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5, float("nan")])
def test_what_is_no_share_is_refused(load, row, share):
    with pytest.raises(
        ConfigError, match=rf"^sample\.items: {share} is no share; give one above 0 and up to"
    ):
        load([row()], sample=sample(items=share))


def test_a_sample_of_nothing_is_refused(load, row):
    with pytest.raises(DataError, match=r"^dataset\.sample: leaves none of 1 interactions; take larger"):
        load([row()], sample=sample(interactions=1e-9))


def test_the_k_core_is_that_of_what_was_drawn(load, row):
    rows = [row(reviewerID=f"u{u}", asin=f"i{i}") for u in range(20) for i in range(10)]
    whole, less = load(rows, k_core=10), load(rows, k_core=8, sample=sample(interactions=0.8))
    assert whole.counts["interactions"] == 200
    dropped = less.counts["sample_dropped"] + less.counts["k_core_dropped"]
    assert less.counts["k_core_dropped"] > 0
    assert dropped == 200 - less.counts["interactions"]


def test_a_sample_says_so_and_published_counts_stay_those_of_the_file(load, row):
    rows = [row(reviewerID=f"u{u}") for u in range(8)]
    published = Expected(users=8, items=1, interactions=8)
    corpus = load(rows, sample=sample(users=0.5), expected=published)
    kept = corpus.counts["interactions"]
    assert 0 < kept < 8
    assert corpus.notes[1:] == [
        "a sample of the data set by hash of ids (0.5 of users, seed 0): "
        f"{kept} of 8 users, 1 of 1 items, {kept} of 8 interactions drawn"
    ]


def test_a_sample_has_a_fingerprint_of_its_own_and_the_whole_keeps_its_own(load, row):
    whole = load([row(), row(asin="i2")])
    other_seed = load([row(), row(asin="i2")], sample=sample(seed=3))
    assert whole.fingerprint == other_seed.fingerprint  # nothing was drawn, so no seed was used
    assert "sample_dropped" not in whole.counts
    assert load([row(), row(asin="i2")], sample=sample(users=0.999)).fingerprint != whole.fingerprint


def test_repeats_of_a_pair_go_or_stay_together():
    twice = [interaction("u", "i", 1), interaction("u", "i", 2)] * 20
    half = sample(interactions=0.5)
    assert len(drawn(half, [*ROWS, *twice])) - len(drawn(half)) in (0, 40)
