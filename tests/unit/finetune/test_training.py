"""Trainings of a few steps on a tiny model: what is learned, kept and told."""

import json
import math
from dataclasses import replace

import pytest
import torch

from llmrec.errors import BackendError, DataError
from llmrec.finetune import training
from llmrec.finetune.base import Validated
from llmrec.results import MetricResult

from .conftest import BEAM, GREEDY, PAIRS, adapters, answers, lessons_of

METHODS = {
    "lora": [],
    "ptuning_v2": [],
    "ptuning_v2 projected": ["finetune.peft.prefix_projection=true"],
    "full": [],
    "lora packed": ["finetune.packing=true"],
    "lora checkpointing": ["finetune.gradient_checkpointing=true"],
}

# Methods that no YAML of ours has: a user's needs no more than a YAML either.
OTHERS = {
    "p_tuning": {"peft_type": "P_TUNING", "num_virtual_tokens": 4},
    "ia3": {
        "peft_type": "IA3",
        "target_modules": ["v_proj", "down_proj"],
        "feedforward_modules": ["down_proj"],
    },
}


@pytest.mark.parametrize("name", [*METHODS, *OTHERS])
def test_every_method_learns_and_answers_the_same_alone_and_in_a_batch(tiny, method, place, name):
    quick = ["finetune.learning_rate=1e-2", *METHODS.get(name, [])]
    made = method("lora" if name in OTHERS else name.split()[0], *quick)
    made = replace(made, name=name.split()[0], peft=OTHERS.get(name, made.peft))
    model = tiny()
    session, tuning = made.open(model, lambda: lessons_of(PAIRS), place)
    assert (tuning.method, tuning.pairs, tuning.steps) == (name.split()[0], 16, 8)
    assert 0 < tuning.trainable <= tuning.total
    assert tuning.tokens > 16 * 2 * 20
    losses = [point.validation for point in tuning.loss_curve if point.validation is not None]
    assert losses[-1] < losses[0]
    alone, _ = made.open(replace(model, max_batch=1), lambda: lessons_of(PAIRS), place)
    for decoding in (GREEDY, BEAM):
        assert answers(session, decoding) == answers(alone, decoding)
    base = model.open(*place)
    assert answers(session, GREEDY) != answers(base, GREEDY)


def test_a_second_run_with_the_same_choices_trains_nothing(tiny, method, place, monkeypatch):
    _, first = method("lora").open(tiny(), lambda: lessons_of(PAIRS), place)
    monkeypatch.setattr(training, "learn", None)
    _, second = method("lora").open(tiny(), lambda: lessons_of(PAIRS), place)
    assert second == first
    assert [folder.name for folder in adapters(place)] == [first.adapter]


def test_an_adapter_is_safetensors_and_peft_reads_it(tiny, method, place):
    import peft
    from transformers import AutoModelForCausalLM

    session, _ = method("lora").open(tiny(), lambda: lessons_of(PAIRS), place)
    [folder] = adapters(place)
    assert sorted(path.suffix for path in folder.iterdir() if "adapter" in path.name) == [
        ".json",
        ".safetensors",
    ]
    base = AutoModelForCausalLM.from_pretrained(tiny().checkpoint(place.cache_dir, place.progress).path)
    theirs = peft.PeftModel.from_pretrained(base, str(folder)).eval()
    ids = torch.arange(20)[None]
    with torch.inference_mode():
        assert torch.equal(theirs(ids).logits, session.loaded.model(ids).logits)


def test_the_best_weights_by_a_metric_are_kept_not_the_last(tiny, method, place):
    values = iter([0.9, 0.1, 0.2, 0.1])

    def validate(session):
        assert not session.loaded.model.training
        result = MetricResult("hr@5/full", next(values), 4, None, True)
        return Validated([result], result)

    made = method("lora", "finetune.best=metric", "finetune.evaluations=4")
    _, tuning = made.open(tiny(), lambda: lessons_of(PAIRS, validate=validate), place)
    assert tuning.best_step == 2
    looks = [point for point in tuning.loss_curve if point.scores]
    assert [(point.step, point.scores["hr@5/full"]) for point in looks] == [
        (2, 0.9),
        (4, 0.1),
        (6, 0.2),
        (8, 0.1),
    ]
    assert all(point.validation is not None for point in looks)


def test_training_stops_early_when_nothing_improves(tiny, method, place):
    result = MetricResult("rmse", 1.0, 4, None, False)
    made = method("lora", "finetune.best=metric", "finetune.evaluations=4", "finetune.patience=1")
    lessons = lessons_of(PAIRS, validate=lambda session: Validated([result], result))
    _, tuning = made.open(tiny(), lambda: lessons, place)
    assert (tuning.steps, tuning.best_step) == (4, 2)


def test_without_validation_rows_the_last_weights_are_kept(tiny, method, place):
    _, tuning = method("lora").open(tiny(), lambda: lessons_of(PAIRS, valid=[]), place)
    assert tuning.best_step == tuning.steps == 8


def test_too_few_pairs_for_a_step_are_told(tiny, method, place):
    with pytest.raises(DataError, match=r"finetune\.batch_size: 4 is more than the 3 training pairs"):
        method("lora").open(tiny(), lambda: lessons_of(PAIRS[:3]), place)


def test_pairs_that_fill_no_step_and_long_ones_are_counted(tiny, method, place):
    longest = max(len(pair.prompt.messages[0].content) for pair in PAIRS)
    made = method("lora", f"finetune.max_tokens={longest + 20}")
    _, tuning = made.open(tiny(), lambda: lessons_of(PAIRS), place)
    assert tuning.pairs % 4 == 0
    assert tuning.pairs + sum(tuning.left_out.values()) == 16
    assert set(tuning.left_out) == {"over_max_tokens", "no_whole_step"}


def test_a_peft_config_that_does_not_exist_is_told(tiny, method, place):
    made = method("lora", "+finetune.peft.rank_of=3")
    with pytest.raises(BackendError, match=r"finetune\.peft: .* does not go with .*rank_of"):
        made.open(tiny(), lambda: lessons_of(PAIRS), place)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("finetune.report_to=[nosuch]", r"^finetune\.report_to: nosuch is not supported"),
        ("finetune.schedule=nosuch", r"^finetune: nosuch is not a valid SchedulerType"),
    ],
)
def test_words_that_the_trainer_does_not_know_are_told(tiny, method, place, override, message):
    with pytest.raises(BackendError, match=message) as caught:
        method("lora", override).open(tiny(), lambda: lessons_of(PAIRS), place)
    assert "\n" not in str(caught.value)


def test_losses_are_reported_to_tensorboard(tiny, method, place):
    pytest.importorskip("tensorboard")
    made = method("lora", "finetune.report_to=[tensorboard]")
    made.open(tiny(), lambda: lessons_of(PAIRS), place)
    events = list(place.cache_dir.rglob("events.out.tfevents.*"))
    assert events
    assert all(event.stat().st_size > 100 for event in events)


def test_the_record_is_what_metrics_json_will_say(tiny, method, place):
    _, tuning = method("lora").open(tiny(), lambda: lessons_of(PAIRS), place)
    [folder] = adapters(place)
    written = json.loads((folder / "finetune.json").read_text())
    assert (written["method"], written["trainable"]) == ("lora", tuning.trainable)
    assert all(math.isfinite(point["training"] or 0) for point in written["loss_curve"])
