"""Our BPR against cornac's own evaluator, and rankings with ties against ir_measures."""

from contextlib import contextmanager
from random import Random

import ir_measures
import pytest
from cornac.data import Dataset
from cornac.eval_methods.base_method import ranking_eval
from cornac.metrics import NDCG as CornacNDCG
from cornac.metrics import HitRatio
from cornac.models import BPR as CornacBPR
from ir_measures import Qrel, ScoredDoc, Success, nDCG
from safetensors.numpy import save

from llmrec.errors import ConfigError, DataError
from llmrec.metric.base import Context, Row
from llmrec.metric.ranking import NDCG, HitRate
from llmrec.metric.score import score
from llmrec.model.recommender.bpr import BPR
from llmrec.model.recommender.bpr_standing import STATE, resumed
from llmrec.model.recommender.learner import WEIGHTS, kept
from llmrec.model.recommender.neighbors import ItemKNN
from llmrec.progress import Silent
from llmrec.records import Ranking

from .conftest import asked, taught

SETTINGS = {
    "size": 5, "dim": 8, "learning_rate": 0.05, "regularization": 0.01, "epochs": 40, "evaluate_every": 10,
    "patience": 2, "validation_rows": None,
}  # fmt: skip
MODEL = BPR(name="bpr_mf", **SETTINGS)
CATALOGUE = "abcdefghijklmnopqrstuvwxyz"


def world() -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Return training items, a validation and a test item of 60 users, who like one half of the letters."""
    chance = Random(0)
    train, valid, test = {}, {}, {}
    for number in range(60):
        half = CATALOGUE[:13] if number % 2 else CATALOGUE[13:]
        drawn = chance.sample(half, 5) + chance.sample(CATALOGUE, 3)
        drawn = list(dict.fromkeys(drawn))
        user = f"u{number:02}"
        train[user], valid[user], test[user] = "".join(drawn[:-2]), drawn[-2], drawn[-1]
    return train, valid, test


TRAIN, VALID, TEST = world()
TRAINING = taught(TRAIN, CATALOGUE, VALID)
QUESTIONS = [asked(user, TRAIN[user] + VALID[user]) for user in TRAIN]


def scores(rankings: list[Ranking]) -> dict[str, float]:
    rows = [
        Row(question=question, reference=Ranking((TEST[question.user],)), answer=ranking)
        for question, ranking in zip(QUESTIONS, rankings, strict=True)
    ]
    metrics = [HitRate(k=[5]), NDCG(k=[5])]
    found = score(metrics, rows, Context(training=[]), seed=0, resamples=10)
    return {result.id: result.value for result in found}


def test_scores_are_those_of_cornacs_evaluator(answers, tmp_path):
    ours = scores(answers(MODEL, TRAINING, QUESTIONS))
    [folder] = (tmp_path / "recommender").iterdir()
    weights, _ = kept(folder)
    users = {user: number for number, user in enumerate(sorted(TRAIN))}
    items = {item: number for number, item in enumerate(CATALOGUE)}

    def data(bought: dict[str, str]) -> Dataset:
        rows = [(user, item, 1.0) for user, letters in bought.items() for item in letters]
        return Dataset.build(rows, global_uid_map=dict(users), global_iid_map=dict(items), fmt="UIR")

    theirs = CornacBPR(k=8, init_params=weights, trainable=False).fit(data(TRAIN))
    found, _ = ranking_eval(
        theirs, [HitRatio(k=5), CornacNDCG(k=5)], data(TRAIN), data(TEST), val_set=data(VALID)
    )
    assert ours["hr@5/full"] == pytest.approx(found[0])
    assert ours["ndcg@5/full"] == pytest.approx(found[1])
    assert ours["hr@5/full"] > 0.2  # 5 of about 20 that are left


def judged(rankings: list[Ranking], tied: float) -> tuple[float, float]:
    """Return what ir_measures says of rankings, an item tied with the target put `tied` places away."""
    qrels = [Qrel(user, item, 1) for user, item in TEST.items()]
    run = []
    for question, ranking in zip(QUESTIONS, rankings, strict=True):
        target = TEST[question.user]
        values = dict(zip(ranking.items, ranking.scores, strict=True))
        order = sorted(values, key=lambda item: (-values[item], tied if item == target else 0.0))
        run += [ScoredDoc(question.user, item, -place) for place, item in enumerate(order)]
    found = ir_measures.calc_aggregate([Success @ 5, nDCG @ 5], qrels, run)
    return found[Success @ 5], found[nDCG @ 5]


def test_scores_of_the_same_rankings_are_those_of_ir_measures(answers):
    rankings = answers(MODEL, TRAINING, QUESTIONS)
    assert all(len(set(ranking.scores)) == len(ranking.scores) for ranking in rankings)
    ours = scores(rankings)
    assert judged(rankings, 0.0) == pytest.approx((ours["hr@5/full"], ours["ndcg@5/full"]))


def test_with_ties_scores_lie_between_the_best_and_the_worst_order_for_ir_measures(answers):
    counted = [
        Ranking(ranking.items, tuple(round(score, 1) for score in ranking.scores))
        for ranking in answers(MODEL, TRAINING, QUESTIONS)
    ]
    ours = scores(counted)
    best, worst = judged(counted, -1.0), judged(counted, 1.0)
    assert best > worst
    for found, least, most in zip((ours["hr@5/full"], ours["ndcg@5/full"]), worst, best, strict=True):
        assert least <= found <= most


def test_a_user_without_training_rows_gets_popularity(answers):
    [ranking] = answers(MODEL, taught({"u": "abb", "v": "bc"}, targets={"u": "c"}), [asked("new")])
    assert ranking.items[0] == "b"


class Stopping(Silent):
    """Ends the command at the second judgement."""

    @contextmanager
    def bar(self, label, total, unit):
        judged = []

        def advance(amount: int, note: str = "") -> None:
            judged.append(amount)
            if len(judged) == 3:  # the first tells where the fit begins
                raise KeyboardInterrupt

        yield advance


def test_a_fit_that_was_stopped_goes_on_from_its_last_judgement_to_the_same_weights(tmp_path):
    whole = MODEL.open(TRAINING, 0, tmp_path / "whole", Silent()).fit
    with pytest.raises(KeyboardInterrupt):
        MODEL.open(TRAINING, 0, tmp_path / "cut", Stopping())
    [left] = (tmp_path / "cut" / "recommender").glob("*.unfinished")
    standing = resumed(left)
    assert (standing.epoch, standing.curve) == (20, whole.curve[:2])
    fit = MODEL.open(TRAINING, 0, tmp_path / "cut", Silent()).fit
    assert (fit.curve, fit.best_epoch) == (whole.curve, whole.best_epoch)
    one, other = (
        (tmp_path / name / "recommender" / fit.name / WEIGHTS).read_bytes() for name in ("whole", "cut")
    )
    assert one == other
    assert not left.exists()


@pytest.mark.parametrize("content", [b"", b"no state", save({}, {"standing": "[]"}), save({})])
def test_a_standing_that_cannot_be_read_is_refused_with_a_way_out(tmp_path, content):
    (tmp_path / STATE).write_bytes(content)
    with pytest.raises(DataError, match=r"no checkpoint of this fit .* to fit anew"):
        resumed(tmp_path)


def knn(neighbors: int = 5, decay: float = 1.0) -> ItemKNN:
    return ItemKNN(name="item_knn", size=2, neighbors=neighbors, shrink=0.0, decay=decay, validation_rows=0)


def test_item_knn_counts_common_buyers_over_the_root_of_all_buyers(answers):
    # a and b: 2 common of 2 and 2 buyers, cosine 1; a and c: 1 of 2 and 3, 1 / sqrt 6.
    training = taught({"u": "abc", "v": "ab", "w": "cd", "x": "c"})
    [ranking] = answers(knn(), training, [asked("new", "a")])
    assert ranking.items == ("b", "c")
    assert ranking.scores == pytest.approx((1.0, 6**-0.5), abs=1e-3)


def test_item_knn_weighs_late_items_more(answers):
    training = taught({"u": "ab", "v": "cd"})
    [ranking] = answers(knn(decay=0.5), training, [asked("new", "ca")])
    assert ranking.items == ("b", "d")
    assert ranking.scores == pytest.approx((1.0, 0.5), abs=1e-3)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: BPR(name="bpr", **SETTINGS | {"dim": 0}), "dim: 0"),
        (
            lambda: ItemKNN(name="i", size=1, neighbors=0, shrink=0, decay=1, validation_rows=0),
            "neighbors: 0",
        ),
        (lambda: ItemKNN(name="i", size=1, neighbors=1, shrink=0, decay=0, validation_rows=0), "decay"),
    ],
)
def test_impossible_settings_are_refused(wrong, told):
    with pytest.raises(ConfigError, match=told):
        wrong()
