"""Hit rate, nDCG and reciprocal rank: by hand, with ties, and against ir_measures."""

from math import inf, log2
from random import Random

import ir_measures
import pytest
from ir_measures import RR, Qrel, ScoredDoc, Success, nDCG

from llmrec.errors import ConfigError
from llmrec.metric.base import Context, Row
from llmrec.metric.ranking import MRR, NDCG, HitRate, RankMetric, position
from llmrec.metric.score import score
from llmrec.records import Question, Ranking, unscored

CONTEXT = Context(training=[])
METRICS: list[RankMetric] = [HitRate(k=[1, 5, 10]), NDCG(k=[5, 10]), MRR(k=[10])]


def row(target: str, answer: Ranking | None, candidates: int = 0) -> Row:
    shown = tuple(f"i{n}" for n in range(candidates))
    question = Question(
        id="q", user="u", time=0, history=(), item=None, rating=None, review=None, candidates=shown
    )
    return Row(question=question, reference=Ranking((target,)), answer=answer)


def values(rows: list[Row]) -> dict[str, float | None]:
    return {result.id: result.value for result in score(METRICS, rows, CONTEXT, seed=0, resamples=10)}


def test_the_third_of_five_is_a_hit_from_three_on() -> None:
    found = values([row("c", Ranking(("a", "b", "c", "d", "e")))])
    assert found["hr@1/full"] == 0.0
    assert found["hr@5/full"] == 1.0
    assert found["ndcg@5/full"] == pytest.approx(1 / log2(4))
    assert found["mrr@10/full"] == pytest.approx(1 / 3)


def test_no_answer_and_an_unranked_item_are_misses() -> None:
    found = values([row("z", Ranking(("a", "b"))), row("a", None), row("a", Ranking(("a",)))])
    assert found["hr@10/full"] == pytest.approx(1 / 3)
    assert found["hr@10/full:valid"] == pytest.approx(1 / 2)
    assert found["ndcg@10/full"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("items", "scores", "expected"),
    [
        (("t", "a", "b"), (9.0, 9.0, 9.0), 2.0),
        (("a", "t", "b"), (9.0, 5.0, 5.0), 2.0),
        (("a", "b", "t", "c"), (9.0, 8.0, 5.0, 5.0), 3.0),
        (("t", "a"), (9.0, 5.0), 1.0),
        (("a", "t"), (), 2.0),
        (("a", "b"), (2.0, 1.0), inf),
    ],
)
def test_tied_items_stand_at_their_middle_position(
    items: tuple[str, ...], scores: tuple[float, ...], expected: float
) -> None:
    answer = Ranking(items, scores)
    assert position(Ranking(("t",)), answer) == expected
    placed = unscored(answer)
    assert isinstance(placed, Ranking)
    assert position(Ranking(("t",)), placed) == expected
    assert not set(scores) & set(placed.scores)


def test_a_tie_across_the_cut_is_no_hit_above_its_middle_position() -> None:
    # Eleven items tied from position 1 on stand at 6: outside five, inside ten.
    tied = Ranking(tuple(f"i{n}" for n in range(11)), (1.0,) * 11)
    found = values([row("i0", tied)])
    assert found["hr@5/full"] == 0.0
    assert found["hr@10/full"] == 1.0
    assert found["ndcg@10/full"] == pytest.approx(1 / log2(7))


@pytest.mark.parametrize(
    ("sizes", "label"), [([100, 100], "sampled-100"), ([100, 50], "sampled"), ([0], "full")]
)
def test_the_id_says_what_was_ranked(sizes: list[int], label: str) -> None:
    assert f"hr@10/{label}" in values([row("a", None, size) for size in sizes])


def test_ir_measures_agrees_on_rankings_without_ties() -> None:
    chance = Random(7)
    rankings = {f"q{n}": chance.sample([f"i{m}" for m in range(14)], 12) for n in range(200)}
    targets = {name: f"i{chance.randrange(14)}" for name in rankings}
    qrels = [Qrel(name, target, 1) for name, target in targets.items()]
    run = [ScoredDoc(q, item, -at) for q, items in rankings.items() for at, item in enumerate(items)]
    judges = {
        "hr@1/full": Success @ 1,
        "hr@5/full": Success @ 5,
        "hr@10/full": Success @ 10,
        "ndcg@5/full": nDCG @ 5,
        "ndcg@10/full": nDCG @ 10,
        "mrr@10/full": RR @ 10,
    }
    judged = ir_measures.calc_aggregate(list(judges.values()), qrels, run)
    found = values([row(targets[name], Ranking(tuple(items))) for name, items in rankings.items()])
    for name, judge in judges.items():
        assert found[name] == pytest.approx(judged[judge]), name


@pytest.mark.parametrize("k", [[], [0], [5, -1]])
def test_no_position_before_the_first_can_be_a_cut(k: list[int]) -> None:
    with pytest.raises(ConfigError, match="k: "):
        HitRate(k=k)
