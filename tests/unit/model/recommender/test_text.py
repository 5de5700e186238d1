from pathlib import Path

import pytest
from builders import event, interaction, question
from rated import told

from llmrec.errors import BackendError, ConfigError
from llmrec.model.recommender.text import LeadWords, NearestReview
from llmrec.records import Item, Rating, Text, Training
from llmrec.seeded import hash64

NOWHERE = Path("unused")
LEAD = LeadWords(name="lead_words", words=3)
NEAREST = NearestReview(name="nearest_review", max_ngram=1, min_reviews=1)
TITLES = {"a": "Velvet lipstick", "b": "Steel razor", "c": "Silk scarf"}


def training(*rows: tuple[str, str, float, str, str]) -> Training:
    """Each row: user, item, stars, review, the text that belongs to it."""
    interactions = [
        interaction(user, item, n, stars, text) for n, (user, item, stars, text, _) in enumerate(rows)
    ]
    items = {id: Item(id, title, "Acme", ("Shop",)) for id, title in TITLES.items()}
    return Training(
        interactions, items, [(it, Text(row[4])) for it, row in zip(interactions, rows, strict=True)]
    )


def answer(model, rows, **asked):
    [found] = told(model, rows, [question(**asked)], NOWHERE)
    return found.text


SHAVING = training(
    ("u", "a", 5.0, "a lovely red colour that lasts", "lovely colour"),
    ("v", "b", 2.0, "the blade is blunt", "blunt"),
    ("w", "b", 5.0, "the blade is sharp and shaves well", "sharp"),
)


def test_lead_words_are_the_first_words_of_the_review_shown():
    assert answer(LEAD, SHAVING, review="One two\nthree four") == "One two three"
    assert answer(LEAD, SHAVING, review="Short") == "Short"


def test_lead_words_refuse_a_question_without_a_review():
    with pytest.raises(BackendError, match="model=lead_words: the task shows no review to take words from"):
        answer(LEAD, SHAVING, item="a", rating=5.0)


def test_the_text_of_the_nearest_training_review_is_repeated():
    assert answer(NEAREST, SHAVING, review="This blade was blunt from the start") == "blunt"
    assert answer(NEAREST, SHAVING, review="Red, and it lasts") == "lovely colour"


def test_without_a_review_rows_of_the_same_item_and_stars_come_first():
    # The title names another item's words; stars and item decide before any word does.
    assert answer(NEAREST, SHAVING, item="b", rating=2.0) == "blunt"
    assert answer(NEAREST, SHAVING, item="b", rating=5.0) == "sharp"


def test_then_rows_of_the_same_stars_by_the_users_earlier_summaries():
    past = (event("b", summary="shaves well"),)
    assert answer(NEAREST, SHAVING, item="c", rating=5.0, history=past) == "sharp"
    assert (
        answer(NEAREST, SHAVING, item="c", rating=5.0, history=(event("a", summary="red"),))
        == "lovely colour"
    )


def test_words_of_the_item_count_too():
    rows = training(
        ("u", "a", 5.0, "goes with my silk dress", "silk"), ("v", "b", 5.0, "cuts steel", "steel")
    )
    assert answer(NEAREST, rows, item="c", rating=5.0) == "silk"


def test_then_all_rows():
    past = (event("b", summary="blunt blade"),)
    assert answer(NEAREST, SHAVING, item="c", rating=3.0, history=past) == "blunt"


def test_of_equally_near_rows_the_one_of_smallest_hash_is_repeated():
    rows = training(("u", "a", 5.0, "same words", "first"), ("v", "a", 5.0, "same words", "second"))
    least = min((("u", "first"), ("v", "second")), key=lambda one: hash64("nearest review", one[0], "a"))
    assert answer(NEAREST, rows, review="same words") == least[1]
    assert answer(NEAREST, rows, review="nothing in common") == least[1]


def test_words_in_a_row_count_as_one_where_that_is_asked_for():
    rows = training(("u", "a", 5.0, "good not bad", "good"), ("v", "a", 5.0, "bad not good", "bad"))
    pairs = NearestReview(name="nearest_review", max_ngram=2, min_reviews=1)
    assert answer(pairs, rows, review="not good") == "bad"
    assert answer(pairs, rows, review="not bad") == "good"


def test_many_questions_are_answered_as_one_by_one_is():
    reviews = ["blunt blade", "red colour", "sharp", "nothing"]
    together = told(NEAREST, SHAVING, [question(id=text, review=text) for text in reviews], NOWHERE)
    assert [found.text for found in together] == [answer(NEAREST, SHAVING, review=text) for text in reviews]


def test_reviews_that_share_too_few_words_are_refused():
    strict = NearestReview(name="nearest_review", max_ngram=1, min_reviews=9)
    with pytest.raises(BackendError, match=r"model\.min_reviews: 9 of the 3 training reviews"):
        answer(strict, SHAVING, review="blade")


def test_a_task_without_texts_is_refused():
    rated = SHAVING._replace(answered=[(row, Rating(5.0)) for row in SHAVING.interactions])
    with pytest.raises(BackendError, match="model=nearest_review: no training text to repeat"):
        answer(NEAREST, rated, review="blade")


def test_settings_out_of_range_are_refused_by_name():
    with pytest.raises(ConfigError, match="words: 0 is no number of words"):
        LeadWords(name="lead_words", words=0)
    with pytest.raises(ConfigError, match="max_ngram: 0 is too small"):
        NearestReview(name="nearest_review", max_ngram=0, min_reviews=1)


def test_a_package_that_is_not_installed_is_named_with_the_way_to_get_it():
    class Elsewhere(NearestReview):
        packages = ("no-such-package",)

    model = Elsewhere(name="elsewhere", max_ngram=1, min_reviews=1)
    with pytest.raises(BackendError, match=r"needs no-such-package, .* pip install 'llmrec\[baselines\]'"):
        answer(model, SHAVING, review="blade")
