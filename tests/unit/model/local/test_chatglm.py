"""Which checkpoints are converted, which are refused, and what is fetched for that."""

import json
from pathlib import Path

import pytest

from llmrec.decoding.greedy import Greedy
from llmrec.errors import BackendError
from llmrec.model.local.chatglm import converted, generation_of, native
from llmrec.model.local.chatglm_tokenizer import Generation
from llmrec.model.local.checkpoint import Checkpoint
from llmrec.progress import Silent

from .conftest import furthest, logits_of

FIRST_GENERATION = {
    "_name_or_path": "THUDM/chatglm-6b",
    "model_type": "chatglm",
    "position_encoding_2d": True,
    "inner_hidden_size": 16384,
    "bos_token_id": 130004,
    "gmask_token_id": 130001,
    "vocab_size": 130528,
}


def test_a_source_is_converted_once_until_its_weights_change(original, pieces, tmp_path):
    made = original(3)
    source = made.write(tmp_path / "source", pieces)
    first = converted(source, tmp_path, Silent())
    newest = Checkpoint.of(first)
    assert Checkpoint.of(converted(source, tmp_path, Silent())) == newest
    made.weights["transformer.output_layer.weight"] *= 2
    assert converted(made.write(source, pieces), tmp_path, Silent()) != first


def test_a_whole_text_is_generated_and_depends_on_the_question(
    original, pieces, tmp_path, pretrained, open_session, ask
):
    session = open_session(pretrained(str(original(3).write(tmp_path / "source", pieces))))
    requests = [ask("a", "这本书怎么样？", system="Be brief."), ask("b", "philosophy 12")]
    greedy = Greedy(name="greedy", max_new_tokens=5, lines=None)
    together = session.complete(requests, greedy)
    assert [session.complete([request], greedy)[0] for request in requests] == together
    assert together[0].texts != together[1].texts
    assert session.environment["template"] == "chat"
    assert session.environment["context"] == "512"
    loaded = session.loaded
    text = "[gMASK]<sop><|user|>\n philosophy 12<|assistant|>"
    ids = loaded.tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
    assert together[1].prompt_tokens == ids.shape[1]
    written = loaded.model.generate(ids, max_new_tokens=5, do_sample=False)[0, ids.shape[1] :]
    assert together[1].texts == (loaded.tokenizer.decode(written, skip_special_tokens=True),)


@pytest.mark.parametrize(("generation", "ends"), [(2, {2}), (3, {2, 406, 408})])
def test_an_answer_ends_where_its_generation_ends_it(
    original, pieces, tmp_path, pretrained, open_session, generation, ends
):
    source = original(generation).write(tmp_path / "source", pieces)
    loaded = open_session(pretrained(str(source))).loaded
    assert loaded.end_tokens == ends
    assert loaded.pad_token == 0


def test_the_first_generation_is_refused_with_its_ways_out_before_weights_are_read(
    tmp_path, pretrained, open_session
):
    (tmp_path / "config.json").write_text(json.dumps(FIRST_GENERATION))
    (tmp_path / "pytorch_model.bin").write_bytes(b"not read")
    words = (
        r"^model\.path: '[^\n]*' is a ChatGLM-6B of the first generation, [^\n]*model=chatglm "
        r"\(GLM-4-9b-chat-hf\)[^\n]*model=chatglm3[^\n]*model\.trust_remote_code=true[^\n]*$"
    )
    with pytest.raises(BackendError, match=words):
        open_session(pretrained(str(tmp_path)))


def test_a_repository_on_the_hub_is_fetched_without_its_code_and_converted(
    original, pieces, hub, logits_through
):
    folder, asked = hub
    made = original(3)
    made.write(folder, pieces, ".bin")
    (folder / "modeling_chatglm.py").write_text("raise SystemExit('ran')")
    (folder / "model_notes.md").write_text("words")
    named = "served/chatglm/pytorch_model.bin.index.json"
    assert furthest(logits_through(named), logits_of(made.origin)) <= 1e-6
    assert asked == {
        "config.json",
        "tokenizer.model",
        "tokenizer_config.json",
        "pytorch_model-00001-of-00002.bin",
        "pytorch_model-00002-of-00002.bin",
        "pytorch_model.bin.index.json",
    }


def test_of_two_formats_on_the_hub_only_safetensors_are_fetched(original, pieces, hub, tmp_path):
    folder, asked = hub
    made = original(3)
    made.write(folder, pieces, ".bin")
    made.write(folder, pieces, ".safetensors")
    found = native(Checkpoint("served/chatglm", None, 0), False, tmp_path, Silent())
    assert Path(found.path).parent == tmp_path / "models"
    assert not [name for name in asked if ".bin" in name]


def test_the_first_generation_on_the_hub_is_refused_by_its_config_alone(hub, tmp_path):
    folder, asked = hub
    (folder / "config.json").write_text(json.dumps(FIRST_GENERATION))
    (folder / "pytorch_model.bin").write_bytes(b"not read")
    with pytest.raises(BackendError, match=r"'served/chatglm' is a ChatGLM-6B of the first generation"):
        native(Checkpoint("served/chatglm", None, 0), False, tmp_path, Silent())
    assert asked == {"config.json"}


def test_a_fault_in_the_small_files_on_the_hub_is_told_before_weights_are_fetched(
    original, pieces, hub, tmp_path
):
    folder, asked = hub
    original(3).write(folder, pieces)
    (folder / "tokenizer.model").write_bytes(b"IQ== 0\n")
    with pytest.raises(BackendError, match="is no sentencepiece model"):
        native(Checkpoint("served/chatglm", None, 0), False, tmp_path, Silent())
    assert asked == {"config.json", "tokenizer.model", "tokenizer_config.json"}


@pytest.mark.parametrize("content", ['{"model_type": "llama"}', None])
def test_another_repository_stays_as_it_is(hub, tmp_path, content):
    folder, asked = hub
    if content is not None:
        (folder / "config.json").write_text(content)
    checkpoint = Checkpoint("served/chatglm", None, 0)
    assert native(checkpoint, False, tmp_path, Silent()) is checkpoint
    assert asked == {"config.json"}


def test_glm_4_in_its_makers_layout_is_sent_to_the_native_checkpoint(original, pieces, tmp_path, refused):
    made = original(3, {"_name_or_path": "THUDM/glm-4-9b-chat", "rope_ratio": 500})
    made.config["eos_token_id"] = [2, 3, 4]
    source = made.write(tmp_path / "source", pieces)
    (source / "tokenizer.model").write_bytes(b"IQ== 0\nIg== 1\n")
    (source / "tokenizer_config.json").write_text('{"additional_special_tokens": ["<|user|>"]}')
    refused(source, "for GLM-4 the checkpoint whose name ends in -hf")


def test_a_chatglm_whose_own_code_is_allowed_is_left_to_transformers(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(FIRST_GENERATION))
    checkpoint = Checkpoint.of(tmp_path)
    assert native(checkpoint, True, tmp_path, Silent()) is checkpoint


@pytest.mark.parametrize("content", ['{"model_type": "llama"}', "[1]", "{", None])
def test_another_checkpoint_stays_as_it_is(tmp_path, content):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    checkpoint = Checkpoint.of(tmp_path)
    assert native(checkpoint, False, tmp_path, Silent()) is checkpoint


@pytest.mark.parametrize(
    ("own", "tokens", "folder", "generation"),
    [
        ("THUDM/chatglm2-6b-32k", "<|user|>", "chatglm3", 2),
        ("", '{"added_tokens_decoder": {"64795": {"content": "<|user|>"}}}', "chatglm2-6b", 3),
        ("/models/mine", "{}", "chatglm2-6b", 2),
        ("/models/chatglm2/ChatGLM3-6B", "{}", "x", 3),
    ],
)
def test_the_generation_is_told_by_the_config_then_by_role_tokens_then_by_the_folder(
    tmp_path, own, tokens, folder, generation
):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "tokenizer_config.json").write_text(tokens)
    assert generation_of(tmp_path / folder, {"_name_or_path": own}) == generation


def test_a_generation_that_nothing_tells_is_refused_and_can_be_forced(original, pieces, tmp_path):
    made = original(3)
    made.config["_name_or_path"] = "mine"
    source = made.write(tmp_path / "source", pieces)
    with pytest.raises(BackendError, match=r'does not say .* "_name_or_path": "chatglm2" or "chatglm3"'):
        converted(source, tmp_path / "cache", Silent())
    forced = converted(source, tmp_path / "cache", Silent(), Generation.two)
    assert forced.name.startswith("chatglm2-")
