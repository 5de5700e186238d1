import json
import math
from pathlib import Path

import pytest
import torch

from llmrec.decoding.greedy import Greedy
from llmrec.errors import BackendError
from llmrec.model.local.chatglm import converted, generation_of, native
from llmrec.model.local.chatglm_tokenizer import Generation
from llmrec.model.local.checkpoint import Checkpoint
from llmrec.progress import Silent

# Long enough for stretched contexts to matter.
IDS = torch.tensor([[401, 403, 7, 300, 21, 21, 395, 9] + [11, 250, 3] * 60])
FIRST = "transformer.encoder.layers.0."
FIRST_GENERATION = {
    "_name_or_path": "THUDM/chatglm-6b",
    "model_type": "chatglm",
    "position_encoding_2d": True,
    "inner_hidden_size": 16384,
    "bos_token_id": 130004,
    "gmask_token_id": 130001,
    "vocab_size": 130528,
}


def documented_logits(weights, config, generation, ids):
    """Return the float64 logits of a text as the architecture is documented, from the makers' names.

    Every head rotates the first half of its dimensions, in neighbouring pairs (x, y), by position times
    10000^(-2i/dim); `rope_ratio` multiplies the 10000 in generation three, and divides the positions in
    two. The heads are dealt out evenly, in order, to the groups of keys and values.
    """
    weights = {name: weight.double() for name, weight in weights.items()}
    size, heads = config["kv_channels"], config["num_attention_heads"]
    groups = config["multi_query_group_num"] if config["multi_query_attention"] else heads
    ratio, count = config.get("rope_ratio", 1), ids.shape[1]

    def normed(x, name):
        scale = torch.sqrt((x * x).mean(-1, keepdim=True) + config["layernorm_epsilon"])
        return x / scale * weights[name]

    base, stretch = (10000 * ratio, 1) if generation == 3 else (10000, ratio)
    pairs = size // 4
    speeds = torch.tensor([base ** (-2 * pair / (size / 2)) for pair in range(pairs)], dtype=torch.float64)
    angles = (torch.arange(count) / stretch)[:, None] * speeds

    def rotated(x):
        out = x.clone()
        for pair in range(pairs):
            cos, sin = torch.cos(angles[:, pair, None]), torch.sin(angles[:, pair, None])
            left, right = x[..., 2 * pair], x[..., 2 * pair + 1]
            out[..., 2 * pair] = left * cos - right * sin
            out[..., 2 * pair + 1] = right * cos + left * sin
        return out

    x = weights["transformer.embedding.word_embeddings.weight"][ids[0]]
    for layer in range(config["num_layers"]):
        name = f"transformer.encoder.layers.{layer}"
        fused = normed(x, f"{name}.input_layernorm.weight")
        fused = fused @ weights[f"{name}.self_attention.query_key_value.weight"].T
        fused = fused + weights.get(f"{name}.self_attention.query_key_value.bias", 0)
        cuts = [heads * size, groups * size, groups * size]
        query, key, value = (part.view(count, -1, size) for part in fused.split(cuts, -1))
        query, key = rotated(query), rotated(key)
        seen = torch.ones(count, count).tril().bool()
        answers = []
        for head in range(heads):
            group = head // (heads // groups)
            scores = query[:, head] @ key[:, group].T / math.sqrt(size)
            answers.append(scores.masked_fill(~seen, -math.inf).softmax(-1) @ value[:, group])
        x = x + torch.cat(answers, -1) @ weights[f"{name}.self_attention.dense.weight"].T
        inner = normed(x, f"{name}.post_attention_layernorm.weight")
        gate, up = (inner @ weights[f"{name}.mlp.dense_h_to_4h.weight"].T).chunk(2, -1)
        x = x + (gate * torch.sigmoid(gate) * up) @ weights[f"{name}.mlp.dense_4h_to_h.weight"].T
    x = normed(x, "transformer.encoder.final_layernorm.weight")
    return x @ weights["transformer.output_layer.weight"].T


def logits_of(model, ids=IDS):
    with torch.no_grad():
        return model(ids).logits[0]


def furthest(left, right):
    return float((left - right).abs().max())


@pytest.fixture
def logits_through(pretrained, open_session):
    """Return a function from a folder to the logits of the session that the runner would open."""
    return lambda folder: logits_of(open_session(pretrained(str(folder))).loaded.model)


SHAPES = {
    "grouped": (3, {}, ".safetensors", 1),
    "base-stretched": (3, {"rope_ratio": 50, "kv_channels": 4}, ".bin", 3),
    "positions-stretched": (2, {"rope_ratio": 16}, ".bin", 2),
    "ungrouped": (2, {"multi_query_attention": False, "add_qkv_bias": False}, ".safetensors", 3),
    "one-group": (3, {"multi_query_group_num": 1, "num_layers": 3, "hidden_size": 32}, ".bin", 1),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_logits_are_those_of_the_documented_architecture_and_of_the_origin(
    original, pieces, tmp_path, logits_through, shape
):
    generation, changes, suffix, shards = shape
    made = original(generation, changes)
    logits = logits_through(made.write(tmp_path / "source", pieces, suffix, shards))
    documented = documented_logits(made.weights, made.config, generation, IDS)
    assert furthest(logits, logits_of(made.origin)) <= 1e-6
    assert furthest(logits, documented) <= 1e-6


def swapped_rows(weights, name, at, count):
    """Swap the `count` rows from `at` on with as many behind them."""
    rows = weights[name].clone()
    rows[at : at + 2 * count] = rows[at : at + 2 * count].roll(count, 0)
    return {name: rows}


SWAPS = {
    "keys-values": lambda w: swapped_rows(w, FIRST + "self_attention.query_key_value.weight", 32, 16),
    "gate-up": lambda w: swapped_rows(w, FIRST + "mlp.dense_h_to_4h.weight", 0, 48),
    "layernorms": lambda w: {
        FIRST + "input_layernorm.weight": w[FIRST + "post_attention_layernorm.weight"],
        FIRST + "post_attention_layernorm.weight": w[FIRST + "input_layernorm.weight"],
    },
    "embedding-output": lambda w: {
        "transformer.embedding.word_embeddings.weight": w["transformer.output_layer.weight"],
        "transformer.output_layer.weight": w["transformer.embedding.word_embeddings.weight"],
    },
}


@pytest.mark.parametrize("swap", SWAPS.values(), ids=SWAPS)
def test_swapped_weights_are_seen_by_the_comparison(original, pieces, tmp_path, logits_through, swap):
    made = original(3)
    documented = documented_logits(made.weights, made.config, 3, IDS)
    made.weights |= swap(made.weights)
    assert furthest(logits_through(made.write(tmp_path / "source", pieces)), documented) > 0.01


def test_stretching_matters_and_differs_between_the_generations(original):
    made = original(3, {"rope_ratio": 16})
    two, three = (documented_logits(made.weights, made.config, number, IDS) for number in (2, 3))
    plain = documented_logits(made.weights, made.config | {"rope_ratio": 1}, 3, IDS)
    assert min(furthest(two, three), furthest(two, plain), furthest(three, plain)) > 0.01


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
    greedy = Greedy(name="greedy", max_new_tokens=5)
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
    assert furthest(logits_through("served/chatglm"), logits_of(made.origin)) <= 1e-6
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
