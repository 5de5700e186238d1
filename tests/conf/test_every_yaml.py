"""Every option of every group composes into a run and is what its file says."""

from dataclasses import fields
from functools import cache

import pytest
from omegaconf import DictConfig

from llmrec.commands.composing import composed
from llmrec.commands.listing import groups, options
from llmrec.config import conf_dir
from llmrec.errors import ConfigError
from llmrec.model.local.settings import Weights
from llmrec.plan import plan
from llmrec.prompt.naming import Naming

GIVEN = {"hf": ["model.path=."], "replay": ["model.path=."], "served": ["model.base_url=http://localhost/v1"]}
TASK = {
    **dict.fromkeys(("train_mean", "user_mean", "item_mean", "user_item_mean"), "rating"),
    **dict.fromkeys(("mf", "mlp", "text_blind"), "rating"),
    **dict.fromkeys(("frequent_text", "lead_words", "nearest_review"), "summarization"),
}
# What a prompt or a decoding needs of the question.
ASKED = {
    "candidates": ["task=direct"],
    "candidates_label": ["task=direct", "prompt=labelled"],
    "digits": ["task=rating"],
    "guided": ["task=rating", "model=chatgpt"],
    "labelled": ["task=direct"],
}
TASKS = [option.name for option in options("task")]
RUN_GROUPS = ("dataset", "split", "task", "prompt", "model", "decoding", "finetune", "experiment")
EVERY = [(group, option.name) for group in RUN_GROUPS for option in options(group)]
# `tiny` aside, which is nothing but random.
CHECKPOINTS = [
    file.stem
    for file in sorted((conf_dir() / "model").glob("*.yaml"))
    if "  - _local\n" in file.read_text() and file.stem != "tiny"
] + ["llama"]

METHODS = {"lora": "lora", "ptuning": "ptuning_v2"}
TUNED = [option.name for option in options("model") if option.name.rpartition("-")[2] in METHODS]
PAPER = ("chatglm", "chatglm2", "chatglm3", "llama", "llama2", "alpaca")


def overrides(group: str, name: str) -> list[str]:
    given = GIVEN.get(name, []) if group == "model" else []
    task = [f"task={TASK[name]}"] if group == "model" and name in TASK else []
    asked = ASKED.get(name, []) if group in ("decoding", "prompt") else []
    return [f"{group}={name}", *given, *task, *asked]


@cache
def config(group: str, name: str) -> DictConfig:
    """Return a config that several tests look at: composing is what takes their time."""
    return composed(overrides(group, name))


@pytest.mark.parametrize(("group", "name"), EVERY, ids="=".join)
def test_every_option_composes_and_builds(group, name):
    assert plan(config(group, name)).settings.seed == 0


@pytest.mark.parametrize(("group", "name"), EVERY, ids="=".join)
def test_every_option_is_named_as_its_file(group, name):
    node = config(group, name)
    base, _, method = name.partition("-") if group == "model" and name in TUNED else (name, "", "")
    if group != "experiment":
        assert node[group].name == base
    assert not method or node.finetune.name == METHODS[method]


def test_every_option_has_a_description():
    bare = [f"{group}={name}" for group in groups() for name, text in options(group) if not text]
    assert bare == []


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("prompt", [option.name for option in options("prompt")])
def test_every_prompt_variant_serves_every_task(task, prompt):
    if prompt == "labelled" and task != "direct":
        with pytest.raises(ConfigError, match=f"task={task} shows none"):
            plan(composed([f"task={task}", f"prompt={prompt}"]))
        return
    made = plan(composed([f"task={task}", f"prompt={prompt}"]))
    assert (made.task.name, made.variant.name) == (task, prompt)


# Every checkpoint with every task and every method; of three neighbours, every task with every method.
PAIRED = [
    (model, task, ("none", "lora", "ptuning_v2")[(row + column) % 3])
    for row, model in enumerate(CHECKPOINTS)
    for column, task in enumerate(TASKS)
]


@pytest.mark.parametrize(("model", "task", "method"), PAIRED)
def test_every_checkpoint_serves_every_task_as_it_is_and_fine_tuned(task, model, method):
    made = plan(composed([f"task={task}", *overrides("model", model), f"finetune={method}"]))
    assert (made.task.name, made.model.name, made.model.weights) == (task, model, Weights.pretrained)
    tuned = method != "none"
    assert (made.finetune.name, made.finetune.trains) == (method, tuned)
    assert made.variant.name == ("finetuning" if tuned else "zero_shot")
    ranks = tuned and task in ("sequential", "direct")
    assert made.decoding.name == ("beam" if ranks else "greedy")


@pytest.mark.parametrize("family", [*PAPER, "smollm2"])
def test_the_families_of_the_paper_are_fine_tuned_by_one_word(family):
    assert {f"{family}-{method}" for method in METHODS} <= set(TUNED)


@pytest.mark.parametrize(
    ("model", "prompt", "names"),
    [
        ("p5", "random_id", Naming.random_id),
        ("p5-title", "finetuning", Naming.title),
        ("p5-sequential", "sequential_id", Naming.sequential_id),
    ],
)
def test_p5_learns_the_tasks_of_every_data_set_at_once_under_names_of_its_own(model, prompt, names):
    made = plan(composed([f"model={model}"]))
    assert (made.variant.name, made.variant.names, made.variant.brief) == (prompt, names, True)
    assert [lesson.task.name for lesson in made.lessons] == ["rating", "sequential", "direct"]
    assert (made.finetune.name, made.finetune.peft) == ("multitask", None)
    assert (made.decoding.name, made.decoding.num_return_sequences, made.parser.size) == ("beam", 20, 10)


def test_p5_gives_way_to_the_command_line():
    made = plan(composed(["model=p5", "finetune=lora", "prompt=few_shot", "prompt.names=sequential_id"]))
    assert (made.finetune.name, made.variant.name) == ("lora", "few_shot")
    assert made.variant.names is Naming.sequential_id
    assert not plan(composed(["model=p5", "finetune=none"])).finetune.trains


def test_what_a_model_chooses_gives_way_to_the_command_line():
    made = plan(
        composed(["model=smollm2-lora", "finetune=ptuning_v2", "prompt=zero_shot", "decoding=greedy"])
    )
    assert (made.finetune.name, made.variant.name, made.decoding.name) == (
        "ptuning_v2",
        "zero_shot",
        "greedy",
    )


def test_one_word_makes_every_checkpoint_random():
    for model in CHECKPOINTS:
        made = plan(composed(["experiment=smoke", *overrides("model", model)])).model
        assert made.weights is Weights.random_tiny
        assert any("random" in note for note in made.notes())


def test_a_rehearsal_learns_from_few_pairs():
    made = plan(composed(["experiment=smoke", "model=chatglm-lora"]))
    assert (made.settings.limit, made.finetune.pairs) == (4, 32)


def test_no_knob_has_a_default_in_code():
    """The YAML is the whole truth, so every file of a group lists every field of its class."""
    for group in ("dataset", "split", "task", "prompt", "model", "decoding", "finetune"):
        for option in options(group):
            node = config(group, option.name)[group]
            module, _, name = node["_target_"].rpartition(".")
            cls = getattr(__import__(module, fromlist=[name]), name)
            assert {field.name for field in fields(cls)} <= set(node), f"{group}={option.name}"


def test_files_that_are_inherited_are_not_offered():
    assert (conf_dir() / "prompt" / "_modules.yaml").is_file()
    assert all(not option.name.startswith("_") for group in groups() for option in options(group))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["task=rating", "decoding=catalogue"], "decoding=catalogue: answers a ranking, task=rating asks"),
        (["decoding=candidates"], "task=sequential shows none; use decoding=catalogue, or task=direct"),
        (["task=direct", "decoding=candidates_label"], "prompt=zero_shot shows none; use prompt=labelled"),
        (["task=rating", "decoding=digits", "prompt=cot"], "prompt=cot wants thoughts before the answer"),
        (["model=chatgpt", "decoding=guided"], "task=sequential has neither; use task=rating or direct"),
        (["model=tiny", "decoding=guided", "task=rating"], "model=tiny: cannot answer by decoding=guided"),
        (
            ["model=chatgpt", "model.guided=none", "decoding=guided", "task=rating"],
            "model.guided: none, and decoding=guided needs it; set regex (vLLM) or json (OpenAI)",
        ),
    ],
)
def test_a_decoding_that_cannot_answer_as_it_is_asked_is_refused_with_a_way_out(words, message):
    with pytest.raises(ConfigError) as caught:
        plan(composed(words))
    assert message in str(caught.value)


def test_thoughts_have_room_and_are_not_cut_at_a_line():
    thinking, plain = plan(composed(["task=rating", "prompt=cot"])), plan(composed(["task=rating"]))
    assert plain.decoding.lines == 1
    assert thinking.decoding.lines is None
    assert thinking.decoding.max_new_tokens > plain.decoding.max_new_tokens
