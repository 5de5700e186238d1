"""Files of strangers: nothing in them is run, whatever they are called and wherever they lie."""

import json
import pickle
import shutil
import sys
from functools import cache

import pytest
from catalogue import prepared
from catalogue.prepared import TOUCHED, Canary

from llmrec import cli

PAYLOAD = pickle.dumps(Canary())
SHORT = ["dataset=demo", "limit=2", "resamples=2", "max_reasks=0"]
LOCAL = ["run", *SHORT, "task=rating", "model=hf", "model.path=checkpoint", "task.answer_tokens=2"]
LORA = [*LOCAL, "finetune=lora", "training_limit=32", "finetune.epochs=2", "finetune.validation_rows=0"]
FIT = ["run", *SHORT, "task=sequential", "model=sasrec", "model.epochs=2", "model.evaluate_every=1"]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    base = tmp_path_factory.mktemp("shelf")
    prepared.checkpoint(base)
    return base


@pytest.fixture
def home(bare, shelf):
    """A working folder with a sound checkpoint and adapter."""
    for name in ("checkpoint", "adapter"):
        shutil.copytree(shelf / name, bare / name)
    return bare


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A working folder; what a payload would make is not in it afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["llmrec"])
    monkeypatch.setenv("LLMREC_CONFIG_DIR", "")
    monkeypatch.setenv("LLMREC_CACHE", str(tmp_path / "cache"))
    yield tmp_path
    assert not (tmp_path / TOUCHED).exists()


def told(capsys, words, status=1):
    """Return the one line that a command fails with, or what it tells where it does not. What an earlier one
    finished is gone."""
    shutil.rmtree("outputs", ignore_errors=True)
    capsys.readouterr()
    assert cli.dispatch(words) == status
    errors = capsys.readouterr().err
    lines = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert len(lines) == (status > 0), errors
    return lines[0] if lines else errors


def test_the_payload_would_be_seen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.loads(PAYLOAD)
    assert (tmp_path / TOUCHED).exists()


def test_a_pickle_is_read_where_its_file_is_named_alone(home, capsys):
    prepared.pickled(home)
    assert "holds no .safetensors but pytorch_model.bin" in told(capsys, LOCAL)
    named = [word.replace("=checkpoint", "=checkpoint/pytorch_model.bin") for word in LOCAL]
    told(capsys, named, status=0)
    (home / "checkpoint" / "pytorch_model.bin").write_bytes(PAYLOAD)
    assert "a pickle with more than weights in it, which is not run" in told(capsys, named)


@pytest.mark.parametrize("beside", [None, "other.safetensors"])
def test_an_adapter_is_no_pickle(home, capsys, beside):
    (home / "adapter" / "adapter_model.bin").write_bytes(PAYLOAD)
    (home / "adapter" / "adapter_model.safetensors").rename(home / "adapter" / (beside or "gone"))
    line = told(capsys, [*LORA, "finetune.adapter=adapter"])
    assert ("no .safetensors" if beside is None else "no adapter_model.safetensors in it") in line


def test_an_adapter_imports_no_module(home, capsys):
    (home / "evil.py").write_text(f"import os\nos.mkdir({TOUCHED!r})\n")
    file = home / "adapter" / "adapter_config.json"
    given = {"megatron_config": {"x": 1}, "megatron_core": "evil"}
    file.write_text(json.dumps(json.loads(file.read_text()) | given))
    assert "megatron_config names a module" in told(capsys, [*LORA, "finetune.adapter=adapter"])


@pytest.mark.parametrize("state", ["optimizer.pt", "scheduler.pt", "rng_state.pth"])
def test_a_training_goes_on_from_no_planted_state(home, capsys, state, monkeypatch):
    from llmrec.finetune import training

    with monkeypatch.context() as patched:
        patched.setattr(training.shutil, "rmtree", lambda path, **_: None)  # the checkpoints stay
        told(capsys, LORA, status=0)
    [work] = home.glob("cache/adapter/*.training")
    shutil.rmtree(work.with_name(work.name.removesuffix(".training")))
    first, *later = sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for path in later:
        shutil.rmtree(path)
    for name in (state, "training_args.bin"):
        (first / name).write_bytes(PAYLOAD)
    assert "a checkpoint there holds more than numbers" in told(capsys, LORA)


def test_a_fit_goes_on_from_no_planted_state_and_answers_from_none(bare, capsys):
    told(capsys, FIT, status=0)
    [fit] = (path for path in bare.glob("cache/recommender/*") if path.is_dir())
    (fit / "weights.safetensors").write_bytes(PAYLOAD)
    assert "no fit that can be read" in told(capsys, FIT)
    fit.rename(unfinished := fit.with_name(f"{fit.name}.unfinished"))
    (unfinished / "state.pt").write_bytes(PAYLOAD)
    assert "no checkpoint of this fit" in told(capsys, FIT)


def test_a_planted_corpus_is_read_anew(bare, capsys):
    words = ["run", *SHORT, "model=random"]
    told(capsys, words, status=0)
    [corpus] = bare.glob("cache/corpus/*")
    whole = corpus.read_bytes()
    corpus.write_bytes(PAYLOAD)
    from llmrec import rows

    rows._kept.clear()
    told(capsys, [*words, "seed=1"], status=0)
    assert corpus.read_bytes() == whole


CODE = f"import os\nos.mkdir({TOUCHED!r})\n"
REMOTE = {
    "a class of a known type": ("config.json", {"auto_map": {"AutoModelForCausalLM": "mine.Model"}}, None),
    "a class of its own type": (
        "config.json", {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config"}}, "runs Python code",
    ),
    "a tokenizer": (
        "tokenizer_config.json",
        {"tokenizer_class": "Mine", "auto_map": {"AutoTokenizer": ["mine.Mine", None]}},
        "runs Python code",
    ),
    "a kernel of the hub": ("config.json", {"_attn_implementation": "mine/kernel"}, "code from the hub"),
}  # fmt: skip


@pytest.mark.parametrize(("file", "given", "line"), REMOTE.values(), ids=REMOTE)
def test_code_beside_weights_is_not_run(home, capsys, file, given, line):
    path = home / "checkpoint" / file
    path.write_text(json.dumps(json.loads(path.read_text()) | given))
    (home / "checkpoint" / "mine.py").write_text(CODE)
    (home / "checkpoint" / "custom_generate").mkdir()
    (home / "checkpoint" / "custom_generate" / "generate.py").write_text(CODE)
    assert (line or "") in told(capsys, LOCAL, status=0 if line is None else 1)


@pytest.mark.parametrize("name", ["tokenizer.model", "vocab.pkl", "vocab.bin", "spiece.model"])
def test_a_pickle_for_a_tokenizer_is_not_read(home, capsys, name):
    (home / "checkpoint" / "tokenizer.json").unlink()
    (home / "checkpoint" / name).write_bytes(PAYLOAD)
    assert "'checkpoint' cannot be loaded" in told(capsys, LOCAL)


def test_a_template_is_kept_in_its_sandbox(home, capsys):
    for template in ("{{ ''.__class__.__mro__ }}", "{{ messages.append(1) }}", "{{ ().__class__.__base__ }}"):
        (home / "checkpoint" / "chat_template.jinja").write_text(template)
        assert "model.chat_template: renders no user turn" in told(capsys, LOCAL)


COMMANDS = {
    "score": ["score", "run"],
    "annotate": ["annotate", "make", "run", "other", "--items", "2", "--out", "to"],
    "judge": ["judge", "run", "other", "judge=tiny", "--items", "2", "--out", "to"],
}


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """Return how to lay finished runs of a stranger, whose configs name a class that lies where one works.

    They are made by the first test that asks, for what scores texts keeps hold of the standard error that it
    first sees, and Hydra closes it: a test's own, then, not that of all.
    """

    @cache
    def made():
        base = tmp_path_factory.mktemp("stranger")
        prepared.runs(base)
        return base

    def lay(home):
        for name, source in (("run", "texts"), ("other", "others")):
            shutil.copytree(made() / source, home / name)
            prepared.replaced(home / name / "config.yaml", ("llmrec.parser.text.Words", "strange.Parser"))
        (home / "strange.py").write_text(CODE)

    return lay


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_class_that_a_run_folder_names_is_not_imported(bare, capsys, monkeypatch, stranger, command):
    stranger(bare)
    monkeypatch.syspath_prepend(bare)
    assert "_target_: 'strange.Parser' is no class of llmrec" in told(capsys, command)
    assert "strange" not in sys.modules


def test_a_page_of_a_strangers_runs_imports_nothing(bare, capsys, monkeypatch, stranger):
    stranger(bare)
    monkeypatch.syspath_prepend(bare)
    for words in (["report", "run"], ["report", "run", "--out", "page.html"], ["compare", "run", "other"]):
        cli.dispatch(words)
    assert "strange" not in sys.modules


def test_a_class_that_the_users_own_folder_names_is_taken(bare, capsys, monkeypatch):
    (bare / "own_models.py").write_text(
        "from llmrec.model.recommender.floors import RandomAnswer\n\n\nclass Mine(RandomAnswer):\n    pass\n"
    )
    (bare / "mine" / "model").mkdir(parents=True)
    (bare / "mine" / "model" / "mine.yaml").write_text(
        "defaults: [random, _self_]\n_target_: own_models.Mine\nname: mine\n"
    )
    monkeypatch.syspath_prepend(bare)
    told(capsys, ["run", "--config-dir", "mine", *SHORT, "model=mine", "hydra.run.dir=run"], status=0)
    told(capsys, ["score", "run"], status=0)
    monkeypatch.setenv("LLMREC_CONFIG_DIR", "")
    assert "'own_models.Mine' is no class of llmrec" in told(capsys, ["score", "run"])
