"""Trainings of a few steps on a tiny model: cached, resumed, damaged, and what the errors say."""

import json
import math
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from llmrec.decoding.beam import Beam
from llmrec.decoding.greedy import Greedy
from llmrec.errors import BackendError, DataError
from llmrec.finetune import training
from llmrec.finetune.adapter import kept
from llmrec.finetune.base import Validated
from llmrec.finetune.trainer import last_whole
from llmrec.records import Question, Request
from llmrec.results import MetricResult

from .conftest import PAIRS, lessons_of

GREEDY = Greedy(name="greedy", max_new_tokens=6)
BEAM = Beam(name="beam", max_new_tokens=6, num_beams=3, num_return_sequences=3, length_penalty=0.0)
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


def requests():
    blank = {
        "user": "u",
        "time": 1,
        "history": (),
        "item": None,
        "rating": None,
        "review": None,
        "candidates": (),
    }
    return [Request(Question(id=pair.prompt.example_id, **blank), pair.prompt) for pair in PAIRS[:6]]


def answers(session, decoding):
    batches = session.batches(requests(), decoding)
    return {done.example_id: done.texts for batch in batches for done in session.complete(batch, decoding)}


def adapters(place) -> list[Path]:
    return [path for path in (place.cache_dir / "adapter").iterdir() if path.is_dir()]


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


TRAIN = f"""
import sys
from pathlib import Path
from llmrec.commands.composing import composed
from llmrec.plan import plan
from llmrec.finetune.base import Place
from llmrec.progress import Silent
from llmrec.records import Training
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from unit.finetune.conftest import PAIRS, SHORT, lessons_of
made = plan(composed(["model=tiny", "model.device=cpu", "finetune=lora", *SHORT, *sys.argv[2:]]))
from llmrec.errors import LlmrecError
try:
    place = Place(Training([], {{}}, []), 0, Path(sys.argv[1]), Silent())
    made.finetune.open(made.model, lambda: lessons_of(PAIRS), place)
except LlmrecError as error:
    sys.exit(f"error: {{error}}")
"""
SLOW = ["finetune.epochs=12", "finetune.evaluations=12", "finetune.peft.lora_dropout=0.1"]


def in_a_process(cache, *overrides, **popen):
    command = [sys.executable, "-c", TRAIN, str(cache), *overrides]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **popen)


def test_a_training_killed_with_kill_9_goes_on_and_ends_with_the_same_weights(place, tmp_path):
    whole = in_a_process(place.cache_dir, *SLOW)
    assert whole.wait() == 0, whole.stderr.read()
    [undisturbed] = adapters(place)
    other = tmp_path / "other"
    other.mkdir()
    broken = in_a_process(other, *SLOW)
    deadline = time.monotonic() + 120
    while not list(other.glob("adapter/*.training/checkpoint-8/trainer_state.json")):
        assert time.monotonic() < deadline
        assert broken.poll() is None, broken.stderr.read()
        time.sleep(0.01)
    os.kill(broken.pid, signal.SIGKILL)
    broken.wait()
    [work] = (other / "adapter").glob("*.training")
    begun = last_whole(work)
    assert begun is not None
    assert 8 <= int(begun.name.split("-")[1]) < 48
    (work / "checkpoint-999").mkdir()  # one that was cut off while it was written
    again = in_a_process(other, *SLOW)
    assert again.wait() == 0, again.stderr.read()
    [resumed] = (other / "adapter").iterdir()
    ours, theirs = kept(resumed), kept(undisturbed)
    assert ours.sha256 == theirs.sha256
    assert resumed.name == undisturbed.name
    assert [(p.step, p.training, p.validation) for p in ours.loss_curve] == [
        (p.step, p.training, p.validation) for p in theirs.loss_curve
    ]


def test_a_full_disk_is_told_in_one_line_and_the_last_checkpoint_is_gone_on_from(place):
    room = 250_000  # bytes a file may have: enough for weights, too little for the optimiser beside them
    full = in_a_process(
        place.cache_dir,
        "finetune.peft.r=64",
        preexec_fn=lambda: (
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
        ),
    )
    told = full.communicate()[1].strip()
    assert full.returncode == 1
    assert re.fullmatch(
        r"error: .*\.training: a checkpoint cannot be written \(.*\); make room there: .*", told
    ), told
    again = in_a_process(place.cache_dir, "finetune.peft.r=64")
    assert again.wait() == 0, again.stderr.read()
    assert len(adapters(place)) == 1


def test_a_loss_that_is_no_number_stops_the_training_and_keeps_the_checkpoints(tiny, method, place):
    # The rate rises from nothing, so that the first checkpoint is sound.
    rising = ["finetune.warmup=0.5", "finetune.evaluations=8"]
    made = method("lora", "finetune.learning_rate=1e30", "finetune.max_grad_norm=1e30", *rising)
    with pytest.raises(
        BackendError, match=r"finetune: the loss is nan at step \d+; lower finetune.learning_rate"
    ):
        made.open(tiny(), lambda: lessons_of(PAIRS), place)
    [work] = (place.cache_dir / "adapter").glob("*.training")
    sound = last_whole(work)
    assert sound is not None
    weights = load_file(sound / "learned.safetensors")
    assert all(torch.isfinite(weight).all() for weight in weights.values())
    assert not [folder for folder in adapters(place) if not folder.name.endswith(".training")]


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


@pytest.fixture
def elsewhere(tiny, method, place, tmp_path):
    """A copy of a learned adapter, to be taken or spoilt."""
    method("lora").open(tiny(), lambda: lessons_of(PAIRS), place)
    [folder] = adapters(place)
    return Path(shutil.copytree(folder, tmp_path / "elsewhere"))


def taking(method, folder, *overrides):
    return method("lora", f"finetune.adapter={folder}", *overrides)


def test_an_adapter_from_elsewhere_is_taken_with_its_record(tiny, method, place, elsewhere):
    session, tuning = taking(method, elsewhere).open(tiny(), lambda: pytest.fail("drawn"), place)
    assert tuning == kept(elsewhere)
    learned, _ = method("lora").open(tiny(), lambda: lessons_of(PAIRS), place)
    assert answers(session, GREEDY) == answers(learned, GREEDY)


def test_an_adapter_without_a_record_is_taken_for_what_it_is(tiny, method, place, elsewhere):
    learned = kept(elsewhere)
    (elsewhere / "finetune.json").unlink()
    _, tuning = taking(method, elsewhere).open(tiny(), lambda: pytest.fail("drawn"), place)
    assert (tuning.method, tuning.trainable, tuning.total) == ("lora", learned.trainable, learned.total)
    assert (tuning.seconds, tuning.loss_curve, tuning.sha256) == (0.0, [], learned.sha256)


@pytest.mark.parametrize("recorded", [True, False])
def test_a_corrupted_adapter_is_told(tiny, method, place, elsewhere, recorded):
    file = elsewhere / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    if not recorded:
        (elsewhere / "finetune.json").unlink()
    message = "not those that were learned" if recorded else "does not go on"
    with pytest.raises((BackendError, DataError), match=message) as caught:
        taking(method, elsewhere).open(tiny(), lambda: pytest.fail("drawn"), place)
    assert "\n" not in str(caught.value)


def test_a_cached_adapter_that_was_damaged_is_told_and_not_used(tiny, method, place):
    method("lora").open(tiny(), lambda: lessons_of(PAIRS), place)
    [folder] = adapters(place)
    file = folder / "adapter_model.safetensors"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"not those that were learned .* remove the folder to train anew"):
        method("lora").open(tiny(), lambda: lessons_of(PAIRS), place)


def test_an_adapter_of_another_base_is_refused_by_its_record(tiny, method, place, elsewhere):
    other = tiny("model.architecture=mistral")
    with pytest.raises(
        BackendError, match=r"was learned on random_tiny-llama-\w+@\w+, the model is random_tiny-mistral"
    ):
        taking(method, elsewhere).open(other, lambda: pytest.fail("drawn"), place)


@pytest.mark.parametrize("architecture", ["mistral", "glm"])
def test_an_adapter_of_another_base_is_refused_by_its_weights(tiny, method, place, elsewhere, architecture):
    (elsewhere / "finetune.json").unlink()
    other = tiny(f"model.architecture={architecture}")
    if architecture == "mistral":  # the same layers, of another width
        weights = load_file(elsewhere / "adapter_model.safetensors")
        save_file(
            {k: v[..., :-1].contiguous() for k, v in weights.items()}, elsewhere / "adapter_model.safetensors"
        )
    with pytest.raises(BackendError, match=r"adapter .*(does not go on|have no place)"):
        taking(method, elsewhere).open(other, lambda: pytest.fail("drawn"), place)


def test_an_adapter_that_lacks_weights_is_refused(tiny, method, place, elsewhere):
    (elsewhere / "finetune.json").unlink()
    weights = load_file(elsewhere / "adapter_model.safetensors")
    weights.pop(sorted(weights)[0])
    save_file(weights, elsewhere / "adapter_model.safetensors")
    with pytest.raises(BackendError, match=r"1 of its weights have no place in .*, or are not there"):
        taking(method, elsewhere).open(tiny(), lambda: pytest.fail("drawn"), place)


def test_an_adapter_that_changes_no_logit_is_refused(tiny, method, place, elsewhere):
    (elsewhere / "finetune.json").unlink()
    weights = load_file(elsewhere / "adapter_model.safetensors")
    still = {
        name: torch.zeros_like(weight) if "lora_B" in name else weight for name, weight in weights.items()
    }
    save_file(still, elsewhere / "adapter_model.safetensors")
    with pytest.raises(BackendError, match=r"changes no logit .* nothing was learned or loaded"):
        taking(method, elsewhere).open(tiny(), lambda: pytest.fail("drawn"), place)


@pytest.mark.parametrize("given", ["/nowhere/at/all", "one-word", "."])
def test_an_adapter_that_is_not_there_is_told(tiny, method, place, given, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((BackendError, DataError), match="give"):
        taking(method, given).open(tiny(), lambda: pytest.fail("drawn"), place)


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


def test_an_adapter_on_the_hub_is_fetched_and_taken(tiny, method, place, elsewhere, hub):
    folder, asked = hub
    for file in elsewhere.iterdir():
        shutil.copy(file, folder)
    (folder / "modeling.py").write_text("raise SystemExit")
    session, tuning = taking(method, "served/chatglm").open(tiny(), lambda: pytest.fail("drawn"), place)
    assert tuning == kept(elsewhere)
    assert "adapter_model.safetensors" in asked
    assert "modeling.py" not in asked
    learned, _ = method("lora").open(tiny(), lambda: lessons_of(PAIRS), place)
    assert answers(session, GREEDY) == answers(learned, GREEDY)
