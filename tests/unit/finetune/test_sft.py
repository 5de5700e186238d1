"""What is refused before anything is loaded, and what a cached adapter's name depends on."""

import importlib.util
import subprocess
import sys
from dataclasses import replace

import pytest

from llmrec.commands.composing import composed
from llmrec.errors import ConfigError
from llmrec.plan import plan

from .conftest import PAIRS, lessons_of


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["finetune=ptuning_v2", "finetune.packing=true"],
            r"finetune\.packing: .*set finetune\.packing=null",
        ),
        (
            ["finetune=ptuning_v2", "finetune.gradient_checkpointing=true"],
            r"finetune\.gradient_checkpointing: .*set finetune\.gradient_checkpointing=false",
        ),
        (["model=popularity", "finetune=lora"], r"finetune=lora: model=popularity has no weights here"),
        (["model=replay", "model.path=.", "finetune=full"], r"finetune=full: model=replay has no weights"),
        (["finetune=full", "finetune.quantize=nf4"], r"finetune\.quantize: .* use finetune=qlora"),
        (["finetune=ptuning_v2", "model.cache=static"], r"model\.cache: 'static' has no room for .*=dynamic"),
        (["finetune=qlora", "weights=random_tiny"], r"finetune\.quantize: 'nf4' keeps a scale .*=lora"),
        (
            ["finetune=lora", "finetune.batch_size=3"],
            r"finetune\.batch_size: 3 is no multiple of micro_batch=8",
        ),
        (["finetune=lora", "finetune.epochs=0"], r"finetune\.epochs: 0.0 is not above 0"),
        (["finetune=lora", "training_limit=0"], r"finetune\.pairs: 0 is too small"),
        (
            ["finetune=lora", "finetune.best=metric", "finetune.validation_rows=0"],
            r"finetune\.best: 'metric'",
        ),
        (["finetune=lora", "finetune.tasks=[ratings]"], r"no task 'ratings'; did you mean 'rating'"),
        (["finetune=lora", "finetune.learning_rat=1"], r"learning_rat.*did you mean"),
    ],
)
def test_a_choice_that_cannot_work_is_refused_in_one_line(overrides, message):
    with pytest.raises(ConfigError, match=message) as caught:
        plan(composed(overrides))
    assert "\n" not in str(caught.value)


def test_a_prompt_learner_of_another_kind_is_not_packed_either():
    with pytest.raises(ConfigError, match="P_TUNING puts its prefix before every pair"):
        plan(composed(["finetune=lora", "finetune.peft.peft_type=P_TUNING", "finetune.packing=true"]))


def test_four_bits_without_their_package_are_refused(monkeypatch):
    find = importlib.util.find_spec
    absent = lambda name, *rest: None if name == "bitsandbytes" else find(name, *rest)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", absent)
    with pytest.raises(
        ConfigError, match=r"finetune\.quantize: 'nf4' needs the package bitsandbytes; .*quant"
    ):
        plan(composed(["finetune=qlora"]))


def test_planning_a_fine_tuned_run_imports_neither_torch_nor_peft():
    code = """
import sys
from llmrec.commands.composing import composed
from llmrec.plan import plan
plan(composed(["model=chatglm-lora", "task=sequential"]))
print(sorted({"torch", "peft", "transformers"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_name_of_an_adapter_depends_on_all_that_shapes_it(method):
    lora = method("lora")
    start = ["base@1", "float32", 0]
    name = lora.fingerprint(start, lessons_of(PAIRS))
    others = [
        method("lora", "finetune.peft.r=8").fingerprint(start, lessons_of(PAIRS)),
        method("lora", "finetune.learning_rate=1e-3").fingerprint(start, lessons_of(PAIRS)),
        method("ptuning_v2").fingerprint(start, lessons_of(PAIRS)),
        lora.fingerprint(["base@2", "float32", 0], lessons_of(PAIRS)),
        lora.fingerprint(["base@1", "float32", 1], lessons_of(PAIRS)),
        lora.fingerprint(start, lessons_of(PAIRS[1:])),
        lora.fingerprint(start, lessons_of([replace_target(PAIRS[0]), *PAIRS[1:]])),
        lora.fingerprint(start, lessons_of(PAIRS, valid=PAIRS[:2])),
    ]
    assert len({name, *others}) == 1 + len(others)


def replace_target(pair):
    return type(pair)(pair.prompt, pair.target + "!")


def test_the_name_of_an_adapter_does_not_depend_on_where_training_is_told(method):
    start = ["base@1", "float32", 0]
    told = replace(method("lora"), report_to=["tensorboard"])
    assert told.fingerprint(start, lessons_of(PAIRS)) == method("lora").fingerprint(start, lessons_of(PAIRS))
