"""What each task asks, and what it keeps to itself."""

import json

import pytest
from builders import corpus_of, interaction, square

from llmrec.errors import ConfigError, DataError
from llmrec.records import Ranking, Rating, Text
from llmrec.split.ledger import Role, Ties
from llmrec.split.paper import Paper
from llmrec.task.direct import Direct, Negatives
from llmrec.task.explanation import Explanation
from llmrec.task.rating import RatingPrediction
from llmrec.task.sequential import Sequential
from llmrec.task.summarization import Summarization

COMMON = {"answer_tokens": 8, "answer_lines": None, "floors": [], "headline": []}
RATING = RatingPrediction(name="rating", **COMMON)
SEQUENTIAL = Sequential(name="sequential", **COMMON)
SUMMARIZATION = Summarization(name="summarization", answer_words=4, **COMMON)


def direct(negatives=Negatives.uniform, count=5, shuffle_seed=0, orders=1):
    return Direct(
        name="direct",
        num_negatives=count,
        negatives=negatives,
        shuffle_seed=shuffle_seed,
        candidate_orders=orders,
        **COMMON,
    )


def explanation(sentences=None):
    return Explanation(
        name="explanation", answer_words=10, sentences=sentences, min_reviews=2, min_share=0.0, **COMMON
    )


def ledger_of(interactions, seed=0):
    corpus = corpus_of(interactions)
    return Paper(name="paper", min_interactions=3, held_out=0.1).assign(corpus, Ties.seeded, seed)


def examples(task, ledger, role=Role.TEST, limit=None, seed=0):
    return task.examples(ledger, task.references(ledger), role, limit, seed)[0]


def test_rating_asks_for_the_stars_and_shows_the_item():
    for example in examples(RATING, ledger_of(square(20, 10))):
        assert example.reference == Rating(example.target.rating)
        assert example.question.item == example.target.item
        assert example.question.rating is None


def test_sequential_shows_everything_before_the_last_item_and_not_the_item():
    for example in examples(SEQUENTIAL, ledger_of(square(20, 10))):
        assert example.reference == Ranking((example.target.item,))
        assert example.question.item is None
        assert len(example.question.history) == 9
        assert all(event.timestamp < example.question.time for event in example.question.history)


def test_a_users_first_row_is_no_sequential_training_question():
    ledger = ledger_of(square(4, 5))
    assert all(example.question.history for example in examples(SEQUENTIAL, ledger, Role.TRAIN))
    assert len(examples(SEQUENTIAL, ledger, Role.TRAIN)) == 4 * 2  # 5 rows less first, validation, test


def test_direct_candidates_hold_the_bought_item_and_nothing_else_the_user_ever_had():
    rows = [interaction(f"u{u}", f"i{(u + k) % 30}", 10 * u + k) for u in range(30) for k in range(6)]
    ledger = ledger_of(rows)
    own = {u: {it.item for it in rows if it.user == u} for u in {it.user for it in rows}}
    for example in examples(direct(), ledger):
        shown = example.question.candidates
        assert len(shown) == len(set(shown)) == 6
        assert set(shown) & own[example.question.user] == {example.target.item}


def test_the_bought_items_place_among_the_candidates_tells_nothing():
    rows = [interaction(f"u{u}", f"i{(u * 7 + k) % 90}", 10 * u + k) for u in range(600) for k in range(3)]
    places = [e.question.candidates.index(e.target.item) for e in examples(direct(), ledger_of(rows))]
    for place in range(6):
        assert 60 < places.count(place) < 145  # 100 of 600 by chance


def test_shuffle_seed_moves_candidates_but_does_not_change_them():
    ledger = ledger_of([interaction(f"u{u}", f"i{(u + k) % 40}", u + k) for u in range(40) for k in range(5)])
    one, two = (examples(direct(shuffle_seed=seed), ledger) for seed in (0, 1))
    assert [set(e.question.candidates) for e in one] == [set(e.question.candidates) for e in two]
    assert [e.question.candidates for e in one] != [e.question.candidates for e in two]


def test_several_orders_ask_each_row_again_with_the_same_candidates_moved():
    ledger = ledger_of([interaction(f"u{u}", f"i{(u + k) % 40}", u + k) for u in range(40) for k in range(5)])
    once = examples(direct(), ledger)
    asked = direct(orders=3).asked(once)
    assert direct().asked(once) == once
    assert asked[::3] == once
    assert len({example.id for example in asked}) == len(asked) == 3 * len(once)
    for place, example in enumerate(asked):
        same = once[place // 3]
        assert example.question.row == same.id
        assert sorted(example.question.candidates) == sorted(same.question.candidates)
        assert (example.reference, example.target) == (same.reference, same.target)
    moved = [
        len({example.question.candidates for example in asked[at : at + 3]}) for at in range(0, len(asked), 3)
    ]
    assert sum(moved) > 2.9 * len(once)
    with pytest.raises(ConfigError, match="candidate_orders: 0"):
        direct(orders=0)


def test_popularity_matched_negatives_are_drawn_more_often_the_more_they_are_bought():
    rows = [interaction(f"u{u}", f"i{(u + k) % 100}", 100 * u + k) for u in range(100) for k in range(4)]
    rows += [interaction(f"v{n}", "hit", n) for n in range(400)]
    ledger = ledger_of(rows)
    drawn = {
        kind: sum("hit" in e.question.candidates for e in examples(direct(kind), ledger))
        for kind in Negatives
    }
    assert drawn[Negatives.popularity] > 4 * drawn[Negatives.uniform]


def test_fewer_items_than_negatives_is_one_clear_line():
    corpus = corpus_of(square(3, 5))
    with pytest.raises(DataError, match=r"task.num_negatives: 5 items .* only 0 are not u0's own"):
        direct().check(corpus)


def test_explanation_reference_is_the_first_sentence_with_a_shared_feature():
    text = "I like it. The scent is lovely! The scent stays."
    rows = [interaction(f"u{u}", f"i{i}", 10 * u + i, text=text) for u in range(10) for i in range(5)]
    found = examples(explanation(), ledger_of(rows))
    assert found
    assert {example.reference for example in found} == {Text("The scent is lovely!")}
    assert all(e.question.rating == e.target.rating and e.question.review is None for e in found)


def test_explanation_takes_the_sentences_of_a_file_when_given(tmp_path):
    rows = [interaction(f"u{u}", f"i{i}", 10 * u + i, text="Words.") for u in range(10) for i in range(5)]
    path = tmp_path / "sentences.jsonl"
    lines = [{"user": it.user, "item": it.item, "feature": "x", "sentence": f"{it.item} fits"} for it in rows]
    path.write_text("\n".join(map(json.dumps, lines)))
    task = explanation(str(path))
    for example in examples(task, ledger_of(rows)):
        assert example.reference == Text(f"{example.target.item} fits")
    assert task.notes() == ["explanation references come from the file sentences.jsonl"]


def test_a_line_of_the_file_without_a_sentence_is_named(tmp_path):
    path = tmp_path / "sentences.jsonl"
    path.write_text('{"user": "u", "item": "i", "feature": "x", "sentence": "s"}\n{"user": "u"}\n')
    with pytest.raises(DataError, match=r"sentences.jsonl:2: .*item"):
        explanation(str(path)).references(ledger_of(square(3, 3)))


def test_summarization_asks_for_the_summary_and_shows_the_review():
    text = "works well every day"
    rows = [interaction(f"u{u}", f"i{i}", 10 * u + i, text=text) for u in range(10) for i in range(5)]
    for example in examples(SUMMARIZATION, ledger_of(rows)):
        assert example.reference == Text("works well")
        assert example.question.review == "works well every day"


def test_rows_without_a_reference_are_no_examples():
    rows = [
        interaction(f"u{u}", f"i{i}", 10 * u + i, text="works well" if i % 2 else "")
        for u in range(10)
        for i in range(6)
    ]
    ledger = ledger_of(rows)
    found, total = SUMMARIZATION.examples(ledger, SUMMARIZATION.references(ledger), Role.TEST, None, 0)
    assert total == len(found) < len(ledger.rows(SUMMARIZATION.scheme, Role.TEST))


def test_a_corpus_without_texts_cannot_be_summed_up():
    with pytest.raises(DataError, match=r"dataset=small: no interaction has a review and task=summarization"):
        SUMMARIZATION.check(corpus_of(square(3, 3)))


def test_a_larger_limit_keeps_what_a_smaller_one_drew():
    ledger = ledger_of(square(20, 10))
    few, more = ({e.id for e in examples(RATING, ledger, limit=n)} for n in (4, 9))
    assert len(few) == 4
    assert few < more


def test_a_limit_is_not_the_first_rows_of_the_file():
    ledger = ledger_of(square(20, 10))
    assert [e.id for e in examples(RATING, ledger, limit=5)] != [e.id for e in examples(RATING, ledger)][:5]


def test_an_id_does_not_tell_the_item():
    """The same places in time with other items have the same ids."""
    one, other = (
        [interaction(f"u{u}", f"{kind}{i}", 10 * u + i) for u in range(20) for i in range(5)] for kind in "ab"
    )
    ids = [[e.id for e in examples(SEQUENTIAL, ledger_of(rows))] for rows in (one, other)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 20


def test_no_room_for_an_answer_is_refused():
    with pytest.raises(ConfigError, match="answer_tokens: 0"):
        RatingPrediction(name="rating", answer_tokens=0, answer_lines=None, floors=[], headline=[])
