"""One run by several processes of `accelerate launch`: the rows are split, and the result is that of one."""

import shutil

import msgspec
import pytest
from launching import llmrec

from llmrec.artifacts import COMPLETIONS, METRICS, PREDICTIONS, RunDir, read_metrics

WRITES = ["model=smollm2", "model.dtype=float32", "task=rating", "task.answer_tokens=6", "max_reasks=1"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def alone(cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone") / "run"
    return finished(folder, cache)


def run(folder, cache, words, twice):
    place = [f"hydra.run.dir={folder}", f"cache_dir={cache}"]
    return llmrec("run", "experiment=smoke", "limit=21", *words, *place, twice=twice)


def finished(folder, cache, words=WRITES, twice=False):
    done = run(folder, cache, words, twice)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("no leak found") == 1, done.stdout  # one table
    return folder


def result(folder, processes=None):
    """Return all that a run found, but for how long it took and how many `processes` were at it."""
    metrics = read_metrics(folder / METRICS)
    assert metrics.environment.details.pop("processes", None) == processes
    return msgspec.structs.replace(metrics, seconds={})


def test_two_processes_find_what_one_does(alone, cache, tmp_path):
    two = finished(tmp_path / "two", cache, twice=True)
    assert result(two, processes="2") == result(alone)
    assert (two / PREDICTIONS).read_bytes() == (alone / PREDICTIONS).read_bytes()
    assert RunDir(two).completions() == RunDir(alone).completions()
    assert [path.name for path in two.glob("completions*")] == [COMPLETIONS]


@pytest.mark.slow
def test_a_job_that_fails_leaves_those_after_it_in_step(alone, cache, tmp_path):
    words = [*WRITES, "-m", "model.device=cuda:99,cpu", f"hydra.sweep.dir={tmp_path}"]
    done = run(tmp_path, cache, words, twice=True)
    assert done.stderr.count("error: model.device: 'cuda:99'") == 2  # each process tells its own
    [found] = tmp_path.rglob(METRICS)
    assert result(found.parent, processes="2") == result(alone)


def test_one_process_goes_on_where_two_were_killed(alone, cache, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(alone, folder)
    lines = (alone / COMPLETIONS).read_bytes().splitlines(keepends=True)
    (folder / COMPLETIONS).write_bytes(b"".join(lines[:5]))
    (folder / "completions.1.jsonl").write_bytes(b"".join(lines[5:11]) + lines[11][:20])
    (folder / METRICS).unlink()
    finished(folder, cache)
    assert result(folder) == result(alone)
    assert [path.name for path in folder.glob("completions*")] == [COMPLETIONS]


def test_a_model_that_does_not_spread_is_asked_by_the_first_alone(cache, tmp_path):
    words = ["model=popularity", "task=sequential"]
    one = finished(tmp_path / "one", cache, words)
    two = finished(tmp_path / "two", cache, words, twice=True)
    assert result(one) == result(two)


@pytest.mark.slow
def test_an_error_of_all_is_told_and_leaves_no_process_waiting(cache, tmp_path):
    done = run(tmp_path, cache, [*WRITES, "finetune=lora", "finetune.adapter=/no/such"], twice=True)
    assert done.returncode != 0
    assert "finetune.adapter: '/no/such' is no folder" in done.stderr
