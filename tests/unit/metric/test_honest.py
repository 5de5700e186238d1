"""What holds for every score of a task: silence never pays, and the order of things tells nothing."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrec.metric.base import Context, Metric, Row
from llmrec.metric.bleu import P5Bleu, SacreBleu, Smoothing, Tokenizer
from llmrec.metric.difference import apart
from llmrec.metric.diversity import Distinct, Repetition, UniqueSentences
from llmrec.metric.ranking import MRR, NDCG, HitRate
from llmrec.metric.rating import RatingError
from llmrec.metric.rouge import P5Rouge, RougeScore
from llmrec.metric.score import score
from llmrec.records import Question, Ranking, Rating, Text

RANKING = [HitRate(k=[1, 2]), NDCG(k=[2, 3]), MRR(k=[3])]
RATING = [RatingError()]
TEXT = [
    SacreBleu(orders=[2], tokenizer=Tokenizer["13a"], smoothing=Smoothing.exp, lowercase=False),
    P5Bleu(orders=[2]),
    RougeScore(stemmer=True),
    P5Rouge(),
]
CONTEXT = Context(training=[Rating(4.0), Rating(3.0)])
ITEMS = [f"i{number}" for number in range(5)]
WORDS = ["soft", "soap", "smells", "of", "plums", "and", "lasts"]

rankings = st.lists(st.sampled_from(ITEMS), min_size=1, max_size=5, unique=True).map(tuple).map(Ranking)
ratings = st.floats(1, 5).map(lambda stars: Rating(round(stars, 1)))
sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join).map(Text)


def rows_of(answers, references):
    pair = st.tuples(st.none() | answers, references)
    return st.lists(pair, min_size=2, max_size=8).map(
        lambda pairs: [row(number, *pair) for number, pair in enumerate(pairs)]
    )


def row(number, answer, reference):
    asked = Question(
        id=f"q{number}", user="u", time=0, history=(), item=None, rating=None, review=None, candidates=()
    )
    return Row(question=asked, reference=reference, answer=answer)


RANKED = rows_of(rankings, st.sampled_from(ITEMS).map(lambda item: Ranking((item,))))
RATED = rows_of(ratings, ratings)
TOLD = rows_of(sentences, sentences)
ALL = [(RANKING, RANKED), (RATING, RATED), (TEXT, TOLD)]
KINDS = ["ranking", "rating", "text"]


def values(metrics: list[Metric], rows: list[Row]) -> dict[str, float]:
    return {result.id: result.value for result in score(metrics, rows, CONTEXT, seed=0, resamples=2)}


def at_most(one: float | None, other: float | None) -> bool:
    return one is None or other is None or one <= other + 1e-9


@pytest.mark.parametrize(("metrics", "drawn"), ALL, ids=KINDS)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_the_order_of_rows_changes_no_score(metrics, drawn, data):
    rows = data.draw(drawn)
    turned = data.draw(st.permutations(rows))
    assert values(metrics, turned) == pytest.approx(values(metrics, rows), nan_ok=True)


@pytest.mark.parametrize(("metrics", "drawn"), [ALL[0], ALL[2]], ids=["ranking", "text"])
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_a_row_without_an_answer_raises_no_score(metrics, drawn, data):
    rows = data.draw(drawn)
    reference = data.draw(st.sampled_from(rows)).reference
    before, after = values(metrics, rows), values(metrics, [*rows, row(99, None, reference)])
    for id, value in after.items():
        if not id.endswith(":valid"):
            assert at_most(value, before[id]), id


@given(rows=RATED)
@settings(max_examples=30, deadline=None)
def test_a_rating_kept_back_counts_as_the_mean_of_the_training_ratings(rows):
    found = values(RATING, rows)
    said = [row(n, one.answer or Rating(3.5), one.reference) for n, one in enumerate(rows)]
    assert (found["rmse"], found["mae"]) == pytest.approx(
        (values(RATING, said)["rmse"], values(RATING, said)["mae"])
    )


@given(rows=RANKED)
@settings(max_examples=30, deadline=None)
def test_a_strict_rank_score_is_that_of_the_answered_rows_times_their_share(rows):
    found = values(RANKING, rows)
    share = sum(one.answer is not None for one in rows) / len(rows)
    for id in (id for id in found if not id.endswith(":valid")):
        assert found[id] == pytest.approx((found[f"{id}:valid"] or 0) * share), id


@given(rows=RANKED, seed=st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_items_of_other_names_score_alike(rows, seed):
    names = dict(zip(ITEMS, random.Random(seed).sample(ITEMS, len(ITEMS)), strict=True))

    def renamed(answer):
        return answer and Ranking(tuple(names[item] for item in answer.items))

    told = [row(n, renamed(one.answer), renamed(one.reference)) for n, one in enumerate(rows)]
    assert values(RANKING, told) == values(RANKING, rows)


@given(rows=TOLD)
@settings(max_examples=30, deadline=None)
def test_diversity_knows_no_order_of_rows(rows):
    metrics = [Distinct(orders=[1]), UniqueSentences(), Repetition()]
    assert values(metrics, rows[::-1]) == pytest.approx(values(metrics, rows), nan_ok=True)


@pytest.mark.parametrize(("metrics", "drawn"), ALL, ids=KINDS)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_a_model_does_not_differ_from_itself(metrics, drawn, data):
    rows = data.draw(drawn)
    counted = [metric.statistics(rows, CONTEXT) for metric in metrics]
    named = [(metric, metric.ids(rows, CONTEXT)) for metric in metrics]
    for result in apart(named, counted, counted, 0, 20):
        assert result.value == pytest.approx(0)
        assert result.ci95 is None or result.ci95[0] <= 0 <= result.ci95[1]
