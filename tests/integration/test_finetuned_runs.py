"""Fine-tuned runs from one command to metrics.json, for a spread of the zoo, and over two processes."""

import dataclasses

import msgspec
import pytest
from launching import llmrec

from llmrec.artifacts import COMPLETIONS, METRICS, TUNING, RunDir, from_lines, read_metrics
from llmrec.commands.composing import composed
from llmrec.finetune.base import Finetune
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.records import Completion
from llmrec.report.table import grids
from llmrec.results import Tuning

QUICK = [
    "experiment=smoke", "task.answer_tokens=12", "training_limit=32", "finetune.epochs=1",
    "finetune.evaluations=1", "finetune.validation_pairs=4", "finetune.validation_rows=2", "limit=3",
    "decoding.num_beams=3", "finetune.learning_rate=1e-2",
]  # fmt: skip
SPREAD = {
    "chatglm-lora": ("sequential", "GLM"),
    "chatglm2-ptuning task.num_negatives=9": ("direct", "ChatGLM2"),
    "llama-ptuning": ("rating", "Llama 3"),
    "alpaca-lora": ("explanation", "a prompt format of its own"),
    "flan-t5 finetune=lora": ("summarization", "an encoder-decoder"),
    "flan-t5 finetune=ptuning_v2": ("rating", "an encoder-decoder with a prefix"),
    "gemma finetune=ptuning_v2": ("rating", "a sliding window behind a prefix"),
    "qwen finetune=full": ("rating", "every weight"),
}


class Closed(Finetune):
    """A method that must not be needed."""

    def open(self, *words):
        raise AssertionError("opened")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def planned(cache):
    def make(model, *overrides):
        words = [f"model={model.split()[0]}", *model.split()[1:]]
        return plan(composed([*QUICK, *words, f"cache_dir={cache}", *overrides]))

    return make


@pytest.mark.parametrize("model", SPREAD)
def test_a_model_of_the_zoo_is_fine_tuned_and_scored_by_one_command(planned, tmp_path, model):
    made = planned(model, f"task={SPREAD[model][0]}")
    metrics = run(made, RunDir(tmp_path), Silent())
    tuning = metrics.finetune
    assert tuning is not None
    assert (tuning.method, tuning.pairs, tuning.steps, tuning.best_step) == (made.finetune.name, 32, 2, 2)
    assert 0 < tuning.trainable <= tuning.total
    assert tuning.seconds > 0
    assert tuning.tokens > 32
    assert tuning.loss_curve[-1].validation is not None
    assert tuning.loss_curve[-1].scores["coverage"] >= 0
    assert (metrics.prompt, metrics.leaks.status, metrics.n) == ("finetuning", "clean", 3)
    assert any("random" in note for note in metrics.notes)
    done = from_lines(tmp_path / COMPLETIONS, Completion)
    ranks = SPREAD[model][0] in ("sequential", "direct")
    assert {len(row.texts) for row in done if row.texts} == {3 if ranks else 1}
    [grid] = grids([metrics])
    assert grid.rows[0][0].startswith(f"{made.model.name} + {tuning.method}")


def test_a_finished_run_is_scored_again_without_model_or_training(planned, tmp_path):
    made = planned("chatglm-lora", "task=rating")
    first = run(made, RunDir(tmp_path), Silent())
    closed = dataclasses.replace(made, finetune=Closed(name="lora"))
    for asks in (True, False):
        again = run(closed, RunDir(tmp_path), Silent(), asks=asks)
        assert (again.metrics, again.finetune) == (first.metrics, first.finetune)
    assert msgspec.json.decode((tmp_path / TUNING).read_bytes(), type=Tuning) == first.finetune
    assert read_metrics(tmp_path / METRICS).finetune == first.finetune


def test_other_rows_to_answer_need_no_other_training(planned, cache, tmp_path):
    before = run(planned("smollm2-lora", "task=rating", "limit=2"), RunDir(tmp_path / "two"), Silent())
    folders = set((cache / "adapter").iterdir())
    after = run(planned("smollm2-lora", "task=rating", "limit=4"), RunDir(tmp_path / "four"), Silent())
    assert after.finetune == before.finetune
    assert set((cache / "adapter").iterdir()) == folders


def test_tasks_that_are_learned_together_share_one_training(planned, cache, tmp_path):
    both = ["p5", "finetune.tasks=[rating,sequential]", "training_limit=16"]
    first = run(planned(*both, "task=rating"), RunDir(tmp_path / "rating"), Silent())
    folders = set((cache / "adapter").iterdir())
    second = run(planned(*both, "task=sequential"), RunDir(tmp_path / "sequential"), Silent())
    assert first.finetune is not None
    assert (first.finetune.tasks, first.finetune.pairs) == (["rating", "sequential"], 32)
    assert second.finetune == first.finetune
    assert set((cache / "adapter").iterdir()) == folders
    assert (first.leaks.status, second.leaks.status) == ("clean", "clean")


@pytest.mark.slow
def test_two_processes_learn_in_the_same_order_to_the_same_loss(cache, tmp_path):
    words = [
        "run", *QUICK, "model=smollm2-lora", "task=rating", "model.device=cpu", "model.dtype=float32",
        "finetune.batch_size=8", "finetune.micro_batch=4", "finetune.epochs=2",
    ]  # fmt: skip
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, twice in ((one, False), (two, True)):
        done = llmrec(*words, f"hydra.run.dir={folder}/run", f"cache_dir={folder}/cache", twice=twice)
        assert done.returncode == 0, done.stderr
    alone, shared = (read_metrics(folder / "run" / METRICS).finetune for folder in (one, two))
    assert alone is not None
    assert shared is not None
    assert (
        (shared.steps, shared.pairs, shared.tokens)
        == (alone.steps, alone.pairs, alone.tokens)
        == (8, 32, alone.tokens)
    )
    for ours, theirs in zip(alone.loss_curve, shared.loss_curve, strict=True):
        assert ours.step == theirs.step
        if ours.training is not None:
            assert theirs.training == pytest.approx(ours.training, rel=1e-5)
    assert shared.loss_curve[-1].validation == pytest.approx(alone.loss_curve[-1].validation, rel=1e-5)
