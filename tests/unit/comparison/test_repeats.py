"""What runs of one sweep vary by: sums of squares by hand, and real runs on invented data."""

import json

import numpy as np
import pytest

from llmrec.artifacts import RunDir
from llmrec.commands import repeats as command
from llmrec.commands.composing import composed
from llmrec.comparison.repeats import REST, ROWS, decomposed, repeats, varied
from llmrec.errors import ConfigError, DataError
from llmrec.finished import Finished
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent


def test_variance_is_split_by_hand():
    # Two rows, two seeds by two prompts; the mean is 2.5, of rows 1.5 and 3.5, seeds 2 and 3, prompts 2.5.
    of_rows = np.array([[1.0, 1.0, 2.0, 2.0], [3.0, 3.0, 4.0, 4.0]])
    factors = {"seed": ["0", "0", "1", "1"], "prompt.name": ["a", "b", "a", "b"]}
    rows, seed, prompt, rest = decomposed(of_rows, of_rows.mean(axis=0), factors)
    assert [share.factor for share in (rows, seed, prompt, rest)] == [ROWS, "seed", "prompt.name", REST]
    # Total 10: rows 4 * 2 * 1, seeds 4 * 2 * .25.
    assert [share.share for share in (rows, seed, prompt, rest)] == pytest.approx([0.8, 0.2, 0.0, 0.0])
    assert seed.levels == {"0": 2.0, "1": 3.0}


def test_shares_sum_to_one_and_pure_chance_is_rest():
    chance = np.random.default_rng(0)
    of_rows = chance.normal(size=(2_000, 6))
    shares = decomposed(of_rows, of_rows.mean(axis=0), {"seed": list("001122"), "order": list("010101")})
    assert sum(share.share for share in shares) == pytest.approx(1.0)
    found = {share.factor: share.share for share in shares}
    assert found["seed"] < 0.01
    assert found["order"] < 0.01
    assert found[ROWS] == pytest.approx(1 / 6, abs=0.02)


def test_scores_that_are_all_equal_have_no_variance_to_share():
    shares = decomposed(np.ones((3, 2)), np.ones(2), {"seed": ["0", "1"]})
    assert [share.share for share in shares] == [0.0, 0.0, 0.0]


def test_settings_that_change_together_are_one_factor_by_its_name():
    runs = [
        {"seed": seed, "prompt": {"name": name, "words": words}, "cache_dir": str(seed)}
        for seed in (0, 1)
        for name, words in (("plain", "a"), ("long", "b"))
    ]
    assert varied(runs) == {"prompt.name": ["plain", "long"] * 2, "seed": ["0", "0", "1", "1"]}


@pytest.mark.parametrize("runs", [[{"seed": 0}] * 2, [{"a": 0, "b": 0}, {"a": 0, "b": 1}, {"a": 1, "b": 0}]])
def test_runs_that_are_no_grid_are_refused(runs):
    with pytest.raises(ConfigError, match="not each combination once"):
        varied(runs)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    to = tmp_path_factory.mktemp("repeats")
    for order in (0, 1):
        for model in ("random", "popularity"):
            line = f"dataset=demo task=direct task.num_negatives=19 task.shuffle_seed={order} model={model}"
            made = plan(composed([*line.split(), "resamples=50", f"cache_dir={to}/cache"]))
            run(made, RunDir(to / f"{model}-{order}"), Silent())
    return to


def test_runs_are_analysed_on_the_rows_that_all_were_asked(folders):
    runs = [Finished.at(folders / f"random-{order}") for order in (0, 1)]
    [found, *_] = repeats(runs, ["hr@5"])
    own = [next(m for m in run.metrics.metrics if m.id == found.metric) for run in runs]
    assert found.n == own[0].n
    assert (found.least, found.most) == (min(m.value for m in own), max(m.value for m in own))
    low, high = own[0].ci95
    assert found.standard_error == pytest.approx((high - low) / 3.92, rel=0.3)
    assert [share.factor for share in found.shares] == [ROWS, "task.shuffle_seed", REST]


def test_runs_of_several_models_are_refused(folders):
    with pytest.raises(DataError, match="runs of model=popularity, random"):
        repeats([Finished.at(folders / name) for name in ("random-0", "popularity-0")], [])


def test_the_command_prints_what_varies(folders, capsys):
    runs = [str(folders / f"popularity-{order}") for order in (0, 1)]
    assert command.main(runs) == 0
    shown = capsys.readouterr().out
    assert "2 runs, the same n =" in shown
    assert "mean by task.shuffle_seed" in shown
    assert command.main([*runs, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["runs"] == 2
    with pytest.raises(ConfigError, match="give two or more"):
        command.main(runs[:1])
