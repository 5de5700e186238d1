"""Groups of real runs on invented data, read from their folders alone."""

import numpy as np
import pytest
from reported import answering, finished

from llmrec.artifacts import CONFIG
from llmrec.errors import DataError
from llmrec.finished import Finished
from llmrec.pages.groups import groups
from llmrec.progress import Silent
from llmrec.results import find
from llmrec.rows import draw

NUMBERS = ["4", "no idea", "2", "five", "words"]


@pytest.fixture(scope="module")
def to(tmp_path_factory):
    return tmp_path_factory.mktemp("grouped")


@pytest.fixture(scope="module")
def folders(to):
    return [
        finished(to, "mean", "task=rating model=train_mean limit=30"),
        answering(to, "replayed", "task=rating limit=30", NUMBERS),
        finished(to, "ranked", "task=direct model=popularity limit=10"),
    ]


def test_runs_of_the_same_rows_are_a_group_and_numbered_over_the_page(folders):
    rating, direct = groups(folders)
    assert [entry.name for entry in rating.entries] == ["train_mean", "replay, zero_shot, greedy"]
    assert [entry.number for group in (rating, direct) for entry in group.entries] == [0, 1, 2]
    assert rating.title == "rating on demo, split=paper, seed=0, n = 30 of 353"


def test_groups_of_one_title_are_told_apart_by_their_rows(folders, to):
    other = finished(to, "fewer", "task=direct model=popularity limit=10 task.num_negatives=5")
    titles = [group.title for group in groups([*folders, other])]
    assert len(set(titles)) == 3
    assert titles[0].endswith("of 353")
    assert all("of 400, rows " in title for title in titles[1:])


def test_scores_by_row_come_to_the_run_s_own(folders):
    rating, direct = groups(folders)
    assert [score.id for score in rating.scores] == ["rmse", "mae"]
    for group in (rating, direct):
        score = group.scores[0]
        for run, statistics in zip(group.entries, group.statistics, strict=True):
            own = score.metric.values(statistics[score.place].mean(axis=0))[score.column]
            assert own == pytest.approx(find(run.metrics.metrics, score.id)[0].value)
    assert rating.by_row.shape == (2, 30)


def test_the_training_mean_of_a_missing_rating_is_found_without_the_training_data(folders):
    run = Finished.at(folders[1])
    assert 0 < run.metrics.coverage.valid < 30
    real = np.mean([answer.stars for answer in draw(run.plan, Silent()).training.answers])
    [found] = run.context.training
    assert found.stars == pytest.approx(real, abs=1e-6)


def test_a_config_that_names_no_metric_there_is_is_told_by_its_place(folders, tmp_path):
    for file in folders[0].iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    config = tmp_path / CONFIG
    config.write_text(config.read_text().replace("RatingError", "RatingEror"))
    with pytest.raises(DataError, match=r"config.yaml: metric.metrics\[0\].*RatingEror"):
        list(groups([tmp_path])[0].metrics)
