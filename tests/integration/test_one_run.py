"""The whole line on invented data with the true code path: artifacts, resuming, leaks, permuted labels."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import Any

import jsonschema
import msgspec
import pytest
from msgspec.structs import replace

from llmrec import artifacts, leak
from llmrec.artifacts import RunDir, from_lines
from llmrec.commands.composing import composed
from llmrec.model.base import Model
from llmrec.pipeline import ask, run, word
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.records import Completion, Example, Prediction, Prompt
from llmrec.report.table import grids
from llmrec.results import Metrics
from llmrec.rows import draw

TASKS = ("rating", "sequential", "direct", "explanation", "summarization")
SHORT = ["experiment=smoke", "task.answer_tokens=24"]
FILES = {"config.yaml", "environment.json", "examples.jsonl", "prompts.jsonl", "completions.jsonl"}
FILES |= {"predictions.jsonl", "items.json", "metrics.json"}


class Closed(Model):
    """A model that must not be needed."""

    def open(self, *words):
        raise AssertionError("opened")


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def planned(cache):
    def make(*overrides):
        return plan(composed([*SHORT, f"cache_dir={cache}", *overrides]))

    return make


@pytest.mark.parametrize("task", TASKS)
def test_every_task_runs_end_to_end_and_every_row_counts(planned, tmp_path, task):
    made = planned(f"task={task}", "limit=6")
    metrics = run(made, RunDir(tmp_path), Silent())
    assert {path.name for path in tmp_path.iterdir()} == FILES
    assert (metrics.n, metrics.coverage.all, metrics.leaks.status) == (6, 6, "clean")
    assert metrics.n_total > 6
    assert sum(metrics.coverage.failures.values()) + metrics.coverage.valid == 6
    assert [floor.model for floor in metrics.floors] == made.task.floors
    strict = [result for result in metrics.metrics if not result.id.endswith(":valid")]
    assert {result.n for result in strict} == {6}
    # Made-up summaries hardly mention a feature, and some resamples of six rows hold none that does.
    assert all(result.ci95 for result in strict if result.id not in ("fmr", "fcr", "div"))
    assert set(metrics.seconds) == {"rows", "prompts", "model", "inference", "scores"}
    for name in made.task.headline:
        assert any(result.id.startswith(name) for result in strict), name


def test_a_model_that_opens_at_once_has_its_seconds_too(planned, tmp_path):
    metrics = run(planned("model=random", "task=rating", "limit=6"), RunDir(tmp_path), Silent())
    assert set(metrics.seconds) == {"rows", "prompts", "model", "inference", "scores"}


@pytest.mark.parametrize(
    ("model", "architecture", "task"),
    [
        ("chatglm", "glm", "sequential"),
        ("flan-t5", "t5", "rating"),
        ("gemma", "gemma3_text", "summarization"),
        ("alpaca", "llama", "explanation"),
    ],
)
def test_a_model_of_the_zoo_is_rehearsed_without_a_download_and_the_result_says_so(
    planned, tmp_path, model, architecture, task
):
    metrics = run(planned(f"model={model}", f"task={task}"), RunDir(tmp_path), Silent())
    assert (metrics.model, metrics.n, metrics.coverage.all) == (model, 4, 4)
    assert metrics.environment.details["weights"].startswith(f"random_tiny-{architecture}-")
    assert any("random weights" in note for note in metrics.notes)
    [table] = grids([metrics])
    assert table.rows[0][0].startswith(f"{model}\nrandom_tiny-{architecture}-")
    assert any(note.startswith(f"model={model}: tiny random weights") for note in table.notes)


def test_metrics_json_is_what_its_schema_says(planned, tmp_path):
    run(planned(), RunDir(tmp_path), Silent())
    schema = in_one_order(artifacts.schema_path().read_text())
    written = msgspec.json.decode((tmp_path / "metrics.json").read_bytes())
    jsonschema.validate(written, schema)
    assert schema == in_one_order(json.dumps(artifacts.metrics_schema()))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**written, "n": "six"}, schema)


def in_one_order(schema: str) -> Any:
    """Read a schema; msgspec before 0.22 names null first among alternatives."""

    def ordered(node: dict[str, Any]) -> dict[str, Any]:
        return {**node, "anyOf": sorted(node["anyOf"], key=str)} if "anyOf" in node else node

    return json.loads(schema, object_hook=ordered)


def test_a_second_call_asks_nothing_and_changes_no_file(planned, tmp_path):
    run(planned(), RunDir(tmp_path), Silent())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    again = run(dataclasses.replace(planned(), model=Closed(name="smollm2")), RunDir(tmp_path), Silent())
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    del before["metrics.json"], after["metrics.json"]  # it tells how long its own scoring took
    assert after == before
    assert again.metrics == run(planned(), RunDir(tmp_path / "other"), Silent()).metrics


def test_other_choices_in_the_same_folder_are_refused(planned, tmp_path):
    run(planned(), RunDir(tmp_path), Silent())
    with pytest.raises(artifacts.DataError, match=r"config.yaml: holds another run .* hydra.run.dir=DIR"):
        run(planned("seed=1"), RunDir(tmp_path), Silent())


def test_a_run_killed_with_kill_9_goes_on_and_ends_with_the_same_files(cache, tmp_path):
    command = [
        sys.executable, "-m", "llmrec", "run", *SHORT, "task=direct", "task.num_negatives=9", "limit=24",
        "model.max_batch=1", "resamples=10", f"cache_dir={cache}",
    ]  # fmt: skip
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    process = subprocess.Popen([*command, f"hydra.run.dir={broken}"], stderr=subprocess.DEVNULL)
    stored = broken / "completions.jsonl"
    deadline = time.monotonic() + 120
    while not (stored.is_file() and stored.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = len(from_lines(stored, Completion)) if stored.read_bytes().endswith(b"\n") else None
    assert kept is None or 0 < kept < 48
    assert not (broken / "metrics.json").exists()
    for folder in (broken, whole):
        subprocess.run([*command, f"hydra.run.dir={folder}"], check=True, capture_output=True)
    for name in FILES - {"metrics.json"}:
        assert (broken / name).read_bytes() == (whole / name).read_bytes(), name
    one, two = (artifacts.read_metrics(folder / "metrics.json") for folder in (broken, whole))
    assert replace(one, seconds={}) == replace(two, seconds={})


@pytest.mark.parametrize(
    ("task", "last_ask"), [("rating", 2), ("sequential", 2), ("direct", 2), ("summarization", 0)]
)
def test_permuted_labels_change_no_call(planned, tmp_path, task, last_ask):
    """Prompts, parses and re-asks are the same when every row has another row's label."""
    few = ["task.num_negatives=9"] if task == "direct" else []
    made = planned(f"task={task}", *few, "prompt=few_shot", "limit=8", "max_reasks=2")
    rows = draw(made, Silent())
    turned = rows.examples[1:] + rows.examples[:1]
    wrong = [
        Example(ex.question, other.target, other.reference)
        for ex, other in zip(rows.examples, turned, strict=True)
    ]
    assert [ex.reference for ex in wrong] != [ex.reference for ex in rows.examples]
    found = []
    for name, examples in (("right", rows.examples), ("wrong", wrong)):
        labelled = dataclasses.replace(rows, examples=examples)
        prompts = word(made, labelled, Silent())
        predictions, completions = ask(made, labelled, prompts, RunDir(tmp_path / name), Silent(), {})
        found.append((prompts, predictions, completions))
    assert found[0] == found[1]
    assert max(done.ask for done in found[0][2]) == last_ask


def test_a_leak_stops_the_run_before_the_model_is_opened(planned, tmp_path, monkeypatch):
    made = planned("task=sequential")
    rows = draw(made, Silent())
    first = rows.examples[0]
    late = replace(first.question.history[-1], timestamp=first.target.timestamp + 1)
    leaking = Example(replace(first.question, history=(late,)), first.target, first.reference)
    drawn = dataclasses.replace(rows, examples=[leaking], scored={})
    monkeypatch.setattr("llmrec.pipeline.draw", lambda *_: drawn)
    with pytest.raises(leak.LeakError, match="later_event in 1"):
        run(made, RunDir(tmp_path / "stop"), Silent())
    assert not (tmp_path / "stop" / "completions.jsonl").exists()
    stamped = run(planned("task=sequential", "on_leak=stamp"), RunDir(tmp_path / "stamp"), Silent())
    assert (stamped.leaks.status, stamped.leaks.checks["later_event"]) == ("LEAK", 1)


@pytest.mark.parametrize("task", ["sequential", "direct", "rating"])
def test_ids_numbered_along_the_sequences_stop_a_run_or_stamp_it(planned, tmp_path, task):
    numbered = ("model=p5-sequential", "finetune=none", f"task={task}")
    with pytest.raises(leak.LeakError, match=r"names_numbered_in_order in 4 .* on_leak=stamp"):
        run(planned(*numbered), RunDir(tmp_path / "stop"), Silent())
    assert not (tmp_path / "stop" / "completions.jsonl").exists()
    stamped = run(planned(*numbered, "on_leak=stamp"), RunDir(tmp_path / "stamp"), Silent())
    assert (stamped.leaks.status, stamped.leaks.checks[leak.IN_ORDER]) == ("LEAK", 4)
    assert any("numbered along all sequences" in note for note in stamped.notes)
    [table] = grids([stamped])
    assert table.rows[0][0].startswith("p5-sequential LEAK")


def test_a_floor_is_told_no_names_and_stands_under_any_of_them(planned, tmp_path):
    metrics = run(planned("model=popularity", "prompt=sequential_id"), RunDir(tmp_path), Silent())
    assert metrics.leaks.status == "clean"


def test_files_of_a_run_hold_one_line_a_row(planned, tmp_path):
    run(planned("limit=5", "max_reasks=0"), RunDir(tmp_path), Silent())
    kinds = {"examples": Example, "prompts": Prompt, "completions": Completion, "predictions": Prediction}
    ids = [
        {
            getattr(record, "example_id", None) or record.id
            for record in from_lines(tmp_path / f"{name}.jsonl", kind)
        }
        for name, kind in kinds.items()
    ]
    assert all(len(one) == 5 and one == ids[0] for one in ids)


def test_secrets_are_masked_in_the_stored_config(planned, tmp_path):
    made = planned("+model_api_key=hunter2")
    run(made, RunDir(tmp_path), Silent())
    text = (tmp_path / "config.yaml").read_text()
    assert "hunter2" not in text
    assert "model_api_key: '***'" in text


def test_metrics_can_be_read_back(planned, tmp_path):
    metrics = run(planned(), RunDir(tmp_path), Silent())
    assert artifacts.read_metrics(tmp_path / "metrics.json") == metrics
    assert isinstance(metrics, Metrics)


def test_in_half_precision_the_run_tells_how_many_answers_change_with_their_batch(planned, tmp_path):
    made = planned("task=rating", "limit=26", "model.dtype=bfloat16")
    found = run(made, RunDir(tmp_path), Silent()).environment.details["changed_alone"]
    assert found in [f"{n} of 2" for n in range(3)]
    again = run(made, RunDir(tmp_path), Silent())
    assert again.environment.details["changed_alone"] == found
    assert f"in another shape of batch asked again one by one, {found} answers differed" in str(
        grids([again])
    )
    (tmp_path / "environment.json").write_bytes(
        (tmp_path / "environment.json").read_bytes().replace(b"changed_alone", b"stopped_before")
    )
    assert run(made, RunDir(tmp_path), Silent()).environment.details["changed_alone"] == found


def test_asking_alone_is_no_part_of_how_long_answers_took(planned, tmp_path, monkeypatch):
    at_work, during = [], []

    @contextmanager
    def timed(seconds, stage):
        at_work.append(stage)
        yield
        seconds[at_work.pop()] = 1.0

    def changed(*given):
        during.extend([list(at_work)])
        return "0 of 1"

    monkeypatch.setattr("llmrec.pipeline.timed", timed)
    monkeypatch.setattr("llmrec.alone.changed", changed)
    run(planned("task=rating", "limit=1", "model.dtype=bfloat16"), RunDir(tmp_path), Silent())
    assert during == [[]]


def test_in_full_precision_on_a_cpu_nothing_is_asked_twice(planned, tmp_path):
    made = planned("limit=3", "model.dtype=float32")
    assert "changed_alone" not in run(made, RunDir(tmp_path), Silent()).environment.details


@pytest.mark.parametrize(
    "decoding",
    ["task=sequential decoding=catalogue", "task=direct task.num_negatives=9 decoding=candidates"],
)
def test_likelihoods_differ_in_their_last_bits_from_batch_to_batch_and_predictions_in_none(
    planned, tmp_path, decoding
):
    found = set()
    for most in (1, 2, 6):
        made = planned(*decoding.split(), "prompt=few_shot", "limit=6", f"model.max_batch={most}")
        run(made, RunDir(tmp_path / str(most)), Silent())
        found.add((tmp_path / str(most) / artifacts.PREDICTIONS).read_bytes())
    assert len(found) == 1
    assert b'"scores":[]' in found.pop()
