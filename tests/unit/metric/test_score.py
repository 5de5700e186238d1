"""Strict and valid-only scores and their bootstrap intervals, on a metric simple enough to foresee."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import pytest
from msgspec.structs import replace

from llmrec.metric.base import Array, Context, Metric, Row
from llmrec.metric.ranking import MRR, NDCG, HitRate
from llmrec.metric.score import resampled_means, score
from llmrec.records import Question, Ranking, Rating
from llmrec.results import MetricResult

CONTEXT = Context(training=[])


@dataclass(frozen=True, kw_only=True)
class MeanStars(Metric):
    """The mean answer, by `of`; a missing one is 0."""

    of: Callable[[Array], Array] = np.positive

    def ids(self, rows: Sequence[Row], context: Context) -> list[str]:
        return ["stars"]

    def statistics(self, rows: Sequence[Row], context: Context) -> Array:
        return np.array([[row.answer.stars if isinstance(row.answer, Rating) else 0.0] for row in rows])

    def values(self, means: Array) -> Array:
        with np.errstate(divide="ignore"):
            return self.of(means)

    @property
    def higher_is_better(self) -> bool:
        return True


def rows_of(stars: Sequence[float | None]) -> list[Row]:
    question = Question(
        id="q", user="u", time=0, history=(), item="i", rating=None, review=None, candidates=()
    )
    answers = [None if value is None else Rating(value) for value in stars]
    return [Row(question=question, reference=Rating(1.0), answer=answer) for answer in answers]


def scored(
    stars: Sequence[float | None], seed: int = 0, of: Callable[[Array], Array] = np.positive
) -> list[MetricResult]:
    return score([MeanStars(of=of)], rows_of(stars), CONTEXT, seed, 200)


def test_strict_counts_every_row_and_valid_those_with_an_answer() -> None:
    strict, valid = scored([4.0, 2.0, None])
    assert (strict.id, strict.value, strict.n) == ("stars", 2.0, 3)
    assert (valid.id, valid.value, valid.n) == ("stars:valid", 3.0, 2)


def test_no_rows_have_no_value() -> None:
    assert [(result.value, result.n, result.ci95) for result in scored([])] == [(None, 0, None)] * 2


def test_no_valid_rows_have_no_valid_value() -> None:
    strict, valid = scored([None, None])
    assert (strict.value, strict.n) == (0.0, 2)
    assert (valid.value, valid.n, valid.ci95) == (None, 0, None)


def test_one_row_has_a_value_but_no_interval() -> None:
    assert scored([4.0])[0] == MetricResult("stars", 4.0, 1, None, True)


def test_two_rows_have_an_interval_over_their_draws() -> None:
    assert scored([4.0, 2.0])[0] == MetricResult("stars", 3.0, 2, (2.0, 4.0), True)


def test_a_value_that_is_no_number_never_leaves() -> None:
    broken = scored([1.0, 2.0], of=lambda means: means * np.nan)
    assert {(result.value, result.ci95) for result in broken} == {(None, None)}


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("of", [np.log, lambda means: -np.log(means)])
def test_an_interval_without_an_end_is_none(of: Callable[[Array], Array]) -> None:
    strict, _ = scored([0.0, 1.0], of=of)
    assert strict.value == pytest.approx(of(np.array(0.5)))
    assert strict.ci95 is None


def test_what_is_known_of_the_rows_is_not_counted_again() -> None:
    strict, _ = score([MeanStars()], rows_of([4.0, 2.0]), CONTEXT, 0, 20, counted=[np.array([[9.0], [9.0]])])
    assert strict.value == 9.0


def test_rows_with_an_answer_are_drawn_as_if_there_were_no_others() -> None:
    stars = [float(n % 5) for n in range(30)]
    assert scored([*stars, None], seed=3)[1].ci95 == scored(stars, seed=3)[0].ci95


def test_the_seed_alone_decides_the_interval() -> None:
    stars = [float(n % 5) for n in range(40)]
    assert scored(stars, seed=1) == scored(stars, seed=1)
    assert scored(stars, seed=1)[0].ci95 != scored(stars, seed=2)[0].ci95


def test_the_order_of_rows_changes_no_mean() -> None:
    stars = [float(n % 5) for n in range(41)]
    assert scored(stars)[0].value == pytest.approx(scored(stars[::-1])[0].value)


def test_every_resample_draws_as_many_rows_as_there_are() -> None:
    ones = np.ones((7, 2))
    np.testing.assert_allclose(resampled_means(ones, seed=0, resamples=30), np.ones((30, 2)))


def test_resampled_means_spread_as_theory_says() -> None:
    # 400 rows of variance 1/4: the mean of a resample has a standard error of 1/40.
    halves = np.repeat([[0.0], [1.0]], 200, axis=0)
    means = resampled_means(halves, seed=5, resamples=4000)
    assert means.mean() == pytest.approx(0.5, abs=0.002)
    assert means.std() == pytest.approx(1 / 40, rel=0.06)


def test_the_interval_covers_the_truth_about_19_times_in_20() -> None:
    chance = np.random.default_rng(11)
    covered = 0
    for run in range(200):
        drawn = (chance.random(150) < 0.3).astype(float)
        interval = score([MeanStars()], rows_of(drawn.tolist()), CONTEXT, run, 200)[0].ci95
        assert interval is not None
        covered += interval[0] <= 0.3 <= interval[1]
    assert 176 <= covered <= 199


@pytest.mark.parametrize(
    ("answer", "value", "expected"),
    [(("b",), 0.0, (0.0, 0.2059)), (("a",), 1.0, (0.7941, 1.0))],
)
def test_sixteen_rows_at_a_bound_have_the_exact_binomial_limit(
    answer: tuple[str, ...], value: float, expected: tuple[float, float]
) -> None:
    # .025^(1/16) = exp(-3.6889 / 16) = .7941.
    question = rows_of([None])[0].question
    row = Row(question=question, reference=Ranking(("a",)), answer=Ranking(answer))
    results = score([HitRate(k=[1, 5]), NDCG(k=[5]), MRR(k=[10])], [row] * 16, CONTEXT, 0, 50)
    assert [result.value for result in results] == [value] * 8
    assert all(result.ci95 == pytest.approx(expected, abs=5e-5) for result in results)


def test_the_exact_limit_is_for_unit_metrics_at_a_bound_alone() -> None:
    question = rows_of([None])[0].question
    # Stars of 0 are a rating scale's; always second, MRR is 1/2 and nothing hits at 1.
    rows = [Row(question=question, reference=Ranking(("a",)), answer=Ranking(("b", "a")))] * 16
    stars, hits, reciprocal = score([MeanStars(), HitRate(k=[1]), MRR(k=[2])], rows, CONTEXT, 0, 50)[::2]
    assert stars.ci95 == (0.0, 0.0)
    assert hits.ci95 == pytest.approx((0.0, 0.2059), abs=5e-5)
    assert reciprocal.ci95 == (0.5, 0.5)


@pytest.mark.timeout(30)
def test_a_test_set_of_beautys_size_is_scored_in_seconds() -> None:
    question = Question(
        id="q", user="u", time=0, history=(), item=None, rating=None, review=None, candidates=()
    )
    rankings = [Ranking(tuple(f"i{n + m}" for m in range(10))) for n in range(100)]
    rows = [
        Row(question=question, reference=Ranking((f"i{n % 90}",)), answer=rankings[n % 83])
        for n in range(22_363)
    ]
    start = perf_counter()
    results = score([HitRate(k=[1, 5, 10]), NDCG(k=[5, 10]), MRR(k=[10])], rows, CONTEXT, 0, 1000)
    assert perf_counter() - start < 10
    assert all(result.n == 22_363 for result in results)


def asked(stars: Sequence[tuple[str, float | None]]) -> list[Row]:
    rows = rows_of([value for _, value in stars])
    return [
        Row(question=replace(row.question, id=id), reference=row.reference, answer=row.answer)
        for (id, _), row in zip(stars, rows, strict=True)
    ]


def test_a_row_that_is_asked_several_times_counts_once_and_narrows_no_interval() -> None:
    stars = np.random.default_rng(0).integers(1, 6, size=40).astype(float)
    once = [(f"q{at}", value) for at, value in enumerate(stars)]
    again = [(f"{id}:{order}" if order else id, value) for id, value in once for order in range(5)]
    one, many = (score([MeanStars()], asked(rows), CONTEXT, 0, 500)[0] for rows in (once, again))
    assert many == one
    assert many.n == 40


def test_a_row_s_score_is_the_mean_of_its_askings_and_a_missing_one_counts() -> None:
    rows = asked([("a", 4.0), ("b", 1.0), ("a:1", 2.0), ("b:1", None)])
    strict, valid = score([MeanStars()], rows, CONTEXT, 0, 50)
    assert (strict.value, strict.n) == (pytest.approx((3.0 + 0.5) / 2), 2)
    assert (valid.value, valid.n) == (pytest.approx((3.0 + 1.0) / 2), 2)
