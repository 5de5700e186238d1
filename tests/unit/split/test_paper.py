"""The paper's split, by hand on small corpora."""

from collections import Counter

import pytest
from builders import corpus_of, interaction, square

from llmrec.errors import ConfigError, DataError
from llmrec.split.ledger import Role, Scheme, Ties
from llmrec.split.paper import Paper

PAPER = Paper(name="paper", min_interactions=3, held_out=0.1)


def test_last_item_by_time_is_test_and_second_last_validation_whatever_the_file_order():
    rows = [interaction("u", "late", 30), interaction("u", "early", 10), interaction("u", "middle", 20)]
    ledger = PAPER.assign(corpus_of(rows), Ties.seeded, seed=0)
    assert list(ledger.roles[Scheme.NEXT]) == [Role.TEST, Role.TRAIN, Role.VALID]
    assert [rows[row].item for row in ledger.earlier(Scheme.NEXT, 0)] == ["early", "middle"]


def test_a_user_with_too_few_interactions_is_learned_from_but_never_asked():
    rows = [interaction("u", "a", 1), interaction("u", "b", 2), interaction("solo", "a", 3)]
    ledger = PAPER.assign(corpus_of(rows), Ties.seeded, seed=0)
    assert list(ledger.roles[Scheme.NEXT]) == [Role.TRAIN] * 3


def test_ties_do_not_follow_file_order_unless_asked_to():
    rows = [interaction(f"u{u}", f"i{i}", time=7) for u in range(200) for i in range(3)]
    corpus = corpus_of(rows)
    by_file = PAPER.assign(corpus, Ties.file_order, seed=0).rows(Scheme.NEXT, Role.TEST)
    seeded = PAPER.assign(corpus, Ties.seeded, seed=0).rows(Scheme.NEXT, Role.TEST)
    assert {rows[row].item for row in by_file} == {"i2"}
    share = Counter(rows[row].item for row in seeded)
    assert all(40 < share[item] < 95 for item in ("i0", "i1", "i2"))  # a third of 200 each, by chance


def test_seeded_ties_are_the_same_when_the_file_is_shuffled():
    rows = [interaction(f"u{u}", f"i{i}", time=7) for u in range(20) for i in range(4)]
    ahead = PAPER.assign(corpus_of(rows), Ties.seeded, seed=3)
    back = PAPER.assign(corpus_of(rows[::-1]), Ties.seeded, seed=3)
    tested = {(rows[r].user, rows[r].item) for r in ahead.rows(Scheme.NEXT, Role.TEST)}
    assert tested == {(rows[::-1][r].user, rows[::-1][r].item) for r in back.rows(Scheme.NEXT, Role.TEST)}


def test_random_split_holds_out_a_tenth_twice_and_leaves_everyone_a_training_row():
    corpus = corpus_of(square(users=20, items=10))
    ledger = PAPER.assign(corpus, Ties.seeded, seed=0)
    roles = Counter(ledger.roles[Scheme.ANY])
    assert roles == {Role.TRAIN: 160, Role.VALID: 20, Role.TEST: 20}
    trained = [corpus.interactions[row] for row in ledger.rows(Scheme.ANY, Role.TRAIN)]
    assert {it.user for it in trained} == {it.user for it in corpus.interactions}
    assert {it.item for it in trained} == set(corpus.items)


def test_the_only_row_of_a_user_or_an_item_is_never_held_out():
    rows = [interaction(f"u{n}", "shared", n) for n in range(50)] + [interaction("u0", "rare", 99)]
    ledger = PAPER.assign(corpus_of(rows), Ties.seeded, seed=0)
    assert ledger.roles[Scheme.ANY][50] == Role.TRAIN  # the one row of `rare`
    assert all(ledger.roles[Scheme.ANY][n] == Role.TRAIN for n in range(1, 50))  # of users u1..u49


def test_a_history_holds_no_held_out_row():
    corpus = corpus_of(square(users=20, items=10))
    ledger = PAPER.assign(corpus, Ties.seeded, seed=0)
    for row in ledger.rows(Scheme.ANY, Role.TEST):
        assert all(ledger.roles[Scheme.ANY][past] == Role.TRAIN for past in ledger.earlier(Scheme.ANY, row))


def test_another_seed_holds_out_other_rows():
    corpus = corpus_of(square(users=20, items=10))
    one, two = (PAPER.assign(corpus, Ties.seeded, seed).rows(Scheme.ANY, Role.TEST) for seed in (0, 1))
    assert one != two


def test_ledger_refuses_to_train_on_a_row_that_another_task_tests_on():
    ledger = PAPER.assign(corpus_of(square(users=20, items=10)), Ties.seeded, seed=0)
    next_test = ledger.rows(Scheme.NEXT, Role.TEST)
    trained = [row for row in next_test if ledger.roles[Scheme.ANY][row] == Role.TRAIN]
    ledger.refuse_overlap(trained, [Scheme.ANY])
    with pytest.raises(DataError, match=rf"{len(trained)} of {len(trained)} are test rows"):
        ledger.refuse_overlap(trained, [Scheme.ANY, Scheme.NEXT])


def test_tasks_learned_together_learn_and_show_no_test_row_of_one_another():
    ledger = PAPER.assign(corpus_of(square(users=20, items=10)), Ties.seeded, seed=0)
    both = ledger.to_learn([Scheme.ANY, Scheme.NEXT])
    tested = {row for scheme in Scheme for row in ledger.rows(scheme, Role.TEST)}
    held_out = tested | {row for scheme in Scheme for row in ledger.rows(scheme, Role.VALID)}
    for scheme in Scheme:
        learned = both.rows(scheme, Role.TRAIN)
        assert set(learned) == set(ledger.rows(scheme, Role.TRAIN)) - held_out
        assert set(both.rows(scheme, Role.VALID)) == set(ledger.rows(scheme, Role.VALID)) - tested
        assert not any(tested.intersection(both.earlier(scheme, row)) for row in learned)
        ledger.refuse_overlap(learned, list(Scheme))
    assert any(
        tested.intersection(ledger.earlier(Scheme.NEXT, row)) for row in both.rows(Scheme.NEXT, Role.TRAIN)
    )


def test_tasks_of_one_scheme_are_learned_from_the_ledger_as_it_is():
    ledger = PAPER.assign(corpus_of(square(users=20, items=10)), Ties.seeded, seed=0)
    assert ledger.to_learn([Scheme.ANY, Scheme.ANY]) is ledger


@pytest.mark.parametrize("held_out", [0.0, 0.5, -1.0])
def test_a_share_that_leaves_nothing_is_refused(held_out):
    with pytest.raises(ConfigError, match="held_out"):
        Paper(name="paper", min_interactions=3, held_out=held_out)
