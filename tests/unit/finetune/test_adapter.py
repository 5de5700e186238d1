"""What was learned is taken from elsewhere, if it fits, is whole and does something."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from llmrec.errors import BackendError, DataError
from llmrec.finetune.adapter import kept
from llmrec.finetune.base import Place
from llmrec.model.local.adapter import put_on
from llmrec.progress import Silent
from llmrec.records import Training

from .conftest import GREEDY, PAIRS, adapters, answers, lessons_of


@pytest.fixture(scope="session")
def once(tiny, method, cache_dir):
    """An adapter, learned once for all tests."""
    place = Place(Training([], {}, []), 0, cache_dir, Silent())
    method("lora").open(tiny(), lambda: lessons_of(PAIRS), place)
    [folder] = adapters(place)
    return folder


@pytest.fixture
def elsewhere(once, tmp_path):
    """A copy of a learned adapter, to be taken or spoilt."""
    return Path(shutil.copytree(once, tmp_path / "elsewhere"))


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


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"r": 10**9}, "r=1000000000, and no side of its weights"),
        ({"rank_pattern": {"q_proj": 10**9}}, "rank_pattern=1000000000"),
        ({"peft_type": "../x"}, "does not go on"),
        ({"target_modules": {"a": 1}}, "does not go on"),
        ({"alora_invocation_tokens": -1}, "does not go on"),
        ({"target_modules": "(a"}, "does not go on"),
        ({"layer_replication": [[0, 10**9]]}, "layer_replication=1000000000"),
        (
            {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 4, "num_transformer_submodules": 10**8},
            "num_transformer_submodules=100000000, and no side of its weights",
        ),
        ("[" * 100_000, "does not go on"),
        ("5", "does not go on"),
    ],
)
def test_a_config_of_a_stranger_is_refused_in_one_line(tiny, method, place, elsewhere, changed, told):
    file = elsewhere / "adapter_config.json"
    content = changed if isinstance(changed, str) else json.dumps(json.loads(file.read_text()) | changed)
    file.write_text(content)
    with pytest.raises(BackendError, match=told) as caught:
        taking(method, elsewhere).open(tiny(), lambda: pytest.fail("drawn"), place)
    assert "\n" not in str(caught.value)


def test_a_pickle_is_never_opened(elsewhere):
    (elsewhere / "adapter_model.safetensors").rename(elsewhere / "adapter_model.bin")
    with pytest.raises(BackendError, match=r"no adapter_model\.safetensors in it, the one format"):
        put_on(None, elsewhere)
