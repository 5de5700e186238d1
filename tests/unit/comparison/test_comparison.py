"""Comparisons of real runs of small models on invented data."""

import json

import numpy as np
import pytest

from llmrec.artifacts import RunDir
from llmrec.commands import compare
from llmrec.commands.composing import composed
from llmrec.comparison.differences import Outcome, changed, differences, measures
from llmrec.comparison.pairs import pairs
from llmrec.comparison.table import told
from llmrec.errors import ConfigError, DataError
from llmrec.finished import Finished
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.records import Ranking, Rating, Text
from llmrec.results import find

LINES = {
    "mean": "task=rating model=train_mean limit=60",
    "both": "task=rating model=user_item_mean limit=40",
    "chance": "task=rating model=random limit=60",
    "popular": "task=direct model=popularity limit=30 task.num_negatives=9",
    "reseeded": "task=direct model=random limit=30 task.num_negatives=9 seed=1",
    "fewer": "task=direct model=random limit=30 task.num_negatives=5",
    "orders": "task=direct model=random limit=30 task.num_negatives=9 task.candidate_orders=4",
    "ordered": "task=direct model=popularity limit=30 task.num_negatives=9 task.candidate_orders=4",
    "next": "task=sequential model=popularity limit=30",
    "later": "task=rating model=train_mean split=global_time limit=60",
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    to = tmp_path_factory.mktemp("compared")
    for name, line in LINES.items():
        made = plan(composed(["dataset=demo", "resamples=200", f"cache_dir={to}/cache", *line.split()]))
        run(made, RunDir(to / name), Silent())
    return to


@pytest.fixture
def of(folders):
    def found(*names):
        return pairs(names, [Finished.at(folders / name) for name in names])

    return found


def apart(found, *wanted):
    return differences([one for pair in found for one in measures(pair, wanted)])


def test_runs_are_compared_on_the_rows_that_both_were_asked(of):
    [pair] = of("mean", "both")
    assert len(pair.rows) == 40
    for one, other in pair.rows:
        assert (one.question, one.reference) == (other.question, other.reference)
    rmse, mae = apart([pair])
    assert (rmse.n, mae.n) == (40, 40)
    errors = np.array([[row.answer.stars - row.reference.stars for row in pair.side(n)] for n in (0, 1)])
    assert rmse.scores == pytest.approx(np.sqrt((errors**2).mean(axis=1)))
    assert mae.difference == pytest.approx(np.abs(errors[1]).mean() - np.abs(errors[0]).mean())
    assert mae.ci95[0] <= mae.difference <= mae.ci95[1]
    absolute = np.abs(errors[1]) - np.abs(errors[0])
    assert mae.effect == pytest.approx(absolute.mean() / absolute.std(ddof=1), rel=1e-3)


def test_scores_over_all_rows_are_the_run_s_own(of, folders):
    [pair] = of("mean", "chance")
    for found in apart([pair], "rmse", "mae"):
        for run_, score in zip(pair.runs, found.scores, strict=True):
            assert score == pytest.approx(find(run_.metrics.metrics, found.metric)[0].value)


def test_p_values_are_corrected_over_all_pairs_and_scores_and_decide(of):
    found = apart(of("mean", "both", "chance"))
    assert len(found) == 6
    assert all(one.p <= one.p_corrected for one in found)
    assert max(one.p_corrected for one in found) <= 1
    for one in found:
        sure = one.p_corrected < 0.05
        assert one.outcome is (
            Outcome.unclear if not sure else Outcome.worse if one.difference > 0 else Outcome.better
        )
    assert Outcome.worse in {one.outcome for one in found if one.other == "chance"}


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ("mean", "next", "task=sequential, and .* has task=rating"),
        ("mean", "later", "split=global_time, and .* has split=paper"),
        ("popular", "reseeded", r"another question than in .* seed"),
        ("popular", "fewer", "another question"),
    ],
)
def test_runs_of_other_tasks_splits_or_candidates_are_refused(of, one, other, told):
    with pytest.raises(DataError, match=told):
        of(one, other)


def test_runs_without_a_common_row_are_refused(of, folders, tmp_path):
    made = plan(
        composed(
            ["dataset=demo", f"cache_dir={folders}/cache", "task=rating", "model=train_mean", "subset=valid"]
        )
    )
    run(made, RunDir(tmp_path), Silent())
    with pytest.raises(DataError, match=r"no row that .* was asked too"):
        pairs(("mean", "valid"), [Finished.at(folders / "mean"), Finished.at(tmp_path)])


def test_rows_asked_in_several_orders_count_once_in_a_run_and_in_a_comparison(of, folders):
    [pair] = of("ordered", "orders")
    for run_ in pair.runs:
        metrics = run_.metrics
        assert (metrics.n, metrics.coverage.all) == (30, 120)
        assert {result.n for result in metrics.metrics if not result.id.endswith(":valid")} == {30}
        assert any("asked 4 times" in note for note in metrics.notes)
    [once] = find(Finished.at(folders / "popular").metrics.metrics, "ndcg@10")
    [often] = find(pair.runs[0].metrics.metrics, "ndcg@10")
    assert (often.value, often.ci95) == (once.value, once.ci95)  # it does not look at the order
    for found in apart([pair]):
        assert found.n == 30
        for run_, score in zip(pair.runs, found.scores, strict=True):
            assert score == pytest.approx(find(run_.metrics.metrics, found.metric)[0].value)
    [measured, *_] = measures(pair, [])
    assert ":" in "".join(row.id for row in changed(measured, 50))


def test_an_unknown_score_is_told(of):
    with pytest.raises(ConfigError, match=r"--metric rsme: no such score; did you mean 'rmse'\?"):
        apart(of("mean", "both"), "rsme")


def test_the_rows_that_changed_most_come_first_each_way(of):
    [measured, *_] = measures(of("mean", "chance")[0], ["mae"])
    shown = changed(measured, 3)
    assert len(shown) == 6
    gains = [row.scores[0] - row.scores[1] for row in shown]  # an error that falls is a gain
    assert gains[:3] == sorted(gains[:3], reverse=True)
    assert gains[3:] == sorted(gains[3:])
    assert gains[2] > 0 > gains[3]
    [column] = measured.wanted
    assert gains[0] == pytest.approx(max(measured.one[:, column] - measured.other[:, column]))


def test_answers_are_told_in_a_few_words():
    right = Ranking(("b",))
    assert told(Ranking(("a", "b")), right) == "place 2"
    assert told(Ranking(("a",)), right) == "not b"
    assert told(Rating(4.5), Rating(1.0)) == "4.5"
    assert told(None, right) == "no valid answer"
    assert told(Text("x" * 500), Text("")) == "x" * 197 + "..."


def test_the_command_prints_tables_rows_and_verdicts(folders, capsys):
    runs = [str(folders / name) for name in ("mean", "both", "chance")]
    assert compare.main(runs) == 0
    shown = capsys.readouterr().out
    for words in ("n = 40 rows shared, of 60 and 40", "changed most by rmse", "random beats", "p Holm"):
        assert words in shown
    assert compare.main([*runs, "--format", "markdown"]) == 0
    assert "| rmse |" in capsys.readouterr().out
    assert compare.main([*runs, "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 6


def test_runs_of_one_name_are_told_apart_by_their_folders(folders, capsys):
    same = str(folders / "mean")
    assert compare.main([same, same]) == 0
    assert "train_mean (mean)" in capsys.readouterr().out


def test_one_run_alone_is_refused(folders):
    with pytest.raises(ConfigError, match="give two or more"):
        compare.main([str(folders / "mean")])


def test_ratings_are_compared_without_the_data_that_they_were_made_from(of, monkeypatch):
    def gone(*_):
        raise AssertionError("read")

    monkeypatch.setattr("llmrec.finished.draw", gone)
    assert len(apart(of("mean", "chance"))) == 2
