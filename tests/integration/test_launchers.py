"""Sweeps by Hydra's launchers: other processes, the same results; and two commands at once."""

import json

import pytest
from launching import FLOORS, TINY, TWELVE, ray_nodes, results, started

from llmrec.artifacts import COMPLETIONS, ERROR, METRICS

SLOW = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def alone(cache, tmp_path_factory):
    """Return what a sweep comes to in one process, run once for all who ask."""
    found = {}

    def made(*words):
        if words not in found:
            home = tmp_path_factory.mktemp("alone")
            assert started(home, cache, *words).wait() == 0
            found[words] = results(home)
        return found[words]

    return made


@pytest.fixture
def ray_cluster():
    with ray_nodes() as env:
        yield env


@pytest.mark.parametrize(
    "launcher",
    [
        ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
        ["hydra/launcher=submitit_local"],
        ["hydra/launcher=ray_cluster"],
    ],
    ids=lambda words: words[0].partition("=")[2],
)
@pytest.mark.parametrize(
    ("sweep", "tables"), [(FLOORS, 1), pytest.param(TWELVE, 4, marks=SLOW)], ids=["floors", "twelve"]
)
def test_a_launcher_finds_what_one_process_does(launcher, sweep, tables, alone, cache, tmp_path, request):
    env = request.getfixturevalue("ray_cluster") if "ray" in launcher[0] else {}
    running = started(tmp_path, cache, *sweep, *launcher, env=env)
    out, told = running.communicate()
    assert running.returncode == 0, told
    assert results(tmp_path) == alone(*sweep)
    number = len(alone(*sweep))
    assert f"run {number} of {number} done" in told
    assert out.count(" on demo, ") == tables  # one for each limit and seed


def test_what_fails_elsewhere_is_told_and_leaves_the_others_whole(cache, tmp_path):
    words = ["task=rating,sequential", "model=popularity", "limit=30"]
    running = started(tmp_path, cache, *words, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    out, told = running.communicate()
    assert running.returncode == 1
    assert "run 1 of 2 failed: model=popularity: answers a ranking, task=rating asks for a rating" in told
    assert "Traceback" not in told
    assert out.count(" on demo, ") == 1
    [error] = tmp_path.rglob(ERROR)
    assert not error.with_name(METRICS).exists()


@pytest.mark.slow
def test_two_commands_at_once_share_a_sweep_and_compute_nothing_twice(alone, cache, tmp_path):
    sweeps = [started(tmp_path, cache, *TINY) for _ in range(2)]
    told = [sweep.communicate()[1] for sweep in sweeps]
    assert [sweep.returncode for sweep in sweeps] == [0, 0], told
    assert results(tmp_path) == alone(*TINY)
    assert any("comes last" in text for text in told)
    for path in tmp_path.rglob(COMPLETIONS):
        ids = [json.loads(line)["example_id"] for line in path.read_text().splitlines()]
        assert len(ids) == len(set(ids))
        assert path.with_name("run.log").read_text().count("opening model=") == 1
