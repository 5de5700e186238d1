"""The same command gives the same bytes, wherever, whenever and in whatever batches it runs."""

import json
import os
import subprocess
import sys

import pytest

from llmrec.artifacts import EXAMPLES, METRICS, PREDICTIONS, PROMPTS

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(900)]

SWEEP = ["-m", "dataset=demo", "resamples=20", "limit=9"]
WRITES = [*SWEEP, "model=tiny", "prompt=few_shot", "task.answer_tokens=6", "max_reasks=1"]
WRITES += ["task=rating,sequential,direct,explanation,summarization"]
LIKELY = [*SWEEP, "model=tiny", "prompt=few_shot", "decoding=catalogue", "task=sequential,direct"]
RANKS = [*SWEEP, "model=bpr_mf,sasrec", "task=sequential,direct"]
HERE = {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
THERE = {"PYTHONHASHSEED": "4711", "TZ": "Asia/Kathmandu", "LC_ALL": "POSIX"}


def came_to(home, words, around):
    """Run a sweep at home, and return the bytes that each run came to, by its task and
    model."""
    home.mkdir()
    command = [sys.executable, "-m", "llmrec", "run", *words, "cache_dir=cache", "hydra.sweep.dir=sweep"]
    done = subprocess.run(
        command, cwd=home, env=os.environ | around, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {
        (metrics["task"], metrics["model"]): (
            timeless(metrics),
            *((path.parent / name).read_bytes() for name in FILES),
        )
        for path in (home / "sweep").rglob(METRICS)
        if (metrics := json.loads(path.read_text()))
    }


FILES = (EXAMPLES, PROMPTS, PREDICTIONS)


def timeless(metrics):
    """Return metrics without what tells how they were computed, not what came of it."""
    return {name: value for name, value in metrics.items() if name not in ("seconds", "environment", "fit")}


@pytest.mark.parametrize(
    ("words", "runs"),
    [(WRITES, 5), (LIKELY, 2), (RANKS, 4)],
    ids=["a language model", "likelihoods", "recommenders"],
)
def test_the_place_the_hour_the_locale_hashes_and_batches_do_not_show(words, runs, tmp_path):
    here = came_to(tmp_path / "here", words, HERE)
    batches = [] if words is RANKS else ["model.max_batch=2"]
    there = came_to(tmp_path / "there with spaces", [*words, *batches], THERE)
    assert len(here) == runs
    assert there == here
