from collections import Counter
from pathlib import Path

import pytest

from llmrec.decoding.greedy import Greedy
from llmrec.errors import BackendError, ConfigError
from llmrec.model.recommender.base import Recommender
from llmrec.model.recommender.floors import FrequentText, Popularity, RandomAnswer, TrainMean
from llmrec.progress import Silent
from llmrec.records import Answer, Interaction, Item, Ranking, Rating, Request, Text, Training
from llmrec.seeded import hash64

GREEDY = Greedy(name="greedy", max_new_tokens=1, lines=None)


def training(bought: str = "", catalogue: str = "abcdefgh", answers: tuple[Answer, ...] = ()) -> Training:
    """One interaction a letter of `bought`, one item a letter of `catalogue`."""
    rows = [Interaction(f"u{n}", item, 5.0, n, "", "") for n, item in enumerate(bought)]
    answered = [(Interaction("u", "a", 5.0, 0, "", ""), answer) for answer in answers]
    return Training(rows, {item: Item(item, item, "", ()) for item in catalogue}, answered)


def answer(model: Recommender, rows: Training, request: Request, seed: int = 0) -> Answer | None:
    session = model.open(rows, seed, Path("unused"), Silent())
    [batch] = session.batches([request], GREEDY)
    [completion] = session.complete(batch, GREEDY)
    assert (completion.texts, completion.finish_reason, completion.completion_tokens) == ((), "answered", 0)
    return completion.answer


# Counts: a 4, b 3, c 2, d 2, e 1, f g h 0.
BOUGHT = "aaaa" + "bbb" + "cc" + "dd" + "e"


def test_popularity_lists_the_most_bought_first_and_every_item_tied_with_the_last(ask):
    ranking = answer(Popularity(name="popularity", size=3), training(BOUGHT), ask("q"))
    assert ranking.items[:2] == ("a", "b")
    assert set(ranking.items[2:]) == {"c", "d"}
    assert ranking.scores == (4.0, 3.0, 2.0, 2.0)


def test_popularity_leaves_the_history_out(ask):
    ranking = answer(Popularity(name="popularity", size=2), training(BOUGHT), ask("q", history=("a", "c")))
    assert ranking == Ranking(("b", "d"), (3.0, 2.0))


def test_popularity_ranks_the_candidates_only_where_there_are_some(ask):
    request = ask("q", candidates=("e", "zz", "b"))
    assert answer(Popularity(name="popularity", size=2), training(BOUGHT), request) == Ranking(
        ("b", "e"), (3.0, 1.0)
    )


def test_popularity_lists_all_never_bought_items_when_the_top_reaches_them(ask):
    ranking = answer(Popularity(name="popularity", size=6), training(BOUGHT), ask("q"))
    assert set(ranking.items) == set("abcdefgh")
    assert ranking.scores == (4.0, 3.0, 2.0, 2.0, 1.0, 0.0, 0.0, 0.0)


def test_popularity_answers_nothing_when_the_user_has_everything(ask):
    rows = training("ab", catalogue="ab")
    assert answer(Popularity(name="popularity", size=3), rows, ask("q", history=("a", "b"))) == Ranking(())


def test_random_gives_distinct_items_outside_the_history(ask):
    model = RandomAnswer(name="random", size=3)
    for number in range(50):
        items = answer(model, training(), ask(f"q{number}", history=("a", "b", "c"))).items
        assert len(set(items)) == 3
        assert set(items) <= set("defgh")


def test_random_puts_every_item_first_about_equally_often(ask):
    session = RandomAnswer(name="random", size=1).open(training(), 0, Path("unused"), Silent())
    done = session.complete([ask(f"q{number}") for number in range(800)], GREEDY)
    # 100 expected an item; 60..140 is more than four standard deviations each way.
    firsts = Counter(row.answer.items[0] for row in done)
    assert set(firsts) == set("abcdefgh")
    assert all(60 <= count <= 140 for count in firsts.values())


def test_random_draws_as_many_candidates_as_asked_for(ask):
    candidates = tuple("hgfedcba")
    ranking = answer(RandomAnswer(name="random", size=3), training(), ask("q", candidates=candidates))
    assert len(set(ranking.items)) == 3
    assert set(ranking.items) <= set(candidates)
    assert ranking.items != candidates[:3]


def test_random_ranks_all_candidates_where_there_are_fewer(ask):
    ranking = answer(RandomAnswer(name="random", size=10), training(), ask("q", candidates=("a", "b")))
    assert sorted(ranking.items) == ["a", "b"]


def test_random_depends_on_the_seed_and_the_question_but_not_on_the_order_of_items(ask):
    model = RandomAnswer(name="random", size=8)
    first = answer(model, training(catalogue="abcdefgh"), ask("q"))
    assert answer(model, training(catalogue="hgfedcba"), ask("q")) == first
    assert answer(model, training(), ask("q"), seed=1) != first
    assert answer(model, training(), ask("other")) != first


def test_random_draws_a_training_answer_where_items_are_not_asked_for(ask):
    pool = (Rating(1.0), Rating(5.0))
    model = RandomAnswer(name="random", size=3)
    drawn = {answer(model, training(answers=pool), ask(f"q{number}", item="a")) for number in range(40)}
    assert drawn == set(pool)


def test_random_refuses_a_rating_question_without_training_answers(ask):
    with pytest.raises(BackendError, match="no training answer to draw from"):
        answer(RandomAnswer(name="random", size=3), training(), ask("q", item="a"))


def test_train_mean_is_the_mean_of_the_training_ratings(ask):
    rows = training(answers=(Rating(5.0), Rating(4.0), Rating(1.0), Rating(4.0)))
    assert answer(TrainMean(name="train_mean"), rows, ask("q", item="a")) == Rating(3.5)


def test_frequent_text_is_the_most_frequent_training_text(ask):
    rows = training(answers=(Text("fine"), Text("bad"), Text("fine")))
    assert answer(FrequentText(name="frequent_text"), rows, ask("q")) == Text("fine")


def test_equally_frequent_texts_are_told_apart_by_hash(ask):
    rows = training(answers=(Text("one"), Text("two"), Text("three")))
    least = min(("one", "two", "three"), key=lambda text: hash64("frequent text", text))
    assert answer(FrequentText(name="frequent_text"), rows, ask("q")) == Text(least)


@pytest.mark.parametrize("model", [TrainMean(name="train_mean"), FrequentText(name="frequent_text")])
def test_a_floor_without_training_answers_of_its_kind_is_refused(model):
    with pytest.raises(BackendError, match=f"model={model.name}: no training"):
        model.open(training(answers=(Ranking(("a",)),)), 0, Path("unused"), Silent())


def test_a_ranking_of_no_items_is_refused():
    with pytest.raises(ConfigError, match="size: 0"):
        Popularity(name="popularity", size=0)


def test_floors_say_which_answers_they_give_and_read_no_prompts():
    assert RandomAnswer(name="random", size=1).answers() == (Rating, Ranking, Text)
    assert Popularity(name="popularity", size=1).answers() == (Ranking,)
    assert TrainMean(name="train_mean").answers() == (Rating,)
    assert FrequentText(name="frequent_text").answers() == (Text,)
    assert not Popularity.reads_prompts
    assert TrainMean(name="train_mean").serves(GREEDY)
