"""How far a model stands above its floors, as a run's metrics tell it."""

from dataclasses import replace

import pytest

from llmrec import rows
from llmrec.artifacts import RunDir
from llmrec.commands.composing import composed
from llmrec.metric.difference import verdict
from llmrec.model.recommender.floors import RandomAnswer
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.results import MetricResult


@pytest.fixture(scope="module")
def metrics(tmp_path_factory):
    to = tmp_path_factory.mktemp("scoring")
    words = ["dataset=demo", "task=sequential", "model=popularity", "task.floors=[random,popularity]"]
    made = plan(composed([*words, "limit=60", "resamples=50", f"cache_dir={to}"]))
    return run(made, RunDir(to / "run"), Silent())


def test_a_floor_is_held_against_the_model_by_the_headline_scores(metrics):
    random = metrics.floors[0]
    assert [margin.id.partition("/")[0] for margin in random.margins] == metrics.headline
    own = {result.id: result.value for result in metrics.metrics}
    floors = {result.id: result.value for result in random.metrics}
    for margin in random.margins:
        assert (margin.n, margin.value) == (60, pytest.approx(own[margin.id] - floors[margin.id]))
        assert margin.verdict is verdict(MetricResult(margin.id, margin.value, 60, margin.ci95, True))


def test_a_floor_that_is_the_model_itself_is_not_held_against_it(metrics):
    assert (metrics.floors[1].model, metrics.floors[1].margins) == ("popularity", [])


def test_runs_of_the_same_rows_ask_a_floor_once_and_hold_each_model_against_it(tmp_path, monkeypatch):
    opened, open_random = [], RandomAnswer.open
    monkeypatch.setattr(RandomAnswer, "open", lambda *words: opened.append(1) or open_random(*words))

    words = ["dataset=demo", "task=sequential", "task.floors=[random]", f"cache_dir={tmp_path}"]
    popularity, knn = (
        plan(composed([*words, "limit=30", "resamples=50", f"model={model}"]))
        for model in ("popularity", "item_knn")
    )
    first, second = (run(made, RunDir(tmp_path / made.model.name), Silent()) for made in (popularity, knn))
    assert len(opened) == 1
    assert first.floors[0].metrics == second.floors[0].metrics
    assert first.floors[0].margins != second.floors[0].margins
    rows._kept.clear()
    assert run(knn, RunDir(tmp_path / "alone"), Silent()).floors == second.floors
    assert len(opened) == 2
    more = replace(knn, settings=replace(knn.settings, resamples=60))
    for number, made in enumerate([more, replace(more, metrics=more.metrics[:1])], 3):
        run(made, RunDir(tmp_path / f"{number}"), Silent())
        assert len(opened) == number
