"""One point in time for everyone, by hand."""

from builders import corpus_of, interaction, square

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
