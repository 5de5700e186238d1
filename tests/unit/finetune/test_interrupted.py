"""Trainings that are killed, run out of disk or out of numbers: nothing learned before is lost."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from llmrec.errors import BackendError
from llmrec.finetune.adapter import kept
from llmrec.finetune.trainer import last_whole

from .conftest import PAIRS, adapters, lessons_of

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


@pytest.mark.slow
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
