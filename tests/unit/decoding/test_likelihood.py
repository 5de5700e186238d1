import math

import pytest

from llmrec.decoding.catalogue import Catalogue
from llmrec.decoding.likelihood import (
    CandidateLabels,
    Candidates,
    Digits,
    Estimate,
    Likelihood,
    Normalise,
    ranking,
)
from llmrec.errors import ConfigError
from llmrec.records import Item, Question, Ranking, Rating

ITEMS = {id: Item(id, title, "", ()) for id, title in (("a", "Soap"), ("b", "Brush"), ("c", "Soap"))}
QUESTION = Question(
    id="q", user="u", time=1, history=(), item=None, rating=None, review=None, candidates=("b", "c", "a")
)


def candidates(normalise=Normalise.tokens, size=10):
    return Candidates(name="candidates", normalise=normalise, end=False, size=size)


def digits(estimate=Estimate.expectation):
    return Digits(name="digits", estimate=estimate, end=False, low=1, high=5)


def test_candidates_are_chosen_by_their_titles_in_the_order_shown():
    choices = candidates().chooser(ITEMS)(QUESTION)
    assert choices == (("b", "c", "a"), ("Brush", "Soap", "Soap"))


def test_labels_are_the_numbers_of_the_candidates():
    labels = CandidateLabels(name="candidates_label", normalise=Normalise.none, end=True, size=10)
    assert labels.chooser(ITEMS)(QUESTION) == (("b", "c", "a"), ("1", "2", "3"))


def test_a_long_title_is_not_put_behind_a_short_one_for_its_length_alone():
    choices = candidates().chooser(ITEMS)(QUESTION)
    found = [Likelihood(-8.0, 8), Likelihood(-3.0, 2), Likelihood(-6.0, 3)]
    assert candidates().decide(choices, found) == Ranking(("b", "c", "a"), (-1.0, -1.5, -2.0))
    summed = candidates(Normalise.none).decide(choices, found)
    assert summed == Ranking(("c", "a", "b"), (-3.0, -6.0, -8.0))


def test_what_is_tied_with_the_last_of_a_ranking_stands_in_it_and_what_cannot_be_written_does_not():
    assert set(ranking(["a", "b", "c", "d"], [-1.0, -2.0, -2.0, -3.0], 2).items) == {"a", "b", "c"}
    assert ranking(["a", "b"], [-math.inf, -1.0], 2).items == ("b",)
    assert ranking(["a"], [-math.inf], 2) == Ranking(())


def test_ties_stand_in_the_same_order_whatever_order_they_came_in():
    assert ranking(["a", "b"], [-1.0, -1.0], 2) == ranking(["b", "a"], [-1.0, -1.0], 2)


def test_stars_are_the_expectation_over_their_probabilities_or_the_likeliest_number():
    choices = digits().chooser(ITEMS)(QUESTION)
    assert choices.texts == ("1", "2", "3", "4", "5")
    # 1/10, 0, 0, 3/10 and 6/10 of what all five have.
    shares = (0.01, 0.0, 0.0, 0.03, 0.06)
    found = [Likelihood(math.log(share) if share else -1000.0, 1) for share in shares]
    assert digits().decide(choices, found) == Rating(pytest.approx(0.1 * 1 + 0.3 * 4 + 0.6 * 5))
    assert digits(Estimate.argmax).decide(choices, found) == Rating(5.0)


def test_the_catalogue_is_one_object_for_all_questions():
    choose = Catalogue(name="catalogue", num_beams=2).chooser(ITEMS)
    assert choose(QUESTION) is choose(QUESTION)
    assert choose(QUESTION) == (("a", "b", "c"), ("Soap", "Brush", "Soap"))


def test_numbers_out_of_bounds_are_refused_by_name():
    with pytest.raises(ConfigError, match="size: 0"):
        candidates(size=0)
    with pytest.raises(ConfigError, match="high: 1 is not above low=1"):
        Digits(name="digits", estimate=Estimate.argmax, end=False, low=1, high=1)
    with pytest.raises(ConfigError, match="num_beams: 0"):
        Catalogue(name="catalogue", num_beams=0)
