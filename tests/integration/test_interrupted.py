"""Ctrl-C, once and twice, and what a cluster sends: what was computed is kept, and the command goes on."""

import json
import signal
import subprocess
import sys
import time

import pytest
from hostile import Act, good, serving
from launching import CALM

from llmrec.artifacts import COMPLETIONS, ENVIRONMENT, METRICS

ROWS = 24
RUN = ["dataset=demo", "task=rating", "resamples=5", "max_reasks=0", f"limit={ROWS}"]
TINY = [*RUN, "model=tiny", "model.max_batch=2", "model.batch_tokens=4096", "task.answer_tokens=8"]
SERVED = [*RUN, "model=served", "model.name=m", "model.in_flight=2", "model.timeout=20"]
LORA = [*TINY, "finetune=lora", "finetune.epochs=20", "training_limit=32", "finetune.validation_rows=0"]
STUDY = ["experiment=prompt_ablation", *TINY[1:], "prompt=zero_shot,no_format", "dataset=demo"]
FIT = ["dataset=demo", "task=sequential", "resamples=5", "limit=8", "model.patience=1000"]
FITS = {
    "bpr_mf": (["model=bpr_mf", "model.epochs=1000"], "state.safetensors"),
    "sasrec": (["model=sasrec", "model.epochs=12", "model.evaluate_every=5", "model.dim=8"], "state.pt"),
}
STOPPED = "stopped; the same command goes on where this one was"


def start(home, *words):
    """Start a command at home, its cache apart."""
    home.mkdir(exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "llmrec",
        "run",
        *words,
        f"cache_dir={home}/cache",
        f"output_dir={home}/out",
    ]
    return subprocess.Popen(command, env=CALM, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def until(holds, running, seconds=200):
    """Wait for something while a command runs."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert running.poll() is None, running.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def stop(running, number):
    """Send a signal, and return what the command told and exited with."""
    running.send_signal(number)
    told = running.communicate(timeout=120)[1]
    return running.returncode, told


def finish(home, *words):
    running = start(home, *words)
    told = running.communicate()[1]
    assert running.returncode == 0, told


def folders(home):
    return sorted(path.parent for path in home.glob("out/runs/*/*/config.yaml"))


def lines(home):
    """Return how many completions each run has; all of them are whole lines."""
    found = [path.read_bytes() for path in sorted(home.glob(f"out/runs/rating/*/{COMPLETIONS}"))]
    return [content.count(b"\n") for content in found if content.endswith(b"\n")]


def contents(folder):
    """Return every file of a run, times and places apart."""
    found = {}
    for path in folder.iterdir():
        if path.name in (METRICS, ENVIRONMENT, "finetune.json", "fit.json"):
            read = json.loads(path.read_text())
            for record in (read, read.get("finetune") or {}, read.get("fit") or {}):
                record.pop("seconds", None)
            found[path.name] = read
        elif path.name == "config.yaml":
            kept = [line for line in path.read_text().splitlines() if "_dir: " not in line]
            found[path.name] = kept
        elif path.suffix != ".log":
            found[path.name] = path.read_bytes()
    return found


def same(one, other):
    """Assert that the runs of two homes are the same files with the same contents."""
    assert len(folders(one)) == len(folders(other)) > 0
    for first, second in zip(folders(one), folders(other), strict=True):
        assert contents(first) == contents(second)


def stopped_within(home, *words):
    """Stop several runs within the first of them, and return how many rows of it were answered."""
    running = start(home, *words)
    until(lambda: lines(home), running)
    status, told = stop(running, signal.SIGINT)
    assert (status, told.count(STOPPED), "Traceback" in told) == (130, 1, False), told
    [done] = lines(home)
    assert 0 < done < ROWS
    return done


def test_a_sweep_that_is_stopped_finishes_its_batch_begins_no_other_run_and_goes_on(tmp_path):
    words = ["-m", *TINY, "prompt=zero_shot,no_format"]
    calm, home = tmp_path / "calm", tmp_path / "home"
    finish(calm, *words)
    assert stopped_within(home, *words) % 2 == 0
    finish(home, *words)
    same(home, calm)


def pages(home):
    """Return the pages of a study, the places of its runs apart."""
    found = home.glob("out/studies/*/*")
    return {path.name: path.read_text().replace(str(home), "") for path in found}


@pytest.mark.slow
def test_a_study_that_is_stopped_begins_no_other_run_writes_no_page_and_goes_on(tmp_path):
    calm, home = tmp_path / "calm", tmp_path / "home"
    finish(calm, *STUDY)
    stopped_within(home, *STUDY)
    assert not pages(home)
    finish(home, *STUDY)
    same(home, calm)
    assert pages(home) == pages(calm) != {}


@pytest.mark.parametrize(
    ("words", "state"), [FITS["bpr_mf"], pytest.param(*FITS["sasrec"], marks=pytest.mark.slow)], ids=FITS
)
def test_a_fit_that_is_stopped_keeps_its_epoch_and_ends_with_the_same_weights(tmp_path, words, state):
    calm, home = tmp_path / "calm", tmp_path / "home"
    finish(calm, *FIT, *words)
    running = start(home, *FIT, *words)
    until(lambda: list(home.glob(f"cache/recommender/*.unfinished/{state}")), running)
    status, told = stop(running, signal.SIGINT)
    assert (status, told.count(STOPPED), "Traceback" in told) == (130, 1, False), told
    assert "once more, and it ends at once" in told
    assert list(home.glob(f"cache/recommender/*.unfinished/{state}"))
    finish(home, *FIT, *words)
    same(home, calm)
    fits = [next(at.glob("cache/recommender/*/weights.safetensors")).read_bytes() for at in (home, calm)]
    assert fits[0] == fits[1]


def test_a_served_run_that_is_terminated_keeps_what_is_on_its_way_and_asks_nothing_twice(tmp_path):
    calm, home = tmp_path / "calm", tmp_path / "home"
    with serving(lambda number, body: Act(good(number, body).content, stalls=0.3)) as server:
        running = start(home, *SERVED, f"model.base_url={server.address}")
        until(lambda: len(server.bodies) > 5, running)
        status, told = stop(running, signal.SIGTERM)
        assert (status, told.count(STOPPED), "Traceback" in told) == (143, 1, False), told
        assert len(server.bodies) < ROWS
        finish(home, *SERVED, f"model.base_url={server.address}")
        assert max(server.asked.values()) == 1
        finish(calm, *SERVED, f"model.base_url={server.address}")
    ours, theirs = map(contents, [*folders(home), *folders(calm)])
    for found in (ours, theirs):
        found[COMPLETIONS] = sorted(found[COMPLETIONS].splitlines())  # a server answers in any order
    assert ours == theirs


def test_a_second_signal_ends_at_once_though_a_server_is_waited_for(tmp_path):
    with serving(lambda number, body: Act(good(number, body).content, stalls=8.0 * (number > 3))) as server:
        running = start(tmp_path / "home", *SERVED, f"model.base_url={server.address}")
        until(lambda: len(server.bodies) > 4, running)
        running.send_signal(signal.SIGINT)
        assert any("once more, and it ends at once" in line for line in running.stderr)
        begun = time.monotonic()
        status, _ = stop(running, signal.SIGINT)
    assert status == 130
    assert time.monotonic() - begun < 3
    assert lines(tmp_path / "home") in ([2], [3], [4])


@pytest.mark.slow
def test_a_training_that_is_stopped_leaves_a_checkpoint_and_ends_with_the_same_weights(tmp_path):
    calm, home = tmp_path / "calm", tmp_path / "home"
    finish(calm, *LORA)
    running = start(home, *LORA)
    until(lambda: list(home.glob("cache/adapter/*.training/checkpoint-*/trainer_state.json")), running)
    status, told = stop(running, signal.SIGINT)
    assert (status, told.count(STOPPED), "Traceback" in told) == (130, 1, False), told
    assert "once more, and it ends at once" in told
    finish(home, *LORA)
    same(home, calm)


def test_before_anything_is_asked_the_first_signal_ends_at_once(tmp_path):
    running = start(tmp_path / "home", *TINY)
    until(lambda: folders(tmp_path / "home"), running)
    status, told = stop(running, signal.SIGINT)
    assert status == 130, told
    assert STOPPED in told
    assert "Traceback" not in told
