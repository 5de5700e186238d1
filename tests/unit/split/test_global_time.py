"""One point in time for everyone, by hand."""

import pytest
from builders import corpus_of, interaction, square

from llmrec.errors import ConfigError
from llmrec.split.global_time import GlobalTime
from llmrec.split.ledger import Role, Scheme, Ties

SPLIT = GlobalTime(name="global_time", held_out=0.2)


def test_periods_follow_time_alone():
    corpus = corpus_of([interaction("u", f"i{t}", t) for t in range(10)])
    ledger = SPLIT.assign(corpus, Ties.seeded, seed=0)
    assert list(ledger.roles[Scheme.ANY]) == [Role.TRAIN] * 6 + [Role.VALID] * 2 + [Role.TEST] * 2


def test_a_user_is_asked_once_a_period_for_the_first_item_in_it():
    corpus = corpus_of([interaction("u", f"i{t}", t) for t in range(10)])
    roles = SPLIT.assign(corpus, Ties.seeded, seed=0).roles[Scheme.NEXT]
    assert list(roles) == [Role.TRAIN] * 6 + [Role.VALID, Role.UNUSED, Role.TEST, Role.UNUSED]


def test_a_user_without_a_past_is_not_asked():
    rows = [interaction("old", f"i{t}", t) for t in range(9)] + [interaction("new", "i0", 9)]
    ledger = SPLIT.assign(corpus_of(rows), Ties.seeded, seed=0)
    assert ledger.roles[Scheme.NEXT][9] == Role.UNUSED


def test_no_training_row_is_later_than_a_test_row():
    corpus = corpus_of(square(users=30, items=7))
    ledger = SPLIT.assign(corpus, Ties.seeded, seed=0)
    times = [it.timestamp for it in corpus.interactions]
    for scheme in Scheme:
        latest = max(times[row] for row in ledger.rows(scheme, Role.TRAIN))
        assert latest < min(times[row] for row in ledger.rows(scheme, Role.TEST))


def test_a_user_with_one_row_before_a_period_is_asked_in_it():
    rows = [interaction("old", f"i{t}", t) for t in range(8)]
    rows += [interaction("new", "i0", 0), interaction("new", "i1", 9)]
    ledger = SPLIT.assign(corpus_of(rows), Ties.file_order, seed=0)
    assert ledger.roles[Scheme.NEXT][9] == Role.TEST


def test_what_lies_before_a_row_is_shown_whatever_its_role():
    corpus = corpus_of([interaction("u", f"i{t}", t) for t in range(10)])
    ledger = SPLIT.assign(corpus, Ties.seeded, seed=0)
    assert ledger.corpus is corpus
    for scheme in Scheme:
        assert ledger.earlier(scheme, 9) == list(range(9))


def test_ties_go_by_the_seed_or_by_the_file():
    corpus = corpus_of([interaction("u", f"i{n}", 7) for n in range(9)])

    def timeline(ties, seed):
        return SPLIT.assign(corpus, ties, seed).timelines["u"]

    assert timeline(Ties.file_order, 0) == list(range(9))
    assert len({tuple(timeline(Ties.seeded, seed)) for seed in range(3)}) == 3


def test_too_few_rows_to_hold_any_out_are_all_learned():
    ledger = SPLIT.assign(corpus_of([interaction("u", "i0", 1), interaction("u", "i1", 2)]), Ties.seeded, 0)
    assert list(ledger.roles[Scheme.ANY]) == list(ledger.roles[Scheme.NEXT]) == [Role.TRAIN] * 2


@pytest.mark.parametrize("held_out", [-1.0, 0.0, 0.5, 0.7])
def test_a_share_that_leaves_nothing_is_refused(held_out):
    with pytest.raises(
        ConfigError, match=rf"held_out: {held_out} is no share; give one above 0 and below 0\.5"
    ):
        GlobalTime(name="global_time", held_out=held_out)
    assert GlobalTime(name="global_time", held_out=0.49).held_out == 0.49
