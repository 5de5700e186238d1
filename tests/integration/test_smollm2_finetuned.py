"""The real model learns from the invented shop, and answers better than it does off the shelf."""

from pathlib import Path

import pytest

from llmrec.artifacts import EXAMPLES, PREDICTIONS, RunDir, from_lines
from llmrec.commands.composing import composed
from llmrec.metric.base import Context, Row
from llmrec.metric.difference import differences
from llmrec.pipeline import run
from llmrec.plan import plan
from llmrec.progress import Silent
from llmrec.records import Example, Prediction
from llmrec.rows import draw

CPU = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]
QUICK = [
    "dataset=demo", "model.device=cpu", "model.dtype=float32", "max_reasks=0", "finetune.epochs=1",
    "finetune.evaluations=1", "finetune.validation_pairs=8", "finetune.validation_rows=0",
    "finetune.batch_size=8", "finetune.learning_rate=1e-3",
]  # fmt: skip

# Half the time where the processor multiplies in it; slow where it does not.
HALF = "bfloat16" if "avx512_bf16" in CPU else "float32"


def answered(made, folder):
    """Run it, and return its rows in the order of the examples, and the plan's own of context."""
    metrics = run(made, RunDir(folder), Silent())
    given = {row.example_id: row.answer for row in from_lines(folder / PREDICTIONS, Prediction)}
    examples = from_lines(folder / EXAMPLES, Example)
    return metrics, [Row(question=e.question, reference=e.reference, answer=given[e.id]) for e in examples]


def compared(smollm2_cache, folder, *overrides):
    """Return the metrics of the base and of the tuned model, and their paired differences by id."""
    base = [word for word in QUICK if not word.startswith("finetune")]
    off = plan(composed([*base, "model=smollm2", f"cache_dir={smollm2_cache}", *overrides]))
    tuned_words = ["decoding.num_beams=8", "decoding.item_tokens=24", *QUICK]
    tuned = plan(composed([*tuned_words, "model=smollm2-lora", f"cache_dir={smollm2_cache}", *overrides]))
    before, ours = answered(off, folder / "base")
    after, theirs = answered(tuned, folder / "lora")
    assert (before.rows, before.n) == (after.rows, after.n)
    context = Context(training=draw(off, Silent()).training.answers)
    apart = differences(off.metrics, list(zip(ours, theirs, strict=True)), context, seed=0, resamples=1000)
    return before, after, {result.id: result for result in apart}


@pytest.mark.slow
def test_lora_predicts_ratings_better_than_its_base_beyond_the_interval(smollm2_cache, tmp_path):
    few = ["task=rating", "limit=48", "training_limit=96", f"model.dtype={HALF}"]
    before, after, apart = compared(smollm2_cache, tmp_path, *few)
    assert apart["rmse"].ci95[1] < 0
    assert apart["mae"].ci95[1] < 0
    assert after.coverage.valid >= before.coverage.valid
    assert after.coverage.valid == 48
    assert after.finetune.loss_curve[-1].training < after.finetune.loss_curve[0].training / 2


@pytest.mark.slow
def test_lora_picks_among_ten_candidates_better_than_its_base_beyond_the_interval(smollm2_cache, tmp_path):
    chosen = ["task=direct", "task.num_negatives=9", "task.answer_tokens=128", f"model.dtype={HALF}"]
    chosen += ["limit=12", "training_limit=112"]
    before, after, apart = compared(smollm2_cache, tmp_path, *chosen)
    assert apart["ndcg@10/sampled-10"].ci95[0] > 0
    assert apart["hr@10/sampled-10"].ci95[0] > 0
    assert after.coverage.valid > before.coverage.valid


def test_qlora_learns_over_weights_of_four_bits_though_they_are_read_meanwhile(smollm2_cache, tmp_path):
    pytest.importorskip("bitsandbytes")
    few = ["training_limit=24", "limit=2", "task=rating", f"cache_dir={smollm2_cache}"]
    # Weights of four bits once took another form when validation rows were answered, and spoilt the rest.
    few += ["finetune.evaluations=3", "finetune.validation_rows=1"]
    metrics = run(
        plan(composed([*QUICK, "model=smollm2", "finetune=qlora", *few])), RunDir(tmp_path), Silent()
    )
    curve = metrics.finetune.loss_curve
    assert (metrics.finetune.method, metrics.coverage.valid) == ("qlora", 2)
    assert curve[-1].training < curve[0].training
